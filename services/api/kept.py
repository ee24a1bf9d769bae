"""
Traces of stories, kept: an answer about a story of 200,000 mentions must not wait for all of them to be read.

A small story is traced anew for every change; of a large one the trace is kept for a minute, or longer where tracing took long, and
then made anew beside the answer, which has the old one. What was answered under a key (an ETag's version) is answered under it again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from contextlib import suppress

from monitor.errors import StoreUnavailable
from monitor.store.sessions import Store
from services.tracing import Trace, Unit, trace

SMALL = 2_000  # mentions that are read in some 20 ms
KEPT = 60.0  # seconds
_REST = 20  # times as long as tracing took, it is not done again
_ROOM = 500_000  # mentions in all kept trees, about 30 MB; the last one asked for is always kept


class _Entry:
    """The trace of one story, the keys it was answered under, and a newer one for keys to come."""

    def __init__(self, found: Trace, key: Hashable, made: float, took: float) -> None:
        self.found, self.made, self.took = found, made, took
        self.keys: set[Hashable] = {key}
        self.next: _Entry | None = None
        self.task: asyncio.Task[None] | None = None

    def fresh(self, now: float) -> bool:
        """Whether it need not be made anew yet."""
        return now - self.made < max(KEPT, _REST * self.took)


class Traces:
    """The stories asked for lately."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    async def of(self, store: Store, unit: Unit, story: str, key: Hashable) -> Trace:
        """The trace of a story; `key` moves whenever the story has changed."""
        entry = self._entries.get(story)
        if entry and key not in entry.keys and entry.next:
            entry = self._entries[story] = entry.next
        if entry is None or (key not in entry.keys and entry.found.tree.mentions <= SMALL):
            entry = self._entries[story] = await _made(unit, story, key)
        elif key not in entry.keys:
            entry.keys.add(key)
            self._renew(store, story, entry)
        self._entries.move_to_end(story)
        self._make_room()
        return entry.found

    async def close(self) -> None:
        """Stop what is being traced."""
        tasks = [entry.task for entry in self._entries.values() if entry.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _renew(self, store: Store, story: str, entry: _Entry) -> None:
        if not entry.fresh(asyncio.get_running_loop().time()) and (entry.task is None or entry.task.done()):
            entry.task = asyncio.create_task(self._again(store, story, entry))

    async def _again(self, store: Store, story: str, entry: _Entry) -> None:
        with suppress(StoreUnavailable):  # the old one will do; the next who asks tries again
            async with store.read() as unit:
                entry.next = await _made(unit, story, None)

    def _make_room(self) -> None:
        while len(self._entries) > 1 and sum(entry.found.tree.mentions + 100 for entry in self._entries.values()) > _ROOM:
            _, entry = self._entries.popitem(last=False)
            if entry.task:
                entry.task.cancel()


async def _made(unit: Unit, story: str, key: Hashable) -> _Entry:
    loop = asyncio.get_running_loop()
    began = loop.time()
    found = await trace(unit, story)
    return _Entry(found, key, loop.time(), loop.time() - began)
