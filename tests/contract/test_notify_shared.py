"""Two notify processes on one store: nothing is sent twice at once, nobody's place is taken twice, a dead one's work is taken over."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from monitor.alert import Level
from monitor.errors import StoreUnavailable
from monitor.notifying.receivers.base import Result
from monitor.store.sessions import Store
from services.keeping import tenure
from services.notify import AT_ONCE
from tests.postgresql import Server
from tests.unit.notifying.making import level_change
from tests.unit.notifying.rig import at_work, make, settled, tell

ALERTS = 30
RISE = level_change(Level.NONE, Level.BLUE)


class Counting:
    """A receiver that knows what is under way, of all processes together."""

    fingerprint = "same"

    def __init__(self, sent: Counter[str], flying: Counter[str]) -> None:
        self._sent, self._flying, self.most = sent, flying, 0

    async def send(self, notification: str, body: bytes, at: int) -> Result:
        """Takes a moment."""
        assert body
        assert at
        self._flying[notification] += 1
        assert self._flying[notification] == 1, "sent twice at once"
        self.most = max(self.most, self._flying.total())
        await asyncio.sleep(0.01)
        self._flying[notification] -= 1
        self._sent[notification] += 1
        return Result(kind="sent", status=204)

    async def close(self) -> None:
        """Nothing to let go of."""


@pytest.fixture
async def stores(postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Store, Store]]:
    """One database as two processes have it, with leases of a second."""
    monkeypatch.setattr(tenure, "LEASE", 1.0)
    monkeypatch.setattr(tenure, "RENEW", 0.1)
    url = await postgresql.database()
    one, other = await Store.open(url, Path("/nonexistent")), await Store.open(url, Path("/nonexistent"))
    yield one, other
    await one.close()
    await other.close()
    await postgresql.drop(url)


async def sent_of(store: Store, number: int) -> None:
    """Return once so many messages are sent."""
    await settled(store, lambda rows: sum(row.state == "sent" for row in rows) >= number, within=30)


async def test_two_at_work(stores: tuple[Store, Store]) -> None:
    """Each message goes out once, never more than four to a receiver are under way; and when one process stops the other goes on."""
    sent, flying = Counter[str](), Counter[str]()
    receivers = {"duty": Counting(sent, flying)}
    for number in range(ALERTS):
        await tell(stores[0], [RISE], alert=f"a{number}")
    async with at_work(make(stores[1], receivers)):
        async with at_work(make(stores[0], receivers)):
            await sent_of(stores[0], ALERTS // 2)
        await sent_of(stores[0], ALERTS)
    assert (len(sent), set(sent.values())) == (ALERTS, {1})
    assert receivers["duty"].most <= AT_ONCE


async def test_an_outcome_whose_keeping_was_lost_is_kept_once(stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit happened and its answer did not come: the message counts as sent, with one attempt."""
    sent = Counter[str]()
    (row,) = await tell(stores[0], [RISE])
    committed, lost = stores[0]._committed, 0

    async def losing(transaction: object) -> None:
        nonlocal lost
        await committed(transaction)  # type: ignore[arg-type]  # whatever it was given
        async with stores[1].read() as unit:
            if (await unit.outbox.page()).items[0][0].state == "sent" and not lost:
                lost += 1
                raise StoreUnavailable("lost at the commit")

    monkeypatch.setattr(stores[0], "_committed", losing)
    async with at_work(make(stores[0], {"duty": Counting(sent, Counter())})):
        await sent_of(stores[1], 1)
        await asyncio.sleep(0.3)
    assert lost == 1
    async with stores[1].read() as unit:
        ((kept, attempts),) = (await unit.outbox.page()).items
    assert (kept.id, kept.state, kept.tries, len(attempts), sent[row.id]) == (row.id, "sent", 1, 1, 1)
