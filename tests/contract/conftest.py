"""The backends every contract suite runs against; a new one joins by a branch here."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from shutil import copytree

import pytest

from monitor.bus.base import Bus
from monitor.bus.kafka import KafkaBus
from monitor.bus.sqlite import SqliteBus
from monitor.clock import DAY, ManualClock
from monitor.settings import Kafka, Retention
from monitor.store.sessions import Store
from tests.kafka_server import Cluster
from tests.postgresql import Server

START = 1_800_000_000_000_000
RETENTION = Retention(raw=7 * DAY, scored=30 * DAY)
Build = Callable[[int, int], Bus]  # partitions, backlog -> a bus on the test's own log, not started
BusMaker = Callable[..., Awaitable[Bus]]
Losing = Callable[[], Awaitable[None]]
FreshStore = Callable[[Path], AbstractAsyncContextManager[str]]


@pytest.fixture
def clock() -> ManualClock:
    """The wall clock of the embedded bus under test."""
    return ManualClock(START)


@pytest.fixture
def prefix() -> str:
    """A prefix of topics that no other test has."""
    return f"t{os.urandom(6).hex()}."


@pytest.fixture(params=["sqlite", "kafka"])
def build(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock, prefix: str) -> Build:
    """Builds a bus of the backend under test; what `gap` says of it is expected to fail."""
    for gap in request.node.iter_markers("gap"):
        if gap.args[0] == request.param:
            request.applymarker(pytest.mark.xfail(reason=gap.args[1], strict=True))
    if request.param == "sqlite":
        return lambda partitions, backlog: SqliteBus(
            tmp_path, retention=RETENTION, clock=clock, partitions=partitions, max_backlog=backlog, busy=0.2
        )
    cluster: Cluster = request.getfixturevalue("kafka")
    return lambda partitions, _: KafkaBus(cluster.servers, Kafka(topic_prefix=prefix, partitions=partitions), retention=RETENTION)


@pytest.fixture
async def make_bus(build: Build) -> AsyncIterator[BusMaker]:
    """Makes a started bus on the test's own log; a second call opens the same log again. All are closed at the end."""
    made: list[Bus] = []

    async def make(*, partitions: int = 2, max_backlog: int = 1_000) -> Bus:
        bus = build(partitions, max_backlog)
        made.append(bus)
        await bus.start()
        return bus

    yield make
    for bus in made:
        await bus.close()


@pytest.fixture
async def bus(make_bus: BusMaker) -> Bus:
    """A started, empty bus of two partitions."""
    return await make_bus()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedded store just made: copied, because making one takes longer than most tests."""
    folder = tmp_path_factory.mktemp("made")

    async def make() -> None:
        await (await Store.open("sqlite", folder)).close()

    asyncio.run(make())
    return folder


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_store(request: pytest.FixtureRequest, made: Path) -> FreshStore:
    """Makes an empty store of each kind: the `store:` of a configuration with that data folder, good inside the `with`."""
    server: Server | None = request.getfixturevalue("postgresql") if request.param == "postgresql" else None

    @asynccontextmanager
    async def fresh(folder: Path) -> AsyncIterator[str]:
        if server is None:
            copytree(made, folder, dirs_exist_ok=True)
            yield "sqlite"
            return
        url = await server.database()
        yield url
        await server.drop(url)

    return fresh


@pytest.fixture
async def empty_store(fresh_store: FreshStore, tmp_path: Path) -> AsyncIterator[str]:
    """The `store:` of a configuration whose data folder is `tmp_path`."""
    async with fresh_store(tmp_path) as url:
        yield url


@pytest.fixture
def lose_store(request: pytest.FixtureRequest, empty_store: str, tmp_path: Path) -> Losing:
    """Lets the store be away, whoever uses it."""

    async def lose() -> None:
        if empty_store != "sqlite":
            await request.getfixturevalue("postgresql").drop(empty_store)
            return
        for file in await asyncio.to_thread(lambda: list(tmp_path.glob("store.db*"))):
            await asyncio.to_thread(file.unlink)
        await asyncio.to_thread(tmp_path.joinpath("store.db").mkdir)

    return lose
