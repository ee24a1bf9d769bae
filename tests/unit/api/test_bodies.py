"""Bodies are read in bounded room."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from services.api.bodies import Bodies
from tests.unit.api.making import GOOD, world


async def test_many_long_bodies_at_once_are_told_to_come_again(tmp_path: Path) -> None:
    """Past the room for all bodies together it is 503; what was held is free again after it."""
    gate = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b" " * 3_000
        await gate.wait()
        yield b" " * 10

    async with world(tmp_path) as here:
        here.app.state.bodies = Bodies(room=8_000)
        first = [asyncio.create_task(here.client.post("/v1/mentions", content=slowly())) for _ in range(2)]
        await asyncio.sleep(0.2)

        refused = await here.client.post("/v1/mentions", content=b" " * 3_000)
        gate.set()
        statuses = [(await task).status_code for task in first]
        after = await here.client.post("/v1/mentions", json=GOOD)

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert statuses == [400, 400]
    assert after.status_code == 202
