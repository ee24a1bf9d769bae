"""Segments: the texts told on each day, by shingle and by term; a day that is over is dropped whole, and the dead are let go of."""

from collections.abc import Iterable, Iterator

from monitor.clock import DAY
from monitor.stories.node import DAYS, Filed
from monitor.stories.postings import Postings

_TEXTS = 16_384  # of one segment: so many can be entered anew in half a second
_DEAD = 4  # of so many texts one still lives, when the others are let go of


class Segment:
    """A stretch of one day. `since`: the order of its first text."""

    __slots__ = ("living", "shingles", "since", "terms")

    def __init__(self, since: int) -> None:
        self.shingles: Postings = Postings()
        self.terms: Postings = Postings()
        self.since, self.living = since, 0

    def tidy(self) -> None:
        """Where most are dead, keep nothing of them. Changes no answer."""
        if _DEAD * self.living < len(self.shingles.texts()):
            self.shingles, self.terms = self.shingles.alive(), self.terms.alive()


class Segments:
    """The days that still find their like: today and the `DAYS` before."""

    def __init__(self) -> None:
        self._days: dict[int, list[Segment]] = {}

    def __len__(self) -> int:
        """How many texts are kept, the dead among them."""
        return sum(len(segment.shingles.texts()) for day in self._days.values() for segment in day)

    def file(self, filed: Filed, shingles: Iterable[int], terms: Iterable[int]) -> None:
        """Enter a text under some of its shingles and terms."""
        day = self._days.setdefault(filed.day, [])
        if not day or len(day[-1].shingles.texts()) == _TEXTS:
            day.append(Segment(filed.order))
        segment = day[-1]
        segment.shingles.file(shingles, filed)
        segment.terms.file(terms, filed)
        segment.living += 1

    def unfile(self, filed: Filed) -> None:
        """Nobody finds it any more; it may be some time until it is let go of, its words are at once."""
        filed.gone, filed.whole, filed.terms = True, b"", b""
        day = self._days.get(filed.day, [])
        segment = next((one for one in reversed(day) if one.since <= filed.order), None)
        if segment:
            segment.living -= 1
            if segment.living:
                segment.tidy()
            else:
                day.remove(segment)

    def recent(self, now: int) -> list[Segment]:
        """The days that count at `now`, the newest first."""
        today = now // DAY
        return [segment for day in range(today, today - DAYS - 1, -1) for segment in reversed(self._days.get(day, ()))]

    def drop_old(self, now: int) -> Iterator[Filed]:
        """Let the days go that no longer count; gives their texts."""
        for day in [day for day in self._days if day < now // DAY - DAYS]:
            for segment in self._days.pop(day):
                yield from segment.shingles.texts()
