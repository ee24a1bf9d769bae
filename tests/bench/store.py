"""
How fast the escalator's transaction writes: batches of hits with their mentions and the position, durable each.

The baseline is the simpler thing, in the same run: bare sqlite3, the same rows and the same indices, one `executemany` a table and
one commit a batch. Usage: `python -m tests.bench.store [BATCHES]`.
"""

import asyncio
import json
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from monitor.bus.base import SCORED
from monitor.escalation.effects import NewHit
from monitor.store import schema
from monitor.store.mentions_writing import hit_row, mention_row
from monitor.store.sessions import Store
from tests.contract.store.records import LATER, mention, new_hit, story

BATCH = 1000
TEXT = "某地红十字会的捐款去向被网友质疑, 官方回应称将公布明细, 转发微博请大家一起关注, 谢谢。" * 3


def batches(count: int) -> list[list[NewHit]]:
    """Hits with the size and the spread of real ones: some 120 characters, one subject of seven, many stories."""
    return [
        [
            new_hit(n, subject=f"主题{n % 7}", story=f"s{n % 211}", said=mention(n, text=f"{n} {TEXT}"))
            for n in range(start, start + BATCH)
        ]
        for start in range(0, count * BATCH, BATCH)
    ]


async def stored(folder: Path, work: Sequence[Sequence[NewHit]]) -> float:
    """Hits a second through the store."""
    store = await Store.open("sqlite", folder)
    async with store.write() as unit:
        await unit.stories.put([story(f"s{n}") for n in range(211)], 0)
    started = perf_counter()
    for batch in work:
        async with store.write() as unit:
            position = await unit.positions.read(SCORED, 0)
            await unit.mentions.add(batch, 0, LATER)
            await unit.positions.move(position, offset=batch[-1].offset + 1, now=LATER, last_act=0)
    rate = BATCH * len(work) / (perf_counter() - started)
    async with store.read() as unit:
        restored, started = 0, perf_counter()
        async for _ in unit.mentions.hits_of_live(0, 0):
            restored += 1
    print(f"rebuilt {restored} hits at {restored / (perf_counter() - started):,.0f}/s", file=sys.stderr)
    await store.close()
    return rate


def bare(folder: Path, work: Sequence[Sequence[NewHit]]) -> float:
    """The same rows, made beforehand, by executemany."""
    database = sqlite3.connect(folder / "bare.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        database.execute(f"PRAGMA {pragma}")
    for table in (schema.mention, schema.hit):
        database.execute(str(CreateTable(table).compile(dialect=sqlite.dialect())))
        for index in table.indexes:
            database.execute(str(CreateIndex(index).compile(dialect=sqlite.dialect())))
    rows = [([mention_row(new, LATER) for new in batch], [hit_row(new, 0, LATER) for new in batch]) for batch in work]
    started = perf_counter()
    for said, hits in rows:
        database.execute("BEGIN IMMEDIATE")
        for table, values in ((schema.mention, said), (schema.hit, hits)):
            names = [column.name for column in table.c]
            marks = ",".join(f":{name}" for name in names)
            columns = ",".join(f'"{name}"' for name in names)
            database.executemany(f"INSERT INTO {table.name} ({columns}) VALUES ({marks}) ON CONFLICT DO NOTHING", values)  # noqa: S608
        database.execute("COMMIT")
    rate = BATCH * len(work) / (perf_counter() - started)
    database.close()
    return rate


def main(count: int) -> None:
    """Both, on fresh files beside each other."""
    work = batches(count)
    with TemporaryDirectory(dir=".") as folder:
        baseline = bare(Path(folder), work)
        value = asyncio.run(stored(Path(folder), work))
    figures = {"value": round(value), "unit": "hits/s", "baseline": round(baseline), "ratio": round(value / baseline, 2)}
    print(json.dumps({"store": figures | {"mentions": count * BATCH}}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
