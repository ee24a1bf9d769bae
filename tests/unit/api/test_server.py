"""The server over real sockets: ports, stopping, and bodies longer than anybody reads."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from monitor.errors import UsageError
from services.api.server import bind, serve
from tests.unit.api.making import GOOD, World, world


@asynccontextmanager
async def serving(here: World) -> AsyncIterator[tuple[httpx.AsyncClient, asyncio.Task[None]]]:
    """A served world, and a client of its own for it."""
    listener = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    task = asyncio.create_task(serve(here.app, listener))
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as client:
            yield client, task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def test_a_port_in_use_is_named_with_its_remedy() -> None:
    """Before anything starts, in the reader's language; a socket that only listens is enough."""
    with bind("127.0.0.1", 0) as taken, pytest.raises(UsageError, match=r"端口 \d+ 已被占用.*listen"):
        bind("127.0.0.1", taken.getsockname()[1])
    with bind("127.0.0.1", 0) as taken, pytest.raises(UsageError, match=r"端口 \d+ 已被占用.*选项 --probes 中换"):
        bind("127.0.0.1", taken.getsockname()[1], said="选项 --probes")


@pytest.mark.parametrize(("host", "port"), [("203.0.113.1", 8000), ("127.0.0.1", 99_999), ("nobody.invalid", 8000)])
def test_an_address_that_is_not_ours_is_a_usage_error(host: str, port: int) -> None:
    """No traceback for a wrong `listen`."""
    with pytest.raises(UsageError, match="无法监听"):
        bind(host, port)


async def test_it_answers_as_soon_as_it_is_bound(tmp_path: Path) -> None:
    """A request made before the server has started waits and is answered; nothing says what software it is."""
    async with world(tmp_path) as here, serving(here) as (client, _):
        answer = await client.get("/livez")
        head = await client.head("/v1/alerts")

    assert answer.json() == {"status": "alive"}
    assert "server" not in answer.headers
    assert (head.status_code, head.content) == (200, b"")


async def test_no_answer_waits_for_the_clients_delayed_ack() -> None:
    """Connections of a bound socket send at once (TCP_NODELAY), or every answer with a body would take 40 ms."""
    listener = bind("127.0.0.1", 0)
    seen: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def accepted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async with await asyncio.start_server(accepted, sock=listener):
        _, writer = await asyncio.open_connection(*listener.getsockname())
        assert await asyncio.wait_for(seen, 5) == 1
        writer.close()


@pytest.mark.parametrize("chunked", [False, True])
async def test_fifty_megabytes_get_their_413(tmp_path: Path, chunked: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """The answer reaches a client that sends all before it reads, and the connection can be used again."""
    piece = b" " * 1_000_000

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield piece

    async with world(tmp_path) as here, serving(here) as (client, _):
        answer = await client.post("/v1/mentions", content=pieces() if chunked else piece * 50)
        after = await client.post("/v1/mentions", content=json.dumps(GOOD))

    assert answer.status_code == 413
    assert after.status_code == 202


async def test_a_body_broken_off_harms_nobody(tmp_path: Path) -> None:
    """A client that leaves in the middle of its body leaves nothing behind."""
    async with world(tmp_path) as here, serving(here) as (client, _):
        host, port = client.base_url.host, client.base_url.port
        _, writer = await asyncio.open_connection(host, port)
        writer.write(b"POST /v1/mentions HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n[{")
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.close()
        await writer.wait_closed()

        assert (await client.post("/v1/mentions", json=GOOD)).json()["accepted"] == 1


async def test_it_stops_within_two_seconds_whoever_waits(tmp_path: Path) -> None:
    """A long poll is ended with its answer, a hanging client is let go, the port is free again."""
    async with world(tmp_path) as here, serving(here) as (client, task):
        waiting = asyncio.create_task(client.get("/v1/alerts/changes?wait=25"))
        host, port = client.base_url.host, client.base_url.port or 0
        _, hanging = await asyncio.open_connection(host, port)
        hanging.write(b"POST /v1/mentions HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n[{")
        await asyncio.sleep(0.3)

        begun = time.monotonic()
        task.cancel()
        await asyncio.wait([task])

        assert time.monotonic() - begun < 2
        assert (await waiting).json() == {"items": [], "seq": 0}
        bind(host, port).close()
        hanging.close()


def test_two_servers_never_share_a_port() -> None:
    """Binding takes the port at once, so the second of two starts fails."""
    first = bind("127.0.0.1", 0)
    second = socket.socket()

    with first, second, pytest.raises(OSError, match="in use"):
        second.bind(first.getsockname())
