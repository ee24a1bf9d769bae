"""Segments: the texts told on each day, by shingle and by term; a day that is over is dropped whole."""

from collections.abc import Iterable, Iterator

from monitor.clock import DAY
from monitor.stories.node import DAYS, Filed
from monitor.stories.postings import Postings


class Segment:
    """One day."""

    __slots__ = ("living", "shingles", "terms")

    def __init__(self) -> None:
        self.shingles: Postings = Postings()
        self.terms: Postings = Postings()
        self.living = 0


class Segments:
    """The days that still find their like: today and the `DAYS` before."""

    def __init__(self) -> None:
        self._days: dict[int, Segment] = {}

    def __len__(self) -> int:
        return len(self._days)

    def file(self, filed: Filed, shingles: Iterable[int], terms: Iterable[int]) -> None:
        """Enter a text under some of its shingles and terms."""
        segment = self._days.setdefault(filed.day, Segment())
        segment.shingles.file(shingles, filed)
        segment.terms.file(terms, filed)
        segment.living += 1

    def unfile(self, filed: Filed) -> None:
        """Nobody finds it any more."""
        filed.gone = True
        if filed.day in self._days:
            self._days[filed.day].living -= 1

    def recent(self, now: int) -> list[Segment]:
        """The days that count at `now`, the newest first."""
        today = now // DAY
        return [self._days[day] for day in range(today, today - DAYS - 1, -1) if day in self._days]

    def drop_old(self, now: int) -> Iterator[Filed]:
        """Let the days go that no longer count; gives their texts."""
        for day in [day for day in self._days if day < now // DAY - DAYS]:
            yield from self._days.pop(day).shingles.texts()
