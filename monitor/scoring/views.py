"""A text as rules look at it: folded once, its words' places found when they are asked for."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import msgspec

from monitor.score import Hit
from monitor.scoring.fold import fold, original_span, origins
from monitor.scoring.match import Match
from monitor.scoring.segment import Segmenter, load_segmenter

if TYPE_CHECKING:
    from monitor.scoring.unreal import Frames

Span = tuple[int, int]
MAX_PLACES = 20_000  # of one word, or of one NEAR, in one text


class View(msgspec.Struct, gc=False, eq=False):
    """
    One text: as it came, folded, and the numbers of the rules whose words it holds, `triggered`; `silent` where no word of any rule stands.

    `joined`: the rules that may hold across texts of which it holds any word; `spelled`: the text folded, once it was.

    The places of a word are folded ones; `original` leads them back. What was found in it once is remembered in `shown`: an
    original is looked at with thousands of reposts; `told` are the hits of it by a group of rules and the field, `matched` the subjects hit
    where nothing beside it has a say; `frames`, once looked for, those in which words of harm tell of no event.
    """

    text: str
    triggered: frozenset[int] = frozenset()
    spelled: str | None = None
    joined: frozenset[int] = frozenset()
    silent: bool = False
    segmenter: Segmenter | None = None
    told: dict[tuple[str, str], Mapping[int, Sequence[Hit]]] = {}
    matched: dict[str, tuple[Match, ...]] = {}
    shown: dict[int, tuple[Span, ...]] = {}
    frames: "tuple[Frames | None] | None" = None
    _origins: Sequence[int] | None = None
    _borders: frozenset[int] | None = None

    @property
    def folded(self) -> str:
        """The text as words are compared with it."""
        if self.spelled is None:
            self.spelled = fold(self.text)
        return self.spelled

    def original(self, span: Span) -> Span:
        """Where in the text itself the words of a folded span stand."""
        if self._origins is None:
            self._origins = origins(self.text)
        return original_span(self._origins, *span)

    @property
    def borders(self) -> frozenset[int]:
        """Where words begin and end in the folded text."""
        if self._borders is None:
            self._borders = frozenset(accumulate(map(len, self.cut()), initial=0))
        return self._borders

    def cut(self) -> list[str]:
        """The words of the folded text; they are not kept."""
        return (self.segmenter or load_segmenter()).cut(self.folded, None)

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


def whole(view: View, start: int, end: int) -> bool:
    """Whether a bounded span of the folded text begins and ends where its words do: at an ASCII end the boundary is enough."""
    text = view.folded
    return (_edged(text[start]) or start in view.borders) and (_edged(text[end - 1]) or end in view.borders)


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
