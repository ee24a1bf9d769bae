"""
`pipeline`: a filled raw topic → scored by a constant → stored with the escalator's position: transport and store alone.

On servers two processes do it, on SQLite one. What the constant says is about names that nobody watches, so each mention is stored and
none is decided. The baseline on Kafka is a bare aiokafka loop (getmany, `send()` for each, commit, acks=all) from the same topic into
another; on SQLite the same rows put into copies of the same two files by bare batched inserts. Both swing by a fifth from one time to the
next, so they are measured by turns, and the figure is that of the round whose ratio is in the middle. Starting is left out of all.
"""

import asyncio
import gc
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from secrets import token_hex
from time import perf_counter

import structlog
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from monitor.border import parse
from monitor.bus.base import DEAD, RAW, SCORED, TOPICS, Bus
from monitor.clock import SystemClock
from monitor.loading import load_settings
from monitor.mention import Raw, Scored
from monitor.metrics import Metrics
from monitor.score import Emotion, Score, Sentiment
from monitor.settings import Settings
from monitor.store.sessions import EMBEDDED, Store
from services.bench.figure import Figure, figure
from services.bench.replay import write_config
from services.bench.stream import NAMES, made_up_stream
from services.entry import SELDOM
from services.escalate import TURNS, Escalator
from services.intake import record_of
from services.score import ROLE, ScoreRole
from services.wiring import make_escalator, open_bus, open_store, shared

LEAST = 60_000  # some four seconds, of which starting is little
ROUNDS = 3
BATCH = 1_000
PROCESSES = 2  # where bus and store let several work; the baseline is one, as is what it shows
LOOK = 0.05
SPREAD = 256  # names that nobody watches: as many as make the partitions, and so the processes, have as much to do as each other
_NEUTRAL = Score(subject="", hits=(), sentiment=Sentiment("neutral", 0.1, 0.8, 0.1), severity=0.0)
_NONE = Emotion("none", 0, 0, 0, 0, 0, 0, 1.0)


def measure_pipeline(
    folder: Path, lines: Sequence[bytes], _names: Sequence[str], base: Settings | None = None, *, least: int = LEAST
) -> dict[str, Figure]:
    """On the bus and store of `base`, else on SQLite in the folder; what it made is removed."""
    folder.mkdir(parents=True)
    return {"pipeline": asyncio.run(_measured(folder, max(least, len(lines)), base))}


async def _measured(folder: Path, count: int, base: Settings | None) -> Figure:
    found = []
    for number in range(ROUNDS):
        (own := folder / f"round-{number}").mkdir()
        async with scratch(own, base) as settings:
            rate = await _piped(settings, count)
            found.append((rate, await _bare(settings, count)))
    rate, bare = sorted(found, key=lambda pair: pair[0] / pair[1])[ROUNDS // 2]
    return figure(rate, "mentions/s", bare, count)


@asynccontextmanager
async def scratch(folder: Path, base: Settings | None, more: str = "") -> AsyncIterator[Settings]:
    """Settings like `base`, with topics, a database and a folder of their own, all gone at the end; `more`: lines of its own."""
    settings = load_settings(write_config(folder, NAMES, more), os.environ)
    if base is None:
        yield settings
        return
    prefix = f"{base.kafka.topic_prefix}bench-{token_hex(4)}."
    settings = replace(settings, bus=base.bus, kafka=replace(base.kafka, topic_prefix=prefix))
    try:
        if base.store == EMBEDDED:
            yield settings
        else:
            from monitor.store.postgresql import scratch_database  # noqa: PLC0415 - only who has a server loads its client

            async with scratch_database(base.store) as database:
                yield replace(settings, store=database)
    finally:
        if settings.brokers:
            from services.bench.naive_kafka import removed  # noqa: PLC0415 - as above

            await removed(settings, [prefix + topic for topic in TOPICS])


async def _piped(settings: Settings, count: int) -> float:
    bus, store = open_bus(settings, SystemClock()), await open_store(settings)
    await bus.start()
    try:
        await _fill(bus, count)
        return await _through(settings, bus, store, count)
    finally:
        await store.close()
        await bus.close()


async def _fill(bus: Bus, count: int) -> None:
    now = SystemClock().now()
    mentions = [parse(line, now) for line in made_up_stream(count)]
    for start in range(0, count, BATCH):
        await bus.append(RAW, [record_of(mention, now) for mention in mentions[start : start + BATCH]])


async def _through(settings: Settings, bus: Bus, store: Store, count: int) -> float:
    """Mentions a second until the last is stored."""
    if not shared(settings):
        working = asyncio.create_task(_work(*await _ready(settings, bus, store, range(bus.partitions(RAW)))))
        started = perf_counter()
        await asyncio.wait([asyncio.create_task(_finished(bus, store, count)), working], return_when=asyncio.FIRST_COMPLETED)
        seconds = perf_counter() - started
        working.cancel()
        await asyncio.wait([working])
        return count / seconds
    spawning = get_context("spawn")
    go = spawning.Barrier(PROCESSES + 1)
    processes = [
        spawning.Process(target=_process, args=(settings, range(number, bus.partitions(RAW), PROCESSES), go), daemon=True)
        for number in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    try:
        await asyncio.to_thread(go.wait, 60)
        started = perf_counter()
        async with asyncio.timeout(600):
            await _finished(bus, store, count)
        return count / (perf_counter() - started)
    finally:
        for process in processes:
            process.kill()
            process.join()


def _process(settings: Settings, partitions: Sequence[int], go: Barrier) -> None:
    """Work on these partitions until killed, as soon as all have come so far."""
    gc.set_threshold(*SELDOM)

    async def work() -> None:
        bus, store = open_bus(settings, SystemClock()), await open_store(settings)
        await bus.start()
        roles = await _ready(settings, bus, store, partitions)
        await asyncio.to_thread(go.wait, 60)
        await _work(*roles)

    asyncio.run(work())


Roles = tuple[list[ScoreRole], list[Escalator]]


async def _ready(settings: Settings, bus: Bus, store: Store, partitions: Sequence[int]) -> Roles:
    """The roles of these partitions, before the first record."""
    metrics, log = Metrics(CollectorRegistry()), structlog.wrap_logger(None, processors=[_silent])
    clock, turn, turns = SystemClock(), asyncio.Lock(), asyncio.Semaphore(TURNS)
    scorers = [ScoreRole(bus, constant, metrics, log, partition=one, turn=turn) for one in partitions]
    escalators = [make_escalator(settings, bus, store, clock, metrics, log, partition=one, turn=turns) for one in partitions]
    await asyncio.gather(*(one.advance() for one in escalators))
    return scorers, escalators


async def _work(scorers: Sequence[ScoreRole], escalators: Sequence[Escalator]) -> None:
    """Score and store, for ever."""
    await asyncio.gather(*(one.run() for one in scorers), *(one.run() for one in escalators))


async def _finished(bus: Bus, store: Store, count: int) -> None:
    while sum((await bus.taken(ROLE, RAW)).values()) < count:  # noqa: ASYNC110 - another process brings it about
        await asyncio.sleep(LOOK)
    for partition, (_, end) in (await bus.bounds(SCORED)).items():
        while await _offset(store, partition) < end:  # noqa: ASYNC110 - another process brings it about
            await asyncio.sleep(LOOK)


async def _offset(store: Store, partition: int) -> int:
    async with store.read() as unit:
        return (await unit.positions.read(SCORED, partition)).offset


def constant(raws: Sequence[Raw]) -> list[Scored]:
    """One record for each, the same whatever it says."""
    scores = [replace(_NEUTRAL, subject=f"bench {number}") for number in range(SPREAD)]
    return [
        Scored(received_at=raw.received_at, mention=raw.mention, score=scores[raw.mention.digest[0] % SPREAD], emotion=_NONE)
        for raw in raws
    ]


async def _bare(settings: Settings, count: int) -> float:
    if settings.brokers:
        from services.bench.naive_kafka import passed_on  # noqa: PLC0415 - only who has brokers loads their client

        prefix = settings.kafka.topic_prefix
        return await passed_on(settings, prefix + RAW, prefix + DEAD, count)  # an empty topic of the same settings
    return bare_inserts([settings.data / "bus.db", settings.data / "store.db"], count)


def bare_inserts(files: Sequence[Path], count: int) -> float:
    """Mentions a second: everything that stands in these files put into empty copies of them, as many rows of each a transaction."""
    seconds = 0.0
    for file in files:
        with closing(sqlite3.connect(file)) as full, closing(sqlite3.connect(file.with_suffix(".bare"), isolation_level=None)) as bare:
            bare.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
            for (statement,) in full.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL AND name NOT LIKE 'sqlite_%'"):
                bare.execute(statement)
            started = perf_counter()
            for portion in _portions(full, count):
                bare.execute("BEGIN")
                for table, rows in portion.items():
                    bare.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)  # noqa: S608 our own names
                bare.execute("COMMIT")
            seconds += perf_counter() - started
    return count / seconds


def _portions(full: sqlite3.Connection, count: int) -> Iterator[dict[str, list[tuple[object, ...]]]]:
    """Of every table its share, as often as a batch fits into all."""
    tables = [name for (name,) in full.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
    rows = {f'"{table}"': full.execute(f'SELECT * FROM "{table}"').fetchall() for table in tables}  # noqa: S608 our own names
    times = -(-count // BATCH)
    for part in range(times):
        shares = {table: found[len(found) * part // times : len(found) * (part + 1) // times] for table, found in rows.items()}
        yield {table: share for table, share in shares.items() if share}


def _silent(_logger: object, _name: str, _event: object) -> str:
    raise structlog.DropEvent
