"""A receiver on loopback that does as it is told: answers, hangs, breaks off, refuses."""

import asyncio
import socket
import ssl
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic
from types import TracebackType
from typing import Self

import msgspec


@dataclass
class Request:
    """One POST as it arrived."""

    line: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def message(self) -> str:
        """The webhook-id."""
        return self.headers["webhook-id"]

    @property
    def said(self) -> dict[str, object]:
        """The body, read."""
        read: dict[str, object] = msgspec.json.decode(self.body)
        return read


Behaviour = Callable[[Request, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answer(status: int, body: bytes = b"", **headers: str) -> Behaviour:
    """A whole answer; `retry_after="3"` becomes a header."""

    async def behave(_: Request, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status} Word", f"content-length: {len(body)}", "connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await writer.drain()

    return behave


def raw(*pieces: bytes, pause: float = 0.0) -> Behaviour:
    """These bytes, with a pause before each, then the end of the connection."""

    async def behave(_: Request, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            await asyncio.sleep(pause)
            writer.write(piece)
            await writer.drain()

    return behave


async def hang(_: Request, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Nothing at all, until the other side gives up."""
    await reader.read()


async def reset(_: Request, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The connection torn down in the middle of the head."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-le")
    await writer.drain()
    await asyncio.sleep(0.05)
    linger = struct.pack("ii", 1, 0)  # at close, a reset instead of a farewell
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


OK = answer(204)


@dataclass
class FakeReceiver:
    """Listens within `async with`. `script` is used up a request at a time, then `otherwise` holds."""

    otherwise: Behaviour = OK
    script: deque[Behaviour] = field(default_factory=deque)
    requests: list[Request] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    port: int = 0
    tls: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        """Where to POST to."""
        return f"http://127.0.0.1:{self.port}/hook"

    async def until(self, holds: Callable[[], bool], within: float = 8.0) -> None:
        """Wait until something holds that requests can change; TimeoutError when it never does."""
        async with asyncio.timeout(within):
            while not holds():
                self._news.clear()
                await self._news.wait()

    def bodies(self) -> dict[str, set[bytes]]:
        """Every body that came under each id."""
        found: dict[str, set[bytes]] = {}
        for request in self.requests:
            found.setdefault(request.message, set()).add(request.body)
        return found

    async def __aenter__(self) -> Self:
        self._tasks: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            request = await _read(reader)
            self.requests.append(request)
            self._news.set()
            behave = self.script.popleft() if self.script else self.otherwise
            await behave(request, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.at_once -= 1
            self._news.set()
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(head[0], headers, body, monotonic())
