"""
Three mentions of a story that differ: what a person reads first of it.

Which are kept, at most eight, is a function of the set of mentions and their places in the log, not of the way they were taken in: the
same after a merge of two stories, after a rebuilding, in batches of any size. They are kept as bytes: a desk holds 100,000 stories.
"""

import sys
from collections.abc import Iterable
from operator import add
from typing import Any, Self, cast
from zlib import crc32

import msgspec

from monitor.mention import Scored
from monitor.stories.title import TITLE_LENGTH, Heading, heading, sample, unchained

CHOSEN = 3
_PLATFORMS, _WORDS = 3, 2  # kept for being the first on a platform, or for other words
_THIN = 6  # so few characters of one's own are no words: the words passed on stand for them
_LATER = 1 << 32  # the words of one that carries others' after `//@` come after those of one that does not
_ELSEWHERE = 0.5  # what another platform, or another tone, adds to a difference in words of 0..1


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """One kept mention. `order`: its place in the log; `far`: its author's reach; `words`: a sum of what it says; `told`: encoded."""

    order: int
    far: int
    words: int
    platform: str
    tone: str
    told: bytes = b""


class _Told(msgspec.Struct, frozen=True, array_like=True):
    """A sample, and how the story would be called by it; `heading`: that many characters of its text, where they are that."""

    rank: int
    heading: str | int
    source: str
    id: str
    text: str
    platform: str
    published_at: str
    sentiment: str
    severity: float
    outlet: str | None = None
    url: str | None = None
    name: str | None = None

    @property
    def words(self) -> str:
        return self.text[: self.heading] if isinstance(self.heading, int) else self.heading

    @property
    def sample(self) -> dict[str, object]:
        return {name: value for name in _SHOWN if (value := getattr(self, name)) is not None}


_SHOWN = _Told.__struct_fields__[2:]


class Samples:
    """The candidates of one story."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: tuple[Candidate, ...] = ()

    def add(self, scored: Scored, order: int) -> None:
        """One more mention, at that place in the log."""
        mention = scored.mention
        own = unchained(mention.text)
        said = own if len(own) > _THIN or not mention.quoted else mention.quoted
        later = _LATER * (own != mention.text)
        one = Candidate(
            order=order, far=mention.followers or 0, words=crc32((said or mention.title or "").encode("utf-8", "surrogatepass")) + later,
            platform=sys.intern(mention.platform or mention.source), tone=sys.intern(scored.score.sentiment.label),
        )  # fmt: skip
        if self._dull(one):
            return
        kept = _select((*self._kept, one))
        if one in kept:
            whole = msgspec.structs.replace(one, told=_encode(_told(scored)))
            self._kept = tuple(whole if candidate is one else candidate for candidate in kept)

    def merge(self, other: Self) -> None:
        """Take over another story's."""
        self._kept = _select((*self._kept, *other._kept))

    def chosen(self) -> tuple[dict[str, object], ...]:
        """At most three as an alert shows them: the first, then each time the one least like those before."""
        left = [(one, _decode(one.told).sample) for one in self._kept]
        found = left[:1]
        del left[:1]
        while left and len(found) < CHOSEN:
            best = max(left, key=lambda pair: _rank(pair, found))
            left.remove(best)
            found.append(best)
        return tuple(shown for _, shown in found)

    @property
    def title(self) -> str:
        """The best heading among them, of equals the earliest; "" while there are none."""
        told = [_decode(one.told) for one in self._kept]
        best = min((Heading(one.rank, one.words) for one in told), key=lambda called: called.rank, default=Heading(0, ""))
        return best.words[:TITLE_LENGTH]

    def _dull(self, one: Candidate) -> bool:
        """Whether it is plain at a glance that it would not be kept: almost every mention of a large story."""
        kept = self._kept
        if not kept or one.order < kept[-1].order or not any(one.far <= other.far for other in kept):
            return False
        if not any(one.tone == other.tone for other in kept):
            return False
        platforms = {other.platform for other in kept}
        if one.platform not in platforms and len(platforms) < _PLATFORMS:
            return False
        lower = {other.words for other in kept if other.words <= one.words}
        return one.words in lower or len(lower) >= _WORDS


def _told(scored: Scored) -> _Told:
    called, shown = heading(scored.mention), cast("dict[str, Any]", sample(scored))
    begins = shown["text"].startswith(called.words)
    return _Told(called.rank, len(called.words) if begins else called.words, **shown)


def _select(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Who of them is kept, in the order of the log: the first, the farthest heard, the first by platform, tone and words."""
    ordered = sorted(candidates, key=lambda one: one.order)
    platforms: dict[str, Candidate] = {}
    tones: dict[str, Candidate] = {}
    words: dict[int, Candidate] = {}
    for one in ordered:
        platforms.setdefault(one.platform, one)
        tones.setdefault(one.tone, one)
        words.setdefault(one.words, one)
    farthest = sorted(ordered, key=lambda one: (-one.far, one.order))[:1]
    # Of all words those with the least sums are kept: a choice that no order of arrival changes.
    least = [words[sum_] for sum_ in sorted(words)[:_WORDS]]
    kept = {one.order for one in (*ordered[:1], *farthest, *list(platforms.values())[:_PLATFORMS], *tones.values(), *least)}
    return tuple(one for one in ordered if one.order in kept)


def _rank(one: tuple[Candidate, dict[str, object]], found: list[tuple[Candidate, dict[str, object]]]) -> tuple[float, bool, int, int]:
    """Which is shown next: the least like those that are, of equals one whose words are all its own, then the farthest heard."""
    return min(_difference(one, other) for other in found), one[0].words < _LATER, one[0].far, -one[0].order


def _difference(one: tuple[Candidate, dict[str, object]], other: tuple[Candidate, dict[str, object]]) -> float:
    """How unlike two are: in own words (1 - Jaccard of character pairs), by platform, by tone."""
    (mine, shown), (theirs, also) = one, other
    apart = _ELSEWHERE * (mine.platform != theirs.platform) + _ELSEWHERE * (mine.tone != theirs.tone)
    pairs, others = _pairs(unchained(str(shown["text"]))), _pairs(unchained(str(also["text"])))
    return apart + 1 - len(pairs & others) / max(1, len(pairs | others))


def _pairs(text: str) -> set[str]:
    return set(map(add, text, text[1:])) or {text}


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Told).decode
