"""What a store promises of stories and alerts: numbers without gaps, lists without repeats, cursors of its own."""

import asyncio

import pytest
from msgspec.structs import replace

from monitor.alert import Level
from monitor.store.alerts import AlertFilter
from monitor.store.sessions import Store
from tests.contract.store.records import LATER, START, Opener, alert, moved_on, raised, recounted, story


class TestStories:
    """Stories."""

    async def test_put(self, store: Store) -> None:
        """A story comes back as it was last put, live ones by partition."""
        changed = story("s1", level=Level.RED, title="改名", mentions=9, last_at=LATER)
        async with store.write() as unit:
            await unit.stories.put([story("s2"), story("s1"), story("gone", live=False)], 0)
            await unit.stories.put([changed], 0)
            await unit.stories.put([story("s3")], 1)
        async with store.read() as unit:
            assert await unit.stories.live(0) == [changed, story("s2")]
            assert await unit.stories.get("gone") == story("gone", live=False)
            assert await unit.stories.get("none") is None

    async def test_state_with_alert(self, store: Store) -> None:
        """The state of a story, its alert included, survives exactly."""
        row = story()
        row = replace(row, state=replace(row.state, alert=alert(), raising=(1, 2, 3, 4), dirty=True))
        async with store.write() as unit:
            await unit.stories.put([row], 0)
            assert await unit.stories.live(0) == [row]

    async def test_list(self, store: Store) -> None:
        """Stories are listed by when they were last spoken of, each once, of one subject or all."""
        rows = [story(f"s{n}", subject="故宫" if n % 2 else "红十字会", last_at=START + n // 3) for n in range(10)]
        async with store.write() as unit:
            await unit.stories.put(rows, 0)
            found, cursor = await unit.stories.list(None, 4)
            while cursor:
                page = await unit.stories.list(None, 4, cursor)
                found, cursor = found + page.items, page.next_cursor
            assert found == sorted(rows, key=lambda row: (-row.last_at, row.id))
            assert [row.id for row in (await unit.stories.list("故宫", 50)).items] == ["s9", "s7", "s3", "s5", "s1"]


class TestAlerts:
    """Alerts, transitions and seq."""

    async def test_numbers(self, store: Store) -> None:
        """Each change takes the next seq; a transition moves the version, mere counters the counter; stored numbers lead."""
        lying = replace(alert("a1"), seq=99, version=50, counter=60)
        async with store.write() as unit:
            first = await unit.alerts.record([raised(lying), raised(alert("a2")), recounted(lying)])
        async with store.write() as unit:
            assert await unit.alerts.record([]) == []
            second = await unit.alerts.record([recounted(lying), moved_on(lying, "acknowledged")])
        numbers = [(c.alert.id, c.alert.seq, c.alert.version, c.alert.counter) for c in (*first, *second)]
        assert numbers == [("a1", 1, 1, 0), ("a2", 2, 1, 0), ("a1", 3, 1, 1), ("a1", 4, 1, 2), ("a1", 5, 2, 2)]
        async with store.read() as unit:
            assert await unit.alerts.get("a1") == second[-1].alert
            assert await unit.alerts.newest_seq() == 5
            assert await unit.alerts.transitions("a1") == [first[0].transition, second[-1].transition]
            assert await unit.alerts.transitions("a2") == [first[1].transition]

    async def test_no_gap_is_visible(self, opener: Opener) -> None:
        """A reader that follows `changes` while two stores write misses no alert and sees seq only rise."""
        writers = [await opener(), await opener()]
        reader = await opener()
        done = asyncio.Event()

        async def write(store: Store, name: str) -> None:
            for n in range(25):
                async with store.write() as unit:
                    await unit.alerts.record([raised(alert(f"{name}{n}"))])

        async def follow() -> list[int]:
            seen: list[int] = []
            while True:
                last = done.is_set()
                async with reader.read() as unit:
                    seen += [each.seq for each in await unit.alerts.changes(seen[-1] if seen else 0)]
                if last:
                    return seen
                await asyncio.sleep(0.001)

        following = asyncio.create_task(follow())
        await asyncio.gather(*(write(store, name) for store, name in zip(writers, "xy", strict=True)))
        done.set()
        assert await following == list(range(1, 51))

    async def test_changes(self, store: Store) -> None:
        """Changes after a seq: each alert once as it now stands, rising, at most as many as asked for."""
        async with store.write() as unit:
            await unit.alerts.record([raised(alert("a1")), raised(alert("a2")), raised(alert("a3")), recounted(alert("a1"))])
        async with store.read() as unit:
            assert [(each.id, each.seq) for each in await unit.alerts.changes(1)] == [("a2", 2), ("a3", 3), ("a1", 4)]
            assert [each.id for each in await unit.alerts.changes(1, 2)] == ["a2", "a3"]
            assert await unit.alerts.changes(4) == []
            assert await unit.alerts.changes(10**30) == []

    async def test_filters(self, store: Store) -> None:
        """The list takes any union of statuses, levels, a lowest level, subjects and a time, together."""
        rows = [
            alert("a1", level=Level.BLUE), alert("a2", level=Level.RED, subject="故宫"), alert("a3", status="resolved", changed_at=LATER),
        ]  # fmt: skip
        async with store.write() as unit:
            await unit.alerts.record([raised(row) for row in rows])

            async def ids(**asked: object) -> list[str]:
                return [each.id for each in (await unit.alerts.list(AlertFilter(**asked))).items]  # type: ignore[arg-type]

            assert await ids() == ["a3", "a2", "a1"]
            assert await ids(statuses=("open", "handling")) == ["a2", "a1"]
            assert await ids(levels=(Level.BLUE, Level.YELLOW)) == ["a3", "a1"]
            assert await ids(min_level=Level.YELLOW) == ["a3", "a2"]
            assert await ids(subjects=("故宫",), min_level=Level.RED) == ["a2"]
            assert await ids(since=LATER) == ["a3"]
            assert await unit.alerts.counts() == {("blue", "open"): 1, ("red", "open"): 1, ("yellow", "resolved"): 1}

    async def test_walk_beside_changes(self, store: Store) -> None:
        """A walk by cursor shows every alert that stayed unchanged exactly once, whatever changes or comes meanwhile."""
        names = [f"a{n:02}" for n in range(20)]
        async with store.write() as unit:
            await unit.alerts.record([raised(alert(name)) for name in names])
        seen: list[str] = []
        cursor: str | None = None
        for step in range(100):
            async with store.write() as unit:
                page = await unit.alerts.list(limit=3, cursor=cursor)
                seen += [each.id for each in page.items]
                await unit.alerts.record([recounted(alert(names[step % 4])), raised(alert(f"new{step}"))])
            cursor = page.next_cursor
            if cursor is None:
                break
        assert [name for name in seen if name in names[4:]] == names[:3:-1]
        assert len(seen) == len(set(seen))

    async def test_open_of_story(self, store: Store) -> None:
        """A story's open alert is the one that still waits for somebody."""
        old, new = alert("a1", story="s1"), alert("a2", story="s1", episode=2)
        async with store.write() as unit:
            assert await unit.alerts.open_of_story("s1") is None
            await unit.alerts.record([raised(old), moved_on(old, "resolved")])
            assert await unit.alerts.open_of_story("s1") is None
            [change] = await unit.alerts.record([raised(new)])
            assert await unit.alerts.open_of_story("s1") == change.alert
            assert await unit.alerts.running(["s0", "s1"]) == {"s1": change.alert}

    async def test_all(self, store: Store) -> None:
        """Every alert comes once, by id in code points, with its transitions oldest first."""
        names = [f"a{n}" for n in range(450)] + ["B", "Z", "é", "字", "\U0001f600", "~"]
        async with store.write() as unit:
            await unit.alerts.record([change for name in names for change in (raised(alert(name)), moved_on(alert(name), "acknowledged"))])
        async with store.read() as unit:
            found = [(each, history) async for each, history in unit.alerts.all()]
        assert [each.id for each, _ in found] == sorted(names)
        assert all([change.alert for change in history] == [each.id] * 2 for each, history in found)
        assert all(history[0].to_level is Level.YELLOW and history[1].to_status == "acknowledged" for _, history in found)


class TestCursors:
    """Cursors are ours or refused."""

    async def test_bad_cursor(self, store: Store) -> None:
        """A cursor that is made up, cut, changed, or of another list is a ValueError, never an answer."""
        async with store.write() as unit:
            await unit.alerts.record([raised(alert(f"a{n}")) for n in range(5)])
            await unit.stories.put([story(f"s{n}") for n in range(5)], 0)
            good = (await unit.alerts.list(limit=2)).next_cursor
            other = (await unit.stories.list(None, 2)).next_cursor
            assert good is not None
            assert other is not None
            swapped = good[:-2] + ("AA" if good[-2:] != "AA" else "BB")
            for bad in ("", "x", "字", "\ud800", "=" * 9, "A" * 10_000, good[:-4], swapped, other, good.lower()):
                with pytest.raises(ValueError, match="cursor"):
                    await unit.alerts.list(limit=2, cursor=bad)
            for call in (unit.mentions.of_story("s1", limit=2, cursor=good), unit.mentions.search(limit=2, cursor=good)):
                with pytest.raises(ValueError, match="cursor"):
                    await call
