"""
How memory stays bounded: which stories are the longest quiet, and by what a settled one is known again.

Both are functions of the log alone. Entries that no longer hold are passed over when they come up, so nothing is searched.
"""

import heapq
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from typing import NamedTuple

from monitor.stories.shingles import Shingled
from monitor.stories.sketch import Holding, Sketch, Sketches, as_keys, drop, hold, holding, parted

LIVE = 100_000  # stories awake in one partition: about 360 MB of memory; the longest quiet settle beyond
WAITING = 30_000  # mentions that wait alone in one partition: about 150 MB of memory; beyond, the oldest wait no more
KEYS = 1_000_000  # of settled stories, by which they can still be woken: of about 40,000 stories, the latest settled
SPENT = 1_024  # entries of which there may be more than of those they tell of
ASIDE = 16  # different texts, of those that are put aside together, whose near-copies are known


class Quiet:
    """Stories by when they were last spoken of. `touched` tells the moment of one (None: it is not to be found here any more)."""

    def __init__(self, touched: Callable[[str], int | None]) -> None:
        self._touched = touched
        self._heap: list[tuple[int, str]] = []
        self._most = SPENT

    def add(self, story: str, entry: tuple[int, str] | None = None) -> tuple[int, str] | None:
        """Look after one, too; `entry`: what another gave back for it just now, so that both keep the same."""
        if entry is None and (at := self._touched(story)) is not None:
            entry = at, story
        if entry is not None:
            heapq.heappush(self._heap, entry)
        if len(self._heap) > self._most:
            self._tidy()
        return entry

    def _tidy(self) -> None:
        """Let go of those that are not to be found here any more: more may settle in a day than ever live."""
        self._heap = [entry for entry in self._heap if self._touched(entry[1]) is not None]
        heapq.heapify(self._heap)
        self._most = 2 * len(self._heap) + SPENT

    def since(self, moment: int) -> Iterator[str]:
        """Those last spoken of before that moment, the longest quiet first; each is given once and then looked after no more."""
        while (story := self.first(moment)) is not None:
            yield story

    def first(self, moment: int | None = None) -> str | None:
        """The longest quiet one (before that moment), looked after no more; None: there is none."""
        while self._heap and (moment is None or self._heap[0][0] < moment):
            at, story = heapq.heappop(self._heap)
            now = self._touched(story)
            if now == at:
                return story
            if now is not None:
                heapq.heappush(self._heap, (now, story))
        return None


class Asleep(NamedTuple):
    """A settled story: its keys, and how many keys there were in all when they were put by. One put aside may be awake, with some left."""

    subject: str
    story: str
    keys: tuple[int, ...]
    settled: int


class Settled:
    """The latest settled stories by their keys. `total`: how many keys were ever put by; what lies KEYS before it is forgotten."""

    def __init__(self) -> None:
        self.total = 0
        self._asleep: dict[str, Asleep] = {}
        self._sketches: dict[str, tuple[Sketch, ...]] = {}
        self._by_sketch: dict[str, Sketches] = {}
        self._order: deque[tuple[int, str]] = deque()
        self._by_key: dict[str, Holding] = {}

    def add(self, subject: str, story: str, keys: tuple[int, ...]) -> int:
        """Put one by; returns the total, which is its place in their order."""
        self.total += len(keys)
        self._keep(Asleep(subject, story, keys, self.total))
        return self.total

    def restore(self, asleep: Iterable[Asleep], total: int) -> None:
        """Those put by before, in their order."""
        self.total = total
        for one in asleep:
            self._keep(one)

    def wake(self, story: str) -> None:
        """It sleeps no more."""
        self.stir(story, ())

    def stir(self, story: str, keys: tuple[int, ...]) -> None:
        """It is awake; of its keys these go on telling of it."""
        one = self._asleep.get(story)
        if one is None:
            return
        exact, sketches = parted(keys, ASIDE)
        holders = self._by_key[one.subject]
        for key in dict.fromkeys(one.keys):
            if key not in exact:
                drop(holders, key, story)
        self._by_sketch[one.subject].keep(story, self._sketches[story], sketches)
        if keys:
            self._asleep[story], self._sketches[story] = one._replace(keys=exact), sketches
        else:
            del self._asleep[story], self._sketches[story]

    def resembled(self, subject: str, words: Shingled) -> str | None:
        """The story with a text that these words are a near-copy of; of several the one that settled last."""
        found = self._by_sketch[subject].near(words, self._sketches) if subject in self._by_sketch else ()
        return max(found, key=lambda story: self._asleep[story].settled, default=None)

    def woken_by(self, subject: str, keys: Iterable[int]) -> str | None:
        """The story that the first known of these keys wakes; of several the one that settled last."""
        holders = self._by_key.get(subject)
        found = next((holding(holders, key) for key in keys if key in holders), ()) if holders else ()
        return max(found, key=lambda story: self._asleep[story].settled, default=None)

    def only(self, subjects: Container[str]) -> None:
        """Those of other subjects are of no use any more."""
        for one in [one for one in self._asleep.values() if one.subject not in subjects]:
            self.wake(one.story)

    def __bool__(self) -> bool:
        return bool(self._asleep)

    def _keep(self, one: Asleep) -> None:
        keys, sketches = parted(one.keys, ASIDE)
        one = one._replace(keys=keys)
        self._asleep[one.story], self._sketches[one.story] = one, sketches
        self._by_sketch.setdefault(one.subject, Sketches()).add(one.story, sketches)
        self._order.append((one.settled, one.story))
        holders = self._by_key.setdefault(one.subject, {})
        for key in dict.fromkeys(one.keys):
            hold(holders, key, one.story)
        while self._order and self._order[0][0] <= self.total - KEYS:
            settled, story = self._order.popleft()
            if story in self._asleep and self._asleep[story].settled == settled:
                self.wake(story)


def together(keys: tuple[int, ...], aside: tuple[int, ...]) -> tuple[int, ...]:
    """The keys of a story that falls asleep, and those of what was put aside there."""
    if not aside:
        return tuple(dict.fromkeys(keys))
    (exact, own), (others, put_by) = parted(keys, ASIDE), parted(aside, ASIDE)
    return (*dict.fromkeys((*exact, *others)), *as_keys([*dict.fromkeys((*put_by, *own))][:ASIDE]))
