"""Who may work on what where several processes share a store: one at a time, and nobody for longer than they say so."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.stdlib import BoundLogger

from monitor.errors import Held
from monitor.store.sessions import Store
from services.keeping import presence, tenure
from services.keeping.presence import attend
from services.keeping.tenure import Tenure
from services.lifecycle import Lifecycle
from tests.postgresql import Server
from tests.unit.pipeline.making import log as silent

HOME = Path("/nonexistent")


@pytest.fixture
async def stores(postgresql: Server) -> AsyncIterator[tuple[Store, Store]]:
    """One database as two processes have it."""
    url = await postgresql.database()
    one, other = await Store.open(url, HOME), await Store.open(url, HOME)
    yield one, other
    await one.close()
    await other.close()
    await postgresql.drop(url)


@pytest.fixture
def log() -> BoundLogger:
    """Says nothing."""
    return silent()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases of a second, said again ten times as often."""
    monkeypatch.setattr(tenure, "LEASE", 1.0)
    monkeypatch.setattr(tenure, "RENEW", 0.1)
    monkeypatch.setattr(presence, "LEASE", 1.0)
    monkeypatch.setattr(presence, "RENEW", 0.1)


async def test_one_at_a_time(stores: tuple[Store, Store], short: None) -> None:  # noqa: ARG001 - it is asked for what it does
    """What one has the other has not, until it is given back, or its holder has said nothing for the time of a lease."""
    one, other = (Tenure(store, "notify") for store in stores)
    assert await one.renew(["a", "b"]) == {"a", "b"}
    assert await other.renew(["b", "c"]) == {"c"}
    assert [one.holds(name) for name in "abc"] == [True, True, False]
    await asyncio.sleep(0.2)
    assert await one.renew(["a", "b"]) == set()
    await one.give_back()
    assert not one.holds("a")
    assert await other.renew(["a", "b", "c"]) == {"a", "b"}
    await asyncio.sleep(1.1)
    assert not other.holds("a")  # nobody had to tell it
    assert await one.renew(["a", "b", "c"]) == {"a", "b", "c"}


async def test_who_is_alone_holds_everything(tmp_path: Path) -> None:
    """A store of one process needs no leases, and writes none."""
    store = await Store.open("sqlite", tmp_path)
    mine = Tenure(store, "notify")
    assert (await mine.renew(["a"]), mine.holds("a"), mine.holds("b"), store.commits) == (set(), True, True, 0)
    await store.close()


async def test_a_replay_and_a_service_never_together(stores: tuple[Store, Store], short: None, log: BoundLogger) -> None:  # noqa: ARG001
    """Services are at work together; who wants to be alone is refused while any lives, and has it when they have stopped."""
    lives = [Lifecycle(log) for _ in range(4)]
    await attend(stores[0], lives[0], log, alone=False)
    await attend(stores[1], lives[1], log, alone=False)
    with pytest.raises(Held, match="正被另一进程使用"):
        await attend(stores[1], lives[2], log, alone=True)
    await lives[0].teardown()
    await lives[1].teardown()
    await attend(stores[1], lives[2], log, alone=True)
    for alone in (True, False):
        with pytest.raises(Held):
            await attend(stores[0], lives[3], log, alone=alone)
    await lives[2].teardown()


async def test_who_was_killed_is_waited_for(stores: tuple[Store, Store], short: None, log: BoundLogger) -> None:  # noqa: ARG001
    """A presence that nobody says again ends by itself; who comes meanwhile waits for that instead of being refused."""
    async with stores[0].write() as unit:
        assert await unit.leases.take("presence", "killed 1 x", 0.6, alone=True) == {}
    life = Lifecycle(log)
    async with asyncio.timeout(5):
        await attend(stores[1], life, log, alone=True)
    await life.teardown()


async def test_who_comes_back_too_late_stops(stores: tuple[Store, Store], short: None, log: BoundLogger) -> None:  # noqa: ARG001
    """A service that could not say so for longer than a lease, while a replay began, ends as held."""
    life = Lifecycle(log)
    await attend(stores[0], life, log, alone=False)
    async with stores[1].write() as unit:
        for holder in await unit.leases.holders("presence"):
            await unit.leases.give_back("presence", holder)
        assert await unit.leases.take("presence", "replay 2 y", 60, alone=True) == {}
    with pytest.raises(Held, match="replay 2"):
        await asyncio.wait_for(life.run(), 5)
