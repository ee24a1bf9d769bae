"""
The embedded bus: a log in one SQLite file, for one process on one machine.

Appends made at the same time are written by one transaction with one fsync: a caller queues its item and waits; a drain task takes
what has gathered, hands it to the writing thread, and settles the promises when it is on the disk. Reads have a thread and a
connection of their own, and wake at once when this process has appended; what another process writes is seen within a second.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from monitor.bus.base import TOPICS, Member, Outcome, Record, Stored, Taken, check_partitions
from monitor.bus.membership import Alone
from monitor.bus.sqlite_file import BusFile, NoRoom
from monitor.bus.sqlite_plan import Item, Picture
from monitor.bus.sqlite_rows import DIGEST
from monitor.clock import Clock
from monitor.errors import BusError, BusUnavailable
from monitor.settings import Retention

GROUP_RECORDS = 4_096  # what one transaction takes at most, besides its first item
GLANCE = 1.0  # seconds after which a waiting reader looks for what another process wrote
T = TypeVar("T")
Answer = list[Outcome] | Exception
Promise = asyncio.Future[list[Outcome]]
Waiting = tuple[Item, Promise]


class SqliteBus:
    """
    A Bus in `folder/bus.db`.

    `max_backlog`: how many records of a topic may wait for its slowest known group, all that are kept when none is known.
    `max_bytes` bounds the file; beyond it appends are BusUnavailable. `busy`: seconds to wait for another process's lock.
    """

    def __init__(
        self, folder: Path, *, retention: Retention, clock: Clock, partitions: int = 1, max_backlog: int = 1_000_000,
        max_bytes: int | None = None, busy: float = 5.0,
    ) -> None:  # fmt: skip
        self._partitions = partitions
        self._retention = retention
        self._clock = clock
        self._max_backlog = max_backlog
        self._writing = _Desk("bus-writer", BusFile(folder, busy=busy, max_bytes=max_bytes))
        self._reading = _Desk("bus-reader", BusFile(folder, busy=busy))
        self._queue: deque[Waiting] = deque()
        self._drain: asyncio.Task[None] | None = None
        self._fresh = {topic: asyncio.Event() for topic in TOPICS}
        self._open = False
        self._members: list[tuple[str, Alone]] = []

    @property
    def knows(self) -> bool:
        """It does: digests are kept longer than what they are of."""
        return True

    async def start(self) -> None:
        """Open the file, make it where there is none; UsageError when the folder or the file cannot be used."""
        await self._writing.call(lambda file: file.create(self._partitions))
        self._open = True

    async def close(self) -> None:
        """Write what is queued, wake who waits for records, let go of the file."""
        self._open = False
        for _, member in self._members:
            await member.leave()
        for event in self._fresh.values():
            event.set()
        if self._drain:
            await asyncio.wait([self._drain])
        await self._reading.close()
        await self._writing.close()

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has: all have the same."""
        if topic not in TOPICS:
            raise ValueError(f"no such topic: {topic}")
        return self._partitions

    async def append(self, topic: str, records: Sequence[Record], *, taken: Taken | None = None, once: str = "") -> list[Outcome]:
        """Append all or none in one transaction, which others may share."""
        item = Item(topic, tuple(records), taken, once)
        self._check(item)
        return await self._commit(item)

    async def read(self, topic: str, partition: int, offset: int, limit: int, wait: float = 0.0) -> list[Stored]:
        """At most `limit` records from `offset` on; fewer when they are large, none when the bus closes meanwhile."""
        self._check_partitions(topic, [partition])
        self._require_open()
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        while True:
            fresh = self._fresh[topic]  # before the look, so that what arrives after it is not missed
            found = await self._reading.call(lambda file: file.read((topic, partition), offset, limit))
            left = until - loop.time()
            if found or left <= 0 or limit <= 0 or not self._open:
                return found
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, GLANCE)):  # not wait_for: before 3.12 it may swallow a cancellation
                    await fresh.wait()

    async def take(self, taken: Taken) -> None:
        """Remember positions, in the same groups as appends."""
        item = Item(taken.topic, (), taken)
        self._check(item)
        await self._commit(item)

    async def taken(self, group: str, topic: str) -> dict[int, int]:
        """The remembered positions of every partition."""
        known = (await self._picture()).positions.get((group, topic), {})
        return {partition: known.get(partition, 0) for partition in range(self.partitions(topic))}

    async def bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        """For each partition its oldest and its next offset."""
        logs = (await self._picture()).logs
        return {partition: (logs[topic, partition].low, logs[topic, partition].next) for partition in range(self.partitions(topic))}

    async def done(self, topic: str, once: str) -> bool:
        """Whether an append of that name has been made."""
        self._require_open()
        return await self._reading.call(lambda file: file.named(topic, once))

    async def expire(self, now: int) -> int:
        """Remove what may go, a small transaction at a time: appends go between them."""
        removed, more = 0, True
        while more:
            self._require_open()
            count, more = await self._writing.call(lambda file: file.expire(self._retention, now))
            removed += count
        return removed

    async def members(self, group: str) -> int:
        """Those of this process."""
        return sum(known == group and bool(member.held.partitions) for known, member in self._members)

    async def join(self, group: str, topic: str) -> Member:
        """Everything, for ever: this log is for one process."""
        self._require_open()
        member = Alone(range(self.partitions(topic)))
        self._members.append((group, member))
        return member

    async def _picture(self) -> Picture:
        self._require_open()
        return await self._reading.call(BusFile.picture)

    def _require_open(self) -> None:
        if not self._open:
            raise BusUnavailable("the bus is closed")

    def _check(self, item: Item) -> None:
        """Refuse a caller's mistake here, before it can share a transaction with others."""
        self._check_partitions(item.topic, {record.partition for record in item.records if record.partition is not None})
        if any(record.identity and len(record.identity) != DIGEST for record in item.records):
            raise ValueError(f"an identity has {DIGEST} bytes")
        item.once.encode()
        if item.taken:
            item.taken.group.encode()
            self._check_partitions(item.taken.topic, item.taken.positions)

    def _check_partitions(self, topic: str, partitions: Iterable[int]) -> None:
        check_partitions(topic, self.partitions(topic), partitions)

    async def _commit(self, item: Item) -> list[Outcome]:
        self._require_open()
        loop = asyncio.get_running_loop()
        promise: Promise = loop.create_future()
        self._queue.append((item, promise))
        if self._drain is None:
            self._drain = loop.create_task(self._drain_queue(), name="bus-drain")
        return await promise

    async def _drain_queue(self) -> None:
        try:
            while self._queue:
                await self._write_group(self._next_group())
        finally:
            self._drain = None
            _settle(self._queue, [BusUnavailable("the bus was stopped")] * len(self._queue))  # only when this task was cancelled
            self._queue.clear()

    def _next_group(self) -> list[Waiting]:
        group = [self._queue.popleft()]
        room = GROUP_RECORDS
        while self._queue and (room := room - len(self._queue[0][0].records)) >= 0:
            group.append(self._queue.popleft())
        return group

    async def _write_group(self, group: Sequence[Waiting]) -> None:
        """Write the group and settle its promises, whatever happens: nobody waits for ever."""
        answers: Sequence[Answer] = [BusUnavailable("the bus was stopped while it wrote: it may still arrive")] * len(group)
        try:
            answers = await self._answers([item for item, _ in group])
        finally:
            _settle(group, answers)
        for topic in {item.topic for item, _ in group if item.records}:
            self._fresh[topic].set()
            self._fresh[topic] = asyncio.Event()

    async def _answers(self, items: Sequence[Item]) -> Sequence[Answer]:
        try:
            return await self._writing.call(lambda file: file.write(items, self._max_backlog, self._clock.now()))
        except NoRoom as error:
            if len(items) == 1:
                return [error]
            return [answer for item in items for answer in await self._answers([item])]  # the small ones may fit
        except Exception as error:  # noqa: BLE001 -- it belongs to the callers, whatever it is: the drain must live
            return [error] * len(items)


class _Desk:
    """A thread of its own and the file it works on."""

    def __init__(self, name: str, file: BusFile) -> None:
        self._file = file
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def call(self, work: Callable[[BusFile], T]) -> T:
        """Do the work in the thread; whoever is cancelled meanwhile leaves it running to its end."""
        try:
            running = asyncio.get_running_loop().run_in_executor(self._thread, work, self._file)
        except RuntimeError as error:
            raise BusUnavailable("the bus is closed") from error
        return await running

    async def close(self) -> None:
        """Let go of the file once the work under way is done."""
        with suppress(BusUnavailable):
            await self.call(BusFile.close)
        self._thread.shutdown(wait=False)


def _settle(group: Iterable[Waiting], answers: Iterable[Answer]) -> None:
    """Give each waiting caller its answer; one that was cancelled has gone."""
    for (_, promise), answer in zip(group, answers, strict=True):
        if promise.done():
            continue
        if isinstance(answer, BusError):
            promise.set_exception(type(answer)(str(answer)))  # one each: a shared one would gather everybody's traceback
        elif isinstance(answer, Exception):
            promise.set_exception(answer)
        else:
            promise.set_result(answer)
