"""Settings -> parts, straight down. The only maker of adapters; what it makes, its caller lets go of (services/lifecycle.py)."""

from asyncio import Semaphore
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from secrets import token_bytes
from zoneinfo import ZoneInfo

from structlog.stdlib import BoundLogger

from monitor.accounts import Accounts
from monitor.bus.base import Bus, Gap
from monitor.bus.sqlite import SqliteBus
from monitor.clock import Clock, SystemClock
from monitor.errors import ConfigError, Problem, UsageError
from monitor.escalation.desk import Desk
from monitor.escalation.policy import Policy, load_policy
from monitor.mention import Raw, Scored
from monitor.metrics import Metrics
from monitor.scoring.fold import fold
from monitor.scoring.records import scored_records
from monitor.scoring.scorer import Scorer, build_matcher, build_model, build_scorer
from monitor.scoring.versions import Keywords
from monitor.settings import Settings
from monitor.store.embedded import FILE
from monitor.store.sessions import EMBEDDED, Store
from services.escalate import BATCH, Escalator
from services.telling import Told

_PSEUDONYM_KEY = "pseudonym_key"
_KEY_BYTES = 32
LOG = "bus.db"


def open_bus(settings: Settings, clock: Clock, notice: Callable[[Gap], object] = lambda _: None) -> Bus:
    """The bus of the settings; not started. `notice` is told of records that expired before they were read."""
    if settings.brokers:
        from monitor.bus.kafka import KafkaBus  # noqa: PLC0415 - the embedded log needs no client of Kafka

        return KafkaBus(settings.brokers, settings.kafka, retention=settings.retention, notice=notice)
    return SqliteBus(settings.data, retention=settings.retention, clock=clock)


async def open_store(settings: Settings) -> Store:
    """The store of the settings, migrated."""
    return await Store.open(settings.store, settings.data)


def shared(settings: Settings) -> bool:
    """Whether several processes may work on this bus and store at once: both are servers."""
    return bool(settings.brokers) and settings.store != EMBEDDED


def bus_there(settings: Settings) -> bool:
    """Whether there is a log to look into; one on brokers is there as soon as it is asked for."""
    return bool(settings.brokers) or (settings.data / LOG).exists()


def store_there(settings: Settings) -> bool:
    """Whether there is a store to look into; one on a server is there as soon as it is asked for."""
    return settings.store != EMBEDDED or (settings.data / FILE).exists()


def need_log(settings: Settings) -> None:
    """UsageError: there is no log to look into."""
    if not bus_there(settings):
        raise UsageError(f"数据目录 {settings.data} 里还没有日志: 先运行 yuqing run 或 yuqing replay")


@asynccontextmanager
async def log_of(settings: Settings) -> AsyncIterator[Bus]:
    """The log, for a verb that looks into it or puts something back; let go of at the end."""
    need_log(settings)
    bus = open_bus(settings, SystemClock())
    await bus.start()
    try:
        yield bus
    finally:
        await bus.close()


async def pseudonym_key(settings: Settings, store: Store) -> bytes:
    """The key of pseudonyms: the configured one, else one made once and kept in the store."""
    if settings.pseudonym_key:
        return settings.pseudonym_key.encode()
    async with store.write() as unit:
        key = await unit.meta.get(_PSEUDONYM_KEY)
        if key is None:
            key = token_bytes(_KEY_BYTES)
            await unit.meta.put(_PSEUDONYM_KEY, key)
    return key


def policies_of(settings: Settings) -> dict[str, Policy]:
    """The policy of each subject that names its own, and under "" that of all others."""
    default = _policy(load_policy(settings.policy))
    own = {one.name: one.policy for one in settings.subjects if one.policy not in {None, "default"}}
    return {"": default} | {name: _policy(load_policy(settings.file.parent / str(path))) for name, path in own.items()}


def desk_maker(settings: Settings) -> Callable[[], Desk]:
    """Makes empty desks for the settings."""
    subjects = {subject.name: subject for subject in settings.subjects}
    policies = policies_of(settings)
    return lambda: Desk(subjects, policies, fold)


class Scoring:
    """Raw -> Scored, one for each subject a mention hits, in the order of the mentions."""

    def __init__(self, scorer: Scorer, settings: Settings, key: bytes) -> None:
        self._scorer, self._key = scorer, key
        self._followers = policies_of(settings)[""].kol_followers
        self._accounts = Accounts(settings.listed)

    def __call__(self, raws: Sequence[Raw]) -> list[Scored]:
        """The records of these mentions."""
        scores = self._scorer.score([raw.mention for raw in raws], [raw.received_at for raw in raws])
        key, followers, accounts = self._key, self._followers, self._accounts
        return [one for raw, found in zip(raws, scores, strict=True) for one in scored_records(raw, found, key, followers, accounts)]

    @property
    def keywords(self) -> Keywords:
        """What it scores by."""
        return self._scorer.keywords

    def rebuilt(self, settings: Settings) -> "Scoring":
        """For other settings; what they share with these is not loaded again."""
        matcher = build_matcher(settings.subjects, settings.libraries, ZoneInfo(settings.timezone), settings.segmenter)
        return Scoring(self._scorer.with_matcher(matcher, build_model(settings.sentiment)), settings, self._key)


def make_score(settings: Settings, key: bytes) -> Scoring:
    """The scoring of the settings; loads dictionaries and models."""
    zone = ZoneInfo(settings.timezone)
    scorer = build_scorer(settings.subjects, settings.libraries, zone, settings.segmenter, settings.sentiment)
    return Scoring(scorer, settings, key)


def make_escalator(
    settings: Settings, bus: Bus, store: Store, clock: Clock, metrics: Metrics, log: BoundLogger, *, partition: int = 0,
    batch: int = BATCH, send: bool = True, turn: Semaphore | None = None,
) -> Escalator:  # fmt: skip
    """The escalator of one partition; with `send` False its messages are kept as disabled. `turn`: as of Escalator."""
    told = told_of(settings, send=send)
    return Escalator(bus, store, desk_maker(settings), told, clock, metrics, log, partition=partition, batch=batch, turn=turn)


def told_of(settings: Settings, *, send: bool = True) -> Told:
    """Whom decisions are told to."""
    return Told({subject.name: subject for subject in settings.subjects}, settings.receivers, settings.public_url, send)


def _policy(loaded: tuple[Policy | None, list[Problem]]) -> Policy:
    policy, problems = loaded
    if policy is None:
        raise ConfigError(problems)
    return policy
