"""What can never be done, on every bus: a record that fails, or is larger than the log takes, costs its neighbours nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka.admin import NewTopic
from prometheus_client import CollectorRegistry

from monitor.bus.base import DEAD, RAW, SCORED, Bus, Record
from monitor.bus.kafka import KafkaBus
from monitor.clock import SECOND, SystemClock
from monitor.collecting.recording import Block
from monitor.mention import Raw, Scored, decode_raw, decode_scored, encode
from monitor.metrics import Metrics
from services.dead import DeadLetter, read_record
from services.escalate import Escalator
from services.intake import Intake
from services.replay import Replay
from services.score import ScoreRole
from services.wiring import make_escalator, open_store
from tests.contract.conftest import FreshStore
from tests.contract.kafka_making import a_bus, admin_of
from tests.kafka_server import Cluster
from tests.unit.escalation.making import START
from tests.unit.pipeline.making import decided_beside, log, raw, score, settings_in

COUNT, BOUND = 12, 20_000
LONG = "某某" * BOUND


class Poisoned:
    """Scores all but one."""

    def __init__(self, item: str) -> None:
        self._item = item

    def __call__(self, raws: Sequence[Raw]) -> list[Scored]:
        """Fails for a batch that has it."""
        if any(one.mention.id == self._item for one in raws):
            raise ValueError("poison")
        return score(raws)


async def letters(bus: Bus) -> list[DeadLetter]:
    """What was put aside."""
    bounds = await bus.bounds(DEAD)
    found = [read_record(one.value) for place, (_, end) in bounds.items() if end for one in await bus.read(DEAD, place, 0, end)]
    return [one for one in found if isinstance(one, DeadLetter)]


async def items(bus: Bus, topic: str) -> list[str]:
    """The ids of the mentions of a topic, ticks left out, by partition."""
    read = decode_raw if topic == RAW else decode_scored
    records = [one for place, (_, end) in (await bus.bounds(topic)).items() if end for one in await bus.read(topic, place, 0, end)]
    return [read(one.value).mention.id for one in records if one.kind == "mention"]


@pytest.mark.parametrize("batch", [1, 256])
@pytest.mark.parametrize("place", [0, 5, COUNT - 1])
async def test_poison_is_put_aside_alone(bus: Bus, place: int, batch: int) -> None:
    """First, in the middle, last of a batch: the others are scored once and in order, it is kept as it was with its origin."""
    records = [Record(b"k", encode(raw(f"m{n}", START + n, as_if=False)), partition=0) for n in range(COUNT)]
    await bus.append(RAW, records)
    role = ScoreRole(bus, Poisoned(f"m{place}"), Metrics(CollectorRegistry()), log(), batch=batch)
    offset = 0
    while offset < COUNT:
        offset = await role.advance(offset)

    assert await items(bus, SCORED) == [f"m{n}" for n in range(COUNT) if n != place]
    (letter,) = await letters(bus)
    assert (letter.origin, letter.content, letter.reason, letter.attempts) == (f"{RAW}/0/{place}", records[place].value, "failed", 3)
    assert (await bus.taken("score", RAW))[0] == COUNT


@pytest.fixture
async def narrow(kafka: Cluster, prefix: str) -> AsyncIterator[KafkaBus]:
    """A bus whose topics somebody made for small messages only."""
    configs = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(BOUND), "retention.ms": str(7 * 86_400_000)}
    async with admin_of(kafka.servers) as admin:
        await admin.create_topics([NewTopic(prefix + RAW, 2, 1, topic_configs=configs)])
    bus = a_bus(kafka.servers, prefix)
    await bus.start()
    yield bus
    await bus.close()


async def test_what_is_pushed_and_too_large_is_rejected_by_itself(narrow: KafkaBus) -> None:
    """The others are taken, each is answered in its place, and there is nothing to be tried again."""
    intake = Intake(narrow, SystemClock(), Metrics(CollectorRegistry()))
    pushed = [raw(name, START, LONG if name in "bd" else "某某", as_if=False).mention for name in "abcd"]
    receipt = await asyncio.wait_for(intake.take(pushed, staff=True), 8)

    assert (receipt.accepted, [one.index for one in receipt.rejected]) == (2, [1, 3])
    assert all("larger than the log takes" in error for one in receipt.rejected for error in one.errors)
    assert sorted(await items(narrow, RAW)) == ["a", "c"]


@asynccontextmanager
async def an_escalator(bus: Bus, folder: Path, url: str) -> AsyncIterator[tuple[dict[int, Escalator], Metrics]]:
    """Somebody who decides each partition of it."""
    metrics, settings = Metrics(CollectorRegistry()), settings_in(folder, store=url)
    store = await open_store(settings)
    yield {one: make_escalator(settings, bus, store, SystemClock(), metrics, log(), partition=one) for one in range(2)}, metrics
    await store.close()


async def test_a_recording_goes_on_past_what_is_too_large(narrow: KafkaBus, fresh_store: FreshStore, tmp_path: Path) -> None:
    """It is put aside with its words (as many as the log takes); all else is decided; run again nothing is added."""
    block = Block("b", tuple(raw(f"m{n}", START + n * SECOND, LONG if n == 3 else f"某某 {n}") for n in range(6)))
    async with fresh_store(tmp_path) as url, an_escalator(narrow, tmp_path, url) as (escalators, metrics):
        for _ in range(2):
            async with decided_beside(escalators[0]), decided_beside(escalators[1]):
                replay = Replay(narrow, ScoreRole(narrow, score, metrics, log()), escalators)
                await asyncio.wait_for(replay.run(iter([block]), lambda _: None), 30)

    kept = [f"m{n}" for n in range(6) if n != 3]
    assert (sorted(await items(narrow, RAW)), await items(narrow, SCORED)) == (kept, kept)
    (letter,) = await letters(narrow)
    assert (letter.reason, letter.origin.split("/")[:3]) == ("invalid", ["b", "t", "m3"])
    assert '"m3"' in letter.content.decode(errors="ignore")
