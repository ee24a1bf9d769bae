"""Blocks of a recording, a scorer that needs no model, and a house on a folder of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry
from structlog.stdlib import BoundLogger

from monitor.alert import Transition
from monitor.bus.base import Bus
from monitor.clock import SECOND, ManualClock, moment
from monitor.collecting.recording import Block
from monitor.mention import Mention, Raw, Scored
from monitor.metrics import Metrics
from monitor.settings import Receiver, Secret, Settings
from monitor.store.sessions import Store
from services.escalate import Escalator
from services.recording.replay import Replay
from services.score import ScoreRole
from services.wiring import make_escalator, open_bus, open_store
from tests.unit.escalation.making import START, SUBJECT, scored

WALL = START + 40 * 86_400 * SECOND  # what our own clock says; event time is long before


@dataclass
class Parts:
    """What roles work on."""

    settings: Settings
    bus: Bus
    store: Store
    clock: ManualClock
    metrics: Metrics
    log: BoundLogger

    def escalator(self, *, batch: int = 256, send: bool = True, turn: asyncio.Semaphore | None = None) -> Escalator:
        """An escalator as a process would make it."""
        return make_escalator(self.settings, self.bus, self.store, self.clock, self.metrics, self.log, batch=batch, send=send, turn=turn)

    async def transitions(self) -> list[Transition]:
        """Everything decided and stored, by alert."""
        async with self.store.read() as unit:
            return [one for _, history in [pair async for pair in unit.alerts.all()] for one in history]


def log() -> BoundLogger:
    """A logger that says nothing."""
    made: BoundLogger = structlog.wrap_logger(None, processors=[_swallow])
    return made


def _swallow(_logger: object, _name: str, _event: object) -> str:
    raise structlog.DropEvent


def settings_in(folder: Path, **more: object) -> Settings:
    """Settings of one subject on a folder, with one receiver."""
    receiver = Receiver(name="duty", type="webhook", url=Secret("http://127.0.0.1:1/"))
    fields: dict[str, object] = {"subjects": (SUBJECT,), "receivers": (receiver,), "organisation": "某某集团"}
    return Settings(file=folder / "c.yaml", data=folder, **fields | more)  # type: ignore[arg-type]


@asynccontextmanager
async def parts_in(folder: Path, **more: object) -> AsyncIterator[Parts]:
    """The parts of a process on a folder, let go of at the end as by a kill: nothing is finished first."""
    settings, clock = settings_in(folder, **more), ManualClock(WALL)
    bus = open_bus(settings, clock)
    await bus.start()
    store = await open_store(settings)
    try:
        yield Parts(settings, bus, store, clock, Metrics(CollectorRegistry()), log())
    finally:
        await store.close()
        await bus.close()


def raw(item: str, at: int, text: str = "某某", *, as_if: bool = True) -> Raw:
    """A mention as accepted."""
    mention = Mention(source="t", id=item, text=text, published_at=moment(at), author=f"author {item}")
    return Raw(received_at=at, mention=mention, as_if=as_if)


def score(raws: Sequence[Raw]) -> list[Scored]:
    """A scorer that takes all that names 某某 for ill talk, and hits nothing else."""
    like = scored("", START)
    return [
        Scored(received_at=one.received_at, mention=one.mention, score=like.score, emotion=like.emotion, as_if=one.as_if)
        for one in raws
        if "某某" in one.mention.text
    ]


def blocks(count: int = 6, size: int = 20, every: int = 30 * SECOND) -> list[Block]:
    """Fixed stretches of a rising story, each mention with words of its own."""
    raws = [raw(f"m{n:04}", START + n * every, f"某某 第{n}个人的不满 {n * 7919}") for n in range(count * size)]
    return [Block(f"block{n}", tuple(raws[n * size : (n + 1) * size])) for n in range(count)]


async def replayed(parts: Parts, stream: Sequence[Block], *, batch: int = 256, speed: float | None = None) -> int:
    """Replay blocks with an escalator beside; how many mentions were told as progress."""
    escalator, told = parts.escalator(batch=batch), list[Block]()
    async with decided_beside(escalator):
        scorer = ScoreRole(parts.bus, score, parts.metrics, parts.log)
        await Replay(parts.bus, scorer, {0: escalator}, speed=speed).run(iter(stream), told.append)
    return sum(len(block.raws) for block in told)


@asynccontextmanager
async def decided_beside(escalator: Escalator) -> AsyncIterator[None]:
    """Let an escalator work meanwhile."""
    task = asyncio.create_task(escalator.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
