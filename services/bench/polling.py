"""
Dashboards that poll, over a real socket, the API's store being SQLite or PostgreSQL.

`alerts_page`: a page of 50 among 100,000 alerts, each time another question (filters, cursors at any depth): seconds, p99. Its baseline
is how it is often done, in this process without a server: SQL by hand on the same tables, the same filters, OFFSET.

`alerts_304`: unchanged polls a second from 16 connections. Its baseline is a bare FastAPI route with the same parameters and key check
(services/api/bare.py), asked the same by the same clients in turns, so that both have the same neighbours.
"""

import asyncio
import statistics
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
from time import perf_counter
from urllib.parse import urlencode

import httpx

from monitor.settings import Settings
from services.bench.figure import Figure, figure
from services.bench.latency import answering, free_port, p99
from services.bench.naive_pages import plain_seconds
from services.bench.pipeline import scratch
from services.bench.roles import running
from services.bench.years import Asked, fill, questions
from services.wiring import open_store

ALERTS = 100_000
PAGES = 1_000
CONNECTIONS = 16
ROUNDS, SECONDS = 5, 1.0
_KEY = "bench-key-of-nobody-0123456789"
_HEAD = f"Host: bench\r\nAuthorization: Bearer {_KEY}\r\n"


def measure_polling(
    folder: Path, _lines: Sequence[bytes], _names: Sequence[str], base: Settings | None = None, *, alerts: int = ALERTS
) -> dict[str, Figure]:
    """Both, of one filled store: that of `base` else SQLite in the folder; what it made is removed."""
    folder.mkdir(parents=True)
    return asyncio.run(_measured(folder, base, alerts))


async def _measured(folder: Path, base: Settings | None, alerts: int) -> dict[str, Figure]:
    asked = list(questions(alerts, PAGES))
    async with serving(folder, base, alerts) as settings, _bare() as bare:
        port = settings.listen[1]
        pages = await _seconds(port, asked)
        plain = await plain_seconds(settings, asked, alerts)
        rates, baseline = await _polls(port, bare)
    page = figure(p99(pages), "s p99", p99(plain), len(pages), less_is_better=True, p50=statistics.median(pages), alerts=float(alerts))
    return {"alerts_page": page, "alerts_304": figure(rates, "polls/s", baseline, round(rates), connections=CONNECTIONS)}


@asynccontextmanager
async def serving(folder: Path, base: Settings | None, alerts: int) -> AsyncIterator[Settings]:
    """The API as a process of its own over a store with so many alerts, from when it answers; by these settings."""
    keys = f"api_keys: [{{name: bench, role: reader, key: '{_KEY}'}}]\nlisten: 127.0.0.1:{free_port()}\n"
    async with scratch(folder, base, keys) as settings:
        store = await open_store(settings)
        try:
            await fill(store, alerts)
        finally:
            await store.close()
        with running(settings, "api"):
            await _answers(settings.listen[1])
            yield settings


async def get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, more: str = "") -> tuple[int, bytes]:
    """One request on a connection kept open; its status and its body."""
    writer.write(f"GET {path} HTTP/1.1\r\n{_HEAD}{more}\r\n".encode())
    head, body = await reader.readuntil(b"\r\n\r\n"), b""
    if b"content-length: " in head:
        body = await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
    return int(head.split(b" ", 2)[1]), body


async def _seconds(port: int, asked: Sequence[Asked]) -> list[float]:
    """Seconds of each page, one after the other."""
    found: list[float] = []
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for question in asked:
        started = perf_counter()
        status, _ = await get(reader, writer, f"/v1/alerts?limit=50&{urlencode(question)}")
        if status != httpx.codes.OK:
            raise RuntimeError(f"bench: a page was answered {status}")
        found.append(perf_counter() - started)
    writer.close()
    return found


async def _polls(ours: int, bare: int) -> tuple[float, float]:
    """Polls a second of both, the median of rounds in turns."""
    etag = await _etag(ours)
    rates: dict[int, list[float]] = {ours: [], bare: []}
    for port, _ in zip(cycle((ours, bare)), range(2 * ROUNDS), strict=False):
        until = perf_counter() + SECONDS
        counts = await asyncio.gather(*(_polling(port, etag, until) for _ in range(CONNECTIONS)))
        rates[port].append(sum(counts) / SECONDS)
    return statistics.median(rates[ours]), statistics.median(rates[bare])


async def _polling(port: int, etag: str, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    polls = 0
    while perf_counter() < until:
        status, _ = await get(reader, writer, "/v1/alerts?limit=50", f"If-None-Match: {etag}\r\n")
        if status != httpx.codes.NOT_MODIFIED:
            raise RuntimeError("bench: an unchanged poll was not answered 304")
        polls += 1
    writer.close()
    return polls


async def _etag(port: int) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        found = await client.get(f"http://127.0.0.1:{port}/v1/alerts?limit=50", headers={"authorization": f"Bearer {_KEY}"})
    return found.headers["etag"]


@asynccontextmanager
async def _bare() -> AsyncIterator[int]:
    """The bare route as a process of its own, from when it answers; its port."""
    port, nowhere = free_port(), asyncio.subprocess.DEVNULL
    command = [sys.executable, "-m", "services.api.bare", str(port), _KEY]
    process = await asyncio.create_subprocess_exec(*command, stdout=nowhere, stderr=nowhere)
    try:
        await _answers(port)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def _answers(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        await answering(client, "/v1/alerts", httpx.codes.UNAUTHORIZED)
