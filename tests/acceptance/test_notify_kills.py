"""The notify role killed for real, in the middle of its work."""

import asyncio
import sys
from pathlib import Path
from random import Random

from monitor.alert import Level
from monitor.store.sessions import Store
from services.notify import AT_ONCE
from tests.unit.notifying.fake_receiver import FakeReceiver, answer, raw
from tests.unit.notifying.making import level_change
from tests.unit.notifying.rig import messages, tell

ROOT = Path(__file__).parents[2]
CLIMB = [level_change(Level.NONE, Level.BLUE), level_change(Level.BLUE, Level.ORANGE), level_change(Level.ORANGE, Level.RED)]
ALERTS = 20
KILLS = 2


async def start(folder: Path, url: str) -> asyncio.subprocess.Process:
    """A notify process on that store."""
    program = (sys.executable, "-m", "tests.acceptance.notify_process", str(folder), url)
    return await asyncio.create_subprocess_exec(*program, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL)


async def test_kills_lose_nothing_and_repeat_only_what_was_in_flight(tmp_path: Path) -> None:
    """
    Killed again and again, every message arrives, in the order of its alert; a repeat has the same id and the same body.

    Only what was in flight at a kill may be repeated: four a receiver.
    """
    store = await Store.open("sqlite", tmp_path)
    for number in range(ALERTS):
        await tell(store, CLIMB, alert=f"a{number}")
    await store.close()
    drawn = Random(7)
    slow = raw(b"HTTP/1.1 204 No\r\ncontent-length: 0\r\n\r\n", pause=0.01)
    async with FakeReceiver(otherwise=slow) as fake:
        failures = 0
        for _ in range(KILLS):
            process = await start(tmp_path, fake.url)
            until = len(fake.requests) + drawn.randint(2, ALERTS * len(CLIMB) // (KILLS + 2))
            await fake.until(lambda: len(fake.requests) >= until, within=30)  # noqa: B023 - called within this turn only
            await asyncio.sleep(drawn.random() * 0.02)
            process.kill()
            await process.wait()
            fake.script.append(answer(503))
            failures += 1
        process = await start(tmp_path, fake.url)
        assert await asyncio.wait_for(process.wait(), 60) == 0
    store = await Store.open("sqlite", tmp_path)
    rows = [row for row, _ in await messages(store)]
    await store.close()
    assert {row.state for row in rows} <= {"sent", "merged"}
    assert fake.bodies() == {row.id: {row.body} for row in rows if row.state == "sent"}
    assert len(fake.requests) <= len(fake.bodies()) + KILLS * AT_ONCE + failures
    by_id = {row.id: row for row in rows}
    for alert in {row.alert for row in rows}:
        order = [by_id[request.message].n for request in fake.requests if by_id[request.message].alert == alert]
        assert order == sorted(order)
