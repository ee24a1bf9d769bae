"""kill -9 at random moments: what was acknowledged is in the log exactly once and in order; what was not is there whole or not at all."""

import asyncio
import random
import sys
from pathlib import Path

from monitor.bus.base import RAW, SCORED, Stored
from monitor.bus.sqlite import SqliteBus
from monitor.clock import SystemClock
from monitor.settings import Retention

KILLS = 8
WRITER = """
import asyncio, sys
from pathlib import Path
from monitor.bus.base import RAW, SCORED, Record, Taken
from monitor.bus.sqlite import SqliteBus
from monitor.clock import SystemClock
from monitor.settings import Retention

async def writer(bus, life, name):
    for block in range(100_000):
        records = [Record(b"k", f"{life} {name} {block} {part}".encode(), partition=0) for part in range(3)]
        await bus.append(RAW, records, once=f"{life} {name} {block}", taken=Taken(f"{life} {name}", SCORED, {0: block + 1}))
        print(life, name, block, flush=True)

async def main(folder, life):
    bus = SqliteBus(Path(folder), retention=Retention(), clock=SystemClock(), max_backlog=10**9)
    await bus.start()
    print("ready", flush=True)
    await asyncio.gather(*(writer(bus, life, name) for name in "abcd"))

asyncio.run(main(*sys.argv[1:]))
"""


async def killed_life(folder: Path, life: int, seconds: float) -> list[tuple[int, str, int]]:
    """Start a writer, kill it after that time; the appends it had acknowledged."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(folder), str(life), stdout=asyncio.subprocess.PIPE
    )  # fmt: skip
    assert process.stdout
    assert await process.stdout.readline() == b"ready\n"
    reading = asyncio.create_task(process.stdout.read())
    await asyncio.sleep(seconds)
    process.kill()
    await process.wait()
    whole = (await reading).rpartition(b"\n")[0].decode().splitlines()
    return [(int(life), name, int(block)) for life, name, block in (line.split() for line in whole)]


async def all_records(bus: SqliteBus) -> list[Stored]:
    """The whole raw log."""
    read: list[Stored] = []
    while found := await bus.read(RAW, 0, len(read), 1_000):
        read += found
    return read


async def test_what_a_killed_writer_acknowledged_is_there_once_and_in_order(tmp_path: Path) -> None:
    """Eight lives on one log, each ended by SIGKILL, then the log is read as a whole."""
    chance = random.Random(20261123)
    acknowledged = [append for life in range(KILLS) for append in await killed_life(tmp_path, life, chance.uniform(0.01, 0.3))]
    assert len(acknowledged) > KILLS
    bus = SqliteBus(tmp_path, retention=Retention(), clock=SystemClock())
    await bus.start()
    stored = await all_records(bus)
    assert [item.offset for item in stored] == list(range(len(stored)))
    parts = [tuple(item.value.decode().split()) for item in stored]
    assert parts == [(*parts[index - index % 3][:3], str(index % 3)) for index in range(len(parts))], "every append is whole"
    appends = [(int(life), name, int(block)) for life, name, block, part in parts if part == "0"]
    assert set(acknowledged) <= set(appends)
    for life in range(KILLS):
        for name in "abcd":
            blocks = [block for one, other, block in appends if (one, other) == (life, name)]
            assert blocks == list(range(len(blocks))), "once each, in order"
            assert (await bus.taken(f"{life} {name}", SCORED))[0] == len(blocks), "the position went with the records"
    await bus.close()
