"""
What one transaction of the embedded log will write, decided before anything is written.

Items are planned one after the other against one picture of the log, so that an item which may not be appended leaves no trace
and its neighbours in the same transaction go through. No I/O here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

import msgspec

from monitor.bus.base import DEAD, Outcome, Record, RecordKind, Taken, partition_of
from monitor.errors import BusFull

Place = tuple[str, int]  # topic, partition


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A record as it lies inside a batch."""

    key: bytes
    value: bytes
    kind: RecordKind


@dataclass(frozen=True, slots=True)
class Item:
    """One call to append or take."""

    topic: str
    records: Sequence[Record] = ()
    taken: Taken | None = None
    once: str = ""


@dataclass(frozen=True, slots=True)
class Log:
    """One partition as the transaction found it: its row, the oldest offset kept and the next to be given."""

    id: int
    low: int
    next: int


@dataclass(frozen=True, slots=True)
class Picture:
    """What the transaction knows of the file: enough to plan every item without asking it again."""

    logs: Mapping[Place, Log]
    positions: Mapping[tuple[str, str], Mapping[int, int]]  # (group, topic) -> partition -> position
    versions: Mapping[tuple[str, bytes], int]  # (topic, identity) -> version, of the identities the items bring
    names: frozenset[tuple[str, str]]  # (topic, once), of the names the items bring


@dataclass(slots=True)
class Plan:
    """The writes gathered so far."""

    picture: Picture
    max_backlog: int
    entries: dict[Place, list[Entry]] = field(default_factory=dict)
    versions: dict[tuple[str, bytes], int] = field(default_factory=dict)
    names: set[tuple[str, str]] = field(default_factory=set)
    positions: dict[tuple[str, str], dict[int, int]] = field(default_factory=dict)

    def add(self, item: Item) -> list[Outcome] | BusFull:
        """Take the item into the plan, or say why it cannot be; a refused item changes nothing."""
        name = (item.topic, item.once)
        if item.once and (name in self.picture.names or name in self.names):
            return [Outcome.DUPLICATE] * len(item.records)
        outcomes, versions = self._sort_out(item)
        count = sum(outcome is not Outcome.DUPLICATE for outcome in outcomes)
        if count and self._backlog(item.topic) + count > self.max_backlog:
            return BusFull(f"{item.topic}: {self.max_backlog} records wait for their slowest consumer")
        self.versions |= versions
        self._enter(item, outcomes)
        return outcomes

    def _backlog(self, topic: str) -> float:
        """
        How many records of the topic its slowest known group has not taken, the plan's own included; with none known, all that are kept.

        Nobody consumes dead letters: until somebody does, they have no backlog however many they are.
        """
        groups = [self._positions(key) for key in {*self.picture.positions, *self.positions} if key[1] == topic]
        if topic == DEAD and not groups:
            return -inf
        return max(self._untaken(topic, taken) for taken in groups or [{}])

    def _untaken(self, topic: str, taken: Mapping[int, int]) -> int:
        logs = [(place, log) for place, log in self.picture.logs.items() if place[0] == topic]
        ends = [(place[1], log.low, log.next + len(self.entries.get(place, ()))) for place, log in logs]
        return sum(max(0, end - max(low, taken.get(partition, 0))) for partition, low, end in ends)

    def _positions(self, key: tuple[str, str]) -> Mapping[int, int]:
        return {**self.picture.positions.get(key, {}), **self.positions.get(key, {})}

    def _sort_out(self, item: Item) -> tuple[list[Outcome], dict[tuple[str, bytes], int]]:
        """What becomes of each record, also against its neighbours in the same call."""
        outcomes, versions = [], dict[tuple[str, bytes], int]()
        for record in item.records:
            outcome, key = Outcome.ACCEPTED, (item.topic, record.identity)
            if record.identity:
                known = versions.get(key, self.versions.get(key, self.picture.versions.get(key)))
                if known is not None:
                    outcome = Outcome.UPDATED if record.version > known else Outcome.DUPLICATE
                if outcome is not Outcome.DUPLICATE:
                    versions[key] = record.version
            outcomes.append(outcome)
        return outcomes, versions

    def _enter(self, item: Item, outcomes: Iterable[Outcome]) -> None:
        partitions = sum(topic == item.topic for topic, _ in self.picture.logs)
        for record, outcome in zip(item.records, outcomes, strict=True):
            if outcome is not Outcome.DUPLICATE:
                partition = partition_of(record.key, partitions) if record.partition is None else record.partition
                self.entries.setdefault((item.topic, partition), []).append(Entry(record.key, record.value, record.kind))
        if item.once:
            self.names.add((item.topic, item.once))
        if item.taken and item.taken.positions:  # a group is known by its first position
            self._take(item.taken)

    def _take(self, taken: Taken) -> None:
        """A position moves forward only: a consumer that comes late with an old one changes nothing."""
        known = self._positions((taken.group, taken.topic))
        moved = {partition: max(position, known.get(partition, 0)) for partition, position in taken.positions.items()}
        self.positions.setdefault((taken.group, taken.topic), {}).update(moved)
