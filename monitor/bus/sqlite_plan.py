"""
What one transaction of the embedded log will write, decided before anything is written.

Items are planned one after the other against one picture of the log, so that an item which may not be appended leaves no trace
and its neighbours in the same transaction go through. No I/O here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

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

    def untaken(self, topic: str) -> int:
        """
        How many records of the topic its slowest known group has not taken; with no group known, all that are kept.

        Nobody consumes dead letters: their topic has no backlog until somebody does.
        """
        logs = {partition: log for (name, partition), log in self.logs.items() if name == topic}
        groups = [positions for (_, name), positions in self.positions.items() if name == topic]
        if not groups:
            return 0 if topic == DEAD else sum(log.next - log.low for log in logs.values())
        return max(sum(max(0, log.next - max(log.low, taken.get(p, 0))) for p, log in logs.items()) for taken in groups)


@dataclass(slots=True)
class Plan:
    """The writes gathered so far."""

    picture: Picture
    max_backlog: int
    entries: dict[Place, list[Entry]] = field(default_factory=dict)
    versions: dict[tuple[str, bytes], int] = field(default_factory=dict)
    names: set[tuple[str, str]] = field(default_factory=set)
    positions: dict[tuple[str, str], dict[int, int]] = field(default_factory=dict)
    added: dict[str, int] = field(default_factory=dict)

    def add(self, item: Item) -> list[Outcome] | BusFull:
        """Take the item into the plan, or say why it cannot be; a refused item changes nothing."""
        name = (item.topic, item.once)
        if item.once and (name in self.picture.names or name in self.names):
            return [Outcome.DUPLICATE] * len(item.records)
        outcomes, versions = self._sort_out(item)
        count = sum(outcome is not Outcome.DUPLICATE for outcome in outcomes)
        if count and self.picture.untaken(item.topic) + self.added.get(item.topic, 0) + count > self.max_backlog:
            return BusFull(f"{item.topic}: {self.max_backlog} records wait for their slowest consumer")
        self.versions |= versions
        self._enter(item, outcomes, count)
        return outcomes

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

    def _enter(self, item: Item, outcomes: Iterable[Outcome], count: int) -> None:
        partitions = sum(topic == item.topic for topic, _ in self.picture.logs)
        for record, outcome in zip(item.records, outcomes, strict=True):
            if outcome is not Outcome.DUPLICATE:
                partition = partition_of(record.key, partitions) if record.partition is None else record.partition
                self.entries.setdefault((item.topic, partition), []).append(Entry(record.key, record.value, record.kind))
        self.added[item.topic] = self.added.get(item.topic, 0) + count
        if item.once:
            self.names.add((item.topic, item.once))
        if item.taken:
            self._take(item.taken)

    def _take(self, taken: Taken) -> None:
        """A position moves forward only: a consumer that comes late with an old one changes nothing."""
        known = self.picture.positions.get((taken.group, taken.topic), {})
        moved = self.positions.setdefault((taken.group, taken.topic), {})
        for partition, position in taken.positions.items():
            moved[partition] = max(position, known.get(partition, 0), moved.get(partition, 0))
