"""The wall clock is set while messages wait for their next try."""

from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from monitor.alert import Level
from monitor.clock import HOUR, SECOND, ManualClock
from monitor.notifying.notification import Attempt
from monitor.notifying.schedule import RetryPolicy
from monitor.store.sessions import Store
from tests.unit.notifying.fake_receiver import FakeReceiver, answer
from tests.unit.notifying.making import AT, level_change
from tests.unit.notifying.rig import at_work, make, none_pending, settled, tell, webhooks

RISE = [level_change(Level.NONE, Level.BLUE)]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A new store."""
    opened = await Store.open("sqlite", tmp_path)
    yield opened
    await opened.close()


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_clock_that_is_set_back_delays_no_message(store: Store, *, restarted: bool) -> None:
    """What was to be tried again in two seconds is tried in two seconds, not in an hour and two seconds; after a restart, too."""
    clock = ManualClock(AT)
    await tell(store, RISE)
    async with FakeReceiver(script=deque([answer(503)])) as fake, webhooks(duty=fake.url) as hooks:
        notifier = make(store, hooks, clock=clock, policy=RetryPolicy(jitter=0.0))
        async with at_work(notifier):
            await settled(store, lambda rows: rows[0].tries == 1)
            if not restarted:
                clock.at -= HOUR
                await settled(store, lambda rows: rows[0].next_try_at == clock.at + 2 * SECOND)
        clock.at = AT - HOUR
        async with at_work(make(store, hooks, clock=clock)):
            await settled(store, lambda rows: rows[0].next_try_at == clock.at + 2 * SECOND)
            clock.advance(2 * SECOND)
            await settled(store, none_pending)
        assert len(fake.requests) == 2


async def test_only_what_was_tried_in_the_future_is_set_back(store: Store) -> None:
    """A wait that is an hour long by right stays an hour long."""
    rows = [*await tell(store, RISE, alert="a1"), *await tell(store, RISE, alert="a2")]
    async with store.write() as unit:
        for row, at in zip(rows, (AT, AT + HOUR), strict=True):
            failed = Attempt(notification=row.id, at=at, status=503, code="503", seconds=0.1, excerpt="")
            assert await unit.outbox.attempted(replace(row, tries=1, first_try_at=at, next_try_at=AT + 2 * HOUR), failed)
        assert [await unit.outbox.set_back(AT) for _ in range(2)] == [1, 0]
    async with store.read() as unit:
        due = {row.alert: row.next_try_at for row, _ in (await unit.outbox.page()).items}
    assert due == {"a1": AT + 2 * HOUR, "a2": AT + HOUR}
