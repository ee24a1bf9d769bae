"""
Requests that come all at once begin a few at a time, so that in between others are answered: first of all, whether the process is alive.

Hundreds of dashboards that are told of a change come back together; begun together they would hold the event loop for a tenth of a
second. It is fair: who came first begins first.
"""

import asyncio
from collections import deque

from starlette.types import ASGIApp, Receive, Scope, Send

AT_ONCE = 8  # some four milliseconds' work
PROBES = frozenset({"/livez", "/readyz", "/metrics"})


class Turns:
    """A layer that lets `AT_ONCE` requests begin in each round of the event loop; probes do not wait."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._begun = 0
        self._queue: deque[asyncio.Future[None]] = deque()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's event, when it is its turn."""
        if scope["type"] == "http" and scope["path"] not in PROBES:
            await self._turn()
        await self._app(scope, receive, send)

    async def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        if not self._begun and not self._queue:
            loop.call_soon(self._round)
        if self._begun < AT_ONCE and not self._queue:
            self._begun += 1
            return
        mine = loop.create_future()
        self._queue.append(mine)
        await mine

    def _round(self) -> None:
        """A new round: the next ones in the queue begin in it."""
        self._begun = 0
        while self._queue and self._begun < AT_ONCE:
            waiting = self._queue.popleft()
            if not waiting.done():
                waiting.set_result(None)
                self._begun += 1
        if self._begun:
            asyncio.get_running_loop().call_soon(self._round)
