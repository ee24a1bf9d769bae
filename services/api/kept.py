"""
Traces of stories, kept: an answer about a story of 200,000 mentions must not wait for all of them to be read.

A small story is traced anew for every change; of a large one the trace is kept for a minute, or longer where tracing took long, and
then made anew beside the answer, which has the old one. What was answered under a key (an ETag's version) is answered under it again.
The very large ones among the alerts that changed last are traced before anybody asks; who asks while one is traced waits for that.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from contextlib import suppress
from typing import NamedTuple
from weakref import WeakValueDictionary

from monitor.alert import Alert, residual_id
from monitor.errors import StoreUnavailable
from monitor.store.sessions import Store
from monitor.store.spread import WHOLE
from services.tracing import Trace, Unit, story_of, trace

SMALL = 2_000  # mentions that are read, half of it for their words, in some 100 ms
LARGE = 20_000  # mentions that take about half a second
_ALERTS = 100  # of which a very large story is traced before anybody asks
KEPT = 60.0  # seconds
_REST = 20  # times as long as tracing took, it is not done again
_ROOM = 500_000  # mentions in all kept trees, about 30 MB; the last one asked for is always kept


class Part(NamedTuple):
    """What is traced, by its name: a story whole, or what was said there in a span (micros, both ends included)."""

    name: str
    story: str
    span: tuple[int, int] | None = None


def whole(story: str) -> Part:
    """All of a story."""
    return Part(story, story)


async def part_of(unit: Unit, alert: Alert) -> Part:
    """What an alert tells of: its story, also where that became part of another; of unrelated mentions those of its own episode."""
    if alert.story == residual_id(alert.subject):
        return Part(alert.id, alert.story, (alert.counters.first_at, alert.counters.last_at))
    return whole(await story_of(unit, alert))


class _Entry:
    """The trace of one part, the keys it was answered under, and a newer one for keys to come."""

    def __init__(self, found: Trace, key: Hashable, made: float, took: float) -> None:
        self.found, self.made, self.took = found, made, took
        self.keys: set[Hashable] = {key}
        self.ahead: Hashable = None  # what the story was when it was last traced unasked
        self.next: _Entry | None = None
        self.task: asyncio.Task[None] | None = None

    def fresh(self, now: float) -> bool:
        """Whether it need not be made anew yet."""
        return now - self.made < max(KEPT, _REST * self.took)


class Traces:
    """The stories asked for lately."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # one at a time traces a part
        self._ahead: asyncio.Task[None] | None = None

    async def of(self, store: Store, unit: Unit, part: Part, key: Hashable) -> Trace:
        """The trace of a part; `key` moves whenever it has changed."""
        async with self._turn(part):
            entry = self._entries.get(part.name)
            if entry and key not in entry.keys and entry.next:
                entry = self._entries[part.name] = entry.next
            if entry is None or (key not in entry.keys and entry.found.tree.mentions <= SMALL):
                entry = self._entries[part.name] = await _made(unit, part, key)
            elif key not in entry.keys:
                entry.keys.add(key)
                self._renew(store, part, entry)
            self._entries.move_to_end(part.name)
        self._make_room()
        return entry.found

    def begin(self, store: Store) -> None:
        """From now on trace very large stories before anybody asks."""
        self._ahead = asyncio.create_task(self._keep_ahead(store), name="traces")

    async def ahead(self, store: Store) -> None:
        """Trace the very large stories of the alerts that changed last, where they are not traced yet or have changed since."""
        room, large = _ROOM // 2, dict[str, tuple[Part, Alert]]()  # half is left to who asks for others
        async with store.read() as unit:
            for alert in (await unit.alerts.list(limit=_ALERTS)).items:
                if alert.counters.mentions >= LARGE and (room := room - min(alert.counters.mentions, WHOLE)) >= 0:
                    part = await part_of(unit, alert)
                    large.setdefault(part.name, (part, alert))
        for part, alert in large.values():
            await self._look_ahead(store, part, (alert.id, alert.version, alert.counter))

    async def close(self) -> None:
        """Stop what is being traced."""
        tasks = [task for task in (self._ahead, *(entry.task for entry in self._entries.values())) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_ahead(self, store: Store) -> None:
        while True:
            with suppress(StoreUnavailable):  # who asks meanwhile is told; the next minute tries again
                await self.ahead(store)
            await asyncio.sleep(KEPT)

    async def _look_ahead(self, store: Store, part: Part, state: Hashable) -> None:
        entry = self._entries.get(part.name)
        if entry is None:
            async with self._turn(part), store.read() as unit:
                if part.name not in self._entries:
                    self._entries[part.name] = await _made(unit, part, None)
                    self._entries[part.name].ahead = state
            self._make_room()
        elif (entry.next or entry).ahead != state and self._renew(store, part, entry):
            entry.ahead = state

    def _turn(self, part: Part) -> asyncio.Lock:
        """Who waits for it has what the one before found."""
        return self._turns.setdefault(part.name, asyncio.Lock())

    def _renew(self, store: Store, part: Part, entry: _Entry) -> bool:
        """Begin to make the trace anew, if it is time for that; whether it has begun."""
        newest = entry.next or entry
        due = not newest.fresh(asyncio.get_running_loop().time()) and (entry.task is None or entry.task.done())
        if due:
            entry.task = asyncio.create_task(self._again(store, part, entry))
        return due

    async def _again(self, store: Store, part: Part, entry: _Entry) -> None:
        with suppress(StoreUnavailable):  # the old one will do; the next who asks tries again
            async with store.read() as unit:
                made = await _made(unit, part, None)
            made.ahead, entry.next = entry.ahead, made

    def _make_room(self) -> None:
        while len(self._entries) > 1 and sum(entry.found.tree.mentions + 100 for entry in self._entries.values()) > _ROOM:
            _, entry = self._entries.popitem(last=False)
            if entry.task:
                entry.task.cancel()


async def _made(unit: Unit, part: Part, key: Hashable) -> _Entry:
    loop = asyncio.get_running_loop()
    began = loop.time()
    found = await trace(unit, part.story, part.span)
    return _Entry(found, key, loop.time(), loop.time() - began)
