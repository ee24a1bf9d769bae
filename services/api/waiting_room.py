"""What answers on the service's ports while bus or store are not to be had yet: alive, not ready and why, and "later" to all else."""

import asyncio
import socket
from collections.abc import Sequence

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.api.errors import RETRY_AFTER, busy, problem
from services.api.server import Server, bind, how
from services.api.state import answer

START = "start"  # the part of /readyz


class WaitingRoom:
    """Opened by the first `tell`: a start that need not wait takes no port for it. `addresses`: each with where it stands."""

    def __init__(self, addresses: Sequence[tuple[tuple[str, int], str]]) -> None:
        self._addresses, self._why = addresses, ""
        self._open: list[tuple[Server, asyncio.Task[None], socket.socket]] = []

    def tell(self, why: str) -> None:
        """Why the start waits now; UsageError when a port is not free."""
        self._why = why
        for (host, port), said in self._addresses[len(self._open) :]:
            listener, server = bind(host, port, said), Server(how(self))
            self._open.append((server, asyncio.create_task(server.serve(sockets=[listener]), name="waiting room"), listener))

    async def close(self) -> None:
        """Leave the ports to whoever answers from now on."""
        for server, _, _ in self._open:
            server.should_exit = True
        for _, task, listener in self._open:
            await asyncio.wait([task])
            listener.close()
        self._open.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, once it is whole: who is cut off while sending would not hear why."""
        while (await receive()).get("more_body"):
            pass
        await self._answer(scope["path"])(scope, receive, send)

    def _answer(self, path: str) -> Response:
        if path == "/livez":
            return answer({"status": "alive"})
        if path == "/readyz":
            response = answer({"status": "unready", "unready": [START], "parts": {START: self._why}}, 503)
            response.headers["Retry-After"] = RETRY_AFTER
            return response
        return problem(busy(f"the service waits to begin: {self._why}"))
