"""The minutes on the log: appended by whoever decides a partition, read back by it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import structlog
import structlog.testing

from monitor.bus.base import SCORED, Record
from monitor.clock import HOUR, MINUTE
from monitor.errors import BusUnavailable
from monitor.mention import Tick, decode_tick, encode
from services.ticking import tick_minutes
from tests.unit.pipeline.making import WALL, Parts


class Reader:
    """How far somebody has decided."""

    offset = 0


@asynccontextmanager
async def ticking(parts: Parts, reader: Reader) -> AsyncIterator[None]:
    """The minutes of partition 0 pass within the block."""
    task = asyncio.create_task(tick_minutes(parts.bus, 0, parts.clock, lambda: reader.offset, parts.log))
    await asyncio.sleep(0.05)  # it has seen the minute it began in
    yield
    task.cancel()
    await asyncio.wait([task])


async def ticks(parts: Parts) -> list[int]:
    """The minutes on the log, from the first one on."""
    return [(decode_tick(one.value).at - WALL) // MINUTE for one in await parts.bus.read(SCORED, 0, 0, 100)]


async def passed(parts: Parts, minutes: int) -> None:
    """Some minutes pass, and whoever waits for them has its turn."""
    parts.clock.advance(minutes * MINUTE)
    await asyncio.sleep(0.2)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.ticking._AGAIN", 0.01)


async def test_each_minute_ticks(parts: Parts) -> None:
    """At the whole minute, once; a minute missed is not made up."""
    reader = Reader()
    async with ticking(parts, reader):
        for pause in (1, 1, 3):
            await passed(parts, pause)
            reader.offset = (await parts.bus.bounds(SCORED))[0][1]

    assert await ticks(parts) == [1, 2, 5]


async def test_ticks_do_not_pile_up(parts: Parts) -> None:
    """Who is behind has one tick to come to; when it is read back the minutes go on."""
    reader = Reader()
    async with ticking(parts, reader):
        for _ in range(3):
            await passed(parts, 1)
        before = await ticks(parts)
        reader.offset = 1
        await passed(parts, 1)

    assert before == [1]
    assert await ticks(parts) == [1, 4]


async def test_a_tick_that_could_not_be_written_stops_nothing(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next minute ticks as if nothing had been."""
    append, failed = parts.bus.append, asyncio.Event()

    async def failing(*arguments: object, **more: object) -> object:
        if not failed.is_set():
            failed.set()
            raise BusUnavailable("the disk is full")
        return await append(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(parts.bus, "append", failing)
    async with ticking(parts, Reader()):
        await passed(parts, 1)
        await passed(parts, 1)

    assert failed.is_set()
    assert await ticks(parts) == [2]


async def test_a_log_whose_time_is_yet_to_come_is_told_each_minute(parts: Parts) -> None:
    """As somebody's clock was wrong for a while; a replay's time is its own, and when the time has come nothing is told any more."""
    escalator = replace(parts, log=structlog.get_logger()).escalator()

    async def told(at: int, *, as_if: bool = False) -> list[object]:
        record = Record(b"", encode(Tick(at=at, as_if=as_if)), kind="tick", partition=0)
        await parts.bus.append(SCORED, [record])
        with structlog.testing.capture_logs() as lines:
            await escalator.advance()
        return [line["seconds"] for line in lines if line["event"] == "the log's time is yet to come"]

    now = parts.clock.now()
    found = [await told(now), await told(now + HOUR), await told(now + HOUR + MINUTE, as_if=True), await told(now + MINUTE)]
    parts.clock.advance(HOUR)
    found.append(await told(parts.clock.now()))
    assert found == [[], [3_600], [], [3_660], []]
