"""The server: uvicorn inside our own loop. Signals and the order of stopping are the lifecycle's: it handles and raises none."""

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from monitor.errors import UsageError
from services.api.state import ApiState

BACKLOG = 512
GRACE = 1  # seconds for requests under way; long polls are told to end before


def bind(host: str, port: int, said: str = "配置的 listen") -> socket.socket:
    """The bound socket, made before anything starts; UsageError when somebody else has the port. `said`: where the address stands."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on and every answer waits 40 ms for the client's delayed ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # Bound is not yet taken: two that only bind with SO_REUSEADDR do not see each other.
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(_refusal(host, port, said, error)) from error
    listener.setblocking(False)
    return listener


def _refusal(host: str, port: int, said: str, error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        return f"端口 {port} 已被占用 ({host}): 请停掉占用它的程序, 或在{said} 中换一个端口"
    if number == errno.EACCES:
        return f"没有权限使用端口 {port} ({host}): 请换一个 1024 以上的端口"
    return f"无法监听 {host}:{port} ({error}): 请检查{said}"


async def serve(app: FastAPI, listener: socket.socket) -> None:
    """Serve until cancelled; then end what waits, give the rest `GRACE`, and return within two seconds."""
    server = Server(how(app))
    state: ApiState = app.state.api
    if not app.state.only_probes:
        state.traces.begin(state.store)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        state.stopping.set()
        server.should_exit = True
        await asyncio.wait([task])
        await state.traces.close()
        raise
    finally:
        listener.close()


def how(app: ASGIApp) -> uvicorn.Config:
    """How it is served."""
    return uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", server_header=False, proxy_headers=False, ws="none",
        timeout_graceful_shutdown=GRACE, backlog=BACKLOG,
    )  # fmt: skip


class Server(uvicorn.Server):
    """Without signal handlers: the lifecycle has them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
