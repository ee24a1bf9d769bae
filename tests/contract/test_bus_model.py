"""Any interleaving of calls leaves the log as a model of a page would: the law behind every single case in `test_bus.py`."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.bus.base import RAW, SCORED, Bus, Outcome, Record, Taken, partition_of
from monitor.bus.sqlite import SqliteBus
from monitor.clock import DAY, HOUR, ManualClock
from monitor.errors import BusFull
from monitor.settings import Retention
from tests.contract.conftest import START

PARTITIONS = 2
BACKLOG = 6
KEPT = {RAW: DAY, SCORED: 3 * DAY}
TOPIC = st.sampled_from([RAW, SCORED])
RECORD = st.builds(
    Record,
    key=st.sampled_from([b"a", b"b", b"c"]),
    value=st.binary(max_size=3),
    partition=st.none() | st.integers(0, PARTITIONS - 1),
    identity=st.sampled_from([b"", b"i" * 16, b"j" * 16]),
    version=st.integers(0, 2),
)
TAKEN = st.builds(
    Taken,
    group=st.sampled_from(["g", "h"]),
    topic=TOPIC,
    positions=st.dictionaries(st.integers(0, PARTITIONS - 1), st.integers(0, 15)),
)
APPEND = st.tuples(TOPIC, st.lists(RECORD, max_size=5), st.none() | TAKEN, st.sampled_from(["", "", "x", "y"]))


@dataclass
class Model:
    """A log in memory that does what `Bus` promises and nothing else."""

    records: dict[tuple[str, int], list[tuple[int, bytes, bytes, int]]] = field(default_factory=dict)  # offset, key, value, stored_at
    next: dict[tuple[str, int], int] = field(default_factory=dict)
    versions: dict[tuple[str, bytes], int] = field(default_factory=dict)
    names: set[tuple[str, str]] = field(default_factory=set)
    positions: dict[tuple[str, str], dict[int, int]] = field(default_factory=dict)

    def append(self, topic: str, records: list[Record], taken: Taken | None, once: str, now: int) -> list[Outcome] | None:
        """The outcomes; None when the log is full."""
        if once and (topic, once) in self.names:
            return [Outcome.DUPLICATE] * len(records)
        versions, outcomes = dict(self.versions), []
        for record in records:
            known = versions.get((topic, record.identity)) if record.identity else None
            outcomes.append(Outcome.ACCEPTED if known is None else Outcome.UPDATED if record.version > known else Outcome.DUPLICATE)
            if record.identity and outcomes[-1] is not Outcome.DUPLICATE:
                versions[topic, record.identity] = record.version
        fresh = [record for record, outcome in zip(records, outcomes, strict=True) if outcome is not Outcome.DUPLICATE]
        if fresh and self.backlog(topic) + len(fresh) > BACKLOG:
            return None
        self.versions = versions
        for record in fresh:
            place = (topic, partition_of(record.key, PARTITIONS) if record.partition is None else record.partition)
            offset = self.next.get(place, 0)
            self.records.setdefault(place, []).append((offset, record.key, record.value, now))
            self.next[place] = offset + 1
        if once:
            self.names.add((topic, once))
        if taken:
            self.take(taken)
        return outcomes

    def backlog(self, topic: str) -> int:
        """What the slowest group has not taken."""
        groups: list[dict[int, int]] = [taken for (_, name), taken in self.positions.items() if name == topic] or [{}]
        return max(
            sum(offset >= taken.get(place[1], 0) for place, kept in self.records.items() if place[0] == topic for offset, *_ in kept)
            for taken in groups
        )

    def take(self, taken: Taken) -> None:
        """Positions move forward."""
        if taken.positions:  # a group is known by its first position
            known = self.positions.setdefault((taken.group, taken.topic), {})
            known |= {partition: max(position, known.get(partition, 0)) for partition, position in taken.positions.items()}

    def expire(self, now: int) -> int:
        """Remove from the front of each partition what is old and taken by all."""
        removed = 0
        for (topic, partition), kept in self.records.items():
            floor = min((taken.get(partition, 0) for (_, name), taken in self.positions.items() if name == topic), default=0)
            while kept and kept[0][0] < floor and kept[0][3] < now - KEPT[topic]:
                kept.pop(0)
                removed += 1
        return removed


async def compare(bus: Bus, model: Model, data: st.DataObject) -> None:
    """The bus and the model tell the same."""
    for topic in (RAW, SCORED):
        bounds = await bus.bounds(topic)
        for partition in range(PARTITIONS):
            kept = model.records.get((topic, partition), [])
            following = model.next.get((topic, partition), 0)
            assert bounds[partition] == (kept[0][0] if kept else following, following)
            offset, limit = data.draw(st.integers(0, 20)), data.draw(st.integers(0, 8))
            read = await bus.read(topic, partition, offset, limit)
            wanted = [record for record in kept if record[0] >= offset][:limit]
            assert [(item.offset, item.key, item.value, item.stored_at) for item in read] == wanted
        for group in ("g", "h"):
            known = model.positions.get((group, topic), {})
            assert await bus.taken(group, topic) == {partition: known.get(partition, 0) for partition in range(PARTITIONS)}


async def live(folder: Path, data: st.DataObject) -> None:
    """A short life of a bus, with the model at its side."""
    clock, model = ManualClock(START), Model()
    retention = Retention(raw=KEPT[RAW], scored=KEPT[SCORED])

    async def opened() -> SqliteBus:
        bus = SqliteBus(folder, retention=retention, clock=clock, partitions=PARTITIONS, max_backlog=BACKLOG)
        await bus.start()
        return bus

    bus = await opened()
    try:
        for act in data.draw(st.lists(st.sampled_from(["append", "append", "append", "take", "expire", "reopen", "wait"]), max_size=12)):
            if act == "append":
                group = data.draw(st.lists(APPEND, min_size=1, max_size=3))
                calls = [bus.append(topic, records, taken=taken, once=once) for topic, records, taken, once in group]
                answers = await asyncio.gather(*calls, return_exceptions=True)
                for (topic, records, taken, once), answer in zip(group, answers, strict=True):
                    told = model.append(topic, records, taken, once, clock.now())
                    assert isinstance(answer, BusFull) if told is None else answer == told
            elif act == "take":
                taken = data.draw(TAKEN)
                await bus.take(taken)
                model.take(taken)
            elif act == "expire":
                assert await bus.expire(clock.now()) == model.expire(clock.now())
            elif act == "reopen":
                await bus.close()
                bus = await opened()
            else:
                clock.advance(data.draw(st.integers(0, 50)) * HOUR)
            await compare(bus, model, data)
    finally:
        await bus.close()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_life_of_the_bus_is_the_life_of_its_model(data: st.DataObject) -> None:
    """Appends alone and together, positions, expiry and reopening in any order agree with the model at every step."""
    with TemporaryDirectory() as folder:
        asyncio.run(live(Path(folder), data))
