"""Workers follow what a member holds; and the watchdog that stops a process whose workers stand still."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from monitor.bus.base import RAW, Bus
from monitor.bus.membership import Holding
from monitor.errors import BusUnavailable, Stuck
from services.keeping.sharing import Sharing
from services.keeping.watchdog import LOOKS, Watchdog
from tests.unit.pipeline.making import log


class Shifting(Holding):
    """A member whose partitions the test decides."""

    left = False

    async def leave(self) -> None:
        """Remember it."""
        self.left = True


class Work:
    """A worker that counts how often it began."""

    def __init__(self, partition: int) -> None:
        self.partition, self.offset, self.running = partition, 0, False
        self.waits: str | None = None
        self.tries, self.fail = 0, asyncio.Event()

    @property
    def progress(self) -> tuple[int, int]:
        """What moves when it works."""
        return self.offset, self.tries

    async def run(self) -> None:
        """Until it is told to fail."""
        self.running = True
        try:
            await self.fail.wait()
            raise ValueError("of its own")
        finally:
            self.running = False


class Rig:
    """A sharing with a member that the test moves."""

    def __init__(self, keep: float) -> None:
        self.member, self.made = Shifting(), list[Work]()
        bus = cast("Bus", SimpleNamespace(join=self._join))
        self.sharing = Sharing(bus, "score", RAW, self._make, log(), keep=keep)

    async def _join(self, *_: str) -> Shifting:
        return self.member

    def _make(self, partition: int) -> Work:
        self.made.append(Work(partition))
        return self.made[-1]

    async def hold(self, *partitions: int) -> None:
        """The member holds these from now on."""
        self.member.hold(partitions)
        await asyncio.sleep(0.02)

    @property
    def running(self) -> list[int]:
        """The partitions that are worked on."""
        return sorted(one.partition for one in self.made if one.running)


@asynccontextmanager
async def at_work(keep: float) -> AsyncIterator[Rig]:
    """A sharing that runs within the block."""
    rig = Rig(keep)
    task = asyncio.create_task(rig.sharing.run())
    yield rig
    task.cancel()
    await asyncio.wait([task])
    assert (rig.running, rig.member.left) == ([], True)


async def test_each_partition_held_has_a_worker() -> None:
    """They begin when it is assigned and end when it is lost."""
    async with at_work(0.0) as rig:
        await rig.hold(0, 2)
        assert rig.running == [0, 2]
        await rig.hold()
        assert rig.running == []
        await rig.hold(1)
        assert rig.running == [1]
        assert list(rig.sharing.workers) == [1]


async def test_without_keeping_every_worker_begins_again() -> None:
    """Lost and found again in one breath is still another turn: somebody else may have worked there meanwhile."""
    async with at_work(0.0) as rig:
        await rig.hold(0, 1)
        rig.member.hold(())
        await rig.hold(0)
        assert rig.running == [0]
        assert [one.partition for one in rig.made] == [0, 1, 0]


async def test_with_keeping_those_that_come_back_have_never_stopped() -> None:
    """While partitions are shared out anew the work goes on; what goes to others ends, what is new begins."""
    async with at_work(5.0) as rig:
        await rig.hold(0, 1)
        await rig.hold()
        assert rig.running == [0, 1]
        await rig.hold(1, 2)
        assert rig.running == [1, 2]
        assert [one.partition for one in rig.made] == [0, 1, 2]


async def test_keeping_has_an_end() -> None:
    """Who is not let in again works no longer."""
    async with at_work(0.05) as rig:
        await rig.hold(0)
        await rig.hold()
        await asyncio.sleep(0.2)
        assert rig.running == []


async def test_what_a_worker_dies_of_ends_the_role() -> None:
    """And the others with it."""
    rig = Rig(0.0)
    task = asyncio.create_task(rig.sharing.run())
    await asyncio.sleep(0.02)
    await rig.hold(0, 1)
    rig.made[1].fail.set()
    with pytest.raises(ValueError, match="of its own"):
        await task
    assert (rig.running, rig.member.left) == ([], True)


async def test_why_the_role_waits() -> None:
    """One worker's reason, else what keeps the member out."""
    async with at_work(0.0) as rig:
        await rig.hold(0, 1)
        said = [rig.sharing.waits]
        rig.member.trouble = "nobody answers"
        said.append(rig.sharing.waits)
        rig.made[1].waits = "the disk is full"
        assert [*said, rig.sharing.waits] == [None, "nobody answers", "the disk is full"]


class Ends:
    """A bus of two partitions that end at 10, or that is away."""

    away = False

    async def bounds(self, _: str) -> dict[int, tuple[int, int]]:
        """Where they end."""
        if self.away:
            raise BusUnavailable("gone")
        return {0: (0, 10), 1: (0, 10)}


def _still(_: Work) -> None:
    """Nothing moves."""


def _moves(work: Work) -> None:
    work.offset = (work.offset + 1) % 10


def _tries(work: Work) -> None:
    work.tries += 1


def _done(work: Work) -> None:
    work.offset = 10


def _waits(work: Work) -> None:
    work.waits = "the store is away"


async def looked(monkeypatch: pytest.MonkeyPatch, each: Callable[[Work], None], *, away: bool = False) -> Watchdog:
    """A watchdog after twice as many looks as it has patience for; `each` is done to a worker all the while."""
    monkeypatch.setattr("services.keeping.watchdog.LINGER", 0.0)
    work, bus = Work(1), Ends()
    bus.away = away
    watchdog = Watchdog(cast("Bus", bus), "score", RAW, {1: work}, log(), patience=LOOKS * 0.002)

    async def live() -> None:
        while True:
            each(work)
            await asyncio.sleep(0.001)

    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(live()), asyncio.create_task(watchdog.run())]
    done, _ = await asyncio.wait(tasks, timeout=LOOKS * 0.02, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in done:
        task.result()
    return watchdog


async def test_who_stands_still_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are records, everything answers, and nothing moves: the process ends, and says why."""
    with pytest.raises(Stuck, match=f"{RAW}/1"):
        await looked(monkeypatch, _still)


@pytest.mark.parametrize("each", [_moves, _tries, _done, _waits])
async def test_who_moves_or_waits_is_left_alone(monkeypatch: pytest.MonkeyPatch, each: Callable[[Work], None]) -> None:
    """Also who tries what fails again one by one, who has nothing to do, and who says that the store is away."""
    assert (await looked(monkeypatch, each)).waits is None


async def test_a_bus_that_is_away_is_no_standstill(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for, however long."""
    assert (await looked(monkeypatch, _still, away=True)).waits is None
