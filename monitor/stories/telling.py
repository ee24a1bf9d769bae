"""
Telling: by which words a mention may find its story, and the forms in which those are compared.

What it passes on or answers, if it says so; else its own words. The few words of a reply tell nothing by themselves.
"""

from array import array
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple
from zlib import crc32

from monitor.mention import Kind, Mention
from monitor.stories.editorial import without_footer
from monitor.stories.names import Names
from monitor.stories.node import Filed
from monitor.stories.rarity import MARK, known, terms
from monitor.stories.shingles import ENOUGH, WORDED, Shingled, bare, brief, fingerprint, shingled
from monitor.stories.sketch import Sketch, cut
from monitor.stories.slots import slots

REPLIES: frozenset[Kind] = frozenset(("comment", "danmaku", "repost", "live"))
REMARK = 20  # characters of a reply that may be a copy by themselves
FILED_SHINGLES = 16
FILED_TERMS = 30
_TELLS = 2.5  # the least weight under which a text is filed
_CHAIN = "//@"
_NAMED_AT_LEAST = 4  # characters by which a quoted text is known again
_THIN = frozenset(("转发微博", "转发", "转发了", "分享图片", "分享视频", "分享", "repost", "图片", "视频", "快转微博", "轉發微博"))
_THIN_AT_MOST = 16

Fold = Callable[[str], str]


class Termed:
    """
    Its terms worked out.

    `found`: what each tells, none left out; `keys`: what it is filed as; `marks`: the keys of the figures of each kind under the kind's;
    `slots`: of the places and persons it names, likewise.
    """

    __slots__ = ("_names", "_ordered", "_seeking", "_sought", "_told", "found", "keys", "marks")

    def __init__(self, folded: str, names: Names, slots: Mapping[int, Collection[int]]) -> None:
        self._names, self._ordered = names, terms(folded)
        self._told = list(map(known().__getitem__, self._ordered))
        self.found: Mapping[str, float] = weights(self._ordered, self._told)
        self.keys: Mapping[str, int] = {term: term_key(term) for term in self.found}
        self.marks: Mapping[int, Collection[int]] = {**_marks(self._ordered), **slots}
        self._sought: Sequence[str] | None = None
        self._seeking: Mapping[str, float] | None = None

    @property
    def sought(self) -> Sequence[str]:
        """All in order without the subject's names, "" between stretches: by these it looks for others, which is not always asked."""
        if self._sought is None:
            self._sought = self._names.without(self._ordered)
        return self._sought

    @property
    def seeking(self) -> Mapping[str, float]:
        """What they tell there."""
        if self._seeking is None:
            left = [value if term else 0.0 for term, value in zip(self.sought, self._told, strict=True)]
            self._seeking = self.found if self.sought is self._ordered else weights(self.sought, left)
        return self._seeking


class Wording:
    """One text. Everything but the fingerprint is worked out when it is first asked for: most mentions repeat what is known."""

    __slots__ = ("_folded", "_names", "_shingled", "_slots", "_termed", "_whole", "bare", "short", "told")

    def __init__(self, text: str, fold: Fold, names: Names) -> None:
        self._folded, self._names = fold(text), names
        self.bare = bare(self._folded)
        self.short = len(self.bare) < WORDED
        self.told = fingerprint(f"={self._folded.strip()}" if self.short else self.bare)
        self._shingled: Shingled | None = None
        self._whole: bytes | None = None
        self._termed: Termed | None = None
        self._slots: Mapping[int, Collection[int]] | None = None

    @property
    def _told(self) -> str:
        """Without the lines of those who print it."""
        return without_footer(self._folded)

    @property
    def shingled(self) -> Shingled:
        """Its shingles: what is filed has all, for others to find; it looks for others by its own."""
        if self._shingled is None:
            short = brief(self._told)
            self._shingled = shingled(self.bare if short is self._folded else bare(short), self._names.words)
        return self._shingled

    @property
    def whole(self) -> bytes:
        """All its shingles, the least first: as it is filed."""
        if self._whole is None:
            self._whole = packed(sorted(self.shingled.whole))
        return self._whole

    @property
    def sketch(self) -> Sketch:
        """A sample of all its shingles."""
        return cut(self.whole) if len(self.shingled.whole) >= ENOUGH else b""

    @property
    def termed(self) -> Termed:
        """Its terms, likewise: those filed do not depend on what the subject is called."""
        if self._termed is None:
            self._termed = Termed(self._told, self._names, self.slots)
        return self._termed

    @property
    def slots(self) -> Mapping[int, Collection[int]]:
        """The keys of the places and persons it names, under those of each kind; they are among the marks of its terms."""
        if self._slots is None:
            self._slots = _slots(self._told)
        return self._slots


class Telling(NamedTuple):
    """By which words a mention may find its story. `told`: their fingerprint; `quoted`: it passes them on; `reply`: it answers."""

    words: Wording
    told: int
    short: bool
    quoted: bool
    reply: bool


def weights(ordered: Sequence[str], told: Sequence[float]) -> dict[str, float]:
    """
    Each distinct term that tells anything, and how much, from what each tells by itself.

    A rare word is rare in all its pairs; a pair that is rarer than both its neighbours is only where two common words met.
    """
    found: dict[str, float] = {}
    for term, own, before, after in zip(ordered, told, [0.0, *told], [*told[1:], 0.0], strict=False):
        beside = before if before > after else after  # noqa: FURB136 -- max() takes three times as long, and every term comes by
        value = beside if 0.0 < beside < own else own
        if value > found.get(term, 0.0):
            found[term] = value
    return found


def _marks(ordered: Sequence[str]) -> dict[int, set[int]]:
    """The key of each kind of figure or code in a text, and those of that kind."""
    marks: dict[int, set[int]] = {}
    for at, term in enumerate(ordered):
        if term[:1] == MARK:
            marks.setdefault(term_key(term), set()).add(term_key(ordered[at - 1]))
    return marks


def _slots(folded: str) -> dict[int, set[int]]:
    """Which places and persons a text names, likewise; of those that tell nothing, none: they are not filed."""
    found: dict[int, set[int]] = {}
    for kind, names in slots(folded).items():
        keys = {term_key(name) for name in names if known()[name] > 0}
        if keys:
            found[term_key(kind)] = keys
    return found


def against(marks: Mapping[int, Collection[int]], theirs: Collection[int]) -> int:
    """Of how many kinds of figures or names both texts have some, but none in common."""
    return sum(mark in theirs and not any(figure in theirs for figure in figures) for mark, figures in marks.items())


def elsewhere(telling: Telling, filed: Filed) -> bool:
    """Whether two texts, however alike, name other places or other persons in office."""
    named = telling.words.slots
    return bool(named) and against(named, frozenset(unpacked(filed.terms))) > 0


def mass(found: Mapping[str, float]) -> float:
    """What all of them tell together: neighbours overlap, so about half their sum."""
    return sum(found.values()) / 2


def term_key(term: str) -> int:
    """A term in 32 bits: in fewer, two different ones look the same often enough to glue what has nothing in common."""
    return crc32(term.encode("utf-8", "surrogatepass"))


def filed_terms(termed: Termed) -> list[int]:
    """Under which terms a text is filed: those that tell most."""
    found = termed.found
    best = sorted((term for term, value in found.items() if value >= _TELLS), key=lambda term: -found[term])
    return [termed.keys[term] for term in best[:FILED_TERMS]]


def packed(sums: list[int]) -> bytes:
    """Different sums in four bytes each."""
    return array("I", sums).tobytes()


def unpacked(kept: bytes) -> Sequence[int]:
    """As `packed` took them."""
    return memoryview(kept).cast("I")


def telling_text(mention: Mention) -> tuple[str, bool]:
    """The words by which it may find its story ("" for none), and whether it passes them on."""
    if mention.quoted:
        thin = len(mention.quoted) <= _THIN_AT_MOST and mention.quoted.strip().casefold() in _THIN
        return ("" if thin else mention.quoted, True)
    if mention.kind in REPLIES and (mention.root or mention.parent):
        return "", False
    own = f"{mention.title} {mention.text}" if mention.title else mention.text
    if not mention.title and _CHAIN in own:
        own = max(own.split(_CHAIN), key=len)
    return own or mention.transcript or "", False


def comparable(telling: Telling) -> bool:
    """Whether the words are enough to know the text again by."""
    if telling.quoted:
        return not telling.short or len(telling.words.bare) >= _NAMED_AT_LEAST
    return len(telling.words.bare) >= (REMARK if telling.reply else WORDED)
