"""
How fast mentions are pushed: `python -m tests.bench.push [MENTIONS]` prints one JSON object.

`value` is what the whole API takes a second over a real socket, in arrays of 100, each durable before its 202, from four clients at
once; `one_client` from a single one, which waits for every answer. The baseline does the least that is durable: json.loads of each
mention, one insert and one commit, in a bare sqlite3 file with the same safety (WAL, synchronous=FULL), in the same run.
"""

import asyncio
import json
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from monitor.bus.base import RAW
from monitor.clock import rfc3339
from services.api.server import bind, serve
from tests.unit.api.making import NOW, World, world

ARRAY = 100
CLIENTS = 4
TEXT = "这是一条二百来字节的公开信息, 说的是某某集团的一件事, 有人同意, 有人不同意, 还有人在等消息。" * 2


def mentions(first: int, count: int) -> list[dict[str, object]]:
    """Mentions of some six hundred bytes, each another."""
    return [
        {"source": "weibo", "id": f"m{number}", "text": f"{TEXT}{number}", "published_at": rfc3339(NOW), "author": f"a{number % 997}",
         "platform": "微博", "kind": "post", "likes": number % 50}
        for number in range(first, first + count)
    ]  # fmt: skip


def baseline(file: Path, bodies: Sequence[bytes]) -> float:
    """Mentions a second, one insert and one commit each."""
    with closing(sqlite3.connect(file, isolation_level=None)) as base:
        base.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE mention (id TEXT PRIMARY KEY, body TEXT)")
        begun = time.perf_counter()
        for body in bodies:
            mention = json.loads(body)
            base.execute("INSERT INTO mention VALUES (?, ?)", (mention["id"], body))
        return len(bodies) / (time.perf_counter() - begun)


async def pushed(here: World, url: str, clients: int, arrays: Sequence[bytes]) -> float:
    """Mentions a second through the API, from so many clients, each with its share of the arrays."""

    async def push(share: Sequence[bytes]) -> None:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
            for body in share:
                answer = await client.post("/v1/mentions", content=body)
                answer.raise_for_status()

    before = (await here.bus.bounds(RAW))[0][1]
    begun = time.perf_counter()
    await asyncio.gather(*(push(arrays[number::clients]) for number in range(clients)))
    seconds = time.perf_counter() - begun
    durable = (await here.bus.bounds(RAW))[0][1] - before
    if durable != len(arrays) * ARRAY:
        raise RuntimeError(f"{durable} are durable of {len(arrays) * ARRAY}")
    return durable / seconds


async def measure(count: int) -> dict[str, object]:
    """All three in one run."""
    with TemporaryDirectory(prefix="yuqing-bench-") as name:
        folder = Path(name)
        arrays = [json.dumps(mentions(first, ARRAY), ensure_ascii=False).encode() for first in range(0, 2 * count, ARRAY)]
        half = len(arrays) // 2
        plain = [json.dumps(one, ensure_ascii=False).encode() for one in mentions(0, count)]
        bare = baseline(folder / "before.db", plain)
        async with world(folder) as here:
            listener = bind("127.0.0.1", 0)
            task = asyncio.create_task(serve(here.app, listener))
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            one = await pushed(here, url, 1, arrays[:half])
            many = await pushed(here, url, CLIENTS, arrays[half:])
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        # A disk that others use is fast now and slow then: the baseline has two tries, and the better counts.
        bare = max(bare, baseline(folder / "after.db", plain))
    return {
        "value": round(many), "unit": "mentions/s", "baseline": round(bare), "ratio": round(many / bare, 2), "one_client": round(one),
        "mentions": count,
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(json.dumps({"push": asyncio.run(measure(count))}))


if __name__ == "__main__":
    main()
