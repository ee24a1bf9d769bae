"""A server that is stopped, crashes or stands still under the store that stands on it."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.errors import StoreUnavailable
from monitor.store.sessions import Store
from tests.contract.store.units import HITS, SECRET_WORDS, eventually, write, written
from tests.postgresql import Missing, Server, running

HOME = Path("/nonexistent")  # a store on a server has no folder


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A durable server that a test may stop and kill."""
    try:
        with running(durable=True) as server:
            yield server
    except Missing as missing:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(missing))


class TestAway:
    """A server that is not always there."""

    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
    async def test_restarted_between(self, own_server: Server, how: signal.Signals) -> None:
        """After a restart the next unit goes on at once: connections kept from before are known to be dead before anything is done."""
        store = await Store.open(await own_server.database(), HOME)
        await write(store, 0, HITS)
        await asyncio.gather(*(written(store, HITS) for _ in range(5)))
        await asyncio.to_thread(own_server.stop, how)
        await asyncio.to_thread(own_server.start)
        await write(store, 1, HITS)
        assert await asyncio.gather(*(written(store, HITS) for _ in range(5))) == [2] * 5
        assert await store.newest_seq() == 2
        await store.close()

    async def test_away(self, own_server: Server) -> None:
        """While it is away every unit and look says so soon, in words without its address; when it is back they go on by themselves."""
        store = await Store.open(await own_server.database(), HOME)
        await write(store, 0, HITS)
        assert await store.newest_seq() == 1
        await asyncio.to_thread(own_server.stop)
        for work in (write(store, 1, HITS), written(store, HITS), store.newest_seq()):
            async with asyncio.timeout(10):
                with pytest.raises(StoreUnavailable) as told:
                    await work
            assert SECRET_WORDS[:8] not in str(told.value)
        await asyncio.to_thread(own_server.start)
        await write(store, 1, HITS)
        assert (await written(store, HITS), await store.newest_seq()) == (2, 2)
        await store.close()

    async def test_crashed_under_writers(self, own_server: Server) -> None:
        """A server that crashes again and again in the middle of units: each unit is there once and whole, in order."""
        store = await Store.open(await own_server.database(), HOME)

        async def work() -> None:
            for number in range(40):
                await eventually(store, number)

        working = asyncio.create_task(work())
        for _ in range(4):
            await asyncio.sleep(0.3)
            await asyncio.to_thread(own_server.stop, signal.SIGQUIT)
            await asyncio.to_thread(own_server.start)
        await working
        assert await written(store, HITS) == 40
        await store.close()

    async def test_a_server_that_stands_still(self, own_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        """One that takes connections and answers nothing is told as away within the bounds, and found again when it moves."""
        monkeypatch.setattr("monitor.store.sessions._BEGIN", 0.5)
        store = await Store.open(await own_server.database(), HOME)
        await write(store, 0, HITS)
        with own_server.held_still():
            async with asyncio.timeout(10):
                with pytest.raises(StoreUnavailable):
                    await write(store, 1, HITS)
                with pytest.raises(StoreUnavailable):
                    await written(store, HITS)
        await eventually(store, 1)
        assert await written(store, HITS) == 2
        await store.close()
