"""
What every bus promises. `tests/contract/test_bus.py` runs this page against each backend.

A bus holds topics; a topic holds partitions; a partition is an ordered, gap-free run of records numbered from 0 by `offset`,
kept for its retention counted from storing. Records with one key stay in one partition, in the order they were appended.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Literal, Protocol
from zlib import crc32

import msgspec

RAW = "mentions.raw"
SCORED = "mentions.scored"
DEAD = "mentions.dead"
TOPICS = (RAW, SCORED, DEAD)

RecordKind = Literal["mention", "tick", "dead"]


class Record(msgspec.Struct, frozen=True):
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


class Stored(msgspec.Struct, frozen=True):
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


class Bus(Protocol):
    """
    A partitioned, replayable log. Every call raises BusUnavailable when the log cannot be reached now.

    The calls are safe to make from many tasks of one event loop; appends made at the same time share one fsync.
    """

    async def start(self) -> None:
        """Open, create what is missing, and check what is there."""
        ...

    async def close(self) -> None:
        """Finish what is under way; safe to call twice."""
        ...

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has."""
        ...

    async def append(
        self, topic: str, records: Sequence[Record], *, taken: Taken | None = None, once: str = ""
    ) -> list[Outcome]:
        """
        Append all or none, durably, in order; returns one outcome a record once they are durable.

        `taken` is stored with them (SQLite: atomically; Kafka: after them). `once` names the append: a second append of the
        same topic and name changes nothing and answers DUPLICATE for each. BusFull: the topic's backlog is at its bound.
        """
        ...

    async def read(self, topic: str, partition: int, offset: int, limit: int, wait: float = 0.0) -> list[Stored]:
        """
        At most `limit` records from `offset` on; waits up to `wait` seconds for the first.

        An offset below the oldest kept reads from the oldest kept: the caller sees the gap in the offsets.
        """
        ...

    async def take(self, taken: Taken) -> None:
        """Remember what a consumer has finished with; never moves a position back."""
        ...

    async def taken(self, group: str, topic: str) -> dict[int, int]:
        """The remembered positions; partitions never taken are 0."""
        ...

    async def bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        """For each partition (oldest kept offset, next offset to be appended)."""
        ...

    async def done(self, topic: str, once: str) -> bool:
        """Whether an append of that name has been made."""
        ...

    async def expire(self, now: int) -> int:
        """Remove what is past its retention at `now` (micros) and taken by every known group; returns how many."""
        ...


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key: the same in every process and release."""
    return crc32(key) % partitions
