"""A notifier at work over a store, for tests."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import structlog
from prometheus_client import CollectorRegistry

from monitor.alert import Transition
from monitor.clock import SECOND, Clock, SystemClock
from monitor.metrics import Metrics
from monitor.notifying.notification import Attempt, Notification
from monitor.notifying.outgoing import outgoing
from monitor.notifying.receivers.base import Receiver
from monitor.notifying.receivers.webhook import Webhook
from monitor.notifying.schedule import RetryPolicy
from monitor.store.sessions import Store
from services.notify import Notifier
from tests.unit.notifying.making import SUBJECT, URL, changes, receiver

QUICK = RetryPolicy(opening=(SECOND // 20,) * 4, steady=SECOND // 20, jitter=0.0)
POLL = 0.05


def make(
    store: Store, receivers: Mapping[str, Receiver], *, policy: RetryPolicy = QUICK, clock: Clock | None = None,
    metrics: Metrics | None = None, poll: float = POLL,
) -> Notifier:  # fmt: skip
    """A notifier that is not running yet."""
    log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger()
    return Notifier(store, receivers, policy, clock or SystemClock(), metrics or Metrics(CollectorRegistry()), log, poll=poll)


@asynccontextmanager
async def at_work(notifier: Notifier) -> AsyncIterator[None]:
    """Run it beside the test, and stop it at the end as the service does."""
    task = asyncio.create_task(notifier.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def webhooks(**urls: str) -> AsyncIterator[dict[str, Receiver]]:
    """Open webhooks by name."""
    hooks = {name: Webhook(receiver(name, url=url), headers_within=0.5) for name, url in urls.items()}
    try:
        yield dict(hooks)
    finally:
        for hook in hooks.values():
            await hook.close()


async def tell(
    store: Store, transitions: Sequence[Transition], *, alert: str = "a1", receivers: Sequence[str] = ("duty",)
) -> list[Notification]:
    """What the escalator does in its transaction: record changes of an alert and put the messages about them in the outbox."""
    async with store.write() as unit:
        since = len(await unit.alerts.transitions(alert))
        recorded = await unit.alerts.record(changes(transitions, id=alert, since=since))
        settings = [receiver(name) for name in receivers]
        told = await unit.outbox.told([(alert, name) for name in receivers])
        history = {alert: await unit.alerts.transitions(alert)}
        now = SystemClock().now()
        rows = outgoing(recorded, {SUBJECT.name: SUBJECT}, settings, URL, told=told, history=history, created_at=now)
        await unit.outbox.add(rows)
    return rows


async def messages(store: Store) -> list[tuple[Notification, list[Attempt]]]:
    """All messages, oldest first."""
    async with store.read() as unit:
        return (await unit.outbox.page(limit=1000)).items[::-1]


async def settled(store: Store, holds: Callable[[list[Notification]], bool], within: float = 8.0) -> list[Notification]:
    """The messages, once something holds of them; TimeoutError when it never does."""
    async with asyncio.timeout(within):
        while True:
            seen = store.commits
            rows = [row for row, _ in await messages(store)]
            if holds(rows):
                return rows
            await store.wait_change(1.0, seen)


def none_pending(rows: Sequence[Notification]) -> bool:
    """Whether every message has come to an end."""
    return all(row.state != "pending" for row in rows)
