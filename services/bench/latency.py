"""
`alert_latency`: from the POST of the mention that opens an alert to its webhook (p99), while others push 500 mentions a second.

The baseline is a service written in an afternoon (services/bench/naive_service.py): it judges each mention when it comes and posts the
webhook at once, under the same pushes, in the same run.
"""

import asyncio
import json
import statistics
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import httpx

from monitor.errors import YuqingError
from services.api.server import bind
from services.bench.figure import Figure, figure
from services.bench.replay import PROGRAM, write_config

ALERTS = 100
RATE = 500
_ARRAY = 50
_READY = 60.0
_COMES = 30.0
_BETWEEN = 0.1


class Hooks:
    """A receiver that remembers when the first webhook of each subject came."""

    def __init__(self) -> None:
        self.came: dict[str, float] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer 204 to each POST on a connection."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                alert = json.loads(await reader.readexactly(length))["data"]["alert"]
                self.came.setdefault(alert["subject"], perf_counter())
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()


def measure_latency(folder: Path, lines: Sequence[bytes], names: Sequence[str], alerts: int = ALERTS) -> dict[str, Figure]:
    """Ours, then the naive service, one after the other under the same pushes."""
    folder.mkdir(parents=True)
    ours = asyncio.run(_under_load(folder, lines, names, alerts, naive=False))
    naive = asyncio.run(_under_load(folder, lines, names, alerts, naive=True))
    ours99, their99 = p99(ours), p99(naive)
    more = {"p50": statistics.median(ours), "baseline_p50": statistics.median(naive), "rate": float(RATE)}
    return {"alert_latency": figure(ours99, "s p99", their99, len(ours), less_is_better=True, **more)}


def p99(seconds: Sequence[float]) -> float:
    """What all but one in a hundred stay below."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))]


async def _under_load(folder: Path, lines: Sequence[bytes], names: Sequence[str], alerts: int, *, naive: bool) -> list[float]:
    """Seconds from POST to webhook, one for each alert."""
    hooks = Hooks()
    server = await asyncio.start_server(hooks.serve, "127.0.0.1", 0)
    hook = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        async with (
            _service(folder, names, hook, alerts, naive=naive) as base,
            httpx.AsyncClient(base_url=base, trust_env=False, timeout=60) as client,
        ):
            await answering(client)
            talk = asyncio.create_task(_talk(client, lines))
            sent = await _open(client, alerts)
            await _all_came(hooks, sent)
            talk.cancel()
    finally:
        server.close()
    return [hooks.came[subject] - at for subject, at in sent.items()]


@asynccontextmanager
async def _service(folder: Path, names: Sequence[str], hook: str, alerts: int, *, naive: bool) -> AsyncIterator[str]:
    """One of the two services as a process of its own; where it listens."""
    port = free_port()
    if naive:
        arguments = [sys.executable, "-m", "services.bench.naive_service", str(port), hook, *names, *map(_subject, range(alerts))]
    else:
        arguments = [*PROGRAM, "run", "--config", str(_config(folder, names, hook, alerts, port))]
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*arguments, stdout=nowhere, stderr=nowhere)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


def _config(folder: Path, names: Sequence[str], hook: str, alerts: int, port: int) -> Path:
    receiver = f"receivers: [{{name: r, type: webhook, url: '{hook}'}}]\n"
    file = write_config(folder, names, f"listen: 127.0.0.1:{port}\n{receiver}")
    subjects = "".join(f"  - {{name: {_subject(n)}, rules: [{_subject(n)}], floor: blue}}\n" for n in range(alerts))
    with file.open("a", encoding="utf-8") as stream:
        stream.write(subjects)
    return file


def _subject(number: int) -> str:
    return f"公司{number}号"


def free_port() -> int:
    """A port nobody has now."""
    with bind("127.0.0.1", 0) as listener:
        return int(listener.getsockname()[1])


async def answering(client: httpx.AsyncClient, path: str = "/readyz", status: int = httpx.codes.OK) -> None:
    """Return when the service answers so."""
    try:
        async with asyncio.timeout(_READY):
            while True:
                with suppress(httpx.TransportError):
                    if (await client.get(path)).status_code == status:
                        return
                await asyncio.sleep(0.2)
    except TimeoutError as error:
        raise YuqingError(f"bench: 服务在 {_READY:.0f} 秒内没有就绪，请看 yuqing run 的日志") from error


async def _talk(client: httpx.AsyncClient, lines: Sequence[bytes]) -> None:
    """Arrays at the rate, of the stream's mentions as if said now; who answers slowly is asked no faster."""
    n = 0
    while True:
        started = perf_counter()
        picked = [json.loads(lines[(n * _ARRAY + i) % len(lines)]) for i in range(_ARRAY)]
        now = datetime.now(UTC).isoformat()
        body = [one | {"id": f"talk-{n}-{i}", "published_at": now} for i, one in enumerate(picked)]
        with suppress(httpx.TransportError):
            await client.post("/v1/mentions", json=body)
        n += 1
        await asyncio.sleep(max(0.0, _ARRAY / RATE - (perf_counter() - started)))


async def _open(client: httpx.AsyncClient, alerts: int) -> dict[str, float]:
    sent: dict[str, float] = {}
    for subject in map(_subject, range(alerts)):
        mention = {"source": "bench", "id": subject, "text": f"{subject} 出了人命, 三人死亡, 服务太差, 骗人, 失望, 愤怒", "author": subject}
        sent[subject] = perf_counter()
        await client.post("/v1/mentions", json=mention | {"published_at": datetime.now(UTC).isoformat()})
        await asyncio.sleep(_BETWEEN)
    return sent


async def _all_came(hooks: Hooks, sent: dict[str, float]) -> None:
    deadline = perf_counter() + _COMES
    while missing := sent.keys() - hooks.came.keys():
        if perf_counter() > deadline:
            raise YuqingError(f"bench: {len(missing)} 个预警在 {_COMES:.0f} 秒内没有送达")
        await asyncio.sleep(0.05)
