"""What a process does for itself beside its roles: measure how far behind it is, and let go of what retention allows."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from itertools import count
from time import monotonic

from structlog.stdlib import BoundLogger

from monitor.bus.base import RAW, Bus, Gap
from monitor.clock import HOUR, SECOND, Clock
from monitor.errors import BusUnavailable, StoreUnavailable
from monitor.metrics import CONSUMERS, Metrics
from monitor.settings import Retention
from monitor.store.sessions import Store
from services.escalate import ROLE as ESCALATE
from services.keeping.tenure import Tenure
from services.score import ROLE as SCORE

RETENTION = "retention"
BACKLOG = "backlog "  # how the parts of /readyz begin that tell of a role's backlog
_EVERY = 2.0
_OTHERS = 5  # looks
_EXPIRE_EVERY = HOUR / SECOND / 4


async def measure_backlog(
    bus: Bus, metrics: Metrics, clock: Clock, parts: dict[str, str | None], roles: Collection[str] = (SCORE, ESCALATE)
) -> None:
    """
    Tell again and again how many records each role has still to take, how old the oldest is, and whether the bus answers.

    Of `roles`, this process's own, often; of the others now and then: a role that nobody holds cannot tell how far it is behind.
    """
    for look in count():
        try:
            await bus.bounds(RAW)
            for topic, role in CONSUMERS:
                if role in roles or look % _OTHERS == 0:
                    waiting, age = await backlog(bus, clock, topic, role)
                    metrics.consumer_lag_messages.labels(topic, role).set(waiting)
                    metrics.consumer_lag_seconds.labels(topic, role).set(age)
                    parts[f"{BACKLOG}{role}"] = abandoned(role, waiting, await bus.members(role)) if waiting else None
            parts["bus"] = None
        except BusUnavailable as error:
            parts["bus"] = str(error)  # the figures stay as last known
        await asyncio.sleep(_EVERY)


def abandoned(role: str, waiting: int, members: int) -> str | None:
    """What to say of a role that has records to take and nobody who does."""
    return None if members else f"有 {waiting} 条没有处理，却没有进程担任 {role}；请启动 yuqing run --role {role}"


async def backlog(bus: Bus, clock: Clock, topic: str, role: str, taken: Mapping[int, int] | None = None) -> tuple[int, float]:
    """
    How many records of the topic a role has still to take, and the age of the oldest in seconds.

    `taken`: how far it has come, where that is known better than to the bus, which is told now and then.
    """
    taken = taken or await bus.taken(role, topic)
    waiting, oldest = 0, clock.now()
    for partition, (low, end) in (await bus.bounds(topic)).items():
        start = taken[partition] if low <= taken[partition] <= end else low  # as the roles do
        if start < end:
            waiting += end - start
            oldest = min([oldest, *(record.stored_at for record in await bus.read(topic, partition, start, 1))])
    return waiting, (clock.now() - oldest) / SECOND


def alarm_of(metrics: Metrics, log: BoundLogger) -> Callable[[Gap], None]:
    """Tells of records that the log let go of before a role had read them: counted, and an error in the log each time."""

    def tell(gap: Gap) -> None:
        metrics.bus_skipped_records_total.labels(gap.topic).inc(gap.oldest - gap.asked)
        log.error("records expired unread", topic=gap.topic, partition=gap.partition, first=gap.asked, next=gap.oldest)

    return tell


Watched = Callable[[], Collection[str]]  # the names of the subjects decided now


async def expire(bus: Bus, store: Store, retention: Retention, watched: Watched, clock: Clock, log: BoundLogger) -> None:
    """Every quarter of an hour remove what is past its retention, a little at a time; two processes never clean the store at once."""
    tenure = Tenure(store, RETENTION)
    while True:
        started = monotonic()
        try:
            records = await bus.expire(clock.now())
            rows = await _expire_store(store, retention, watched(), clock, tenure)
            log.info("retention", records=records, rows=rows, seconds=round(monotonic() - started, 1))
        except (BusUnavailable, StoreUnavailable) as error:
            log.warning("retention waits", error=str(error))
        await asyncio.sleep(_EXPIRE_EVERY)


async def _expire_store(store: Store, retention: Retention, watched: Collection[str], clock: Clock, tenure: Tenure) -> int:
    total = 0
    while True:
        await tenure.renew([RETENTION])
        if not tenure.holds(RETENTION):
            return total
        async with store.write() as unit:
            looked = await unit.mentions.expire(clock.now(), retention, watched=watched)
            await unit.meta.forget_answers(clock.now() - 12 * HOUR)
        total += looked
        if not looked:
            return total
