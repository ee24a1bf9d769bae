"""
Writing to Kafka: a lane for each partition, in which what gathers while a batch is on its way goes into the next one.

The producer is idempotent: a batch that is sent again after a lost answer is written once. Such a producer of aiokafka never gives up
(#1101) and its sequence has a hole after a refused batch, so after either it is retired: the next batch gets a new one.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer, errors
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from monitor.bus.kafka_wire import NEVER, WITHIN, cut, hang_up, unavailable
from monitor.errors import BusError, BusUnavailable, TooLarge

WAITING_BYTES = 64 << 20  # what may wait to be written, besides one append: brokers that are away must not fill the memory
GROUP_RECORDS = 8_192  # what is sent as one, besides its first part
STOPPED = "the bus was stopped while it wrote: it may still arrive"
Headers = list[tuple[str, bytes]]  # aiokafka takes no other sequence


class Entry(NamedTuple):
    """One record on its way."""

    key: bytes
    value: bytes
    headers: Headers


Runs = list[tuple[int, int]]  # (first offset, how many), in order


class _Part:
    """What one caller has for one lane, when it came, where it lies so far, and where the caller waits."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        loop = asyncio.get_running_loop()
        self.entries, self.since = entries, loop.time()
        self.runs: Runs = []
        self.next = 0  # the first entry that no batch has yet
        self.promise: asyncio.Future[Runs] = loop.create_future()

    def written(self, offset: int, count: int) -> None:
        """So many more are durable, from `offset` on."""
        if count:
            self.runs.append((offset, count))
        if self.next == len(self.entries) and not self.promise.done():
            self.promise.set_result(self.runs)

    def failed(self, error: BusError) -> None:
        """By an error of its own: a shared one would gather everybody's traceback."""
        if not self.promise.done():
            again = TooLarge(error.index, error.size, error.bound) if isinstance(error, TooLarge) else type(error)(str(error))
            self.promise.set_exception(again)


class Writes:
    """All lanes, and the producer they share. `max_bytes` of a batch: the least that any topic takes."""

    def __init__(self, options: dict[str, Any], max_bytes: int) -> None:
        self._options, self._max_bytes = options, max_bytes
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._newest: _Shared | None = None
        self._starting = asyncio.Lock()
        self._waiting = 0
        self._endings: set[asyncio.Task[None]] = set()

    def check(self, entries: Iterable[Entry]) -> None:
        """TooLarge for the first record that no batch can hold."""
        for index, entry in enumerate(entries):
            size = DefaultRecordBatchBuilder.estimate_size_in_bytes(entry.key, entry.value, entry.headers)
            if size > self._max_bytes:
                raise TooLarge(index, size, self._max_bytes)

    async def write(self, topic: str, partition: int, entries: Sequence[Entry]) -> Runs:
        """Where the entries are, once they are durable; BusUnavailable within WITHIN seconds, and then they may still arrive."""
        lane = self._lanes.get((topic, partition))
        if lane is None:
            lane = self._lanes[topic, partition] = _Lane(self, topic, partition)
        size = sum(len(entry.key) + len(entry.value) for entry in entries)
        if self._waiting and self._waiting + size > WAITING_BYTES:
            raise BusUnavailable(f"{self._waiting} bytes wait to be written, nothing more is taken until they are")
        self._waiting += size
        try:
            return await lane.put(entries)
        finally:
            self._waiting -= size

    async def close(self) -> None:
        """Write what is queued, as far as the brokers take it now."""
        drains = [lane.drain for lane in self._lanes.values() if lane.drain is not None]
        if drains:
            await asyncio.wait(drains, timeout=WITHIN / 2)
        for lane in self._lanes.values():
            lane.stop()
        if self._newest is not None:
            await _end(self._newest.producer)
        await asyncio.gather(*self._endings)

    async def producer(self) -> "_Shared":
        """The one to use now, started; it counts as used until `let_go`."""
        async with self._starting:
            if self._newest is None:
                producer = AIOKafkaProducer(
                    **self._options, enable_idempotence=True, acks="all", max_batch_size=self._max_bytes, max_request_size=self._max_bytes
                )
                try:
                    await producer.start()
                except BaseException as error:
                    hang_up(error)
                    self._later(_end(producer))
                    raise
                self._newest = _Shared(producer)
            self._newest.users += 1
            return self._newest

    def let_go(self, shared: "_Shared", *, retire: bool) -> None:
        """Whoever used it is through with it; one that is retired ends when nobody uses it any more."""
        shared.users -= 1
        if retire and self._newest is shared:
            self._newest = None
        if self._newest is not shared and not shared.users:
            self._later(_end(shared.producer))

    def _later(self, ending: Any) -> None:
        task = asyncio.get_running_loop().create_task(ending, name="kafka-producer-end")
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)


class _Shared:
    """A producer and how many lanes have a batch with it."""

    def __init__(self, producer: Any) -> None:
        self.producer = producer
        self.users = 0


class _Lane:
    """One partition's queue, in order; at most one batch of it is on its way."""

    def __init__(self, writes: Writes, topic: str, partition: int) -> None:
        self._writes, self._topic, self._partition = writes, topic, partition
        self._queue: deque[_Part] = deque()
        self.drain: asyncio.Task[None] | None = None

    async def put(self, entries: Sequence[Entry]) -> Runs:
        """Queue the entries and wait for them; whoever is cancelled leaves them on their way."""
        part = _Part(entries)
        self._queue.append(part)
        if self.drain is None:
            task = asyncio.get_running_loop().create_task(self._drain(), name=f"kafka-{self._topic}-{self._partition}")
            self.drain = task
        return await part.promise

    def stop(self) -> None:
        """Fail whoever still waits."""
        if self.drain is not None:
            self.drain.cancel()

    async def _drain(self) -> None:
        try:
            while self._queue:
                await self._send(self._group())
        finally:
            self.drain = None
            for part in self._queue:
                part.failed(BusUnavailable(STOPPED))
            self._queue.clear()

    def _group(self) -> list[_Part]:
        """What has gathered, up to some bound."""
        group = [self._queue.popleft()]
        room = GROUP_RECORDS
        while self._queue and (room := room - len(self._queue[0].entries)) >= 0:
            group.append(self._queue.popleft())
        return group

    async def _send(self, group: Sequence[_Part]) -> None:
        """Send a group in as few batches as hold it, and settle its promises, whatever happens."""
        error: BusError = BusUnavailable(STOPPED)
        try:
            async with asyncio.timeout_at(group[0].since + WITHIN):
                await self._batches(group)
        except TimeoutError:
            error = BusUnavailable("Kafka: not written in time, it may still arrive", server="Kafka")
        except errors.MessageSizeTooLargeError:  # the topic takes less than it did when we started
            largest = max(len(entry.value) for part in group for entry in part.entries)
            error = TooLarge(0, largest, largest - 1)
        except (errors.KafkaError, OSError) as failure:
            error = unavailable(failure)
        finally:
            for part in group:
                part.failed(error)

    async def _batches(self, group: Sequence[_Part]) -> None:
        shared, sent = await self._started(), False
        try:
            waiting = deque(group)
            while waiting:
                batch, owners = _filled(shared.producer, waiting)
                offset = await self._written(shared.producer, batch)
                for part, count in owners:
                    part.written(offset, count)
                    offset += count
            sent = True
        finally:
            self._writes.let_go(shared, retire=not sent)

    async def _started(self) -> _Shared:
        """A producer; brokers that are away are asked again until the time of the caller is over."""
        while True:
            try:
                return await self._writes.producer()
            except NEVER:
                raise
            except (errors.KafkaError, OSError):
                await asyncio.sleep(0.2)

    async def _written(self, producer: Any, batch: Any) -> int:
        return int((await (await producer.send_batch(batch, self._topic, partition=self._partition))).offset)


def _filled(producer: Any, waiting: deque[_Part]) -> tuple[Any, list[tuple[_Part, int]]]:
    """A batch of the first that wait, as many as it holds, at least one; and how many of them are whose, in order."""
    batch, owners, room = producer.create_batch(), [], True
    while waiting and room:
        part = waiting[0]
        start = part.next
        for key, value, headers in islice(part.entries, start, None):
            room = batch.append(timestamp=None, key=key, value=value, headers=headers) is not None
            if not room:
                break
            part.next += 1
        owners.append((part, part.next - start))
        if part.next == len(part.entries):
            waiting.popleft()
    batch.close()
    return batch, owners


async def _end(producer: Any) -> None:
    """End a producer so that nothing of it is sent any more: its stop() would flush first, for ever where no broker answers."""
    await cut(producer.client, producer._sender.sender_task)  # noqa: SLF001 - aiokafka has no other way
    producer._closed = True  # noqa: SLF001 - as above
