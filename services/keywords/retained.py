"""The retained raw log from a moment on, in the order in which it was received; only read."""

import heapq
from collections import deque
from collections.abc import AsyncIterator
from typing import NamedTuple

from msgspec.structs import replace

from monitor.bus.base import RAW, Bus, Stored
from monitor.errors import Unreadable
from monitor.mention import Raw
from monitor.records import read_raw

_READ = 1_000


class Stretch(NamedTuple):
    """
    What there is of a period: how many records, from which moment on (micros; 0: none).

    `lost`: something of the period has been there and is no longer retained.
    """

    bounds: dict[int, tuple[int, int]]
    since: int
    lost: bool

    @property
    def total(self) -> int:
        """How many records."""
        return sum(end - start for start, end in self.bounds.values())


async def stretch(bus: Bus, since: int) -> Stretch:
    """What the log still has of what was stored from that moment on."""
    bounds: dict[int, tuple[int, int]] = {}
    first, lost = 0, False
    for partition, (low, end) in (await bus.bounds(RAW)).items():
        start = await _first(bus, partition, low, end, since)
        bounds[partition] = (start, end)
        oldest = (await bus.read(RAW, partition, start, 1))[:1] if start < end else []
        first = min(filter(None, (first, *(one.stored_at for one in oldest))), default=0)
        lost = lost or (low > 0 and start == low)
    return Stretch(bounds, first, lost)


async def _first(bus: Bus, partition: int, low: int, end: int, since: int) -> int:
    """The first offset stored at that moment or later, by halving; offsets that have expired meanwhile are passed over."""
    while low < end:
        middle = (low + end) // 2
        found = await bus.read(RAW, partition, middle, 1)
        if not found or found[0].stored_at >= since:
            end = middle
        else:
            low = found[0].offset + 1
    return low


async def raws_of(bus: Bus, found: Stretch, now: int, batch: int = _READ) -> AsyncIterator[tuple[int, list[Raw]]]:
    """
    How many records were read for them, and the mentions, in batches; every partition in its order, the partitions by when it was received.

    They are marked as of a replay: the minutes between them pass as if lived. What cannot be read was put aside by the scorer long ago.
    """
    readers = {partition: _Reader(bus, partition, *span) for partition, span in found.bounds.items()}
    waiting = [(raw.received_at, partition, raw) for partition, reader in readers.items() if (raw := await reader.next(now))]
    heapq.heapify(waiting)
    made: list[Raw] = []
    told = 0
    while waiting:
        _, partition, raw = waiting[0]
        made.append(raw)
        following = await readers[partition].next(now)
        if following:
            heapq.heapreplace(waiting, (following.received_at, partition, following))
        else:
            heapq.heappop(waiting)
        if len(made) == batch or not waiting:
            read = sum(reader.read for reader in readers.values())
            yield read - told, made
            made, told = [], read


class _Reader:
    """One partition, record by record."""

    def __init__(self, bus: Bus, partition: int, start: int, end: int) -> None:
        self._bus, self._partition, self._offset, self._end = bus, partition, start, end
        self._held: deque[Stored] = deque()
        self.read = 0

    async def next(self, now: int) -> Raw | None:
        """The next that can be read; None at the end."""
        while True:
            if not self._held:
                if self._offset >= self._end:
                    return None
                found = await self._bus.read(RAW, self._partition, self._offset, min(_READ, self._end - self._offset))
                if not found:
                    return None
                self._held.extend(found)
                self._offset = found[-1].offset + 1
            record = self._held.popleft()
            self.read += 1
            try:
                return replace(read_raw(record.value, max(now, record.stored_at)), as_if=True)
            except Unreadable:
                continue
