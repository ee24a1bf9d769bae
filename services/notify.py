"""
The notify role: takes what waits in the outbox to its receivers, and keeps how every try ended.

A message is in flight at most once for each alert and receiver, at most `AT_ONCE` for each receiver; so a dead receiver delays
nobody else, and only what was in flight can be repeated by a kill. What is tried is exactly what is stored: a repeat carries the
same id and the same body. Of several processes one at a time sends to a receiver, for as long as its tenure lasts.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from time import perf_counter

import msgspec
from msgspec.structs import replace
from structlog.stdlib import BoundLogger

from monitor.clock import SECOND, Clock
from monitor.errors import StoreUnavailable
from monitor.metrics import Metrics, NotifyOutcome
from monitor.notifying.health import Event, Health, read_health, stored_under
from monitor.notifying.message import compose_health, notification_id, recompose
from monitor.notifying.notification import Attempt, Notification
from monitor.notifying.plain import plain
from monitor.notifying.receivers.base import EXCERPT, Receiver, Result
from monitor.notifying.schedule import RetryPolicy
from monitor.store.rows import LARGEST
from monitor.store.sessions import ReadUnit, Store, WriteUnit
from services.keeping.tenure import Tenure
from services.keeping.waiting import Waiting

AT_ONCE = 4
AHEAD = 16  # due messages known beyond those in flight, so that a free place need not wait for the store
LOOK_EVERY = 0.05  # seconds: a busy store is not asked at each of its commits
POLL = 0.5  # seconds: another process may fill the outbox unseen
GRACE = 2.0  # seconds that tries under way are given at a stop
_MEASURE_EVERY = 1.0

Key = tuple[str, str]  # (alert, receiver)


class Tried(msgspec.Struct, frozen=True):
    """One try and how it ended. `at` is when it began, `ended` when it was over."""

    row: Notification
    result: Result
    at: int
    ended: int
    seconds: float


class Notifier:
    """One process's sending. `receivers` by their configured names."""

    def __init__(
        self, store: Store, receivers: Mapping[str, Receiver], policy: RetryPolicy, clock: Clock, metrics: Metrics, log: BoundLogger,
        *, poll: float = POLL,
    ) -> None:  # fmt: skip
        self._store, self._receivers, self._policy = store, receivers, policy
        self._clock, self._metrics, self._log, self._poll = clock, metrics, log, poll
        self._ready: dict[str, list[Notification]] = {}
        self._flying: dict[Key, asyncio.Task[None]] = {}
        self._landed = asyncio.Event()
        self._health: dict[str, Health] = {}
        self._unknown: set[str] = set(receivers)  # whose health must be read (again)
        self._retired: list[tuple[Receiver, list[asyncio.Task[None]]]] = []
        self._tenure = Tenure(store, "notify")
        self._quiet = Waiting()
        self._keeping = asyncio.Lock()
        self._measured_at = 0.0
        self._looked_at = LARGEST  # by our clock; so that the first look is taken for one after it was set back
        self._running = False
        self._stopping = False

    def use(self, receivers: Mapping[str, Receiver]) -> None:
        """Send to these from now on; what is under way to others ends first, and those of before that are not among them are closed."""
        for name, old in self._receivers.items():
            if receivers.get(name) is not old:
                self._retired.append((old, [task for (_, receiver), task in self._flying.items() if receiver == name]))
        self._unknown |= {name for name, receiver in receivers.items() if self._receivers.get(name) is not receiver}
        self._receivers, self._ready = dict(receivers), {}

    async def close(self) -> None:
        """Let go of every receiver."""
        for receiver in [*self._receivers.values(), *(old for old, _ in self._retired)]:
            await receiver.close()

    async def run(self) -> None:
        """Send for ever."""
        await self._work(until_empty=False)

    async def drain(self) -> None:
        """Return when nothing waits for a configured receiver; sends by itself unless `run` is at work."""
        if not self._running:
            await self._work(until_empty=True)
        while self._running and await self._waiting():
            await self._store.wait_change(self._poll)

    async def _work(self, *, until_empty: bool) -> None:
        self._running, self._stopping = True, False
        try:
            while True:
                seen = self._store.commits
                pause = await self._look()
                self._launch()
                if until_empty and not self._flying and not await self._waiting():
                    return
                await self._rest(pause, seen)
        finally:
            self._stopping = True
            await self._land()
            with suppress(StoreUnavailable):
                await self._tenure.give_back()
            self._running = False

    async def _waiting(self) -> int:
        try:
            async with self._store.read() as unit:
                return (await unit.outbox.pending(list(self._receivers)))[0]
        except StoreUnavailable:
            return 1  # nobody knows: look again

    async def _look(self) -> float:
        """Read what is due, of the receivers that are ours; returns for how many seconds nothing more can be."""
        self._let_fall()
        busy = set(self._flying)  # what lands while we read may still look as if it waited: leave it for the next look
        now = self._clock.now()
        try:
            await self._know_time(now)
            self._unknown |= await self._tenure.renew(self._receivers)
            async with self._store.read() as unit:
                await self._know_health(unit)
                ours = [name for name in self._receivers if self._tenure.holds(name)]
                self._ready = {name: await self._due(unit, name, now, busy) for name in ours}
                next_due = await unit.outbox.next_due(now, list(self._receivers))
                await self._measure(unit, now)
            await self._retire()
            await self._give_up([name for name, rows in self._ready.items() if rows and self._health[name].state == "disabled"])
        except StoreUnavailable as error:
            if self._quiet.tells(str(error)):
                self._log.warning("notifier waits", error=str(error))
            return self._poll
        self._quiet.over()
        return self._poll if next_due is None else min(self._poll, (next_due - now) / SECOND)

    async def _know_time(self, now: int) -> None:
        """At the start, and when the clock was set back: what was tried in what is now the future waits no longer for it."""
        if now < self._looked_at:
            async with self._store.write() as unit:
                count = await unit.outbox.set_back(now)
            if count:
                self._log.warning("the clock was set back", notifications=count)
        self._looked_at = now

    async def _due(self, unit: ReadUnit, receiver: str, now: int, busy: set[Key]) -> list[Notification]:
        rows = {(row.alert, row.receiver): row for row in await unit.outbox.due(now, receiver, AHEAD + AT_ONCE)}
        return [row for key, row in rows.items() if key not in busy]

    def _let_fall(self) -> None:
        """What is under way to receivers that may be somebody else's by now: whoever has them will send it."""
        for (_, receiver), task in self._flying.items():
            if not self._tenure.holds(receiver):
                task.cancel()

    async def _know_health(self, unit: ReadUnit) -> None:
        for name in sorted(self._unknown & self._receivers.keys()):
            self._health[name] = read_health(await unit.meta.get(stored_under(name)), self._receivers[name].fingerprint)
            self._unknown.discard(name)

    async def _retire(self) -> None:
        """Close the receivers of before that nothing is under way to any more; what was found due for them is forgotten."""
        self._ready = {name: rows for name, rows in self._ready.items() if name in self._receivers and name not in self._unknown}
        for old, tasks in [one for one in self._retired if all(task.done() for task in one[1])]:
            self._retired.remove((old, tasks))
            await old.close()

    async def _give_up(self, receivers: Sequence[str]) -> None:
        """What the escalator has put in for a receiver that wants no more."""
        for name in receivers:
            async with self._store.write() as unit:
                count = await unit.outbox.disable(name)
            self._ready[name] = []
            self._count(name, "disabled", count)

    def _launch(self) -> None:
        """Let go what was found due, as far as there are places. Only we send, so what was found is still as it was."""
        for name, rows in self._ready.items():
            free = AT_ONCE - sum(1 for _, receiver in self._flying if receiver == name)
            if free > 0 and self._health[name].state != "disabled" and self._tenure.holds(name):
                for row in rows[:free]:
                    self._start(row)
                del rows[:free]

    def _start(self, row: Notification) -> None:
        task = asyncio.create_task(self._deliver(row), name=f"notify {row.id}")
        self._flying[row.alert, row.receiver] = task
        task.add_done_callback(lambda _: self._landed.set())

    async def _rest(self, pause: float, seen: int) -> None:
        """Until it is worth looking again; places that become free meanwhile are filled."""
        until = perf_counter() + LOOK_EVERY
        await _first_of(self._landed.wait(), self._store.wait_change(pause, seen))
        self._refill()
        while (left := until - perf_counter()) > 0:
            await _first_of(self._landed.wait(), asyncio.sleep(left))
            self._refill()

    def _refill(self) -> None:
        """Fill the places of what has landed. A delivery that died of a bug takes us with it."""
        self._landed.clear()
        for key, task in list(self._flying.items()):
            if task.done():
                del self._flying[key]
                if not task.cancelled():
                    task.result()
        self._launch()

    async def _land(self) -> None:
        tasks = set(self._flying.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=GRACE)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._flying.clear()

    async def _deliver(self, row: Notification) -> None:
        at, started = self._clock.now(), perf_counter()
        result = await self._send(row, at)
        tried = Tried(row, result, at, self._clock.now(), perf_counter() - started)
        # The answer is here: a stop must not keep us from writing it down, or the message would be sent twice.
        keeping = asyncio.create_task(self._keep(tried))
        try:
            await asyncio.shield(keeping)
        except asyncio.CancelledError:
            await asyncio.wait([keeping])
            raise

    async def _send(self, row: Notification, at: int) -> Result:
        try:
            return await self._receivers[row.receiver].send(row.id, row.body, at)
        except Exception as error:  # whatever an answer made of a library, the message is tried again  # noqa: BLE001
            self._log.error("receiver broke", receiver=row.receiver, notification=row.id, error=type(error).__name__)
            return Result(kind="later", code="failed", excerpt=plain(type(error).__name__, EXCERPT))

    async def _keep(self, tried: Tried) -> None:
        while (kept := await self._kept(tried)) is None:
            if self._stopping:
                return  # it will be sent again, under the same id
            await asyncio.sleep(self._poll)
        outcome, merged, given_up = kept
        self._tell(tried, outcome)
        self._count(tried.row.receiver, "merged", merged)
        self._count(tried.row.receiver, "disabled", given_up)

    async def _kept(self, tried: Tried) -> tuple[NotifyOutcome, int, int] | None:
        # One by one: each goes on from the health that the one before left
        async with self._keeping:
            try:
                async with self._store.write() as unit:
                    health, kept = await self._write(unit, tried)
            except StoreUnavailable as error:
                self._log.warning("outcome of a notification waits for the store", notification=tried.row.id, error=str(error))
                return None
            self._health[tried.row.receiver] = health
            return kept

    async def _write(self, unit: WriteUnit, tried: Tried) -> tuple[Health, tuple[NotifyOutcome, int, int]]:
        """Everything one try changes; the receiver's health after it, and (outcome, how many were merged, how many given up)."""
        row, result = tried.row, tried.result
        before = self._health[row.receiver]
        health, event = before.after(result, tried.at)
        done, outcome = self._judged(tried, health)
        attempt = Attempt(
            notification=row.id, at=tried.at, status=result.status, code=result.code, seconds=tried.seconds, excerpt=result.excerpt
        )
        if not await unit.outbox.attempted(done, attempt):
            return health, (outcome, 0, 0)  # it was kept, though the store could not say so
        merged = await self._merge_behind(unit, done) if done.state in {"sent", "dead"} else 0
        given_up = await unit.outbox.disable(row.receiver) if event == "receiver.disabled" else 0
        if health != before:
            await unit.meta.put(stored_under(row.receiver), msgspec.json.encode(health))
        if event:
            await self._tell_others(unit, row.receiver, event, before if event == "receiver.recovered" else health, tried.ended)
        return health, (outcome, merged, given_up)

    def _judged(self, tried: Tried, health: Health) -> tuple[Notification, NotifyOutcome]:
        row, result = tried.row, tried.result
        first = min(row.first_try_at or tried.at, tried.at)
        row = replace(row, tries=row.tries + 1, first_try_at=first)
        if result.kind == "sent":
            return replace(row, state="sent"), "sent"
        if health.state == "disabled":
            return replace(row, state="disabled"), "disabled"
        again = self._policy.next_try(row.id, tries=row.tries, first_try_at=first, now=tried.ended, retry_after=result.retry_after)
        if again is None:
            return replace(row, state="dead"), "dead"
        return replace(row, next_try_at=again), "refused" if result.code == "address_refused" else "retried"

    async def _merge_behind(self, unit: WriteUnit, head: Notification) -> int:
        """
        Let the newest waiting message stand for all behind a head that had to be tried again; returns how many it replaced.

        The head itself was tried, so it stayed as it was. None of those behind it has been: they waited for it.
        """
        if head.tries == 1 or not head.alert:
            return 0
        behind = await unit.outbox.following(head)
        if len(behind) < 2:  # noqa: PLR2004 - one alone has nothing to be merged with
            return 0
        newest = behind[-1]
        transitions = await unit.alerts.transitions(head.alert)
        body = recompose(newest.body, transitions[head.upto : newest.upto])
        await unit.outbox.merge(replace(newest, body=body), behind[:-1])
        return len(behind) - 1

    async def _tell_others(self, unit: WriteUnit, receiver: str, event: Event, health: Health, now: int) -> None:
        pending, _ = await unit.outbox.pending([receiver])
        body = compose_health(event, receiver, reason=health.reason, since=health.since, pending=pending, at=now)
        rows = [
            Notification(
                id=notification_id(f"{event}:{receiver}", other, now), alert="", receiver=other, type=event, n=now, upto=0,
                body=body, created_at=now,
            )
            for other in self._receivers
            if other != receiver and other in self._health and self._health[other].state != "disabled"
        ]  # fmt: skip
        await unit.outbox.add(rows)
        self._log.warning(event, receiver=receiver, reason=health.reason, pending=pending)

    def _tell(self, tried: Tried, outcome: NotifyOutcome) -> None:
        row, result = tried.row, tried.result
        self._count(row.receiver, outcome, 1)
        self._metrics.stage_duration_seconds.labels("notify").observe(tried.seconds)
        if outcome == "sent":
            self._metrics.notification_latency_seconds.labels(row.receiver).observe(max(0, tried.ended - row.created_at) / SECOND)
        say = self._log.info if outcome == "sent" else self._log.warning
        say(
            "notification", outcome=outcome, receiver=row.receiver, type=row.type, alert=row.alert, notification=row.id,
            tries=row.tries + 1, status=result.status, code=result.code,
        )  # fmt: skip

    def _count(self, receiver: str, outcome: NotifyOutcome, count: int) -> None:
        if count:
            self._metrics.notifications_total.labels(receiver, outcome).inc(count)

    async def _measure(self, unit: ReadUnit, now: int) -> None:
        if perf_counter() - self._measured_at < _MEASURE_EVERY:
            return
        self._measured_at = perf_counter()
        count, oldest = await unit.outbox.pending(list(self._receivers))
        self._metrics.outbox_pending.set(count)
        self._metrics.outbox_oldest_age_seconds.set(0 if oldest is None else max(0, now - oldest) / SECOND)


async def _first_of(*waits: Awaitable[object]) -> None:
    """Return when the first is done; the others are let go."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
