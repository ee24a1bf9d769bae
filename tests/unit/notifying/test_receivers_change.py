"""Receivers that change while the notifier is at work: what is under way ends, what waits goes to the new ones."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from monitor.alert import Level
from monitor.errors import UsageError
from monitor.notifying.receivers.opening import Receivers
from monitor.store.sessions import Store
from tests.unit.notifying.fake_receiver import FakeReceiver, Request, answer
from tests.unit.notifying.making import level_change, receiver
from tests.unit.notifying.rig import at_work, make, none_pending, settled, tell

RISE = level_change(Level.NONE, Level.BLUE)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store."""
    opened = await Store.open("sqlite", tmp_path)
    yield opened
    await opened.close()


async def test_another_address_is_used_from_the_next_message_on(store: Store) -> None:
    """What is under way to the old one ends there; a receiver that had said 410 is asked again at its new address."""
    async with FakeReceiver(otherwise=answer(410)) as old, FakeReceiver() as new:
        known = Receivers([receiver(url=old.url)])
        notifier = make(store, known.open)
        async with at_work(notifier):
            await tell(store, [RISE])
            rows = await settled(store, none_pending)
            assert [row.state for row in rows] == ["disabled"]
            known.follow([receiver(url=new.url)], notifier.use)()
            await tell(store, [RISE], alert="a2")
            await settled(store, lambda found: any(row.state == "sent" for row in found))
        assert (len(old.requests), len(new.requests)) == (1, 1)
        await notifier.close()


async def test_receivers_come_and_go(store: Store) -> None:
    """One that is added is sent to, one that is gone is not; a message under way while its receiver changes is kept as it ended."""
    under_way = asyncio.Event()

    async def slow(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        under_way.set()
        await asyncio.sleep(0.4)
        await answer(204)(request, reader, writer)

    async with FakeReceiver(otherwise=slow) as first, FakeReceiver() as second:
        known = Receivers([receiver("duty", url=first.url)])
        notifier = make(store, known.open)
        async with at_work(notifier):
            await tell(store, [RISE])
            await asyncio.wait_for(under_way.wait(), 8)
            known.follow([receiver("night", url=second.url)], notifier.use)()
            await tell(store, [RISE], alert="a2", receivers=("duty", "night"))
            rows = await settled(store, lambda found: sum(row.state == "sent" for row in found) == 2)
            assert {(row.alert, row.receiver): row.state for row in rows} == {
                ("a1", "duty"): "sent", ("a2", "duty"): "pending", ("a2", "night"): "sent",
            }  # fmt: skip
        await notifier.close()


def test_what_stays_the_same_stays_open() -> None:
    """Only what is new or different is opened; a wrong one changes nothing."""
    known = Receivers([receiver("duty"), receiver("night")])
    before = dict(known.open)
    other = replace(receiver("night"), min_level="red")
    known.follow([receiver("duty"), other], lambda _: None)()

    assert known.open["duty"] is before["duty"]
    assert known.open["night"] is not before["night"]
    with pytest.raises(UsageError):
        known.follow([replace(receiver("duty"), type="wecom")], lambda _: None)
    assert set(known.open) == {"duty", "night"}
