"""
`push`: what the API takes a second over a real socket, in arrays of 100, each durable before its 202, from four clients at once.

`one_client` is a single one, which waits for every answer. The baseline does the least that is durable: json.loads of each mention, one
insert and one commit, in a bare sqlite3 file with the same safety (WAL, synchronous=FULL), in the same run.
"""

import asyncio
import json
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import httpx

from monitor.bus.base import RAW
from monitor.errors import YuqingError
from monitor.loading import load_settings
from services.bench.figure import Figure, figure
from services.bench.replay import write_config
from services.house import House, open_house, start_logging
from services.lifecycle import Lifecycle

ARRAY = 100
CLIENTS = 4
MOST = 10_000


def measure_push(folder: Path, lines: Sequence[bytes], names: Sequence[str]) -> dict[str, Figure]:
    """All three in one run; the disk is fast now and slow then, so the baseline has two tries and the better counts."""
    folder.mkdir(parents=True)
    config = write_config(folder, names, "listen: 127.0.0.1:0\n")
    sent = lines[:MOST]
    first = bare_inserts(folder / "before.db", sent)
    one, many = asyncio.run(_through_the_api(config, sent))
    bare = max(first, bare_inserts(folder / "after.db", sent))
    return {"push": figure(many, "mentions/s", bare, len(sent), one_client=one)}


def bare_inserts(file: Path, bodies: Sequence[bytes]) -> float:
    """Mentions a second, one insert and one commit each."""
    with closing(sqlite3.connect(file, isolation_level=None)) as base:
        base.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE mention (id TEXT, body TEXT)")
        begun = time.perf_counter()
        for body in bodies:
            base.execute("INSERT INTO mention VALUES (?, ?)", (str(json.loads(body)["id"]), body))
        return len(bodies) / (time.perf_counter() - begun)


async def _through_the_api(config: Path, lines: Sequence[bytes]) -> tuple[float, float]:
    """From one client, then from several: half of the arrays each."""
    settings = load_settings(config, {})
    life = Lifecycle(log := start_logging(settings, level="error"))
    rates: list[float] = []
    try:
        house = await open_house(settings, life, log)
        host, port = house.add_api(settings.listen)
    except BaseException:
        await life.teardown()
        raise
    await life.run(until=_both(house, f"http://{host}:{port}", lines, rates))
    if len(rates) != 2:  # noqa: PLR2004 one client, several
        raise YuqingError("bench: push 被中断")
    return rates[0], rates[1]


async def _both(house: House, url: str, lines: Sequence[bytes], rates: list[float]) -> None:
    arrays = [b"[" + b",".join(lines[start : start + ARRAY]) + b"]" for start in range(0, len(lines), ARRAY)]
    half = len(arrays) // 2
    for clients, share in ((1, arrays[:half]), (CLIENTS, arrays[half:])):
        rates.append(await _pushed(house, url, clients, share))


async def _pushed(house: House, url: str, clients: int, arrays: Sequence[bytes]) -> float:
    """Mentions a second from so many clients, each with its share of the arrays."""

    async def push(share: Sequence[bytes]) -> None:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
            for body in share:
                answer = await client.post("/v1/mentions", content=body, headers={"content-type": "application/json"})
                answer.raise_for_status()

    before = (await house.bus.bounds(RAW))[0][1]
    begun = time.perf_counter()
    await asyncio.gather(*(push(arrays[number::clients]) for number in range(clients)))
    seconds = time.perf_counter() - begun
    return ((await house.bus.bounds(RAW))[0][1] - before) / seconds
