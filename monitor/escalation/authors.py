"""Distinct authors, counted in little room: a story may have a million of them, and a desk a hundred thousand stories."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from heapq import merge

_FEW = 8  # so many need no set: most stories have fewer
_LOOSE = 1024  # and so many are kept as a plain set before they are packed


class Authors:
    """A set of many 64-bit sums: those of late in a set, the others in sorted runs of 8 bytes each, every run twice as long as the next."""

    __slots__ = ("_loose", "_runs")

    def __init__(self, few: Iterable[int] = ()) -> None:
        self._loose = set(few)
        self._runs: tuple[array[int], ...] = ()

    def __len__(self) -> int:
        return len(self._loose) + sum(len(run) for run in self._runs)

    def __contains__(self, author: int) -> bool:
        return author in self._loose or any(_has(run, author) for run in self._runs)

    def __iter__(self) -> Iterator[int]:
        yield from self._loose
        for run in self._runs:
            yield from run

    def add(self, author: int) -> None:
        """One who is not among them."""
        self._loose.add(author)
        if len(self._loose) > _LOOSE:
            self._pack()

    def _pack(self) -> None:
        runs = [*self._runs, array("Q", sorted(self._loose))]
        self._loose = set()
        while len(runs) > 1 and 2 * len(runs[-1]) > len(runs[-2]):
            last = runs.pop()
            runs[-1] = array("Q", merge(runs[-1], last))
        self._runs = tuple(runs)


Heard = tuple[int, ...] | Authors  # a few as a tuple


def heard(before: Heard, author: int) -> Heard:
    """They and one who spoke, perhaps not for the first time; use what was there before no more."""
    if author in before:
        return before
    if isinstance(before, tuple):
        if len(before) < _FEW:
            return (*before, author)
        before = Authors(before)
    before.add(author)
    return before


def _has(run: "array[int]", author: int) -> bool:
    place = bisect_left(run, author)
    return place < len(run) and run[place] == author
