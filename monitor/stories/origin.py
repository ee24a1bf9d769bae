"""
Where a story began (溯源): the earliest mention known of it, and how sure it is that nothing came before.

Sure is `high` when nothing speaks against it, `low` when the mention itself passes on what we do not have, else `medium`.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Literal, Protocol

import msgspec

from monitor.clock import DAY, MINUTE, micros
from monitor.mention import Mention, identity
from monitor.stories.tree import Tree

LOOKED_AT = 200  # of how many of its earliest mentions the words are read
_PASSES_ON = frozenset({"repost", "comment", "answer", "danmaku"})
_MANY = 3  # said in the very moment of the first: which of them was first, nobody can tell
_ARCHIVE = 5  # taken in at once, over a day after the first was said
_TELLING = 6  # characters: fewer are said by many who know nothing of each other
_LONG = 2_000  # characters of a text that are compared
_SIGNS = re.compile(r"[\W_]+")

Sure = Literal["high", "medium", "low"]


class Doubt(StrEnum):
    """Why something may have come before. With each is told of how many mentions: ROOT_MISSING of those below what is missing."""

    ROOT_MISSING = "root_missing"
    QUOTED_MISSING = "quoted_missing"
    FIRST_IS_REPOST = "first_is_repost"
    SAME_MOMENT = "same_moment"
    ARCHIVE = "archive"


DOUBT_ZH: dict[Doubt, str] = {
    Doubt.ROOT_MISSING: "有信息指向没有采集到的原帖",
    Doubt.QUOTED_MISSING: "有信息转述的原文没有采集到",
    Doubt.FIRST_IS_REPOST: "最早的一条是转发或回应",
    Doubt.SAME_MOMENT: "同一时刻有多条, 分不出先后",
    Doubt.ARCHIVE: "发布一天以后才成批收进, 此前的可能没有收全",
}


class Known(Protocol):
    """A stored mention."""

    @property
    def mention(self) -> Mention: ...
    @property
    def name(self) -> str | None: ...
    @property
    def received_at(self) -> int: ...


class Origin(msgspec.Struct, frozen=True):
    """The earliest mention known; `doubts` with how many mentions each rests on; `missing`: (source, id) of the original it names."""

    known: Known
    sure: Sure
    doubts: tuple[tuple[Doubt, int], ...]
    missing: tuple[str, str] | None = None


def origin(early: Sequence[Known], tree: Tree) -> Origin | None:
    """Where a story began, by its earliest mentions (at least the first 200 of them) and its whole tree; None of no mention."""
    if not early:
        return None
    ordered = sorted(early, key=lambda one: (_said_at(one), one.mention.source, one.mention.id))[:LOOKED_AT]
    first = _uppermost(ordered, tree)
    orphans = _orphans(ordered, tree)
    own = _own_doubts(first.mention, orphans, tree)
    doubts = own + [other for other in _other_doubts(first, ordered, orphans, tree) if other[0] not in dict(own)]
    sure: Sure = "low" if own else "medium" if doubts else "high"
    return Origin(first, sure, tuple(doubts), _missing(first.mention, tree))


def passed_on(known: Sequence[Known]) -> dict[bytes, bytes]:
    """What passes on the very words of an earlier one, and of which: by digest, the earliest that says them."""
    sayers: dict[str, bytes] = {}
    found: dict[bytes, bytes] = {}
    for mention in (one.mention for one in sorted(known, key=lambda one: (_said_at(one), one.mention.source, one.mention.id))):
        words = _bare(mention.quoted or "")
        if words in sayers:
            found[mention.digest] = sayers[words]
        for said in (mention.text, f"{mention.title or ''}{mention.text}"):
            if len(own := _bare(said)) >= _TELLING:
                sayers.setdefault(own, mention.digest)
    return found


def _said_at(one: Known) -> int:
    return min(micros(one.mention.published_at), one.received_at)


def _uppermost(ordered: Sequence[Known], tree: Tree) -> Known:
    """The earliest, or what it answers or passes on where we have that: a clock may be wrong, a link is not."""
    top = tree.top(ordered[0].mention.digest)
    return next((one for one in ordered if top and one.mention.digest == top.digest), ordered[0])


def _own_doubts(mention: Mention, orphans: frozenset[bytes], tree: Tree) -> list[tuple[Doubt, int]]:
    """What speaks against the first mention itself."""
    above = tree.above(mention.digest)
    if above and not above.present:
        return [(Doubt.ROOT_MISSING, tree.below_missing)]
    if mention.digest in orphans:
        return [(Doubt.QUOTED_MISSING, len(orphans))]
    return [(Doubt.FIRST_IS_REPOST, 1)] if mention.kind in _PASSES_ON or mention.quoted else []


def _other_doubts(first: Known, ordered: Sequence[Known], orphans: frozenset[bytes], tree: Tree) -> list[tuple[Doubt, int]]:
    """What the others tell: originals that may be older, or a way of collecting that may have missed some."""
    moment = _said_at(first)
    same = sum(_said_at(one) == moment for one in ordered)
    together = sum(abs(one.received_at - first.received_at) < MINUTE for one in ordered)
    late = first.received_at - moment > DAY and together >= _ARCHIVE
    found = {
        Doubt.ROOT_MISSING: tree.below_missing, Doubt.QUOTED_MISSING: len(orphans), Doubt.SAME_MOMENT: same * (same >= _MANY),
        Doubt.ARCHIVE: together * late,
    }  # fmt: skip
    return [(doubt, count) for doubt, count in found.items() if count]


def _orphans(ordered: Sequence[Known], tree: Tree) -> frozenset[bytes]:
    """Those that hang under nothing, but pass on words that no other of the earliest says itself."""
    said = [(one.mention.digest, _bare(f"{one.mention.title or ''}{one.mention.text}")) for one in ordered]
    passed = {one.mention.digest: _bare(one.mention.quoted or "") for one in ordered if tree.above(one.mention.digest) is None}
    holders = {words: {digest for digest, own in said if words in own} for words in set(passed.values()) if words}
    return frozenset(digest for digest, words in passed.items() if words and not holders[words] - {digest})


def _bare(text: str) -> str:
    return _SIGNS.sub("", text[:_LONG])


def _missing(mention: Mention, tree: Tree) -> tuple[str, str] | None:
    """The identity of the original that it names and that we do not have."""
    above = tree.above(mention.digest)
    if above is None or above.present:
        return None
    names = (mention.root, mention.parent)
    return next(((mention.source, name) for name in names if name and identity(mention.source, name) == above.digest), None)
