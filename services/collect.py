"""
The collect role: every configured source in a task of its own.

A source's cursor moves only after the bus has its mentions; a killed process reads again what was not yet durable, and the bus knows it
again. What fails is tried again, later and later; what it is, the metric and /readyz say. Nobody waits for anybody else's source.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from hashlib import blake2b
from importlib.metadata import version
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace
from structlog.stdlib import BoundLogger

from monitor.bus.base import RAW, Bus
from monitor.clock import DAY, HOUR, SECOND, Clock, micros
from monitor.collecting.base import Bad, Batch, Collector
from monitor.collecting.fetching import WITHIN
from monitor.collecting.opening import open_collector
from monitor.errors import BusFull, BusUnavailable, SourceFailed, StoreUnavailable
from monitor.logs import visible
from monitor.mention import Mention, encode
from monitor.metrics import Metrics
from monitor.settings import Settings, Source
from monitor.store.sessions import Store
from services.dead.burial import bury_bytes
from services.intake import Intake
from services.keeping.tenure import RENEW, Tenure

PART = "source:"  # how the parts of /readyz begin that are sources
_AGAIN = 1.0
_FOLLOW = SECOND  # how often a followed file is looked at
_LONGEST = HOUR  # between two tries of what fails
_LONGEST_FILE = 30 * SECOND
_LONGEST_ASKED = DAY  # a Retry-After beyond is taken for a slip
_SPREAD = 2 * SECOND  # over which the first fetches of all sources are spread
_REMEMBERED = 20_000  # bad items
_NAMES = 100  # of subjects that are not watched


class Kept(msgspec.Struct, frozen=True):
    """What outlives the process: where a source stands, if it is still `of` the same place, and its newest item (micros)."""

    of: str
    cursor: bytes = b""
    newest: int = 0


def key_of(source: Source) -> str:
    """Where the store keeps a source's place."""
    return f"source/{source.name}"


def fingerprint(source: Source) -> str:
    """What a cursor belongs to: another address, file or mapping begins anew."""
    place = (source.type, str(source.url or ""), source.path or "", source.items or "", sorted(source.columns.items()))
    return blake2b(msgspec.json.encode(place), digest_size=12).hexdigest()


def agent_of(settings: Settings) -> str:
    """Who we say we are, with an address to complain to where there is one."""
    public = not any(host in settings.public_url for host in ("://127.", "://localhost", "://[::1]", "://0.0.0.0"))
    return f"yuqing/{version('yuqing')}" + (f" (+{settings.public_url})" if public else "")


class Feeder:
    """One source: collect, make durable, remember, wait; for ever."""

    def __init__(
        self, source: Source, collector: Collector, intake: Intake, bus: Bus, store: Store, clock: Clock, metrics: Metrics,
        log: BoundLogger, parts: dict[str, str | None], *, draw: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep, watched: Callable[[], Collection[str]] = tuple,
    ) -> None:  # fmt: skip
        self._source, self._collector, self._intake = source, collector, intake
        self._bus, self._store, self._clock, self._metrics = bus, store, clock, metrics
        self._log = log.bind(source=source.name)
        self._parts, self._part = parts, PART + source.name
        self._draw, self._sleep = draw, sleep
        self._every = source.every or _FOLLOW
        self._kept = Kept(fingerprint(source))
        self._failures = self._broken = 0
        self._buried: dict[str, None] = {}
        self._watched = watched
        self._unwatched: dict[str, None] = {}

    async def run(self) -> None:
        """Feed the bus until cancelled."""
        try:
            self._parts[self._part] = None
            await self._resume()
            await self._sleep(self._draw() * min(self._every, _SPREAD) / SECOND)
            while True:
                wait = await self.step()
                if wait:
                    await self._sleep(wait / SECOND)
        finally:
            await self._collector.close()

    async def step(self) -> int:
        """One look at the source; how long to wait before the next (micros, 0: not at all)."""
        try:
            batch = await self._collector.collect(self._kept.cursor, self._clock.now())
        except SourceFailed as failed:
            return self._failed(failed)
        except Exception as error:  # noqa: BLE001 - whatever one source does to its collector stays its own matter
            self._log.error("collector failed", exc_info=error)
            return self._failed(SourceFailed("failed", f"采集器出错 ({type(error).__name__})"))
        worse = await self._durable(lambda: self._take(batch))
        await self._remember(batch)
        self._recovered(worse, batch)
        return 0 if batch.more else round(self._every * (0.9 + 0.2 * self._draw()))

    async def _resume(self) -> None:
        """Where an earlier process left it; its freshness is told at once, so that a source silent since shows its age."""
        kept = _decoded(await self._stored())
        if kept and kept.of == self._kept.of:
            self._kept = kept
        elif kept:
            self._kept = replace(self._kept, newest=kept.newest)
        self._tell_newest()

    async def _stored(self) -> bytes | None:
        while True:
            try:
                async with self._store.read() as unit:
                    return await unit.meta.get(key_of(self._source))
            except StoreUnavailable as error:
                self._log.warning("place not read", error=str(error))
                await self._sleep(_AGAIN)

    async def _durable(self, work: Callable[[], Awaitable[str]]) -> str:
        """Until the bus has taken it: a full or absent log slows the source, it loses nothing."""
        while True:
            try:
                return await work()
            except (BusFull, BusUnavailable) as error:
                self._parts[self._part] = f"等待日志: {error}"
                await self._sleep(_AGAIN)

    async def _take(self, batch: Batch) -> str:
        """Give everything to the bus; what is wrong with the bad ones, in a line."""
        fresh = [bad for bad in batch.bad if self._key(bad) not in self._buried]
        trusted = self._source.trusted
        mentions = batch.mentions if trusted else tuple(replace(one, subjects=()) if one.subjects else one for one in batch.mentions)
        self._notice(mentions)
        receipt = await self._intake.take([*mentions, *(bad.error for bad in fresh)], staff=trusted, source=self._source.name)
        for one in receipt.rejected:
            if one.index < len(mentions):  # no fault of its own: the log takes less than we do
                mention = mentions[one.index]
                await self._bury(f"{self._source.name}/{mention.id}", mention.id, encode(mention), "; ".join(one.errors))
        for bad in fresh:
            await self._bury(self._key(bad), bad.place, bad.error.raw, str(bad.error))
        while len(self._buried) > _REMEMBERED:
            del self._buried[next(iter(self._buried))]
        counted = f"{len(batch.bad)} 条不合格, 如 {batch.bad[0].place}: {batch.bad[0].error}" if batch.bad else ""
        return (batch.wrong or counted)[:300]

    async def _bury(self, key: str, place: str, raw: bytes, wrong: str) -> None:
        """Put an item aside, and tell of it, once."""
        if key not in self._buried:
            await bury_bytes(self._bus, self._metrics, RAW, key, raw, "invalid", f"{place}: {wrong}")
            self._buried[key] = None
            self._log.warning("item refused", place=place, errors=wrong)

    def _notice(self, mentions: Iterable[Mention]) -> None:
        """Subjects that nobody watches: the mention is taken all the same, the slip of the pen is told once a name."""
        names = dict.fromkeys(name for one in mentions for name in one.subjects)
        known = self._watched() if names else ()
        for name in names:
            if name not in known and name not in self._unwatched and len(self._unwatched) < _NAMES:
                self._unwatched[name] = None
                self._log.warning("subject not watched", subject=name)

    def _misnamed(self) -> str:
        known = self._watched() if self._unwatched else ()
        names = [visible(name)[:50] for name in self._unwatched if name not in known]
        return f"写了没有的监测主题: {'、'.join(names[:5])}{' 等' if len(names) > 5 else ''}" if names else ""  # noqa: PLR2004 - what fits a line

    def _key(self, bad: Bad) -> str:
        what = bad.key or blake2b(bad.error.raw, digest_size=12).hexdigest()
        return f"{self._source.name}/{bad.place if not bad.key and self._source.path else ''}/{what}"

    async def _remember(self, batch: Batch) -> None:
        newest = max([self._kept.newest, *(min(micros(one.published_at), self._clock.now()) for one in batch.mentions)])
        kept, known = replace(self._kept, cursor=batch.cursor, newest=newest), self._kept
        self._kept = kept
        self._tell_newest()
        if kept == known:
            return
        try:
            async with self._store.write() as unit:
                await unit.meta.put(key_of(self._source), msgspec.json.encode(kept))
        except StoreUnavailable as error:  # the next one is kept with it; until then a restart reads it again
            self._log.warning("place not kept", error=str(error))

    def _tell_newest(self) -> None:
        if self._kept.newest:
            label = self._metrics.source(self._source.name)
            self._metrics.source_newest_item_timestamp_seconds.labels(label).set(self._kept.newest / SECOND)

    def _recovered(self, worse: str, batch: Batch) -> None:
        if self._failures:
            self._log.info("source is back", failures=self._failures)
        self._failures = 0
        self._broken = self._broken + 1 if batch.failed else 0
        self._parts[self._part] = "; ".join(filter(None, (worse, self._misnamed()))) or None
        if batch.failed:  # what it brought is in, so it is looked at again as soon as ever
            self._tell(batch.failed, self._broken)
        if batch.odd:
            self._log.debug("odd", what=list(batch.odd))

    def _failed(self, failed: SourceFailed) -> int:
        self._failures += 1
        self._tell(failed, self._failures)
        longest = _LONGEST if self._source.every else _LONGEST_FILE
        wait = max(self._every, min(self._every << min(self._failures - 1, 40), longest))
        return round(max(wait, min(failed.retry_after, _LONGEST_ASKED)) * (1 + 0.1 * self._draw()))

    def _tell(self, failed: SourceFailed, times: int) -> None:
        self._metrics.source_failures_total.labels(self._metrics.source(self._source.name), failed.reason).inc()
        if times == 1:
            self._log.warning("source failed", reason=failed.reason, error=str(failed))
        self._parts[self._part] = f"{failed.reason}: {failed} (连续 {times} 次)"


class Collecting:
    """
    All sources of the settings in force; `use` changes which they are.

    Of several processes each source is read by one, as long as its tenure lasts; by another when it is over.
    """

    def __init__(
        self, bus: Bus, store: Store, clock: Clock, metrics: Metrics, log: BoundLogger, parts: dict[str, str | None],
        intake: Intake | None = None, *, within: float = WITHIN, renew: float = RENEW,
    ) -> None:  # fmt: skip
        self._bus, self._store, self._clock, self._metrics, self._log, self._parts = bus, store, clock, metrics, log, parts
        self._within = within
        self._settings: Settings | None = None
        self._changed = asyncio.Event()
        self._tasks: dict[str, tuple[object, asyncio.Task[None]]] = {}
        self._intake, self._tenure, self._renew = intake or Intake(bus, clock, metrics), Tenure(store, "collect"), renew

    def use(self, settings: Settings) -> None:
        """Read these sources from now on; one that is the same as before goes on undisturbed."""
        self._settings = settings
        self._intake.use(settings.sources)
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        # files may hang on a network drive, answers take the processor: neither may hold the other, nor the rest of the house
        files, answers = ThreadPoolExecutor(4, "files"), ThreadPoolExecutor(2, "answers")
        try:
            while True:
                self._changed.clear()
                if self._settings is not None:
                    await self._arrange(self._settings, files, answers)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._renew if self._store.shared else None):
                        await self._changed.wait()
        finally:
            await self._end(list(self._tasks))
            with suppress(StoreUnavailable):
                await self._tenure.give_back()
            for pool in (files, answers):
                pool.shutdown(wait=False, cancel_futures=True)

    async def _arrange(self, settings: Settings, files: Executor, answers: Executor) -> None:
        """End what is no longer wanted or has changed, begin what is new."""
        zone, agent = ZoneInfo(settings.timezone), agent_of(settings)
        wanted = {source.name: (source, settings.timezone, agent) for source in settings.sources if source.type != "push"}
        with suppress(StoreUnavailable):  # what cannot be said again ends by itself
            await self._tenure.renew(wanted)
        wanted = {name: what for name, what in wanted.items() if self._tenure.holds(name)}
        await self._end([name for name, (what, _) in self._tasks.items() if wanted.get(name) != what])
        for name, what in wanted.items():
            if name in self._tasks:
                continue
            collector = open_collector(what[0], zone, agent, files if what[0].path else answers, within=self._within)
            if collector is not None:
                task = asyncio.create_task(self._feeder(what[0], collector).run(), name=f"source {name}")
                self._tasks[name] = (what, task)

    def _feeder(self, source: Source, collector: Collector) -> Feeder:
        return Feeder(
            source, collector, self._intake, self._bus, self._store, self._clock, self._metrics, self._log, self._parts,
            watched=self._subjects,
        )  # fmt: skip

    def _subjects(self) -> Collection[str]:
        return {subject.name for subject in self._settings.subjects} if self._settings else ()

    async def _end(self, names: list[str]) -> None:
        ended = [self._tasks.pop(name)[1] for name in names]
        for task in ended:
            task.cancel()
        await asyncio.gather(*ended, return_exceptions=True)
        for name in names:
            self._parts.pop(PART + name, None)


def _decoded(found: bytes | None) -> Kept | None:
    try:
        return msgspec.json.decode(found, type=Kept) if found else None
    except msgspec.MsgspecError:
        return None  # of another release: read from the start, what is known changes nothing
