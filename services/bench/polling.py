"""
Dashboards that poll, over a real socket.

`alerts_page`: a page of 50 among 100,000 alerts, each time another question (filters, cursors at any depth): seconds, p99. Its baseline
is how it is often done, in this process without a server: bare sqlite3 on the same file, the same filters, OFFSET.

`alerts_304`: unchanged polls a second from 16 connections. Its baseline is a bare FastAPI route with the same parameters and key check
(services/api/bare.py), asked the same by the same clients in turns, so that both have the same neighbours.
"""

import asyncio
import json
import sqlite3
import statistics
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from datetime import datetime
from itertools import cycle
from pathlib import Path
from random import Random
from time import perf_counter
from urllib.parse import urlencode

import httpx
from msgspec.structs import replace

from monitor.alert import STATUSES, Alert, Counters, Level, Reason, ReasonCode, alert_id, story_id
from monitor.clock import SECOND, micros, rfc3339
from monitor.escalation.effects import AlertChange
from monitor.store.alerts import CURSORS
from monitor.store.embedded import FILE
from monitor.store.sessions import Store
from services.bench.figure import Figure, figure
from services.bench.latency import answering, free_port, p99
from services.bench.replay import PROGRAM, write_config
from services.bench.stream import BEGIN, NAMES

ALERTS = 100_000
PAGES = 1_000
CONNECTIONS = 16
ROUNDS, SECONDS = 5, 1.0
_KEY = "bench-key-of-nobody-0123456789"
_AT_ONCE = 2_000
_START = micros(BEGIN)
_HEAD = f"Host: bench\r\nAuthorization: Bearer {_KEY}\r\n"
_SAMPLES: tuple[dict[str, object], ...] = tuple({"source": "bench", "id": str(n), "text": "太可怕了" * 9} for n in range(3))
Asked = list[tuple[str, str]]


def measure_polling(folder: Path, _lines: Sequence[bytes], _names: Sequence[str], alerts: int = ALERTS) -> dict[str, Figure]:
    """Both, of one filled store."""
    folder.mkdir(parents=True)
    return asyncio.run(_measured(folder, alerts))


async def _measured(folder: Path, alerts: int) -> dict[str, Figure]:
    port, bare = free_port(), free_port()
    keys = f"api_keys: [{{name: bench, role: reader, key: '{_KEY}'}}]\nlisten: 127.0.0.1:{port}\n"
    config = write_config(folder, NAMES, keys)
    await fill(folder / "var", alerts)
    asked = list(questions(alerts, PAGES))
    ours = [*PROGRAM, "run", "--role", "api", "--config", str(config)]
    async with _process(ours, port), _process([sys.executable, "-m", "services.api.bare", str(bare), _KEY], bare):
        pages = await _seconds(port, asked)
        plain = _plain_seconds(folder / "var" / FILE, asked, alerts)
        rates, baseline = await _polls(port, bare)
    page = figure(p99(pages), "s p99", p99(plain), len(pages), less_is_better=True, p50=statistics.median(pages), alerts=float(alerts))
    return {"alerts_page": page, "alerts_304": figure(rates, "polls/s", baseline, round(rates), connections=CONNECTIONS)}


async def fill(folder: Path, alerts: int) -> None:
    """So many alerts as years leave behind: nearly all resolved, few of them red, most about one subject, what is open among the last."""
    store = await Store.open("sqlite", folder)
    try:
        made = _alerts(alerts)
        for _ in range(0, alerts, _AT_ONCE):
            async with store.write() as unit:
                await unit.alerts.record([AlertChange(one, None) for one, _ in zip(made, range(_AT_ONCE), strict=False)])
    finally:
        await store.close()


def _alerts(count: int) -> Iterator[Alert]:
    drawn = Random(3)  # noqa: S311 - a measurement must be repeatable, not secret
    for number in range(count):
        subject = NAMES[min(int(drawn.paretovariate(1.2)), len(NAMES)) - 1]
        story = story_id(subject, str(number).encode())
        at = _START + number * 60 * SECOND
        counters = Counters(
            title=f"{subject}被多名消费者联名投诉 {number}", mentions=40, authors=35, negative=30, engagement=900,
            platforms=("微博", "新闻"), first_at=at, last_at=at, samples=_SAMPLES,
            indicators={"heat": 41.5, "authors_1h": 35.0},
        )  # fmt: skip
        level, status = Level(drawn.choices(range(5), (70, 20, 8, 1.9, 0.1))[0]), drawn.choices(STATUSES, (0, 0, 0, 9, 1))[0]
        alert = Alert(
            id=alert_id(story, 1), subject=subject, story=story, episode=1, level=level, policy_level=level, status=status,
            opened_at=at, changed_at=at, counters=counters, reasons=(Reason(ReasonCode.AUTHORS_1H, 35, 20),),
        )  # fmt: skip
        yield replace(alert, status=drawn.choice(STATUSES)) if number > count * 0.98 else alert


def questions(alerts: int, count: int) -> Iterator[Asked]:
    """Every filter and every two of them, at any depth; no question comes twice."""
    drawn = Random(4)  # noqa: S311 - a measurement must be repeatable, not secret
    for _ in range(count):
        since = _START + drawn.randrange(alerts) * 60 * SECOND
        could: list[Asked] = [
            [("status", "open"), ("status", "acknowledged"), ("status", "handling")], [("status", drawn.choice(STATUSES))],
            [("level", drawn.choice(list(Level)).word), ("level", "red")], [("min_level", drawn.choice(list(Level)).word)],
            [("subject", drawn.choice(NAMES))], [("since", rfc3339(since))],
        ]  # fmt: skip
        chosen = {name: value for part in drawn.sample(could, drawn.randrange(3)) for name, value in [(part[0][0], part)]}
        yield [*(pair for part in chosen.values() for pair in part), ("cursor", CURSORS.after(1 + drawn.randrange(alerts)))]


async def _seconds(port: int, asked: Sequence[Asked]) -> list[float]:
    """Seconds of each page, one after the other."""
    found: list[float] = []
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for question in asked:
        started = perf_counter()
        status = await _get(reader, writer, f"/v1/alerts?limit=50&{urlencode(question)}")
        if status != httpx.codes.OK:
            raise RuntimeError(f"bench: a page was answered {status}")
        found.append(perf_counter() - started)
    writer.close()
    return found


def _plain_seconds(file: Path, asked: Sequence[Asked], alerts: int) -> list[float]:
    """The same pages without a service."""
    found: list[float] = []
    with closing(sqlite3.connect(file)) as base:
        for question in asked:
            started = perf_counter()
            [json.loads(body) for (body,) in base.execute(*_plain(question, alerts))]
            found.append(perf_counter() - started)
    return found


def _plain(question: Asked, alerts: int) -> tuple[str, list[str | int]]:
    """As one would write it in an afternoon."""
    values: dict[str, list[str | int]] = {}
    for name, value in question:
        values.setdefault(name, []).append(_column(name, value))
    depth = max(0, alerts - CURSORS.key(str(values.pop("cursor")[0]))[0])
    said = {"status": "status IN", "level": "level IN", "subject": "subject IN", "min_level": "level >=", "since": "changed_at >="}
    where = [f"{said[name]} ({', '.join('?' * len(given))})" for name, given in values.items()]
    query = f"SELECT body FROM alert WHERE {' AND '.join(where) or '1'} ORDER BY seq DESC LIMIT 50 OFFSET ?"  # noqa: S608 our own words
    return query, [*(value for given in values.values() for value in given), depth]


def _column(name: str, value: str) -> str | int:
    """As it is stored."""
    if name == "since":
        return micros(datetime.fromisoformat(value))
    return Level.of(value).value if "level" in name else value


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
        if await _get(reader, writer, "/v1/alerts?limit=50", f"If-None-Match: {etag}\r\n") != httpx.codes.NOT_MODIFIED:
            raise RuntimeError("bench: an unchanged poll was not answered 304")
        polls += 1
    writer.close()
    return polls


async def _get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, more: str = "") -> int:
    """One request on a connection kept open; its status."""
    writer.write(f"GET {path} HTTP/1.1\r\n{_HEAD}{more}\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    if b"content-length: " in head:
        await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
    return int(head.split(b" ", 2)[1])


async def _etag(port: int) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        found = await client.get(f"http://127.0.0.1:{port}/v1/alerts?limit=50", headers={"authorization": f"Bearer {_KEY}"})
    return found.headers["etag"]


@asynccontextmanager
async def _process(command: Sequence[str], port: int) -> AsyncIterator[None]:
    """A server, from when it answers."""
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdout=nowhere, stderr=nowhere)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            await answering(client, "/v1/alerts", httpx.codes.UNAUTHORIZED)
        yield
    finally:
        process.terminate()
        await process.wait()
