"""
How fast the escalator's transaction writes: batches of hits with their mentions and the position, durable each.

The baseline is the simpler thing, in the same run: bare sqlite3, or bare asyncpg, the same rows and the same indices, one `executemany`
a table and one commit a batch. PostgreSQL is one of its own, durable, on the same disk. Usage: `python -m tests.bench.store [BATCHES]`.
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
from monitor.store.mentions_writing import HIT, MENTION, hit_row, mention_row
from monitor.store.sessions import Store
from tests.contract.store.records import LATER, mention, new_hit, story
from tests.postgresql import Missing, Server, Session, database_of, running

BATCH = 1000
TEXT = "某地红十字会的捐款去向被网友质疑, 官方回应称将公布明细, 转发微博请大家一起关注, 谢谢。" * 3


def batches(count: int) -> list[list[NewHit]]:
    """Hits with the size and the spread of real ones: some 120 characters, one subject of seven, many stories."""
    return [
        [new_hit(n, subject=f"主题{n % 7}", story=f"s{n % 211}", said=mention(n, text=f"{n} {TEXT}")) for n in range(start, start + BATCH)]
        for start in range(0, count * BATCH, BATCH)
    ]


async def stored(url: str, folder: Path, work: Sequence[Sequence[NewHit]]) -> float:
    """Hits a second through the store."""
    store = await Store.open(url, folder)
    await _stories(store)
    started = perf_counter()
    for batch in work:
        await _write(store, batch)
    rate = BATCH * len(work) / (perf_counter() - started)
    await _rebuilt(store)
    await store.close()
    return rate


async def _stories(store: Store) -> None:
    async with store.write() as unit:
        await unit.stories.put([story(f"s{n}") for n in range(211)], 0)


async def _write(store: Store, batch: Sequence[NewHit]) -> None:
    async with store.write() as unit:
        position = await unit.positions.read(SCORED, 0)
        await unit.mentions.add(batch, 0, LATER)
        await unit.positions.move(position, offset=batch[-1].offset + 1, now=LATER, last_act=0)


async def _rebuilt(store: Store) -> None:
    """Say how fast a restart reads them."""
    async with store.read() as unit:
        restored, started = 0, perf_counter()
        async for _ in unit.mentions.hits_of_live(0, 0):
            restored += 1
    print(f"rebuilt {restored} hits at {restored / (perf_counter() - started):,.0f}/s", file=sys.stderr)


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
        for table, names, values in ((schema.mention, MENTION, said), (schema.hit, HIT, hits)):
            marks = ",".join("?" * len(names))
            columns = ",".join(f'"{name}"' for name in names)
            database.executemany(f"INSERT INTO {table.name} ({columns}) VALUES ({marks}) ON CONFLICT DO NOTHING", values)  # noqa: S608
        database.execute("COMMIT")
    rate = BATCH * len(work) / (perf_counter() - started)
    database.close()
    return rate


class Bare:
    """Asyncpg with nothing around it, its statements kept prepared; rows made beforehand."""

    def __init__(self, connection: Session) -> None:
        self._connection = connection

    async def write(self, batch: Sequence[NewHit]) -> float:
        """A batch by one `executemany` a table; the seconds it took."""
        given = ((schema.mention, MENTION, [mention_row(new, LATER) for new in batch]),
                 (schema.hit, HIT, [hit_row(new, 0, LATER) for new in batch]))  # fmt: skip
        started = perf_counter()
        await self._connection.execute("BEGIN")
        for table, names, values in given:
            marks = ",".join(f"${n}" for n in range(1, len(names) + 1))
            columns = ",".join(f'"{name}"' for name in names)
            await self._connection.executemany(f"INSERT INTO {table.name} ({columns}) VALUES ({marks}) ON CONFLICT DO NOTHING", values)  # noqa: S608
        await self._connection.execute("COMMIT")
        return perf_counter() - started


async def on_a_server(server: Server, work: Sequence[Sequence[NewHit]]) -> tuple[float, float]:
    """The store's rate and the bare one, each on a database of its own, batch by batch in turns: what else runs here slows both."""
    url, bare_url = await server.database(), await server.database()
    store = await Store.open(url, server.folder)
    await _stories(store)
    ours = theirs = 0.0
    async with server.session(database_of(bare_url)) as connection:
        for batch in work:
            theirs += await Bare(connection).write(batch)
            started = perf_counter()
            await _write(store, batch)
            ours += perf_counter() - started
    await _rebuilt(store)
    await store.close()
    return BATCH * len(work) / ours, BATCH * len(work) / theirs


def main(count: int) -> None:
    """Both, on fresh files beside each other."""
    work = batches(count)
    with TemporaryDirectory(dir=".") as folder:
        baseline = bare(Path(folder), work)
        value = asyncio.run(stored("sqlite", Path(folder), work))
    told = {"store": _figures(value, baseline, count)}
    try:
        with running(durable=True) as server:
            told["store_postgresql"] = _figures(*asyncio.run(on_a_server(server, work)), count)
    except Missing as missing:
        print(missing, file=sys.stderr)
    print(json.dumps(told))


def _figures(value: float, baseline: float, count: int) -> dict[str, object]:
    figures = {"value": round(value), "unit": "hits/s", "baseline": round(baseline), "ratio": round(value / baseline, 2)}
    return figures | {"mentions": count * BATCH}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
