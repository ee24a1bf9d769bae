"""
`takeover`: seconds from the SIGKILL of a process until everything that it worked on is decided again.

On servers it is one of two escalators, and the other one takes over; on SQLite the service, which is started again at once. The
baseline is what is promised: the session timeout of the settings and four seconds.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter

import httpx
from msgspec.structs import replace

from monitor.bus.base import SCORED, Bus, Record
from monitor.clock import SECOND, SystemClock, rfc3339
from monitor.mention import Tick, encode
from monitor.settings import Settings
from monitor.store.sessions import Store
from services.bench.figure import Figure, figure
from services.bench.latency import free_port
from services.bench.pipeline import scratch
from services.bench.roles import running
from services.bench.stream import NAMES
from services.wiring import open_bus, open_store, shared

PROMISED = 4.0  # seconds on top of the session timeout
WITHIN = 120.0
SETTLE = 3.0  # seconds in which two members have come to share
LOOK = 0.05


def measure_takeover(folder: Path, _lines: Sequence[bytes], _names: Sequence[str], base: Settings | None = None) -> dict[str, Figure]:
    """On the bus and store of `base`, else on SQLite in the folder; what it made is removed."""
    folder.mkdir(parents=True)
    return {"takeover": asyncio.run(_measured(folder, base))}


async def _measured(folder: Path, base: Settings | None) -> Figure:
    async with scratch(folder, base) as settings:
        seconds = await (_others if shared(settings) else _again)(settings)
        promised = settings.kafka.session_timeout / SECOND + PROMISED
        return figure(seconds, "s", promised, 1, less_is_better=True)


async def _others(settings: Settings) -> float:
    """Of two that share the partitions one is killed."""
    async with asyncio.timeout(WITHIN):
        bus, store = open_bus(settings, SystemClock()), await open_store(settings)
        await bus.start()
        try:
            with running(settings, "escalate") as killed:
                await _decided(store, await _nudged(bus))
                with running(settings, "escalate"):
                    while await _present(store) < 2:  # noqa: ASYNC110, PLR2004 - both of them; another process brings it about
                        await asyncio.sleep(LOOK)
                    await asyncio.sleep(SETTLE)
                    await _decided(store, await _nudged(bus))
                    killed.kill()
                    started = perf_counter()
                    await _decided(store, await _nudged(bus))
                    return perf_counter() - started
        finally:
            await store.close()
            await bus.close()


async def _again(settings: Settings) -> float:
    """The only one there is is killed and started again; until what is pushed then is stored."""
    settings = replace(settings, listen=("127.0.0.1", free_port()))
    base = f"http://127.0.0.1:{settings.listen[1]}"
    async with asyncio.timeout(WITHIN), httpx.AsyncClient(base_url=base, trust_env=False) as client:
        with running(settings) as killed:
            await _stored(client, "before")
            killed.kill()
            started = perf_counter()
        with running(settings):
            await _stored(client, "after")
            return perf_counter() - started


async def _stored(client: httpx.AsyncClient, item: str) -> None:
    """Push a mention, as soon as somebody takes it, and wait until it is stored."""
    now = rfc3339(SystemClock().now())
    body = {"source": "bench", "id": item, "text": f"{NAMES[0]} {item}", "published_at": now}
    while True:
        with suppress(httpx.HTTPError):
            await client.post("/v1/mentions", json=body)
            while item not in {one["id"] for one in (await client.get("/v1/mentions")).json()["items"]}:  # noqa: ASYNC110 - as above
                await asyncio.sleep(LOOK)
            return
        await asyncio.sleep(LOOK)


async def _nudged(bus: Bus) -> dict[int, int]:
    """A tick on every partition; where each then ends."""
    value = encode(Tick(at=SystemClock().now()))
    for partition in range(bus.partitions(SCORED)):
        await bus.append(SCORED, [Record(key=b"", value=value, kind="tick", partition=partition)])
    return {partition: end for partition, (_, end) in (await bus.bounds(SCORED)).items()}


async def _decided(store: Store, ends: dict[int, int]) -> None:
    while ends:
        async with store.read() as unit:
            ends = {one: end for one, end in ends.items() if (await unit.positions.read(SCORED, one)).offset < end}
        await asyncio.sleep(LOOK)


async def _present(store: Store) -> int:
    async with store.read() as unit:
        return len(await unit.leases.holders("presence"))
