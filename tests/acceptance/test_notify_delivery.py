"""The notify role against receivers that fail, over the real store: nothing lost, in order, told once where that can be."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from time import monotonic

import msgspec
import pytest
from prometheus_client import CollectorRegistry

import services.notify
from monitor.alert import Level
from monitor.clock import HOUR, SECOND, ManualClock, SystemClock
from monitor.errors import StoreUnavailable
from monitor.metrics import Metrics
from monitor.notifying.notification import Notification
from monitor.notifying.receivers.base import Receiver, Result
from monitor.notifying.schedule import RetryPolicy
from monitor.store.sessions import Store
from tests.unit.notifying.fake_receiver import OK, Behaviour, FakeReceiver, Request, answer, hang, raw
from tests.unit.notifying.making import level_change
from tests.unit.notifying.rig import at_work, make, messages, none_pending, settled, tell, webhooks

CLIMB = [
    level_change(Level.NONE, Level.BLUE), level_change(Level.BLUE, Level.YELLOW), level_change(Level.YELLOW, Level.ORANGE),
    level_change(Level.ORANGE, Level.RED), level_change(Level.RED, Level.ORANGE), level_change(Level.ORANGE, Level.BLUE),
]  # fmt: skip


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A new store."""
    opened = await Store.open("sqlite", tmp_path)
    yield opened
    await opened.close()


def steps(request: Request) -> list[str]:
    """The levels that the transitions of a message lead to."""
    transitions = msgspec.json.decode(request.body)["data"]["transitions"]
    return [one["to"] for one in transitions]


class Scripted:
    """A receiver without a network; `results` are used up a try at a time, then every try fails."""

    def __init__(self, *results: Result, fingerprint: str = "f") -> None:
        self.results = list(results)
        self.tried: list[tuple[str, bytes]] = []
        self.fingerprint = fingerprint

    async def send(self, notification: str, body: bytes, now: int) -> Result:  # noqa: ARG002 - no timestamp to sign
        self.tried.append((notification, body))
        return self.results.pop(0) if self.results else Result(kind="later", code="timeout")

    async def close(self) -> None:
        """Nothing is held."""


async def first_after(store: Store, tries: int) -> Notification:
    """The message at the head of the queue, once it is another one or has been tried more often."""
    async with asyncio.timeout(8):
        while True:
            seen = store.commits
            async with store.read() as unit:
                head = (await unit.outbox.due(2**62, "duty", 1))[0]
            if head.n > 1 or head.tries > tries:
                return head
            await store.wait_change(1.0, seen)


SENT = Result(kind="sent", status=204)


async def test_a_stored_message_is_sent_at_once(store: Store) -> None:
    """From the commit to the receiver in well under a second, without waiting for any timer."""
    async with FakeReceiver() as fake, webhooks(duty=fake.url) as hooks, at_work(make(store, hooks)):
        await asyncio.sleep(0.2)
        for number in range(5):
            committed = monotonic()
            await tell(store, CLIMB[:1], alert=f"a{number}")
            await fake.until(lambda: len(fake.requests) > number)  # noqa: B023 - called within this turn only
            assert fake.requests[-1].at - committed < 0.5
        rows = await settled(store, none_pending)
    assert {row.state for row in rows} == {"sent"}
    assert fake.bodies() == {row.id: {row.body} for row in rows}


@pytest.mark.parametrize("seed", range(3))
async def test_order_is_kept_whatever_fails(store: Store, seed: int) -> None:
    """Each alert's messages are taken in the order of their transitions, the same body under one id, each exactly once."""
    drawn = Random(seed)
    faults: list[Behaviour] = [OK, OK, answer(500), answer(503), answer(404), raw(), answer(301, location="http://127.0.0.1/")]
    alerts = [f"a{number}" for number in range(6)]
    async with FakeReceiver() as fake, webhooks(duty=fake.url) as hooks:
        fake.script.extend(drawn.choice(faults) for _ in range(40))
        async with at_work(make(store, hooks)):
            for transition in CLIMB:
                for alert in alerts:
                    await tell(store, [transition], alert=alert)
            rows = await settled(store, none_pending, within=20)
    assert {row.state for row in rows} <= {"sent", "merged"}
    assert all(len(bodies) == 1 for bodies in fake.bodies().values())
    by_id = {row.id: row for row in rows}
    for alert in alerts:
        taken = {request.message: request for request in fake.requests if by_id[request.message].alert == alert}
        assert [by_id[one].n for one in taken] == sorted(by_id[one].n for one in taken)
        assert [step for request in taken.values() for step in steps(request)] == [one.to_level.word for one in CLIMB if one.to_level]


async def test_waiting_messages_are_merged_after_a_failure_and_go_at_once(store: Store) -> None:
    """The head stays as it was; behind it one message, the newest, tells everything since."""
    clock = ManualClock(SystemClock().now())
    await tell(store, CLIMB[:1])
    fake = FakeReceiver(script=deque([answer(500)]))
    async with fake, webhooks(duty=fake.url) as hooks, at_work(make(store, hooks, clock=clock)):
        await settled(store, lambda rows: rows[0].tries == 1)
        for transition in CLIMB[1:4]:
            await tell(store, [transition])
        clock.advance(SECOND)
        rows = await settled(store, none_pending)
    assert [row.state for row in rows] == ["sent", "merged", "merged", "sent"]
    assert [request.message for request in fake.requests] == [rows[0].id, rows[0].id, rows[3].id]
    assert steps(fake.requests[-1]) == ["yellow", "orange", "red"]
    assert fake.requests[-1].said["type"] == "alert.raised"
    assert fake.requests[2].at - fake.requests[1].at < 0.5
    assert all(len(bodies) == 1 for bodies in fake.bodies().values())


async def test_nothing_is_merged_without_a_failure(store: Store) -> None:
    """A burst to a slow but healthy receiver arrives as it was: every step a message of its own."""
    await tell(store, CLIMB)
    async with FakeReceiver(otherwise=raw(b"HTTP/1.1 204 No\r\n\r\n", pause=0.05)) as fake, webhooks(duty=fake.url) as hooks:
        await make(store, hooks).drain()
    assert [request.said["type"] for request in fake.requests] == ["alert.opened", *["alert.raised"] * 3, *["alert.lowered"] * 2]
    assert fake.most_at_once == 1


async def test_a_dead_receiver_delays_nobody(store: Store) -> None:
    """While one receiver hangs on everything, the other gets everything."""
    async with (
        FakeReceiver(otherwise=hang) as dead, FakeReceiver() as well, webhooks(a=dead.url, b=well.url) as hooks,
        at_work(make(store, hooks)),
    ):  # fmt: skip
        started = monotonic()
        for number in range(12):
            await tell(store, CLIMB[:1], alert=f"a{number}", receivers=("a", "b"))
        await well.until(lambda: len(well.requests) == 12)
        assert monotonic() - started < 3
        await dead.until(lambda: len(dead.requests) >= 4)
    assert dead.most_at_once <= services.notify.AT_ONCE


async def test_at_most_four_at_once(store: Store) -> None:
    """Many alerts at one receiver: four in flight, no more, and no fewer while there is work."""
    for number in range(12):
        await tell(store, CLIMB[:2], alert=f"a{number}")
    async with FakeReceiver(otherwise=raw(b"HTTP/1.1 204 No\r\n\r\n", pause=0.05)) as fake, webhooks(duty=fake.url) as hooks:
        await make(store, hooks).drain()
    assert fake.most_at_once == 4
    assert len(fake.requests) == 24


async def test_gone_disables_for_good_and_is_told_to_the_others(store: Store) -> None:
    """410: what waits and what comes is disabled, also after a restart, until the address is another; the others hear of it."""
    gone, board = Scripted(Result(kind="disabled", status=410, code="gone")), Scripted(*[SENT] * 9, fingerprint="b")
    receivers: dict[str, Receiver] = {"duty": gone, "board": board}
    await tell(store, CLIMB[:3], receivers=("duty", "board"))
    await make(store, receivers).drain()
    rows = await settled(store, none_pending)
    assert [row.state for row in rows if row.receiver == "duty"] == ["disabled"] * 3
    assert [row.type for row in rows if row.receiver == "board"][-1] == "receiver.disabled"
    await tell(store, CLIMB[3:4])
    await make(store, receivers).drain()
    assert len(gone.tried) == 1
    moved = Scripted(SENT, fingerprint="another address")
    await tell(store, CLIMB[4:5])
    await make(store, {"duty": moved, "board": board}).drain()
    assert len(moved.tried) == 1


async def test_a_failing_receiver_is_told_to_the_others_and_its_recovery_too(store: Store) -> None:
    """After five failed tries in a row, and after the next success; each once, with reason, since when and how much waits."""
    later = Result(kind="later", status=503, code="server_error")
    duty, board = Scripted(*[later] * 7, SENT), Scripted(*[SENT] * 9)
    await tell(store, CLIMB[:1])
    await make(store, {"duty": duty, "board": board}).drain()
    told = [row for row, _ in await messages(store) if row.receiver == "board"]
    assert [row.type for row in told] == ["receiver.failing", "receiver.recovered"]
    assert b'"receiver":"duty","reason":"server_error"' in told[0].body
    assert b'"pending":1' in told[0].body


async def test_a_kill_between_post_and_mark_repeats_id_and_body(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was taken but not written down is sent again: the same id, the same bytes, even when more is waiting by then."""
    monkeypatch.setattr(services.notify, "GRACE", 0.0)

    class Dying(Scripted):
        """Its answer never reaches us: the process dies first."""

        async def send(self, notification: str, body: bytes, now: int) -> Result:
            await super().send(notification, body, now)
            await asyncio.Event().wait()
            raise AssertionError

    await tell(store, CLIMB[:1])
    dying = Dying()
    async with at_work(make(store, {"duty": dying})):
        await settled(store, lambda _: True)
        await asyncio.sleep(0.2)
    await tell(store, CLIMB[1:2])
    after = Scripted(SENT, SENT)
    await make(store, {"duty": after}).drain()
    assert after.tried[0] == dying.tried[0]
    assert len(after.tried) == 2


async def test_a_clean_stop_repeats_nothing(store: Store) -> None:
    """A stop waits a moment for answers on their way, and writes them down."""
    await tell(store, CLIMB[:1])
    async with FakeReceiver(otherwise=raw(b"HTTP/1.1 204 No\r\n\r\n", pause=0.4)) as fake, webhooks(duty=fake.url) as hooks:
        async with at_work(make(store, hooks)):
            await fake.until(lambda: len(fake.requests) == 1)
        assert [row.state for row, _ in await messages(store)] == ["sent"]
        await make(store, hooks).drain()
    assert len(fake.requests) == 1


async def test_a_demand_to_wait_is_honoured(store: Store) -> None:
    """Retry-After: never earlier, at most a quarter later."""
    await tell(store, CLIMB[:1])
    async with FakeReceiver() as fake, webhooks(duty=fake.url) as hooks:
        fake.script.append(answer(503, retry_after="1"))
        await make(store, hooks).drain()
    first, second = fake.requests
    assert 1.0 <= second.at - first.at <= 1.25


async def test_after_72_hours_a_message_is_dead_and_the_next_has_its_turn(store: Store) -> None:
    """The whole plan lived by a clock moved by hand: five tries in the first minute, the last at 72 h, every try kept."""
    clock, metrics = ManualClock(SystemClock().now()), Metrics(CollectorRegistry())
    duty = Scripted()
    await tell(store, CLIMB[:2])
    began = clock.now()
    async with at_work(make(store, {"duty": duty}, policy=RetryPolicy(), clock=clock, metrics=metrics, poll=0.005)):
        while (head := await first_after(store, len(duty.tried))).n == 1:
            clock.at = head.next_try_at
        duty.results = [SENT]
        await settled(store, none_pending)
    (first, attempts), (second, _) = await messages(store)
    assert (first.state, second.state) == ("dead", "sent")
    assert attempts[4].at - began < 60_000_000
    assert attempts[-1].at - attempts[0].at == 72 * HOUR
    assert len(attempts) == first.tries
    assert metrics.registry.get_sample_value("yuqing_notifications_total", {"receiver": "duty", "outcome": "dead"}) == 1


async def test_every_try_is_kept_and_counted(store: Store) -> None:
    """Attempts with status, code and excerpt; outcomes and latency as metrics."""
    metrics = Metrics(CollectorRegistry(), receivers=["duty"])
    await tell(store, CLIMB[:3])
    refused = Result(kind="later", code="address_refused")
    duty = Scripted(Result(kind="later", status=500, code="server_error", excerpt="坏了"), refused, SENT, SENT)
    await make(store, {"duty": duty}, metrics=metrics).drain()
    _, attempts = (await messages(store))[0]
    assert [(one.status, one.code, one.excerpt) for one in attempts] == [
        (500, "server_error", "坏了"), (None, "address_refused", ""), (204, "", ""),
    ]  # fmt: skip
    counted = {
        outcome: metrics.registry.get_sample_value("yuqing_notifications_total", {"receiver": "duty", "outcome": outcome})
        for outcome in ("sent", "retried", "refused", "merged", "dead")
    }
    assert counted == {"sent": 2, "retried": 1, "refused": 1, "merged": 1, "dead": 0}
    assert metrics.registry.get_sample_value("yuqing_notification_latency_seconds_count", {"receiver": "duty"}) == 2


async def test_what_waits_is_measured(store: Store) -> None:
    """How many wait and how old the oldest is."""
    metrics = Metrics(CollectorRegistry())
    await tell(store, CLIMB[:3])
    async with at_work(make(store, {"duty": Scripted()}, metrics=metrics)):
        await settled(store, lambda rows: rows[0].tries > 1)
    assert metrics.registry.get_sample_value("yuqing_outbox_pending") == 3
    assert (metrics.registry.get_sample_value("yuqing_outbox_oldest_age_seconds") or -1) >= 0


async def test_a_receiver_that_breaks_is_tried_again(store: Store) -> None:
    """An exception nobody foresaw is a failed try, not the end of the service."""

    class Broken(Scripted):
        """Raises at the first try."""

        async def send(self, notification: str, body: bytes, now: int) -> Result:
            result = await super().send(notification, body, now)
            if len(self.tried) == 1:
                raise RuntimeError("https://duty.example/secret")
            return result

    await tell(store, CLIMB[:1])
    await make(store, {"duty": Broken(SENT, SENT)}).drain()
    row, attempts = (await messages(store))[0]
    assert row.state == "sent"
    assert [(one.code, one.excerpt) for one in attempts] == [("failed", "RuntimeError"), ("", "")]


async def test_an_outcome_waits_for_a_store_that_is_away(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk after the POST: the outcome is written when the store is back, and the message is not sent twice."""
    await tell(store, CLIMB[:1])
    duty = Scripted(SENT)
    await_writes = store.write
    broken = 3

    def write() -> object:
        nonlocal broken
        broken -= 1
        if broken >= 0:
            raise StoreUnavailable("store: database or disk is full")
        return await_writes()

    monkeypatch.setattr(store, "write", write)
    await make(store, {"duty": duty}).drain()
    assert len(duty.tried) == 1
    assert [row.state for row, _ in await messages(store)] == ["sent"]


async def test_draining_ends_when_nothing_can_be_sent(store: Store) -> None:
    """Messages for a receiver no longer configured stay where they are, and hold nobody up; running or not."""
    await tell(store, CLIMB[:1], receivers=("gone",))
    await make(store, {}).drain()
    running = make(store, {"duty": Scripted(SENT)})
    async with at_work(running):
        await tell(store, CLIMB[1:2])
        await running.drain()
    rows: dict[str, Notification] = {row.receiver: row for row, _ in await messages(store)}
    assert (rows["gone"].state, rows["duty"].state) == ("pending", "sent")
