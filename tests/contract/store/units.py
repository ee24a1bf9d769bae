"""Units like the escalator's, numbered, and the count of those that are there whole; also run in processes that are killed."""

import asyncio

from monitor.errors import StoreUnavailable
from monitor.store.sessions import Store
from tests.contract.store.records import LATER, alert, mention, new_hit, raised, story

HITS = 60  # of one unit: many enough to go by COPY
SECRET_WORDS = "只有我们知道的话" * 40


async def write(store: Store, number: int, hits: int = 200) -> None:
    """A unit like the escalator's: mentions, a story, an alert, the position."""
    said = [new_hit(n, said=mention(n, text=SECRET_WORDS)) for n in range(number * hits, (number + 1) * hits)]
    async with store.write() as unit:
        position = await unit.positions.read("t", 0)
        assert not await unit.mentions.known([("红十字会", hit.digest) for hit in said])
        await unit.mentions.add(said, 0, LATER)
        await unit.stories.put([story(mentions=number)], 0)
        await unit.alerts.record([raised(alert(f"a{number:04}"))])
        await unit.positions.move(position, offset=number + 1, now=LATER, last_act=0)


async def written(store: Store, hits: int = 200) -> int:
    """How many such units are there; each of them whole, or this fails."""
    async with store.read() as unit:
        units = (await unit.positions.read("t", 0)).offset
        assert await unit.alerts.newest_seq() == units
        assert [each.id async for each, _ in unit.alerts.all()] == [f"a{n:04}" for n in range(units)]
        assert len([hit async for hit in unit.mentions.hits_of_live(0, 0)]) == units * hits
    return units


async def eventually(store: Store, number: int) -> None:
    """Write a unit again and again until it is in, as the escalator does: what stands at the position tells whether it is."""
    async with asyncio.timeout(60):
        while True:
            try:
                async with store.read() as unit:
                    there = (await unit.positions.read("t", 0)).offset
                if there > number:
                    return
                await write(store, number, HITS)
            except StoreUnavailable:
                await asyncio.sleep(0.05)
