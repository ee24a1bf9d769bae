"""A service whose log is not to be had yet, as it looks from its ports."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from monitor.bus.base import Bus
from monitor.errors import BusUnavailable
from monitor.loading import load_settings
from services.api.server import bind
from services.house import run_roles
from services.wiring import open_bus

AWAY = "Kafka: nobody there"


def free_port() -> int:
    """One that nobody has now."""
    with bind("127.0.0.1", 0) as listener:
        return int(listener.getsockname()[1])


async def answered(client: httpx.AsyncClient, path: str, good: Callable[[httpx.Response], bool]) -> httpx.Response:
    """The first answer that is good."""
    async with asyncio.timeout(60):
        while True:
            try:
                if good(answer := await client.get(path)):
                    return answer
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)


async def test_a_start_that_waits_is_alive_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On both ports: /livez 200, /readyz 503 with the reason, a push 503 with Retry-After; the real API when the log is there."""
    there, listen, probes = asyncio.Event(), free_port(), free_port()
    file = tmp_path / "yuqing.yaml"
    file.write_text(f"organisation: 某局\nsubjects: [{{name: 某局, rules: [某局]}}]\nlisten: 127.0.0.1:{listen}\ndata: var\n", "utf-8")
    _away_until(there, monkeypatch)
    running = asyncio.create_task(run_roles(load_settings(file, os.environ), ("api",), ("127.0.0.1", probes)))
    for port in (listen, probes):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            await answered(client, "/livez", lambda answer: answer.status_code == 200)
            ready, push = await client.get("/readyz"), await client.post("/v1/mentions", content=b"x" * 2_000_000)
        assert (ready.status_code, ready.json()["parts"]) == (503, {"start": AWAY})
        assert (push.status_code, push.headers["Content-Type"]) == (503, "application/problem+json")
        assert int(push.headers["Retry-After"]) > 0
        assert AWAY in push.json()["detail"]
    there.set()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listen}") as client:
        await answered(client, "/v1/alerts", lambda answer: answer.status_code == 200)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(running, 20) == 0


def _away_until(there: asyncio.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*given: object) -> Bus:
        bus = open_bus(*given)  # type: ignore[arg-type]
        start: Callable[[], Awaitable[None]] = bus.start

        async def begin() -> None:
            if not there.is_set():
                raise BusUnavailable(AWAY)
            await start()

        monkeypatch.setattr(bus, "start", begin)
        return bus

    monkeypatch.setattr("services.house.open_bus", away)
