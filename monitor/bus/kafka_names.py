"""
The names of appends on Kafka: which have been made, whole or in part.

A named append's records carry its name, their number and how many they are in a header, so the log itself is the memory: no second
topic that could disagree with it, no transaction (their markers would break the run of offsets, and their protocol loses writes:
Jepsen, Bufstream 2024). The first question reads what the topic keeps; after that only what others have appended since.

Anybody may write to a topic, with a header of that name too: what we would not have written so is no name.
"""

import asyncio
import re
from collections.abc import Collection
from hashlib import blake2b
from typing import Any

from monitor.bus.kafka_reads import Reads
from monitor.bus.kafka_writes import Runs

ONCE = "once"
READ = 5_000
_FORM = re.compile(rb"([0-9]{1,9})/([0-9]{1,9})/(.+)", re.DOTALL)


def header(name: str, number: int, count: int) -> tuple[str, bytes]:
    """What record `number` of `count` carries."""
    return ONCE, b"%d/%d/%s" % (number, count, name.encode())


def named(value: bytes | None) -> tuple[str, int, int] | None:
    """The name, number and count that a header of ours says; None for what is not ours."""
    found = _FORM.fullmatch(value or b"")
    if found is None:
        return None
    try:
        number, count, name = int(found[1]), int(found[2]), found[3].decode()
    except UnicodeDecodeError:
        return None
    return (name, number, count) if number < count else None


class Names:
    """One topic's. `turn` is held by whoever asks and then appends."""

    def __init__(self, reads: Reads, topic: str, partitions: int) -> None:
        self.turn = asyncio.Lock()
        self._reads, self._topic = reads, topic
        self._read = dict.fromkeys(range(partitions), 0)  # the next offset to look at
        self._whole: set[bytes] = set()
        self._parts: dict[bytes, set[int]] = {}

    async def look(self) -> None:
        """Read up to the end; takes as long as the topic is long, and fails when brokers stop answering."""
        for partition, (low, end) in (await self._reads.bounds(self._topic, list(self._read))).items():
            self._read[partition] = max(self._read[partition], low)
            while self._read[partition] < end:
                found = await self._reads.records((self._topic, partition), self._read[partition], READ, 0.0)
                if not found:
                    break
                for record in found:
                    self._note(record)
                self._read[partition] = found[-1].offset + 1

    def whole(self, name: str) -> bool:
        """Whether an append of that name is there with all its records."""
        return _digest(name) in self._whole

    def arrived(self, name: str) -> Collection[int]:
        """The numbers of those of its records that are there, while not all are."""
        return self._parts.get(_digest(name), frozenset())

    def written(self, partition: int, runs: Runs) -> None:
        """We have appended these ourselves: where nothing of others lies between, they need not be read back."""
        for offset, count in runs:
            if self._read[partition] == offset:
                self._read[partition] = offset + count

    def complete(self, name: str) -> None:
        """All its records are there."""
        self._whole.add(_digest(name))
        self._parts.pop(_digest(name), None)

    def _note(self, record: Any) -> None:
        for key, value in record.headers:
            if key == ONCE and (told := named(value)) is not None:
                self._arrive(*told)

    def _arrive(self, name: str, number: int, count: int) -> None:
        if self.whole(name):
            return
        parts = self._parts.setdefault(_digest(name), set())
        parts.add(number)
        if len(parts) >= count:
            self.complete(name)


def _digest(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=16).digest()
