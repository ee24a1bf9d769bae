"""
The house: every part a process holds, made in one straight line, each with its teardown registered at once.

`open_house` makes what all verbs share (bus, store, metrics); the roles are added to it, and the lifecycle lets everything go.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any, Protocol, TypeVar

import structlog
from prometheus_client import CollectorRegistry, disable_created_metrics
from structlog.stdlib import BoundLogger

from monitor.bus.base import RAW, SCORED, Bus
from monitor.clock import SECOND, Clock, SteadyClock, SystemClock
from monitor.errors import BusRefused, BusUnavailable, StoreUnavailable, UsageError
from monitor.escalation.desk import Desk
from monitor.logs import configure, secrets_of
from monitor.metrics import Metrics
from monitor.notifying.receivers.opening import Receivers
from monitor.notifying.schedule import RetryPolicy
from monitor.settings import Settings, Source
from monitor.store.sessions import Store
from services.collect import PART, Collecting
from services.dead.letters import Letters
from services.escalate import BATCH, TURNS, Escalator
from services.escalate import ROLE as ESCALATE
from services.intake import Intake, known_in
from services.keeping.housekeeping import BACKLOG, alarm_of, expire, measure_backlog
from services.keeping.in_force import InForce, read_keywords
from services.keeping.presence import attend
from services.keeping.reload import Reloader, settled
from services.keeping.sharing import Sharing
from services.keeping.waiting import Waiting
from services.keeping.watchdog import Watchdog
from services.lifecycle import Lifecycle, measure_lag
from services.notify import Notifier
from services.recording.rescoring import Rescoring
from services.score import ROLE as SCORE
from services.score import Newest, Score, ScoreRole
from services.telling import Told
from services.ticking import Deciding, tick_minutes
from services.wiring import Scoring, desk_maker, make_escalator, make_score, open_bus, open_store, pseudonym_key, shared, told_of

CONFIGURATION = "configuration"
INFORMATIVE = ("deciding", PART, BACKLOG, CONFIGURATION)  # how the parts of /readyz begin that are told, and never make the service unfit
_AGAIN = 1.0  # seconds
KEEP = 5.0  # seconds for which escalators go on while partitions are shared out anew: to rebuild a desk is dear
T = TypeVar("T")
ROLES = ("collect", "score", "escalate", "notify", "api")


class Working(Protocol):
    """A role that may have to wait."""

    @property
    def waits(self) -> str | None:
        """Why it cannot work now."""
        ...


@dataclass
class House:
    """
    What the roles work on. `log_clock`: whose time goes to the log, however the wall clock is set.

    `parts` tells, for each part, what keeps it from working (None: nothing).
    """

    life: Lifecycle
    clock: Clock
    log_clock: Clock
    log: BoundLogger
    metrics: Metrics
    bus: Bus
    store: Store
    parts: dict[str, str | None]
    reloader: Reloader
    working: list[tuple[str, Working]]
    in_force: InForce

    @property
    def settings(self) -> Settings:
        """Those in force: they may be others tomorrow."""
        return self.reloader.settings

    def watched(self) -> list[str]:
        """The subjects decided now."""
        return [subject.name for subject in self.settings.subjects]

    async def add_scorer(self) -> Scoring:
        """Load dictionaries and models, in a thread: the rest of the house lives meanwhile."""
        self.parts["scorer"] = "loading"
        key = await pseudonym_key(self.settings, self.store)
        score = await asyncio.to_thread(make_score, self.settings, key)
        self.parts["scorer"] = None
        self.in_force.scored_here = True
        self.in_force.use(score.keywords)
        return score

    async def know_keywords(self) -> None:
        """Know what is in force where nobody scores, for ever."""
        settings = self.settings
        self.in_force.use(await asyncio.to_thread(read_keywords, settings))
        await self.reloader.join(lambda new: partial(self.in_force.use, read_keywords(new)), settings)
        await asyncio.Event().wait()

    def add_escalators(self, *, batch: int = BATCH, send: bool = True) -> Mapping[int, Escalator]:
        """One for every partition, deciding from now on: for whoever is alone at work, and shares with nobody."""
        turn = asyncio.Semaphore(TURNS)
        found = {one: self.escalator(one, turn, batch=batch, send=send) for one in range(self.bus.partitions(SCORED))}
        self.reloader.follow(lambda new: partial(_use, found.values, desk_maker(new), told_of(new, send=send)))
        for partition, escalator in found.items():
            self.life.side(f"escalator {partition}", escalator.run())
            self.working.append(("escalator", escalator))
        return found

    def escalator(self, partition: int, turn: asyncio.Semaphore, *, batch: int = BATCH, send: bool = True) -> Escalator:
        """The escalator of one partition, by the settings in force; `turn`: as of Escalator."""
        return make_escalator(
            self.settings, self.bus, self.store, self.clock, self.metrics, self.log.bind(role="escalate"),
            partition=partition, batch=batch, send=send, turn=turn,
        )  # fmt: skip

    def tick(self, escalators: Iterable[Escalator]) -> None:
        """Let the minutes pass on their partitions."""
        for one in escalators:
            self.life.side(f"ticks {one.partition}", self._ticks(one))

    def _ticks(self, escalator: Escalator) -> Coroutine[Any, Any, None]:
        return tick_minutes(self.bus, escalator.partition, self.log_clock, lambda: escalator.offset, self.log)

    def share_escalating(self) -> None:
        """Decide the partitions that fall to this process, each with its minutes."""
        turn = asyncio.Semaphore(TURNS)
        sharing = Sharing(self.bus, ESCALATE, SCORED, lambda one: Deciding(self.escalator(one, turn), self._ticks), self.log, keep=KEEP)
        deciding: Callable[[], list[Escalator]] = lambda: [one.escalator for one in sharing.workers.values()]  # noqa: E731
        self.reloader.follow(lambda new: partial(_use, deciding, desk_maker(new), told_of(new)))
        self._share("escalator", sharing)
        self.life.side("escalator", sharing.run())

    def add_notifier(self) -> Notifier:
        """The notifier, sending from now on."""
        receivers = Receivers(self.settings.receivers)
        notifier = Notifier(self.store, receivers.open, RetryPolicy(), self.clock, self.metrics, self.log.bind(role="notify"))
        self.life.on_stop("receivers", notifier.close)
        self.reloader.follow(lambda new: receivers.follow(new.receivers, notifier.use))
        self.life.side("notifier", notifier.run())
        return notifier

    def add_api(self, address: tuple[str, int], *, pushes: bool = True, only_probes: bool = False, send: bool = True) -> tuple[str, int]:
        """The API on an address, taken now (UsageError when it is not free); returns where it listens."""
        # FastAPI is 25 MB, and a third of a start: what answers nobody, as most replays, goes without
        from services.api.app import create_app, renew  # noqa: PLC0415
        from services.api.server import bind, serve  # noqa: PLC0415
        from services.api.state import ApiState  # noqa: PLC0415

        listener = bind(*address, said="选项 --probes" if only_probes else "配置的 listen")
        intake = self.intake(self.settings.sources) if pushes and not only_probes else None
        letters = Letters(self.bus, self.clock, self.metrics, self.settings.sources)
        rescoring = Rescoring(self.bus, self.store, self.clock, self.log)
        self.life.on_stop("rescoring", rescoring.close)
        state = ApiState(
            settings=self.settings, store=self.store, intake=intake, clock=self.clock, metrics=self.metrics,
            log=self.log.bind(role="api"), readiness=self.readiness, send=send, reloader=self.reloader, rescoring=rescoring,
            letters=letters, informative=INFORMATIVE, partitions=self.bus.partitions(SCORED),
            bus=self.bus if pushes and "deciding" not in self.parts else None, log_clock=self.log_clock, in_force=self.in_force,
        )  # fmt: skip
        app = create_app(state, only_probes=only_probes)
        self.reloader.follow(lambda new: partial(renew, app, new))
        self.reloader.follow(lambda new: partial(letters.use, new.sources))
        if intake:
            self.reloader.follow(lambda new: partial(intake.use, new.sources))
        self.life.side("probes" if only_probes else "api", serve(app, listener))
        host, port = listener.getsockname()[:2]
        return str(host), int(port)

    def intake(self, sources: Iterable[Source] = ()) -> Intake:
        """Takes mentions in; what the bus does not know again, the store does."""
        known = None if self.bus.knows else partial(known_in, self.store)
        return Intake(self.bus, self.log_clock, self.metrics, sources, known=known)

    def add_collectors(self) -> None:
        """Every configured source that no other process reads, each in a task of its own; which they are follows the settings."""
        work = Collecting(self.bus, self.store, self.clock, self.metrics, self.log.bind(role="collect"), self.parts, self.intake())
        work.use(self.settings)
        self.reloader.follow(lambda new: partial(work.use, new))
        self.life.side("collectors", work.run())

    async def run_scorer(self) -> None:
        """The score role, once its models are loaded."""
        settings = self.settings
        await self.score_by(await self.add_scorer(), settings)

    async def score_by(self, score: Scoring, settings: Settings) -> None:
        """Score for ever what falls to this process, at first by what was made ready for these settings, always by those in force."""
        newest, turn = Newest(score), asyncio.Lock()
        sharing = Sharing(self.bus, SCORE, RAW, lambda one: self.scorer(newest, one, turn), self.log)
        self._share("scorer", sharing)
        await self.reloader.join(lambda new: partial(self._score_by, newest, score.rebuilt(new)), settings)
        await sharing.run()

    def _score_by(self, newest: Newest, score: Scoring) -> None:
        newest.use(score)
        self.in_force.use(score.keywords)

    def scorer(self, score: Score | Newest, partition: int = 0, turn: asyncio.Lock | None = None) -> ScoreRole:
        """The scorer of one partition; `turn`: as of ScoreRole."""
        return ScoreRole(self.bus, score, self.metrics, self.log.bind(role="score"), clock=self.clock, partition=partition, turn=turn)

    def _share(self, name: str, sharing: Sharing[Any]) -> None:
        """Tell how it is with a shared role, and watch that it moves."""
        watchdog = Watchdog(self.bus, sharing.role, sharing.topic, sharing.workers, self.log)
        self.working += [(name, sharing), (f"{name} progress", watchdog)]
        self.life.side(f"{name} watchdog", watchdog.run())

    def readiness(self) -> dict[str, str | None]:
        """For each part what keeps it from working; None: nothing."""
        waits: dict[str, str | None] = {}
        for name, role in self.working:
            waits[name] = waits.get(name) or self.parts.get(name) or role.waits
        return self.parts | {CONFIGURATION: self.reloader.refused} | waits


async def open_house(
    settings: Settings, life: Lifecycle, log: BoundLogger, *, alone: bool = False, patient: Callable[[str], object] | None = None
) -> House:
    """
    Bus, store and metrics of the settings, and their teardown.

    `alone`: nobody else may be at work on bus and store. `patient`: what cannot be reached is waited for, and this told why at
    each try; None: it is raised as BusUnavailable or StoreUnavailable. One that refuses us is raised always.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types here; nobody reads those series
    registry = CollectorRegistry()
    metrics = Metrics(
        registry, version=version("yuqing"), sources=[source.name for source in settings.sources],
        receivers=[receiver.name for receiver in settings.receivers],
    )  # fmt: skip
    clock = SystemClock()
    metrics.config_last_reload_successful.set(1)
    metrics.config_last_reload_success_timestamp_seconds.set(clock.now() / SECOND)
    log_clock = SteadyClock(clock, notice=lambda ahead: log.error("the wall clock was set", ahead_seconds=round(ahead / SECOND)))
    bus = open_bus(settings, clock, alarm_of(metrics, log))
    life.on_stop("bus", bus.close)
    await _there(bus.start, log, patient)
    store = await _there(lambda: open_store(settings), log, patient)
    life.on_stop("store", store.close)
    await attend(store, life, log, alone=alone or not settings.brokers)
    life.side("loop lag", measure_lag(metrics.event_loop_lag_seconds.set))
    reloader = Reloader(settings, await settled(settings, store, log), store, clock, metrics, log)
    reloader.follow(lambda new: partial(_know, metrics, reloader.settings, new))
    return House(life, clock, log_clock, log, metrics, bus, store, {}, reloader, [], InForce(clock, metrics, log))


async def _there(reach: Callable[[], Awaitable[T]], log: BoundLogger, patient: Callable[[str], object] | None) -> T:
    waiting = Waiting()
    while True:
        try:
            return await reach()
        except (BusUnavailable, StoreUnavailable) as error:
            if patient is None or isinstance(error, BusRefused):  # a wrong password; once it was right, it is waited for
                raise
            patient(str(error))
            if waiting.tells(str(error)):
                log.warning("waits to begin", error=str(error))
            await asyncio.sleep(_AGAIN)


def _know(metrics: Metrics, before: Settings, settings: Settings) -> None:
    """Before anything else works with new settings: their secrets are masked, their names are labels."""
    if secrets_of(settings) != secrets_of(before):
        configure(secrets=secrets_of(settings))
    metrics.know(sources=[one.name for one in settings.sources], receivers=[one.name for one in settings.receivers])


async def run_roles(settings: Settings, roles: Sequence[str], probes: tuple[str, int] | None) -> int:
    """The service: these roles until a signal comes; the exit code."""
    log = start_logging(settings)
    life = Lifecycle(log)
    try:
        house = await _house_when_there(settings, roles, probes, life, log)
        _start(house, roles, probes)
    except BaseException:
        await life.teardown()
        raise
    log.info("started", roles=list(roles), data=str(settings.data))
    return await life.run()


async def _house_when_there(
    settings: Settings, roles: Sequence[str], probes: tuple[str, int] | None, life: Lifecycle, log: BoundLogger
) -> House:
    """The house once bus and store are to be had; until then whoever asks on the ports is told why not."""
    where = [(probes, "选项 --probes")] if probes else []
    if "api" in roles:
        where.append((settings.listen, "配置的 listen"))
    if not where:
        return await open_house(settings, life, log, patient=lambda _: None)
    from services.api.waiting_room import WaitingRoom  # noqa: PLC0415 - FastAPI, as above

    room = WaitingRoom(where)
    life.on_stop("waiting room", room.close)
    house = await open_house(settings, life, log, patient=room.tell)
    await room.close()
    return house


def _use(escalators: Callable[[], Iterable[Escalator]], make_desk: Callable[[], Desk], told: Told) -> None:
    for escalator in escalators():
        escalator.use(make_desk, told)


def start_logging(settings: Settings, *, level: str = "info") -> BoundLogger:
    """Logging of this process, with the settings' secrets masked."""
    configure(level, secrets=secrets_of(settings))
    log: BoundLogger = structlog.get_logger()
    return log


def _start(house: House, roles: Sequence[str], probes: tuple[str, int] | None) -> None:
    """In the order of the data's way, so that what takes mentions in is let go of first."""
    settings = house.settings
    if "notify" in roles:
        house.add_notifier()
    if "escalate" in roles:
        house.share_escalating()
        retaining = expire(house.bus, house.store, settings.retention, house.watched, house.clock, house.log)
        house.life.side("retention", retaining)
    if "score" in roles:
        house.life.side("scorer", house.run_scorer())
    elif "api" in roles:
        house.life.side("keywords", house.know_keywords())
    if "collect" in roles:
        house.add_collectors()
    house.life.side("backlog", measure_backlog(house.bus, house.metrics, house.clock, house.parts, roles))
    if probes:
        house.add_api(probes, only_probes=True)
    if "api" in roles:
        if roles == ("api",) and not shared(settings):
            house.parts["deciding"] = "only the API runs: what is pushed is kept and decided by the next full run"
        house.add_api(settings.listen)
    house.life.side("reload", house.reloader.run())


def check_roles(roles: Sequence[str], *, together: bool) -> tuple[str, ...]:
    """The roles asked for, all when none; UsageError for a set that bus and store cannot serve when several are not to work `together`."""
    asked = tuple(role for role in ROLES if role in roles) or ROLES
    if not together and asked not in {ROLES, ("api",)}:
        raise UsageError(
            "SQLite 的日志和存储只供一个进程使用: 请运行全部角色 (不写 --role), 或在服务停止后单独运行 --role api; "
            "要分成几个进程, 配置里写 bus: kafka://… 和 store: postgresql://…"
        )
    return asked


def parse_address(text: str) -> tuple[str, int]:
    """HOST:PORT; UsageError for anything else."""
    host, _, port = text.rpartition(":")
    with suppress(ValueError):
        if host and 0 <= int(port) <= 65535:  # noqa: PLR2004 - the largest port
            return host.strip("[]"), int(port)
    raise UsageError(f"--probes {text}: 请写成 主机:端口, 例如 127.0.0.1:9000")


def addresses(where: tuple[str, int]) -> Mapping[str, str]:
    """Where a person finds what the API serves."""
    base = f"http://{where[0]}:{where[1]}"
    return {"预警接口": f"{base}/v1/alerts", "接口文档": f"{base}/docs", "指标": f"{base}/metrics"}
