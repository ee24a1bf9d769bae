"""The outbox in the store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from monitor.notifying.notification import Attempt, Notification, NotificationState
from monitor.store.sessions import Store
from tests.unit.notifying.making import AT


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A new store."""
    opened = await Store.open("sqlite", tmp_path)
    yield opened
    await opened.close()


def row(n: int, *, alert: str = "a1", receiver: str = "duty", state: NotificationState = "pending", due: int = 0) -> Notification:
    """A message; its id says which."""
    return Notification(
        id=f"{alert}/{receiver}/{n}", alert=alert, receiver=receiver, type="alert.raised", n=n, upto=n, body=b"{}", created_at=AT + n,
        state=state, next_try_at=due,
    )  # fmt: skip


def attempt(of: Notification, code: str = "timeout") -> Attempt:
    """A failed try."""
    return Attempt(notification=of.id, at=AT, status=None, code=code, seconds=0.25, excerpt="…")


async def add(store: Store, *rows: Notification) -> None:
    """Put messages in."""
    async with store.write() as unit:
        await unit.outbox.add(rows)


async def ids(store: Store, now: int = AT, receiver: str = "duty", limit: int = 10) -> list[str]:
    """The ids of what is due."""
    async with store.read() as unit:
        return [one.id for one in await unit.outbox.due(now, receiver, limit)]


async def test_a_message_is_put_in_once(store: Store) -> None:
    """The same id again changes nothing: a transaction done twice tells once."""
    await add(store, row(1))
    await add(store, replace(row(1), body=b"other"), row(2))
    async with store.read() as unit:
        assert await unit.outbox.pending() == (2, AT + 1)
        assert (await unit.outbox.due(AT, "duty", 1))[0] == row(1)


async def test_only_the_first_of_each_alert_is_due(store: Store) -> None:
    """What follows waits for it, whoever is due; another alert and another receiver do not."""
    await add(store, row(2), row(1, due=AT + 9), row(1, alert="a2"), row(2, receiver="board"))
    await add(store, row(3, alert="a3"), row(1, alert="a3", state="sent"))
    assert await ids(store) == ["a2/duty/1", "a3/duty/3"]
    assert await ids(store, AT + 9) == ["a2/duty/1", "a3/duty/3", "a1/duty/1"]
    assert await ids(store, receiver="board") == ["a1/board/2"]
    assert await ids(store, limit=1) == ["a2/duty/1"]


async def test_the_next_retry_is_known(store: Store) -> None:
    """The earliest moment after now, of the receivers asked for."""
    await add(store, row(1, due=AT + 9), row(1, alert="a2", due=AT + 5), row(1, receiver="board", due=AT + 1), row(1, alert="a3"))
    async with store.read() as unit:
        assert await unit.outbox.next_due(AT, ["duty"]) == AT + 5
        assert await unit.outbox.next_due(AT + 5, ["duty"]) == AT + 9
        assert await unit.outbox.next_due(AT + 9, ["duty"]) is None


async def test_an_attempt_is_kept_with_what_it_changed(store: Store) -> None:
    """State, tries and times move together with the attempt's own row."""
    await add(store, row(1))
    failed = replace(row(1), tries=1, first_try_at=AT, next_try_at=AT + 2)
    async with store.write() as unit:
        await unit.outbox.attempted(failed, attempt(failed))
    async with store.write() as unit:
        await unit.outbox.attempted(replace(failed, state="sent", tries=2), attempt(failed, code=""))
    async with store.read() as unit:
        page = await unit.outbox.page()
    assert page.items == [(replace(failed, state="sent", tries=2), [attempt(failed), attempt(failed, code="")])]


async def test_told_counts_what_arrived_or_will(store: Store) -> None:
    """Messages that died, were disabled or merged tell of nothing; asked pairs only."""
    await add(
        store, row(1, state="sent"), row(3), row(4, state="dead"), row(5, state="disabled"), row(6, state="merged"), row(7, alert="a2"),
        row(8, receiver="board"),
    )  # fmt: skip
    async with store.read() as unit:
        assert await unit.outbox.told([("a1", "duty"), ("a2", "duty"), ("a9", "duty")]) == {("a1", "duty"): 3, ("a2", "duty"): 7}
        assert await unit.outbox.told([]) == {}


async def test_merging_leaves_the_newest_with_its_new_body(store: Store) -> None:
    """What follows a message can be merged into the newest of it."""
    await add(store, row(1), row(2), row(3), row(4), row(5, alert="a2"))
    async with store.write() as unit:
        behind = await unit.outbox.following(row(1))
        assert [one.n for one in behind] == [2, 3, 4]
        await unit.outbox.merge(replace(behind[-1], body=b"all"), behind[:-1])
    async with store.read() as unit:
        assert [(one.n, one.body) for one in await unit.outbox.following(row(1))] == [(4, b"all")]
        assert len((await unit.outbox.page(state="merged")).items) == 2


async def test_disabling_ends_what_waits_for_one_receiver(store: Store) -> None:
    """The others' messages, and those already sent, stay."""
    await add(store, row(1, state="sent"), row(2), row(1, alert="a2"), row(1, receiver="board"))
    async with store.write() as unit:
        assert await unit.outbox.disable("duty") == 2
    async with store.read() as unit:
        assert await unit.outbox.pending(["duty"]) == (0, None)
        assert await unit.outbox.pending(["duty", "board"]) == (1, AT + 1)
        assert len((await unit.outbox.page(receiver="duty", state="disabled")).items) == 2


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
async def test_pages_show_each_message_once_newest_first(store: Store, limit: int) -> None:
    """A walk by cursor sees everything, whatever the size of its steps."""
    rows = [row(n, alert=f"a{n % 3}") for n in range(7)]
    await add(store, *rows)
    seen: list[Notification] = []
    cursor: str | None = None
    async with store.read() as unit:
        while True:
            items, cursor = await unit.outbox.page(limit=limit, cursor=cursor)
            seen += [one for one, _ in items]
            if cursor is None:
                break
        assert seen == rows[::-1]
        assert [one.n for one, _ in (await unit.outbox.page(alert="a1", receiver="duty", state="pending")).items] == [4, 1]
        assert (await unit.outbox.page(alert="a\ud800", receiver="\0")).items == []
        with pytest.raises(ValueError, match="cursor"):
            await unit.outbox.page(cursor="nonsense")
