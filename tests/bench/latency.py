"""
From the POST of the mention that opens an alert to its webhook, while others are pushed at half the asked rate.

    python -m tests.bench.latency [ALERTS] [RATE]

prints {"alert_latency": …}: p50 and p99 in seconds over ALERTS subjects, with RATE mentions a second of other talk.
"""

import asyncio
import json
import statistics
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import httpx

_READY = 60.0


class Hooks:
    """A receiver that remembers when each subject's webhook came."""

    def __init__(self) -> None:
        self.came: dict[str, float] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer 204 to each POST on a connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                alert = json.loads(await reader.readexactly(length))["data"]["alert"]
                self.came.setdefault(alert["subject"], perf_counter())
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def mention(item: str, text: str) -> dict[str, str]:
    """One mention by its own author, said now."""
    return {"source": "bench", "id": item, "text": text, "author": item, "published_at": datetime.now(UTC).isoformat()}


async def measure(alerts: int, rate: int) -> list[float]:
    """Seconds from POST to webhook, one for each subject."""
    hooks = Hooks()
    server = await asyncio.start_server(hooks.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        config, base = _configured(Path(folder), alerts, port)
        yuqing = Path(sys.executable).with_name("yuqing")
        process = await asyncio.create_subprocess_exec(yuqing, "run", "--config", config, stderr=asyncio.subprocess.DEVNULL)
        try:
            async with httpx.AsyncClient(base_url=base) as client:
                await _ready(client)
                talk = asyncio.create_task(_talk(client, rate))
                sent = await _open(client, alerts)
                talk.cancel()
        finally:
            process.terminate()
            await process.wait()
            server.close()
    return [hooks.came[subject] - at for subject, at in sent.items()]


def _configured(folder: Path, alerts: int, hook: int) -> tuple[Path, str]:
    config = folder / "yuqing.yaml"
    subjects = "".join(f"  - {{name: 公司{n}号, rules: [公司{n}号], floor: blue}}\n" for n in range(alerts))
    receiver = f"receivers: [{{name: r, type: webhook, url: 'http://127.0.0.1:{hook}/'}}]\n"
    config.write_text(f"organisation: bench\nlisten: 127.0.0.1:18765\n{receiver}subjects:\n{subjects}", "utf-8")
    return config, "http://127.0.0.1:18765"


async def _ready(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(_READY):
        while True:
            try:
                if (await client.get("/readyz")).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.2)


async def _talk(client: httpx.AsyncClient, rate: int) -> None:
    """Arrays of 50 at the rate, all of them about one subject and calm."""
    n = 0
    while True:
        batch = [mention(f"talk-{n}-{i}", f"公司0号 今天开门营业 {n} {i}") for i in range(50)]
        await client.post("/v1/mentions", json=batch)
        n += 1
        await asyncio.sleep(50 / rate)


async def _open(client: httpx.AsyncClient, alerts: int) -> dict[str, float]:
    sent: dict[str, float] = {}
    for n in range(1, alerts):
        sent[f"公司{n}号"] = perf_counter()
        await client.post("/v1/mentions", json=mention(f"ill-{n}", f"公司{n}号 出了人命, 三人死亡, 太可怕了, 愤怒"))
        await asyncio.sleep(0.1)
    await asyncio.sleep(3)
    return sent


def main() -> None:
    """Measure and print."""
    alerts = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rate = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    seconds = sorted(asyncio.run(measure(alerts, rate)))
    p99 = seconds[min(len(seconds) - 1, round(len(seconds) * 0.99))]
    result = {
        "value": round(p99, 3), "unit": "s p99", "baseline": 1.0, "ratio": round(1.0 / p99, 1), "mentions": len(seconds),
        "p50": round(statistics.median(seconds), 3),
    }  # fmt: skip
    print(json.dumps({"alert_latency": result}))


if __name__ == "__main__":
    main()
