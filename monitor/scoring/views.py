"""A text as rules look at it: folded once, its words' places found when they are asked for."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate

from monitor.scoring.fold import fold, original_span, origins
from monitor.scoring.segment import load_segmenter

Span = tuple[int, int]
MAX_PLACES = 20_000  # of one word, or of one NEAR, in one text
BORDERED = 64  # texts whose words are kept


class View:
    """
    One text: as it came, folded, and the numbers of the rules whose words it holds; `silent` where no word of any rule stands.

    The places of a word are folded ones; `original` leads them back. What was found in it once is remembered in `shown`: an
    original is looked at with thousands of reposts.
    """

    __slots__ = ("_folded", "_origins", "shown", "silent", "text", "triggered")

    def __init__(self, text: str, triggered: frozenset[int] = frozenset(), folded: str | None = None, *, silent: bool = False) -> None:
        self.text = text
        self.triggered = triggered
        self.silent = silent
        self.shown: dict[int, tuple[Span, ...]] = {}
        self._folded = folded
        self._origins: Sequence[int] | None = None

    @property
    def folded(self) -> str:
        """The text as words are compared with it."""
        if self._folded is None:
            self._folded = fold(self.text)
        return self._folded

    def original(self, span: Span) -> Span:
        """Where in the text itself the words of a folded span stand."""
        if self._origins is None:
            self._origins = origins(self.text)
        return original_span(self._origins, *span)

    def has(self, word: str) -> bool:
        """Whether a folded word stands there, ASCII ends at word boundaries."""
        folded = self.folded
        if word not in folded:
            return False
        return not (_edged(word[0]) or _edged(word[-1])) or next(self.places(word), None) is not None

    def places(self, word: str) -> Iterator[Span]:
        """Where a folded word stands, overlapping places too."""
        folded, length = self.folded, len(word)
        edged = _edged(word[0]) or _edged(word[-1])
        start = folded.find(word)
        while start >= 0:
            if not edged or bounded(folded, start, start + length):
                yield start, start + length
            start = folded.find(word, start + 1)


def bounded(text: str, start: int, end: int) -> bool:
    """Whether the span does not cut an ASCII word in two at either end."""
    return not (_joined(text[start - 1 : start], text[start]) or _joined(text[end - 1], text[end : end + 1]))


def whole(text: str, start: int, end: int) -> bool:
    """Whether a bounded span of a folded text begins and ends where its words do: at an ASCII end the boundary is enough."""
    borders = _borders(text)
    return (_edged(text[start]) or start in borders) and (_edged(text[end - 1]) or end in borders)


def outside(inner: Sequence[Span], outer: Sequence[Span]) -> Iterator[Span]:
    """The spans of `inner` that lie within none of `outer`."""
    ordered = sorted(outer)
    starts = [start for start, _ in ordered]
    furthest = list(accumulate((end for _, end in ordered), max))
    for start, end in inner:
        before = bisect_right(starts, start)
        if not before or furthest[before - 1] < end:
            yield start, end


def _joined(left: str, right: str) -> bool:
    return _edged(left) and _edged(right)


def _edged(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char == "_")


@lru_cache(maxsize=BORDERED)
def _borders(text: str) -> frozenset[int]:
    """Where words begin and end in a folded text, by the dictionary alone: a rule's own word changes nothing for others."""
    return frozenset(accumulate((len(word) for word in load_segmenter().cut(text, None)), initial=0))
