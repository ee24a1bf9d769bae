"""What is the SQLite bus's own: a disk that fills, a file that is locked, broken or gone, another process beside it."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from monitor.bus.base import RAW, SCORED, Outcome, Record, Taken
from monitor.bus.sqlite import SqliteBus
from monitor.clock import DAY, ManualClock
from monitor.errors import BusUnavailable, UsageError
from monitor.settings import Retention
from tests.contract.conftest import START

Maker = Callable[..., Awaitable[SqliteBus]]
OTHER_PROCESS = """
import asyncio, sys
from pathlib import Path
from monitor.bus.base import RAW, Record
from monitor.bus.sqlite import SqliteBus
from monitor.clock import SystemClock
from monitor.settings import Retention

async def main():
    bus = SqliteBus(Path(sys.argv[1]), retention=Retention(), clock=SystemClock())
    await bus.start()
    await bus.append(RAW, [Record(b"k", b"from another process")])
    await bus.close()

asyncio.run(main())
"""


@pytest.fixture
async def make(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Maker]:
    """Makes a started bus of one partition in the test's folder."""
    made: list[SqliteBus] = []

    async def make(folder: Path = tmp_path, *, max_bytes: int | None = None, partitions: int = 1) -> SqliteBus:
        bus = SqliteBus(folder, retention=Retention(), clock=clock, partitions=partitions, max_bytes=max_bytes, busy=0.2)
        await bus.start()
        made.append(bus)
        return bus

    yield make
    for bus in made:
        await bus.close()


def record(number: int, size: int = 4_000) -> Record:
    """A record of about that many bytes that begins with its number."""
    return Record(b"k", b"%06d" % number + b"." * size, partition=0, identity=b"%016d" % number)


async def numbers(bus: SqliteBus) -> list[int]:
    """The numbers of the records that the log holds."""
    found: list[int] = []
    offset = 0
    while read := await bus.read(RAW, 0, offset, 1_000):
        found += [int(item.value[:6]) for item in read]
        offset = read[-1].offset + 1
    return found


async def fill(bus: SqliteBus) -> int:
    """Append until there is no more room; how many went in."""
    for number in range(10_000):
        (answer,) = await asyncio.gather(bus.append(RAW, [record(number)]), return_exceptions=True)
        if isinstance(answer, BusUnavailable):
            assert "full" in str(answer)
            return number
    pytest.fail("the disk never filled")


async def test_a_full_disk_is_unavailable_and_heals_when_there_is_room(make: Maker, clock: ManualClock) -> None:
    """What was acknowledged stays, what was refused left nothing, and after expiry appends go on at the next offset."""
    bus = await make(max_bytes=500_000)
    count = await fill(bus)
    assert count > 50
    with pytest.raises(BusUnavailable):
        await bus.append(RAW, [record(count)])
    assert await numbers(bus) == list(range(count))
    await bus.take(Taken("scorer", RAW, {0: count}))
    clock.advance(8 * DAY)
    assert await bus.expire(clock.now()) == count
    assert await bus.append(RAW, [record(count)]) == [Outcome.ACCEPTED]
    assert await numbers(bus) == [count]
    assert await bus.bounds(RAW) == {0: (count, count + 1)}


async def test_a_full_disk_heals_when_the_bound_is_lifted(make: Maker) -> None:
    """The file is whole after a failed write: opened with more room it goes on where it stood."""
    bus = await make(max_bytes=300_000)
    count = await fill(bus)
    await bus.close()
    again = await make()
    assert await again.append(RAW, [record(number) for number in range(count + 3)]) == [Outcome.DUPLICATE] * count + [Outcome.ACCEPTED] * 3
    assert await numbers(again) == list(range(count + 3))


async def test_what_does_not_fit_leaves_room_for_what_does(make: Maker) -> None:
    """An append too large for the disk fails alone: those that shared its transaction go through."""
    bus = await make(max_bytes=500_000)
    calls = [bus.append(RAW, [record(number, size)]) for number, size in enumerate((10, 900_000, 20, 800_000, 30))]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(answer, BusUnavailable) for answer in answers] == [False, True, False, True, False]
    assert await numbers(bus) == [0, 2, 4]


async def test_a_file_locked_by_another_is_unavailable_until_it_is_let_go(make: Maker, tmp_path: Path) -> None:
    """Writes fail with the reason after the busy time, reads go on, and the next write after the lock works."""
    bus = await make()
    await bus.append(RAW, [record(0)])
    with closing(sqlite3.connect(tmp_path / "bus.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BusUnavailable, match="locked"):
            await bus.append(RAW, [record(1)])
        assert await numbers(bus) == [0]
        other.execute("ROLLBACK")
    assert await bus.append(RAW, [record(1)]) == [Outcome.ACCEPTED]


async def test_a_log_that_went_away_is_unavailable_not_empty(make: Maker, tmp_path: Path) -> None:
    """A file removed under the service is never made anew in silence."""
    folder = tmp_path / "data"
    bus = await make(folder)
    await bus.append(RAW, [record(0)])
    for path in folder.iterdir():
        path.unlink()
    for _ in range(3):
        with pytest.raises(BusUnavailable):
            await bus.append(RAW, [record(1)])
        with pytest.raises(BusUnavailable):
            await bus.bounds(RAW)
    assert list(folder.iterdir()) == []


async def test_a_log_that_came_back_is_taken_up_again(make: Maker, tmp_path: Path) -> None:
    """A folder moved away and back, as in a repair, needs no restart; nothing was written to what was away."""
    folder, away = tmp_path / "data", tmp_path / "away"
    bus = await make(folder)
    await bus.append(RAW, [record(0)])
    folder.rename(away)
    with pytest.raises(BusUnavailable):
        await bus.append(RAW, [record(1)])
    away.rename(folder)
    await bus.append(RAW, [record(2)])
    assert await numbers(bus) == [0, 2]


async def test_closing_writes_what_is_queued(make: Maker) -> None:
    """Whoever had called before the close gets the true answer, in however many transactions."""
    bus = await make()
    callers = [asyncio.create_task(bus.append(RAW, [record(number, 1)] * 3_000)) for number in range(5)]
    await asyncio.sleep(0)
    await bus.close()
    answers = await asyncio.gather(*callers)
    assert [answer.count(Outcome.ACCEPTED) for answer in answers] == [1] * 5


async def test_a_folder_that_cannot_be_used_is_said_at_the_start(make: Maker, tmp_path: Path) -> None:
    """One clear sentence with the place, no traceback."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match=r"file.data.bus\.db: 无法作为消息日志使用"):
        await make(tmp_path / "file" / "data")
    with pytest.raises(UsageError, match=r"bus\.db: 无法作为消息日志使用"):
        await make(Path("/proc"))


async def test_a_file_that_is_no_database_is_left_as_it_is(make: Maker, tmp_path: Path) -> None:
    """A foreign file is refused, not overwritten."""
    (tmp_path / "bus.db").write_bytes(b"not a database, but precious" * 100)
    with pytest.raises(UsageError, match="无法作为消息日志使用"):
        await make()
    assert (tmp_path / "bus.db").read_bytes() == b"not a database, but precious" * 100


async def test_the_number_of_partitions_cannot_change_under_a_log(make: Maker) -> None:
    """Another number would tear keys from their order: refused with both numbers."""
    await (await make(partitions=3)).close()
    with pytest.raises(UsageError, match="已有 3 个分区, 与设置的 2 个不符"):
        await make(partitions=2)


async def test_a_log_of_another_format_is_refused(make: Maker, tmp_path: Path) -> None:
    """A file written by a later release is not touched by this one."""
    await (await make()).close()
    with closing(sqlite3.connect(tmp_path / "bus.db")) as other:
        other.execute("PRAGMA user_version = 9")
    with pytest.raises(UsageError, match="格式 9"):
        await make()


async def test_what_another_process_appends_is_seen_within_seconds(make: Maker, tmp_path: Path) -> None:
    """A waiting reader finds it by itself."""
    bus = await make()
    reading = asyncio.create_task(bus.read(RAW, 0, 0, 10, wait=30))
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", OTHER_PROCESS, str(tmp_path))
    assert await other.wait() == 0
    (found,) = await asyncio.wait_for(reading, 2)
    assert found.value == b"from another process"
    await bus.append(RAW, [record(1)])
    assert (await bus.bounds(RAW))[0] == (0, 2)


async def test_positions_and_records_of_one_append_stand_or_fall_together(make: Maker) -> None:
    """Where the records found no room, the position they belong to did not move."""
    bus = await make(max_bytes=300_000)
    with pytest.raises(BusUnavailable):
        await bus.append(SCORED, [record(0, 900_000)], taken=Taken("scorer", RAW, {0: 7}), once="block")
    assert await bus.taken("scorer", RAW) == {0: 0}
    assert not await bus.done(SCORED, "block")


async def test_a_loop_that_ends_fails_its_waiting_callers(tmp_path: Path, clock: ManualClock) -> None:
    """A drain that is cancelled with its loop leaves nobody hanging."""
    bus = SqliteBus(tmp_path, retention=Retention(), clock=clock)
    await bus.start()
    callers = [asyncio.create_task(bus.append(RAW, [record(number)])) for number in range(5)]
    await asyncio.sleep(0)
    (drain,) = [task for task in asyncio.all_tasks() if task.get_name() == "bus-drain"]
    await asyncio.sleep(0)
    drain.cancel()
    answers = await asyncio.wait_for(asyncio.gather(*callers, return_exceptions=True), 5)
    assert all(isinstance(answer, BusUnavailable) for answer in answers)
    assert len(await bus.append(RAW, [record(number) for number in range(5)])) == 5
    assert await numbers(bus) == list(range(5))
    await bus.close()


async def test_stored_at_is_the_clock_of_the_bus(make: Maker, clock: ManualClock) -> None:
    """Retention counts by the clock that was given, not by the machine's."""
    bus = await make()
    clock.advance(DAY)
    await bus.append(RAW, [record(0)])
    assert [item.stored_at for item in await bus.read(RAW, 0, 0, 1)] == [START + DAY]
