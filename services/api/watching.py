"""
Readers that wait for a change: one look at the store serves them all, whether there is one reader or hundreds.

A change by this process is seen at once, by another within a quarter of a second. Those it concerns are let go a few at a time, so that
whoever asks something else meanwhile (is the process alive?) is answered in between.
"""

import asyncio
from contextlib import suppress

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from monitor.errors import StoreUnavailable
from monitor.store.sessions import Store
from services.api.errors import busy

GLANCE = 0.25  # seconds
MOST = 2_000  # readers, of some 20 kB each
AT_ONCE = 8


class Watch:
    """Everybody who waits, with the seq they know; nobody waits any longer once the service stops."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    async def beyond(self, seq: int, seconds: float, store: Store, stopping: asyncio.Event, receive: Receive) -> None:
        """
        Return when something changed after `seq`, when the service stops, or after so many seconds.

        ClientDisconnect: nobody is there any more; 503 when too many wait already.
        """
        if len(self) >= MOST:
            raise busy(f"{MOST} readers wait already")
        news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[news] = seq
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look(store, stopping))
        left = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({news, left}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting.pop(news, None)
            left.cancel()
            await asyncio.wait({left})
        if not left.cancelled() and not news.done():
            raise ClientDisconnect

    async def _look(self, store: Store, stopping: asyncio.Event) -> None:
        """For as long as anybody waits; nothing is awaited after the last has left, so whoever comes then begins anew."""
        stop = asyncio.create_task(stopping.wait())
        while self._waiting:
            commits = store.commits
            with suppress(StoreUnavailable):  # who waits goes on waiting, and is told when their time is over
                newest = await store.newest_seq()
                await self._release([news for news, seq in self._waiting.items() if seq < newest])
            if stopping.is_set():
                await self._release(list(self._waiting))
            change = asyncio.create_task(store.wait_change(GLANCE, commits))
            await asyncio.wait({change, stop}, return_when=asyncio.FIRST_COMPLETED)
            change.cancel()
        stop.cancel()

    async def _release(self, ready: list[asyncio.Future[None]]) -> None:
        for start in range(0, len(ready), AT_ONCE):
            for news in ready[start : start + AT_ONCE]:
                self._waiting.pop(news, None)
                if not news.done():
                    news.set_result(None)
            await asyncio.sleep(0)


async def _left(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
