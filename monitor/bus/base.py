"""
What every bus promises. `tests/contract/test_bus.py` runs this page against each backend.

A bus holds topics; a topic holds partitions; a partition is an ordered, gap-free run of records numbered from 0 by `offset`,
kept for its retention counted from storing. Records with one key stay in one partition, in the order they were appended.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Literal, Protocol
from zlib import crc32

import msgspec

from monitor.clock import DAY
from monitor.settings import Retention

RAW = "mentions.raw"
SCORED = "mentions.scored"
DEAD = "mentions.dead"
TOPICS = (RAW, SCORED, DEAD)
DEAD_KEPT = 30 * DAY

RecordKind = Literal["mention", "tick", "dead"]


class Record(msgspec.Struct, frozen=True, gc=False):
    """
    What is appended. `partition` None: chosen by the key.

    `identity` (16 bytes, with `version`): a bus that can (`SQLite`) refuses a second record of one identity in one topic unless its
    version is greater, and says so in the outcome. Empty: always appended.
    """

    key: bytes
    value: bytes
    kind: RecordKind = "mention"
    partition: int | None = None
    identity: bytes = b""
    version: int = 0


class Stored(msgspec.Struct, frozen=True, gc=False):
    """A record read back; `stored_at` is the bus's own clock, micros."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    kind: RecordKind
    stored_at: int


class Outcome(StrEnum):
    """What became of one appended record."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    UPDATED = "updated"


Positions = Mapping[int, int]  # partition -> offset of the next record to take


class Taken(msgspec.Struct, frozen=True):
    """What a consumer has finished with: stored together with what it appended."""

    group: str
    topic: str
    positions: dict[int, int]


class Gap(msgspec.Struct, frozen=True):
    """Somebody asked for `asked`, and the oldest record kept is `oldest`: what lay between has expired unread."""

    topic: str
    partition: int
    asked: int
    oldest: int


class Assignment(msgspec.Struct, frozen=True):
    """The partitions of a topic that a member works on; `turn` counts the assignments, so that lost and found again is seen too."""

    turn: int
    partitions: frozenset[int]


class Member(Protocol):
    """
    One worker's membership in a group that shares a topic's partitions: at any time each belongs to at most one of them.

    What a member still does with a partition after it lost it may be done by the next one too: effects are guarded by positions in
    the store, or are idempotent. Membership is kept alive beside the work; a member that is slow keeps its partitions.
    """

    trouble: str | None  # why it cannot take part now

    @property
    def held(self) -> Assignment:
        """What it works on now; nothing while partitions are being shared out anew."""
        ...

    async def changed(self, known: Assignment) -> Assignment:
        """
        Wait until what it works on is not `known` any more. The first is known by `Assignment(0, frozenset())`.

        UsageError: by these settings it is never let in.
        """
        ...

    async def leave(self) -> None:
        """Let go of everything, so that others take over at once; safe to call twice."""
        ...


class Bus(Protocol):
    """
    A partitioned, replayable log. Every call raises BusUnavailable when the log cannot be reached now, within ten seconds.

    The calls are safe to make from many tasks of one event loop; appends made at the same time share one write.

    Where the backends differ, a role that keeps to the weaker promise works on both (tests/contract/test_bus_kafka.py shows each):

    | | SQLite | Kafka |
    |---|---|---|
    | an append | all or none, its `taken` with it | a failed one may have arrived in part: a beginning in each partition |
    | BusUnavailable | nothing was written, unless it was stopped | it may still arrive; sent again it may be there twice |
    | `identity` | a known one is refused: DUPLICATE, UPDATED | every record is ACCEPTED; the store knows it again |
    | `once` | kept for 400 days | kept with its records, of none not at all; two processes at once may both make it |
    | BusFull | at `max_backlog` | never: brokers keep by time |
    | TooLarge | never | a record over the topic's `max.message.bytes` |
    | retention | by our clock; what a group has not taken stays | by the broker's (LogAppendTime), taken or not |
    | `join` | all partitions, for ever | shared with the other members, see Member |
    """

    @property
    def knows(self) -> bool:
        """Whether it refuses a second record of one `identity`; where not, the store knows it again."""
        ...

    async def start(self) -> None:
        """Open, create what is missing, and check what is there: UsageError names what differs from the settings."""
        ...

    async def close(self) -> None:
        """Finish what is under way, within ten seconds; safe to call twice."""
        ...

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has."""
        ...

    async def append(self, topic: str, records: Sequence[Record], *, taken: Taken | None = None, once: str = "") -> list[Outcome]:
        """
        Append all or none, durably, in order; returns one outcome a record once they are durable.

        `taken` is stored with them (SQLite: atomically; Kafka: after them, or Reassigned). `once` names the append: a second append
        of the same topic and name, which must bring the same records, changes nothing and answers DUPLICATE for each; what was cut
        off half-way is completed. On Kafka the first named append of a topic reads what the topic keeps, so what is harmless when
        it is there twice, such as a tick, goes without a name there. BusFull: the topic's backlog is at its bound.
        """
        ...

    async def read(self, topic: str, partition: int, offset: int, limit: int, wait: float = 0.0) -> list[Stored]:
        """
        At most `limit` records from `offset` on; waits up to `wait` seconds for the first.

        An offset below the oldest kept reads from the oldest kept: the caller sees the gap in the offsets.
        """
        ...

    async def take(self, taken: Taken) -> None:
        """
        Remember what a consumer has finished with; never moves a position back.

        On Kafka it is committed for the group, by the member where this process has joined: Reassigned when the partition is not its own.
        """
        ...

    async def taken(self, group: str, topic: str) -> dict[int, int]:
        """The remembered positions; partitions never taken are 0."""
        ...

    async def bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        """For each partition (oldest kept offset, next offset to be appended)."""
        ...

    async def done(self, topic: str, once: str) -> bool:
        """Whether an append of that name has been made whole."""
        ...

    async def expire(self, now: int) -> int:
        """
        Remove what is past its retention at `now` (micros) and taken by every known group; returns how many.

        Nothing on Kafka: the brokers do it, see above.
        """
        ...

    async def members(self, group: str) -> int:
        """How many workers the group has now, in whatever process; of a log that is for one process, those of this one."""
        ...

    async def join(self, group: str, topic: str) -> Member:
        """Work on the topic's partitions with the group's other members, until it leaves or the bus closes; once a process and group."""
        ...


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key: the same in every process and release."""
    return crc32(key) % partitions


def kept_for(retention: Retention, topic: str) -> int:
    """How long a topic's records are kept from storing, micros."""
    return {RAW: retention.raw, SCORED: retention.scored, DEAD: DEAD_KEPT}[topic]


def check_partitions(topic: str, count: int, partitions: Iterable[int]) -> None:
    """ValueError for a partition that the topic does not have: a caller's mistake."""
    if wrong := [partition for partition in partitions if not 0 <= partition < count]:
        raise ValueError(f"{topic} has {count} partitions, not {wrong[0]}")
