"""
Telling: by which words a mention may find its story, and the forms in which those are compared.

What it passes on or answers, if it says so; else its own words. The few words of a reply tell nothing by themselves.
"""

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from zlib import crc32

from monitor.mention import Kind, Mention
from monitor.stories.rarity import terms, weight
from monitor.stories.shingles import WORDED, bare, fingerprint, shingles

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


class Telling:
    """One text. Everything but the fingerprint is worked out when it is first asked for: most mentions repeat what is known."""

    __slots__ = ("_folded", "_names", "_sought", "_whole", "quoted", "reply", "short", "told", "words")

    def __init__(self, text: str, fold: Fold, names: tuple[str, ...], *, quoted: bool, reply: bool) -> None:
        self._folded, self._names, self.quoted, self.reply = fold(text), names, quoted, reply
        self.words = bare(self._folded)
        self.short = len(self.words) < WORDED
        self.told = fingerprint(f"={self._folded.strip()}" if self.short else self.words)
        self._whole: frozenset[int] | None = None
        self._sought: list[str] | None = None

    @property
    def whole(self) -> frozenset[int]:
        """Its shingles."""
        if self._whole is None:
            self._whole = shingles(self.words)
        return self._whole

    @property
    def sought(self) -> list[str]:
        """Its terms in order, without the subject's own names: by these it looks for others."""
        if self._sought is None:
            text = self._folded
            for name in self._names:
                text = text.replace(name, " ")
            self._sought = terms(text)
        return self._sought

    def weights(self) -> dict[str, float]:
        """What each of its own terms tells, for others to find: none is left out, so that other names change nothing filed."""
        return weights(terms(self._folded))


def weights(ordered: list[str]) -> dict[str, float]:
    """Each distinct term that tells anything, and how much."""
    distinct = dict.fromkeys(ordered)
    distinct.pop("", None)
    return {term: value for term, value in zip(distinct, map(weight, distinct), strict=True) if value}


def mass(found: Mapping[str, float]) -> float:
    """What all of them tell together: neighbours overlap, so about half their sum."""
    return sum(found.values()) / 2


def term_key(term: str) -> int:
    """A term in 32 bits: in fewer, two different ones look the same often enough to glue what has nothing in common."""
    return crc32(term.encode("utf-8", "surrogatepass"))


def filed_terms(found: Mapping[str, float]) -> list[int]:
    """Under which terms a text is filed: those that tell most."""
    best = sorted((term for term, value in found.items() if value >= _TELLS), key=lambda term: -found[term])
    return [term_key(term) for term in best[:FILED_TERMS]]


def packed(sums: Iterable[int]) -> bytes:
    """Each once, in four bytes."""
    return array("I", sorted(set(sums))).tobytes()


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
        return not telling.short or len(telling.words) >= _NAMED_AT_LEAST
    return len(telling.words) >= (REMARK if telling.reply else WORDED)
