"""
`dashboards`: how long `/livez` takes (p99) while 200 dashboards wait at `/v1/alerts/changes` and are woken by a change twice a second.

Who asks whether the service is alive is a process of its own, so that its figures are not those of 200 clients in one. The baseline is
what is promised: 50 ms. `woken`: from the commit of a change, by another process, until the last of them has it (s, the slowest time);
`alone`: the p99 of /livez while nobody waits, which is the machine's own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter, sleep
from typing import TypeVar

import httpx
import msgspec

from monitor.escalation.effects import AlertChange
from monitor.settings import Settings
from monitor.store.sessions import Store
from services.bench.figure import Figure, figure
from services.bench.latency import p99
from services.bench.polling import get, serving
from services.wiring import open_store

DASHBOARDS = 200
CHANGES = 20
EVERY = 0.5  # seconds
PROMISED = 0.05
ALERTS = 1_000
_BETWEEN = 0.01
Done = TypeVar("Done")


def measure_dashboards(
    folder: Path, _lines: Sequence[bytes], _names: Sequence[str], base: Settings | None = None, *,
    dashboards: int = DASHBOARDS, changes: int = CHANGES,
) -> dict[str, Figure]:  # fmt: skip
    """On the store of `base` else on SQLite in the folder; what it made is removed."""
    folder.mkdir(parents=True)
    return {"dashboards": asyncio.run(_measured(folder, base, dashboards, changes))}


async def _measured(folder: Path, base: Settings | None, dashboards: int, changes: int) -> Figure:
    async with serving(folder, base, ALERTS) as settings:
        store, port = await open_store(settings), settings.listen[1]
        try:
            alone, _ = await _watched(port, lambda: asyncio.sleep(2.0))
            took, woken = await _watched(port, lambda: _woken(store, port, dashboards, changes))
        finally:
            await store.close()
    return figure(
        p99(took), "s p99", PROMISED, len(took), less_is_better=True, slowest=max(took), alone=p99(alone), woken=max(woken),
        dashboards=float(dashboards), changes=float(changes),
    )  # fmt: skip


async def _woken(store: Store, port: int, dashboards: int, changes: int) -> list[float]:
    """Seconds from each change until everybody has it."""
    async with store.read() as unit:
        seq = await unit.alerts.newest_seq()
    first, last = seq, seq + changes
    came: dict[int, list[float]] = {one: [] for one in range(first + 1, last + 1)}
    waiting = [asyncio.create_task(_dashboard(port, first, last, came)) for _ in range(dashboards)]
    await asyncio.sleep(EVERY)
    committed: dict[int, float] = {}
    for one in came:
        await _change(store)
        committed[one] = perf_counter()
        await asyncio.sleep(EVERY)
    await asyncio.gather(*waiting)
    return [max(came[one]) - at for one, at in committed.items()]


async def _dashboard(port: int, seq: int, last: int, came: dict[int, list[float]]) -> None:
    """Wait for what is new, and for what is new after that."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while seq < last:
        status, body = await get(reader, writer, f"/v1/alerts/changes?since={seq}&wait=25")
        if status != httpx.codes.OK:
            raise RuntimeError(f"bench: a dashboard was answered {status}")
        now = perf_counter()
        before, seq = seq, int(msgspec.json.decode(body)["seq"])
        for one in range(before + 1, seq + 1):
            came[one].append(now)
    writer.close()


async def _change(store: Store) -> None:
    """One alert is counted again."""
    async with store.write() as unit:
        (alert,) = (await unit.alerts.list(limit=1)).items
        await unit.alerts.record([AlertChange(alert, None)])


async def _watched(port: int, do: Callable[[], Awaitable[Done]]) -> tuple[list[float], Done]:
    """What it does, and what /livez took meanwhile."""
    here, there = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_ask, args=(port, there), daemon=True)
    process.start()
    try:
        await asyncio.to_thread(here.recv)
        done = await do()
        here.send(None)
        return await asyncio.to_thread(here.recv), done
    finally:
        process.kill()
        process.join()


def _ask(port: int, pipe: Connection) -> None:
    """Ask /livez again and again on one connection until told to stop; tells what each time took."""
    took: list[float] = []
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        client.get("/livez")
        pipe.send(None)
        while not pipe.poll():
            started = perf_counter()
            client.get("/livez").raise_for_status()
            took.append(perf_counter() - started)
            sleep(_BETWEEN)
    pipe.send(took)
