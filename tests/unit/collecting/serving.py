"""A local HTTP server that answers as the internet does: well, late, endlessly, with bombs. Each path is a behaviour."""

import asyncio
import gzip
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

Answer = Callable[["Request", asyncio.StreamWriter], Awaitable[None]]
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


@dataclass
class Request:
    """One request: its path, its headers (lower case), and the how-manieth for this path it is."""

    path: str
    headers: dict[str, str]
    number: int


@dataclass
class Server:
    """Answers by path; what was asked is kept."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    requests: list[Request] = field(default_factory=list)
    base: str = ""
    open: dict[asyncio.Task[object], asyncio.StreamWriter] = field(default_factory=dict)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        task = asyncio.current_task()
        assert task is not None
        self.open[task] = writer
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            path = head[0].split(" ")[1]
            self.asked[path] += 1
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
            request = Request(path, headers, self.asked[path])
            self.requests.append(request)
            await self.answers.get(path.partition("?")[0], missing)(request, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        del self.open[task]

    async def close(self) -> None:
        """Break off whatever is still under way."""
        for task, writer in list(self.open.items()):
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*self.open, return_exceptions=True)
        await asyncio.sleep(0)


@asynccontextmanager
async def serving(**answers: Answer) -> AsyncIterator[Server]:
    """A server whose `/name` answers so."""
    server = Server({f"/{name}": answer for name, answer in answers.items()})
    listener = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.base = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        await server.close()


async def reply(writer: asyncio.StreamWriter, body: bytes = b"", *, status: str = "200 OK", **headers: str) -> None:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    writer.write(("\r\n".join([*lines, f"content-length: {len(body)}", "connection: close"]) + "\r\n\r\n").encode() + body)
    await writer.drain()


async def missing(_: Request, writer: asyncio.StreamWriter) -> None:
    """404."""
    await reply(writer, b"nothing here", status="404 Not Found")


def gives(body: bytes, status: str = "200 OK", **headers: str) -> Answer:
    """Always the same answer."""

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        await reply(writer, body, status=status, **headers)

    return answer


def rss(name: str, count: int = 3, *, guid: str = "{name}-{n}", at: datetime = START, encoding: str = "utf-8", prolog: str = "") -> bytes:
    """A feed of that many items."""
    items = "".join(
        f"<item><guid isPermaLink='false'>{guid.format(name=name, n=n)}</guid><title>{name} 第 {n} 条</title>"
        f"<link>http://news.example/{name}/{n}</link>"
        f"<description>&lt;p&gt;云杉集团的消息 {n}&lt;/p&gt;</description>"
        f"<pubDate>{format_datetime(at + timedelta(minutes=n))}</pubDate></item>"
        for n in range(count)
    )
    return f"{prolog}<rss version='2.0'><channel><title>{name}晚报</title>{items}</channel></rss>".encode(encoding)


async def hangs(_: Request, writer: asyncio.StreamWriter) -> None:
    """Takes the request and says nothing."""
    await asyncio.sleep(3600)
    writer.close()


async def drips(_: Request, writer: asyncio.StreamWriter) -> None:
    """A byte at a time, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
    while True:
        writer.write(b"<")
        await writer.drain()
        await asyncio.sleep(0.05)


async def endless(_: Request, writer: asyncio.StreamWriter) -> None:
    """As fast as can be, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n<rss><channel>")
    while True:
        writer.write(b"<item><title>x</title></item>" * 2_000)
        await writer.drain()


def slow(body: bytes, seconds: float) -> Answer:
    """A good answer that is late."""

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await reply(writer, body)

    return answer


def remembered(body: bytes) -> Answer:
    """Knows its ETag."""

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.headers.get("if-none-match") == '"one"':
            await reply(writer, status="304 Not Modified", etag='"one"')
        else:
            await reply(writer, body, etag='"one"')

    return answer


def bomb(encoding: str) -> bytes:
    """Thirty megabytes of blanks, packed."""
    blank = b" " * (30 << 20)
    return gzip.compress(blank, 1) if encoding == "gzip" else zlib.compress(blank, 1)


LAUGHS = (
    "<?xml version='1.0'?><!DOCTYPE rss [<!ENTITY a0 'ha'>"
    + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10))
    + "]><rss><channel><item><title>&a9;</title></item></channel></rss>"
).encode()
