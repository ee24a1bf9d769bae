"""The backends every contract suite runs against; a new one joins by a branch here."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from monitor.bus.base import Bus
from monitor.bus.sqlite import SqliteBus
from monitor.clock import DAY, ManualClock
from monitor.settings import Retention

START = 1_800_000_000_000_000
BusMaker = Callable[..., Awaitable[Bus]]


@pytest.fixture
def clock() -> ManualClock:
    """The wall clock of the bus under test."""
    return ManualClock(START)


@pytest.fixture(params=["sqlite"])
async def make_bus(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> AsyncIterator[BusMaker]:
    """Makes a started bus on the test's own log; a second call opens the same log again. All are closed at the end."""
    made: list[Bus] = []

    async def make(*, partitions: int = 2, max_backlog: int = 1_000) -> Bus:
        assert request.param == "sqlite"
        retention = Retention(raw=7 * DAY, scored=30 * DAY)
        bus = SqliteBus(tmp_path, retention=retention, clock=clock, partitions=partitions, max_backlog=max_backlog, busy=0.2)
        await bus.start()
        made.append(bus)
        return bus

    yield make
    for bus in made:
        await bus.close()


@pytest.fixture
async def bus(make_bus: BusMaker) -> Bus:
    """A started, empty bus of two partitions."""
    return await make_bus()
