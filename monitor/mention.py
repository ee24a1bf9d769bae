"""
A Mention: one collected item, and the two forms in which it lies on the bus.

Mentions are made once, at the border (`monitor/border.py`), and never changed. `Raw` is what we accepted, `Scored` is one
mention about one subject. Both carry the version of their form, so that a log written by one release is read by the next.
None of them can be in a ring of references, so none is looked through for rings of garbage (`gc=False`): a batch is thousands of them.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated, Literal

import msgspec

from monitor.clock import micros
from monitor.score import Emotion, Score

Kind = Literal[
    "post", "repost", "comment", "article", "question", "answer", "video", "danmaku", "live", "review", "complaint",
    "hotlist", "report", "other",
]  # fmt: skip
Verified = bool | Literal["person", "org", "gov", "media"]
WIRE_VERSION = 1
LATEST = 2**53  # micros: the year 2255
At = Annotated[int, msgspec.Meta(ge=0, le=LATEST)]  # what is read back beyond it is no moment of ours


class Mention(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=False, gc=False):
    """
    One item as it was said; field meanings and limits stand in the README's table of a mention.

    Only kind hotlist has `rank` and `heat`, as of `seen_at`, and `best_rank`, the best of all looks at it.
    """

    source: str
    id: str
    published_at: datetime
    text: str = ""
    kind: Kind = "post"
    platform: str | None = None
    outlet: str | None = None
    title: str | None = None
    quoted: str | None = None
    transcript: str | None = None
    url: str | None = None
    region: str | None = None
    topics: tuple[str, ...] | None = None
    root: str | None = None
    parent: str | None = None
    author: str | None = None
    followers: int | None = None
    verified: Verified | None = None
    media: bool | None = None
    likes: int | None = None
    comments: int | None = None
    reposts: int | None = None
    views: int | None = None
    gone: bool | None = None
    rank: int | None = None
    heat: int | float | None = None
    best_rank: int | None = None
    collected_at: datetime | None = None
    seen_at: datetime | None = None
    subjects: tuple[str, ...] = ()

    @property
    def digest(self) -> bytes:
        """The identity (source, id) in 16 bytes; it outlives the text."""
        return identity(self.source, self.id)

    @property
    def seen(self) -> int:
        """The moment its engagement was read, micros; 0 when never said."""
        return micros(self.seen_at) if self.seen_at else 0

    @property
    def engagement(self) -> int:
        """All counted reactions together, views apart."""
        return (self.likes or 0) + (self.comments or 0) + (self.reposts or 0)

    @property
    def words(self) -> int:
        """How many characters it says, passes on and shows."""
        return len(self.text) + len(self.title or "") + len(self.quoted or "") + len(self.transcript or "")

    @property
    def looked(self) -> tuple[object, ...]:
        """Everything that a later look may change."""
        return (self.likes, self.comments, self.reposts, self.views, self.gone, self.rank, self.heat)


def ranked(known: Mention, looks: Sequence[Mention] = (), seen: int = 0) -> Mention:
    """
    A title of a hot list with the rank and heat of the newest look after `seen`, and the best rank of them all.

    The order of the looks, and looks that come again, change nothing.
    """
    newest = max((look for look in looks if look.seen > seen), key=lambda look: look.seen, default=known)
    ranks = [rank for one in (known, *looks) for rank in (one.rank, one.best_rank) if rank is not None]
    return msgspec.structs.replace(known, rank=newest.rank, heat=newest.heat, best_rank=min(ranks, default=None))


@lru_cache(maxsize=4_096)  # each is asked for some five times on a mention's way through a process
def identity(source: str, item: str) -> bytes:
    """The 16-byte digest of (source, id)."""
    return blake2b(f"{source}\0{item}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Raw(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """
    A mention as accepted: a record of `mentions.raw`, keyed by source item.

    `received_at` (micros) is our stamp, the only clock of decisions. `as_if` marks a replay: the minutes before it tick as if lived.
    """

    v: int = WIRE_VERSION
    received_at: At
    mention: Mention
    as_if: bool = False


class Scored(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """
    One mention about one subject: a record of `mentions.scored`, keyed by subject ("" = none: stored, never decided).

    `mention.author` is a pseudonym from here on; `name` is the readable account where contract 1 keeps it.
    """

    v: int = WIRE_VERSION
    received_at: At
    mention: Mention
    score: Score
    emotion: Emotion
    name: str | None = None
    role: str | None = None
    as_if: bool = False

    @property
    def at(self) -> int:
        """The moment at which windows count it: no later than we received it."""
        return min(micros(self.mention.published_at), self.received_at)

    @property
    def sensitive(self) -> bool:
        """Contract 1's word for its subject; what the organisation's own accounts say never is."""
        return self.role != "own" and self.score.sensitive

    @property
    def spreads(self) -> bool:
        """Whether levels count it: sensitive itself, or passing sensitive words on."""
        return self.role != "own" and (self.score.sensitive or self.score.passes_on)


class Tick(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    A minute that passed: a record of `mentions.scored` on every partition.

    `as_if`: a replay's clock has come this far, and every whole minute up to it counts; `end`: its recording is over.
    """

    v: int = WIRE_VERSION
    at: At
    as_if: bool = False
    end: bool = False


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Mention).decode
decode_raw = msgspec.json.Decoder(Raw).decode
decode_scored = msgspec.json.Decoder(Scored).decode
decode_tick = msgspec.json.Decoder(Tick).decode
