"""What a store promises of its units of work, its positions and small things, on every backend."""

import asyncio

import msgspec
import pytest
from msgspec.structs import replace

from monitor.alert import Level
from monitor.clock import DAY
from monitor.errors import Fenced
from monitor.escalation.effects import Act
from monitor.store.meta import Answered
from monitor.store.positions import Position
from monitor.store.sessions import Store
from tests.contract.store.records import LATER, START, Opener, alert, mention, new_hit, raised, story


class TestUnits:
    """Units of work."""

    async def test_rollback(self, store: Store) -> None:
        """An exception inside a unit leaves nothing of it, and passes through as it is."""

        async def fail() -> None:
            async with store.write() as unit:
                await unit.mentions.add([new_hit(1)], 0, LATER)
                await unit.stories.put([story()], 0)
                await unit.alerts.record([raised(alert())])
                await unit.meta.put("k", b"v")
                raise KeyError

        with pytest.raises(KeyError):
            await fail()
        async with store.read() as unit:
            assert await unit.mentions.known([("红十字会", mention(1).digest)]) == {}
            assert await unit.stories.get("s1") is None
            assert await unit.alerts.list() == ([], None)
            assert await unit.alerts.newest_seq() == 0
            assert await unit.meta.get("k") is None

    async def test_cancellation(self, store: Store) -> None:
        """A unit cancelled before its end leaves nothing, and the next writer goes on at once."""
        inside = asyncio.Event()

        async def long() -> None:
            async with store.write() as unit:
                await unit.meta.put("k", b"v")
                inside.set()
                await asyncio.sleep(60)

        task = asyncio.create_task(long())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(2), store.write() as unit:
            assert await unit.meta.get("k") is None
            await unit.meta.put("k", b"other")

    async def test_cancelled_anywhere(self, store: Store) -> None:
        """Cancelled after any number of steps of the loop, a unit is whole or absent, and the store goes on."""

        async def both(value: bytes) -> None:
            async with store.write() as unit:
                await unit.meta.put("one", value)
                await unit.meta.put("two", value)

        for steps in range(40):
            task = asyncio.create_task(both(str(steps).encode()))
            for _ in range(steps):
                await asyncio.sleep(0 if steps % 2 else 0.0005)
            task.cancel()
            await asyncio.wait([task])
            async with store.read() as unit:
                assert await unit.meta.get("one") == await unit.meta.get("two")
        await both(b"last")
        async with store.read() as unit:
            assert await unit.meta.get("one") == b"last"

    async def test_snapshot(self, store: Store) -> None:
        """A reading unit sees one moment, whatever is committed beside it."""
        async with store.read() as before:
            assert await before.meta.get("k") is None
            async with store.write() as unit:
                await unit.meta.put("k", b"v")
            assert await before.meta.get("k") is None
        async with store.read() as after:
            assert await after.meta.get("k") == b"v"

    async def test_turns(self, store: Store) -> None:
        """Many writers at once all get their turn, and none overwrites another."""

        async def add() -> None:
            async with store.write() as unit:
                value = int(await unit.meta.get("n") or b"0")
                await asyncio.sleep(0)
                await unit.meta.put("n", str(value + 1).encode())

        await asyncio.gather(*(add() for _ in range(30)))
        async with store.read() as unit:
            assert await unit.meta.get("n") == b"30"

    async def test_reopened(self, opener: Opener) -> None:
        """What was committed is there after closing, and closing twice is nothing."""
        first = await opener()
        async with first.write() as unit:
            await unit.alerts.record([raised(alert())])
        await first.close()
        await first.close()
        async with (await opener()).read() as again:
            assert await again.alerts.newest_seq() == 1

    async def test_wait_change(self, store: Store) -> None:
        """A commit wakes whoever waits; one made since a count was read is not missed; else the time runs out."""
        loop = asyncio.get_running_loop()
        waiting = asyncio.create_task(store.wait_change(30))
        await asyncio.sleep(0)
        seen = store.commits
        async with store.write() as unit:
            await unit.meta.put("k", b"v")
        async with asyncio.timeout(1):
            await waiting
            await store.wait_change(30, since=seen)
        started = loop.time()
        await store.wait_change(0.05, since=store.commits)
        assert loop.time() - started >= 0.04

    async def test_rollback_wakes_nobody(self, store: Store) -> None:
        """A unit that was rolled back is no change."""
        seen = store.commits
        with pytest.raises(KeyError):
            async with store.write():
                raise KeyError
        assert store.commits == seen


class TestPositions:
    """Positions and fencing."""

    async def test_absent(self, store: Store) -> None:
        """A partition nobody has moved stands at 0, and can be moved."""
        async with store.write() as unit:
            position = await unit.positions.read("mentions.scored", 3)
            assert position == Position("mentions.scored", 3)
            await unit.positions.move(position, offset=10, now=START, last_act=2)
        async with store.read() as unit:
            assert await unit.positions.read("mentions.scored", 3) == Position("mentions.scored", 3, 10, 1, START, 2)

    @pytest.mark.parametrize("moves", [0, 1, 5])
    async def test_two_writers(self, opener: Opener, moves: int) -> None:
        """Of two writers that read one position the second is fenced, and nothing of its unit stays."""
        one, other = await opener(), await opener()
        for offset in range(moves):
            async with one.write() as unit:
                await unit.positions.move(await unit.positions.read("t", 0), offset=offset, now=0, last_act=0)
        async with one.read() as reading, other.read() as beside:
            mine, theirs = await reading.positions.read("t", 0), await beside.positions.read("t", 0)
        async with other.write() as unit:
            await unit.mentions.add([new_hit(1)], 0, LATER)
            await unit.positions.move(theirs, offset=100, now=1, last_act=0)

        async def zombie() -> None:
            async with one.write() as unit:
                await unit.mentions.add([new_hit(2)], 0, LATER)
                await unit.positions.move(mine, offset=200, now=2, last_act=0)

        with pytest.raises(Fenced, match="t/0"):
            await zombie()
        async with one.read() as after:
            assert (await after.positions.read("t", 0)).offset == 100
            assert set(await after.mentions.known([("红十字会", mention(n).digest) for n in (1, 2)])) == {("红十字会", mention(1).digest)}

    @pytest.mark.parametrize("moved", [False, True])
    async def test_act_fences(self, store: Store, *, moved: bool) -> None:
        """An act that takes the position tells where it stood, moves nothing, and fences whoever read it before."""
        if moved:
            async with store.write() as unit:
                await unit.positions.move(Position("t", 0), offset=7, now=START, last_act=0)
        async with store.write() as unit:
            before = await unit.positions.read("t", 0)
            assert await unit.positions.lock("t", 0) == before
            after = await unit.positions.read("t", 0)
            assert (after.offset, after.now, after.version) == (before.offset, before.now, before.version + 1)
        with pytest.raises(Fenced):
            async with store.write() as unit:
                await unit.positions.move(before, offset=8, now=0, last_act=0)


class TestLeases:
    """Who is at work."""

    async def test_alone(self, opener: Opener) -> None:
        """What one holds alone nobody else takes, until it is given back or its time is over; its holder takes it on."""
        one, other = await opener(), await opener()
        async with one.write() as unit:
            assert await unit.leases.take("x", "a", 60, alone=True) == {}
            assert await unit.leases.take("x", "a", 60, alone=True) == {}
            assert await unit.leases.take("y", "b", 60, alone=True) == {}
        async with other.write() as unit:
            assert list(await unit.leases.take("x", "b", 60, alone=True)) == ["a"]
            assert list(await unit.leases.take("x", "c", 60, alone=False)) == ["a"]
        async with one.write() as unit:
            await unit.leases.give_back("x", "a")
        async with other.write() as unit:
            assert await unit.leases.take("x", "b", 0.05, alone=True) == {}
        await asyncio.sleep(0.1)
        async with one.write() as unit:
            assert await unit.leases.take("x", "a", 60, alone=True) == {}
            assert await unit.leases.holders("x") == ["a"]

    async def test_together(self, store: Store) -> None:
        """Any number hold it together; who wants it alone waits for all of them."""
        async with store.write() as unit:
            for holder in "bac":
                assert await unit.leases.take("x", holder, 60, alone=False) == {}
            assert list(await unit.leases.take("x", "d", 60, alone=True)) == ["a", "b", "c"]
            assert list(await unit.leases.take("x", "a", 60, alone=True)) == ["b", "c"]
            assert await unit.leases.holders("x") == ["a", "b", "c"]

    async def test_a_race(self, opener: Opener) -> None:
        """Of many who come at the same moment exactly one has it."""
        stores = [await opener() for _ in range(4)]

        async def take(store: Store, holder: str) -> bool:
            async with store.write() as unit:
                return not await unit.leases.take("x", holder, 60, alone=True)

        assert sum(await asyncio.gather(*(take(store, f"p{n}") for n, store in enumerate(stores * 3)))) == 1


class TestActs:
    """People's acts."""

    ACT = Act(
        id=0, partition=0, offset=5, subject="红十字会", story="s1", alert="a1", action="level", at=START, actor="小王", level=Level.RED
    )

    async def test_order(self, store: Store) -> None:
        """Acts get rising ids; `since` gives a partition's newer ones by id, `all` every one by where it took effect."""
        given = [self.ACT, replace(self.ACT, offset=3), replace(self.ACT, partition=1), replace(self.ACT, offset=5, action="resolve")]
        ids = []
        async with store.write() as unit:
            ids += [await unit.acts.add(act) for act in given]
        assert ids == sorted(set(ids))
        assert min(ids) > 0
        kept = [replace(act, id=key) for act, key in zip(given, ids, strict=True)]
        async with store.read() as unit:
            assert await unit.acts.since(0, 0) == [kept[0], kept[1], kept[3]]
            assert await unit.acts.since(0, ids[1]) == [kept[3]]
            assert await unit.acts.all(0) == [kept[1], kept[0], kept[3]]


class TestMeta:
    """Small things by name, and answers to be given again."""

    async def test_meta(self, store: Store) -> None:
        """A name keeps its last value, any bytes."""
        async with store.write() as unit:
            await unit.meta.put("k", b"1")
            await unit.meta.put("k", bytes(range(256)))
            assert await unit.meta.get("k") == bytes(range(256))
            assert await unit.meta.get("other") is None

    async def test_answers(self, store: Store) -> None:
        """An answer is found by caller, path and key while young enough, replaced after, and forgotten."""
        first = Answered(caller="li", path="/p", key="k", body_hash=b"h", status=200, etag='"1.0"', response=b"{}", at=START)
        second = msgspec.structs.replace(first, body_hash=b"i", etag=None, at=START + DAY)
        async with store.write() as unit:
            await unit.meta.answer(first)
            assert await unit.meta.answered("li", "/p", "k", START) == first
            assert await unit.meta.answered("li", "/p", "k", START + 1) is None
            assert await unit.meta.answered("wang", "/p", "k", START) is None
            await unit.meta.answer(second)
            assert await unit.meta.answered("li", "/p", "k", START) == second
            assert await unit.meta.forget_answers(START + DAY) == 0
            assert await unit.meta.forget_answers(START + DAY + 1) == 1
            assert await unit.meta.answered("li", "/p", "k", 0) is None
