"""
The bus on Kafka: partitions shared by any number of processes, kept by brokers that may fail.

What it promises otherwise than the embedded one stands in `base.Bus`. Nothing here hangs: a call that the brokers do not answer ends
within ten seconds as BusUnavailable, and what it wrote may still arrive.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from monitor.bus.base import TOPICS, Gap, Member, Outcome, Record, RecordKind, Stored, Taken, check_partitions, partition_of
from monitor.bus.kafka_member import KafkaMember
from monitor.bus.kafka_names import Names, header
from monitor.bus.kafka_reads import Reads
from monitor.bus.kafka_topics import ready, wanted
from monitor.bus.kafka_wire import WITHIN, Wire, bounded, options
from monitor.bus.kafka_writes import Entry, Runs, Writes
from monitor.errors import BusUnavailable
from monitor.settings import Kafka, Retention

DIGEST = 16
KIND = "kind"
KINDS: Mapping[bytes, RecordKind] = {b"tick": "tick", b"dead": "dead"}
TOLD: Mapping[RecordKind, tuple[tuple[str, bytes], ...]] = {"mention": (), "tick": ((KIND, b"tick"),), "dead": ((KIND, b"dead"),)}


class KafkaBus:
    """A Bus over `brokers` (host:port each). `notice` is told of records that expired before they were read."""

    def __init__(
        self, brokers: tuple[str, ...], kafka: Kafka, *, retention: Retention, notice: Callable[[Gap], object] = lambda _: None
    ) -> None:
        self._options = options(brokers, kafka.security)
        self._kafka, self._retention = kafka, retention
        self._wire = Wire(self._options)
        self._reads = Reads(self._wire, lambda gap: notice(replace(gap, topic=gap.topic.removeprefix(kafka.topic_prefix))))
        self._writes: Writes | None = None
        self._names: dict[str, Names] = {}
        self._members: dict[tuple[str, str], KafkaMember] = {}
        self._taking: dict[str, asyncio.Lock] = {}
        self._closing = asyncio.Event()

    @property
    def knows(self) -> bool:
        """A log on brokers has nowhere to look an identity up."""
        return False

    async def start(self) -> None:
        """Make the topics that are missing and check the others; UsageError names what differs from the settings."""
        found = await ready(self._options, wanted(self._kafka, self._retention))
        self._writes = Writes(self._options, min(topic.max_bytes for topic in found.values()))

    async def close(self) -> None:
        """Write what is queued, leave every group, hang up."""
        if self._closing.is_set():
            return
        self._closing.set()
        await asyncio.gather(*(bounded(member.leave(), WITHIN / 2) for member in list(self._members.values())))
        if self._writes is not None:
            await bounded(self._writes.close(), WITHIN)
        await bounded(self._wire.close(), 1.0)

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has: all have the same."""
        if topic not in TOPICS:
            raise ValueError(f"no such topic: {topic}")
        return self._kafka.partitions

    async def append(self, topic: str, records: Sequence[Record], *, taken: Taken | None = None, once: str = "") -> list[Outcome]:
        """Append in the order of each partition; what fails may have arrived in part."""
        self._check(topic, records, taken)
        self._require_open()
        if once:
            if not await self._append_named(topic, records, once):
                return [Outcome.DUPLICATE] * len(records)
        else:
            await self._write(topic, [(self._partition(topic, record), entry_of(record)) for record in records])
        if taken is not None:
            await self._take_after(taken, records)
        return [Outcome.ACCEPTED] * len(records)

    async def read(self, topic: str, partition: int, offset: int, limit: int, wait: float = 0.0) -> list[Stored]:
        """At most `limit` records from `offset` on; none when the bus closes meanwhile."""
        self._check_partitions(topic, [partition])
        self._require_open()
        reading = asyncio.ensure_future(self._reads.records((self._name(topic), partition), offset, limit, wait))
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait([reading, closing], return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                return []
            return [stored_of(topic, partition, record) for record in reading.result()]
        finally:
            reading.cancel()
            closing.cancel()

    async def take(self, taken: Taken) -> None:
        """Commit for the group, never back; by the member of this process where there is one, so that a lost partition is not moved."""
        self._check_partitions(taken.topic, taken.positions)
        self._require_open()
        if not taken.positions:
            return
        async with self._taking.setdefault(taken.group, asyncio.Lock()):
            known = await self.taken(taken.group, taken.topic)
            ahead = {partition: at for partition, at in taken.positions.items() if at > known[partition]}
            if not ahead:
                return
            if (member := self._members.get((taken.group, taken.topic))) is not None:
                await member.commit(ahead)
            else:
                await self._reads.take(self._group(taken.group), self._name(taken.topic), ahead)

    async def taken(self, group: str, topic: str) -> dict[int, int]:
        """The committed positions of every partition."""
        count = self.partitions(topic)
        self._require_open()
        return await self._reads.taken(self._group(group), self._name(topic), range(count))

    async def bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        """For each partition its oldest and its next offset."""
        count = self.partitions(topic)
        self._require_open()
        return await self._reads.bounds(self._name(topic), range(count))

    async def done(self, topic: str, once: str) -> bool:
        """Whether all records of an append of that name are there."""
        self.partitions(topic)
        self._require_open()
        names = self._names_of(topic)
        async with names.turn:
            if not names.whole(once):
                await names.look()
            return names.whole(once)

    async def expire(self, now: int) -> int:  # noqa: ARG002 - the brokers do it by their own clock
        """Nothing: the brokers remove what is past its retention."""
        self._require_open()
        return 0

    async def members(self, group: str) -> int:
        """As the group's coordinator counts them."""
        self._require_open()
        return await self._reads.members(self._group(group))

    async def join(self, group: str, topic: str) -> Member:
        """Be one of the group's members; what of the topic it works on comes when Kafka has shared it out."""
        self.partitions(topic)
        self._require_open()
        if (group, topic) in self._members:
            raise ValueError(f"this process is a member of {group} on {topic} already")
        member = KafkaMember(
            self._options, self._group(group), self._name(topic), self._kafka.session_timeout,
            on_leave=lambda: self._members.pop((group, topic), None),
        )  # fmt: skip
        self._members[group, topic] = member
        return member

    async def _take_after(self, taken: Taken, records: Sequence[Record]) -> None:
        """What is appended stands: a position that cannot be remembered now is so with the next."""
        try:
            await self.take(taken)
        except BusUnavailable:
            if not records:
                raise

    async def _append_named(self, topic: str, records: Sequence[Record], once: str) -> bool:
        """Append what of it is not there yet; False when all of it was."""
        names = self._names_of(topic)
        async with names.turn:
            if not names.whole(once):
                await names.look()
            if names.whole(once):
                return False
            there = names.arrived(once)
            entries = [
                (self._partition(topic, record), entry_of(record, header(once, number, len(records))))
                for number, record in enumerate(records)
                if number not in there
            ]
            for partition, runs in (await self._write(topic, entries)).items():
                names.written(partition, runs)
            names.complete(once)
            return True

    async def _write(self, topic: str, entries: Sequence[tuple[int, Entry]]) -> dict[int, Runs]:
        """Each partition's entries in order, all partitions at once; waits for all of them also when one fails."""
        if self._writes is None:
            raise BusUnavailable("the bus was not started")
        self._writes.check(entry for _, entry in entries)
        parts: dict[int, list[Entry]] = {}
        for partition, entry in entries:
            parts.setdefault(partition, []).append(entry)
        writing = [self._writes.write(self._name(topic), partition, part) for partition, part in parts.items()]
        answers = await asyncio.gather(*writing, return_exceptions=True)
        runs = {}
        for partition, answer in zip(parts, answers, strict=True):
            if isinstance(answer, BaseException):
                raise answer
            runs[partition] = answer
        return runs

    def _names_of(self, topic: str) -> Names:
        if topic not in self._names:
            self._names[topic] = Names(self._reads, self._name(topic), self._kafka.partitions)
        return self._names[topic]

    def _partition(self, topic: str, record: Record) -> int:
        return record.partition if record.partition is not None else partition_of(record.key, self.partitions(topic))

    def _name(self, topic: str) -> str:
        return self._kafka.topic_prefix + topic

    def _group(self, group: str) -> str:
        return f"{self._kafka.topic_prefix}yuqing.{group}"

    def _check(self, topic: str, records: Sequence[Record], taken: Taken | None) -> None:
        """Refuse a caller's mistake."""
        self._check_partitions(topic, {record.partition for record in records if record.partition is not None})
        if any(record.identity and len(record.identity) != DIGEST for record in records):
            raise ValueError(f"an identity has {DIGEST} bytes")
        if taken is not None:
            self._check_partitions(taken.topic, taken.positions)

    def _check_partitions(self, topic: str, partitions: Iterable[int]) -> None:
        check_partitions(topic, self.partitions(topic), partitions)

    def _require_open(self) -> None:
        if self._closing.is_set() or self._writes is None:
            raise BusUnavailable("the bus is closed")


def entry_of(record: Record, *headers: tuple[str, bytes]) -> Entry:
    """A record as Kafka takes it: what it is stands in a header, unless it is a mention."""
    return Entry(record.key, record.value, [*TOLD[record.kind], *headers])


def stored_of(topic: str, partition: int, record: Any) -> Stored:
    """A record as it was appended; the broker's clock counts milliseconds."""
    kind: RecordKind = "mention"
    for name, value in record.headers:
        if name == KIND:
            kind = KINDS.get(value, "mention")
    return Stored(topic, partition, record.offset, record.key or b"", record.value or b"", kind, record.timestamp * 1000)
