"""
What there is to know about one installation, gathered without changing anything: beside a running service, or of a folder at rest.

Every part that cannot be read says so in its place; no secret, no address of a receiver and no word of a mention is in it.
"""

import asyncio
import hashlib
import platform
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import httpx
from prometheus_client.parser import text_string_to_metric_families

from monitor.bus.base import DEAD, RAW, SCORED, Bus
from monitor.clock import SECOND, Clock, rfc3339
from monitor.errors import YuqingError, failed_zh
from monitor.settings import Settings
from monitor.store.sessions import ReadUnit, Store
from services.dead.letters import Choice, letters, newest
from services.doctor.findings import Box, Config, Dead, Disk, Findings, Lag, Log, Service
from services.doctor.problems import problems_of
from services.escalate import ROLE as ESCALATE
from services.keeping.housekeeping import backlog
from services.keeping.presence import LEASED, LOCK, holder
from services.score import ROLE as SCORE
from services.wiring import bus_there, open_bus, open_store, shared, store_there

_WITHIN = 3.0
_SHOWN = 3
_NEWEST = "yuqing_source_newest_item_timestamp_seconds"
T = TypeVar("T")


async def examine(settings: Settings, clock: Clock) -> Findings:
    """Look at everything once."""
    pid = await _at_work(settings) if shared(settings) else holder(settings.data)
    service = await _service(settings, pid)
    config, disk = _config(settings, service.started_at), _disk(settings.data)
    log = await _read(lambda: _log(settings, clock), there=bus_there(settings))
    store = await _read(lambda: _store(settings, clock), there=store_there(settings))
    problems = problems_of(config, service, log, store, disk)
    return Findings(rfc3339(clock.now() // SECOND * SECOND), versions(), config, service, log, store, disk, problems)


def versions() -> dict[str, str]:
    """What runs here."""
    named = {name: version(name) for name in ("yuqing", "sqlalchemy", "fastapi", "uvicorn", "httpx", "msgspec", "jieba")}
    return named | {"python": sys.version.split()[0], "sqlite": sqlite3.sqlite_version, "system": platform.platform(terse=True)}


async def _read(look: Callable[[], Awaitable[T]], *, there: bool) -> T | str:
    if not there:
        return "还没有数据"
    try:
        async with asyncio.timeout(_WITHIN * 5):
            return await look()
    except (YuqingError, OSError, TimeoutError) as error:
        return f"读不了：{'; '.join(str(error).splitlines()) or '超时'}"


async def _log(settings: Settings, clock: Clock) -> Log | str:
    if settings.brokers and (missing := await _missing(settings)):
        return f"还没有主题 {'、'.join(missing)}：第一次运行时自动建好，或用 yuqing topics --create"
    bus = open_bus(settings, clock)
    await bus.start()
    try:
        decided = await _decided(settings, bus.partitions(SCORED))
        consumers = ((RAW, SCORE, None), (SCORED, ESCALATE, decided))
        lags = [
            Lag(topic, role, *await backlog(bus, clock, topic, role, taken), await bus.members(role) if settings.brokers else None)
            for topic, role, taken in consumers
        ]
        kept = {topic: sum(end - low for low, end in (await bus.bounds(topic)).values()) for topic in (RAW, SCORED, DEAD)}
        return Log(lags, kept, await _last_at(bus), await _dead(bus))
    finally:
        await bus.close()


async def _missing(settings: Settings) -> list[str]:
    """Topics that are not there yet: a bus that is started would make them."""
    from monitor.bus.kafka_topics import look, wanted  # noqa: PLC0415 - the embedded log needs no client of Kafka
    from monitor.bus.kafka_wire import options  # noqa: PLC0415 - as above

    wants = wanted(settings.kafka, settings.retention)
    there = (await look(options(settings.brokers, settings.kafka.security), wants)).topics
    return [want.name for want in wants if want.name not in there]


async def _decided(settings: Settings, partitions: int) -> dict[int, int] | None:
    """How far the scored log is decided, by the store's own word: the bus is told now and then. None: it cannot be asked."""
    try:
        async with asyncio.timeout(_WITHIN), _looked_into(settings) as unit:
            return {one: (await unit.positions.read(SCORED, one)).offset for one in range(partitions)} if unit else None
    except (YuqingError, OSError, TimeoutError):
        return None


async def _last_at(bus: Bus) -> str | None:
    """When the newest raw record was stored."""
    ends = (await bus.bounds(RAW)).items()
    newest = [record.stored_at for partition, (low, end) in ends if end > low for record in await bus.read(RAW, partition, end - 1, 1)]
    return rfc3339(max(newest)) if newest else None


async def _dead(bus: Bus) -> Dead:
    """Those that nobody has seen to yet."""
    reasons = Counter[str]()
    async for one in letters(bus, Choice()):
        reasons[one.letter.reason] += 1
    last, count = await newest(bus, Choice(), _SHOWN)
    return Dead(count, dict(reasons.most_common()), [f"{one.letter.origin}: {one.letter.reason}" for one in reversed(last)])


@asynccontextmanager
async def _looked_into(settings: Settings) -> AsyncIterator[ReadUnit | None]:
    """The store, to read; None where it is not there, or would have to be made or migrated first."""
    if not store_there(settings) or await Store.outdated(settings.store, settings.data):
        yield None
        return
    store = await open_store(settings)
    try:
        async with store.read() as unit:
            yield unit
    finally:
        await store.close()


async def _store(settings: Settings, clock: Clock) -> Box | str:
    async with _looked_into(settings) as unit:
        if unit is None:
            return "还没有建表，或由旧版本写成，下次启动时自动建好、迁移"
        pending, oldest = await unit.outbox.pending()
        counts = await unit.alerts.counts()
    alerts = Counter[str]()
    for (level, status), count in counts.items():
        if status in {"open", "acknowledged", "handling"}:
            alerts[level] += count
    return Box(pending, None if oldest is None else (clock.now() - oldest) / SECOND, dict(alerts))


async def _at_work(settings: Settings) -> str | None:
    """Who works on a shared store, as they say themselves; None when nobody does, or when it cannot be asked."""
    try:
        async with asyncio.timeout(_WITHIN), _looked_into(settings) as unit:
            holders = await unit.leases.holders(LEASED) if unit else []
    except (YuqingError, OSError, TimeoutError):
        return None
    return "、".join(" ".join(each.split()[:2]) for each in holders) or None


async def _service(settings: Settings, pid: str | None) -> Service:
    host, port = settings.listen
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 what is everywhere is here too
    base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=_WITHIN) as client:
        live, ready, figures = await asyncio.gather(*(_asked(client, path) for path in ("/livez", "/readyz", "/metrics")))
    said = _ready(ready)
    started = _started(settings.data) if pid and not shared(settings) else None
    newest = _newest(figures.text) if isinstance(figures, httpx.Response) and figures.is_success else {}
    return Service(pid is not None, pid, started, base, _word(live), _word(ready), *said, newest, shared(settings))


async def _asked(client: httpx.AsyncClient, path: str) -> httpx.Response | str:
    try:
        return await client.get(path)
    except httpx.HTTPError as error:
        return f"没有回答（{type(error).__name__}）"


def _word(answer: httpx.Response | str) -> str:
    return answer if isinstance(answer, str) else str(answer.status_code)


def _ready(answer: httpx.Response | str) -> tuple[list[str], dict[str, str]]:
    """What is not fit, and what each part says of itself; another program may sit at the address."""
    try:
        said = {} if isinstance(answer, str) else answer.json()
        return [str(name) for name in said.get("unready", [])], {str(name): str(word) for name, word in said.get("parts", {}).items()}
    except (ValueError, AttributeError):
        return [], {}


def _newest(text: str) -> dict[str, str]:
    """Source -> when its newest item was published."""
    try:
        families = [family for family in text_string_to_metric_families(text) if family.name == _NEWEST]
        samples = [sample for family in families for sample in family.samples if sample.value > 0]
        return {sample.labels["source"]: rfc3339(int(sample.value) * SECOND) for sample in samples}
    except (ValueError, KeyError, OverflowError):
        return {}


def _started(folder: Path) -> str | None:
    """The holder wrote its pid when it began."""
    try:
        return rfc3339(int((folder / LOCK).stat().st_mtime) * SECOND)
    except OSError:
        return None


def _config(settings: Settings, started_at: str | None) -> Config:
    data, at = settings.file.read_bytes(), settings.file.stat().st_mtime
    since = started_at is not None and at > (settings.data / LOCK).stat().st_mtime
    return Config(
        str(settings.file), hashlib.sha256(data).hexdigest()[:12], rfc3339(int(at) * SECOND), since,
        len(settings.subjects), len(settings.sources), len(settings.receivers), len(settings.api_keys),
    )  # fmt: skip


def _disk(folder: Path) -> Disk | str:
    there = folder
    while not there.exists():
        there = there.parent
    try:
        usage = shutil.disk_usage(there)
        files = {file.name: file.stat().st_size for file in sorted(folder.glob("*.db*"))}
    except OSError as error:
        return f"读不了：{failed_zh(error)}"
    return Disk(str(folder), usage.free, usage.total, files)
