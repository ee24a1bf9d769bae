"""
The embedded bus against bare sqlite3: `python -m tests.bench.bus [RECORDS]` prints one JSON object.

Baseline of appends: `executemany` of the same rows with the same unique identities into one table, one transaction for each batch of
100, WAL, synchronous=FULL. Baseline of reads: `SELECT … LIMIT 500` of the same rows. Both in the same run, on the same disk.
"""

import asyncio
import json
import os
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from monitor.bus.base import RAW, Record
from monitor.bus.sqlite import SqliteBus
from monitor.clock import SystemClock
from monitor.settings import Retention

BATCH = 100
READ = 500
VALUE = 600
Rates = dict[str, float]


def batches(count: int) -> list[list[Record]]:
    """Records as the push API appends them: random keys and identities, 600 bytes of value."""
    value = os.urandom(VALUE)
    return [
        [Record(os.urandom(8), value, partition=0, identity=os.urandom(16)) for _ in range(BATCH)] for _ in range(count // BATCH)
    ]  # fmt: skip


def baseline(folder: Path, work: list[list[Record]]) -> Rates:
    """What plain sqlite3 does with the same rows."""
    connection = sqlite3.connect(folder / "plain.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE record (offset INTEGER PRIMARY KEY, key BLOB, value BLOB, identity BLOB UNIQUE)")
    began = perf_counter()
    for batch in work:
        connection.execute("BEGIN")
        values = [(record.key, record.value, record.identity) for record in batch]
        connection.executemany("INSERT INTO record (key, value, identity) VALUES (?, ?, ?)", values)
        connection.execute("COMMIT")
    appended, began = perf_counter() - began, perf_counter()
    offset = 0
    while rows := connection.execute("SELECT * FROM record WHERE offset > ? ORDER BY offset LIMIT ?", (offset, READ)).fetchall():
        offset = rows[-1][0]
    read = perf_counter() - began
    connection.close()
    count = len(work) * BATCH
    return {"append": count / appended, "read": count / read}


async def append(folder: Path, work: list[list[Record]], callers: int) -> tuple[SqliteBus, float]:
    """The bus with all batches appended by so many callers, and records a second."""
    bus = SqliteBus(folder, retention=Retention(), clock=SystemClock(), max_backlog=10**9)
    await bus.start()
    left = iter(work)

    async def caller() -> None:
        for batch in left:
            await bus.append(RAW, batch)

    began = perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return bus, sum(len(batch) for batch in work) / (perf_counter() - began)


async def read(bus: SqliteBus) -> float:
    """Records a second from the first to the last."""
    offset, began = 0, perf_counter()
    while found := await bus.read(RAW, 0, offset, READ):
        offset = found[-1].offset + 1
    return offset / (perf_counter() - began)


@contextmanager
def busy_thread() -> Iterator[None]:
    """A thread that computes all the time, as the scorer does under load."""
    stop = threading.Event()

    def compute() -> None:
        while not stop.is_set():
            sum(range(1_000))

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


async def measure(count: int) -> dict[str, Rates]:
    """Every figure with its baseline, records a second."""
    rates: Rates = {}
    with TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as name:
        folder = Path(name)
        plain = baseline(folder, batches(count))
        for callers in (1, 4):
            bus, rates[f"append_{callers}_callers"] = await append(folder / str(callers), batches(count), callers)
            rates["read"] = await read(bus)
            with busy_thread():
                rates["read_beside_a_busy_thread"] = await read(bus)
            await bus.close()
        singles = [[record] for batch in batches(count // 20) for record in batch]
        bus, rates["append_singles_32_callers"] = await append(folder / "singles", singles, 32)
        rates["read_singles"] = await read(bus)
        await bus.close()
    return {name: against(rate, plain[name.split("_")[0]]) for name, rate in rates.items()}


def against(rate: float, plain: float) -> Rates:
    """A rate beside the simpler thing's."""
    return {"value": round(rate), "baseline": round(plain), "ratio": round(rate / plain, 3)}


if __name__ == "__main__":
    found = asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
    print(json.dumps(found))
