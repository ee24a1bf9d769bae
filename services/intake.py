"""
The intake: mentions that somebody pushed become records of `mentions.raw`, durable before anybody is told so.

It stamps `received_at`, the only clock of decisions, adds what the configuration says about the source, and counts.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from time import perf_counter
from typing import Any

import msgspec

from monitor.bus.base import RAW, Bus, Outcome, Record
from monitor.clock import SECOND, Clock, micros, moment
from monitor.errors import InvalidMention, StoreUnavailable
from monitor.mention import Mention, Raw, encode
from monitor.metrics import Metrics
from monitor.settings import Source
from monitor.store.sessions import Store

ASKED_WITHIN = 1.0  # seconds: what the bus needs of an answer's ten is more
PORTION = 5_000  # records of one append: a push of a hundred thousand must not fill one transaction


class Rejected(msgspec.Struct, frozen=True):
    """Which of the sent ones was no mention, counted from 0, and everything that is wrong with it."""

    index: int
    errors: tuple[str, ...]


class Receipt(msgspec.Struct, frozen=True):
    """What became of everything sent; the four add up to it."""

    accepted: int = 0
    duplicate: int = 0
    updated: int = 0
    rejected: tuple[Rejected, ...] = ()

    @property
    def sent(self) -> int:
        """How many there were."""
        return self.accepted + self.duplicate + self.updated + len(self.rejected)


Known = Callable[[Collection[bytes]], Awaitable[Mapping[bytes, int]]]  # of digests those that are stored, and when they were last seen


class Intake:
    """
    Takes mentions in. `sources`: the configured ones, whose settings a mention of that source gets where it says nothing.

    `known`: who knows mentions again where the bus does not; what it knows is not appended a second time.
    """

    def __init__(self, bus: Bus, clock: Clock, metrics: Metrics, sources: Iterable[Source] = (), *, known: Known | None = None) -> None:
        self._bus, self._clock, self._metrics, self._known = bus, clock, metrics, known
        self._sources = {source.name: source for source in sources}
        self._newest: dict[str, int] = {}

    def use(self, sources: Iterable[Source]) -> None:
        """Take in by other sources' settings from now on."""
        self._sources = {source.name: source for source in sources}

    async def take(self, items: Sequence[Mention | InvalidMention], *, staff: bool, source: str = "") -> Receipt:
        """
        Append what is a mention; returns once it is durable. BusFull, BusUnavailable: ask again, what arrived will be a duplicate.

        `staff`: whoever sends may name subjects by hand; from others only a trusted source may. `source`: whose
        the bad ones are, where that is known.
        """
        rejected = tuple(Rejected(index, tuple(item.errors)) for index, item in enumerate(items) if isinstance(item, InvalidMention))
        mentions = [item for item in items if isinstance(item, Mention)]
        self._metrics.mentions_ingested_total.labels(self._metrics.source(source), "rejected").inc(len(rejected))
        outcomes: list[Outcome] = []
        for start in range(0, len(mentions), PORTION):
            outcomes += await self._append(mentions[start : start + PORTION], staff=staff)
        counted = {outcome: outcomes.count(outcome) for outcome in Outcome}
        return Receipt(counted[Outcome.ACCEPTED], counted[Outcome.DUPLICATE], counted[Outcome.UPDATED], rejected)

    async def _append(self, mentions: Sequence[Mention], *, staff: bool) -> list[Outcome]:
        started, now = perf_counter(), self._clock.now()
        completed = [complete(mention, self._sources, now, staff=staff) for mention in mentions]
        outcomes = await self._recognised([record_of(mention, now) for mention in completed])
        self._metrics.stage_duration_seconds.labels("append").observe(perf_counter() - started)
        self._count(completed, outcomes, now)
        return outcomes

    async def _recognised(self, records: Sequence[Record]) -> list[Outcome]:
        """Append; what is known already only where it was seen later."""
        if self._known is None:
            return await self._bus.append(RAW, records)
        newest = dict(await self._known([record.identity for record in records]))
        outcomes: list[Outcome] = []
        for record in records:
            before = newest.get(record.identity)
            outcomes.append(_outcome(before, record.version))
            if outcomes[-1] is not Outcome.DUPLICATE:
                newest[record.identity] = record.version
        fresh = [record for record, outcome in zip(records, outcomes, strict=True) if outcome is not Outcome.DUPLICATE]
        if fresh:
            await self._bus.append(RAW, fresh)
        return outcomes

    def _count(self, mentions: Sequence[Mention], outcomes: Sequence[Outcome], now: int) -> None:
        metrics = self._metrics
        for mention, outcome in zip(mentions, outcomes, strict=True):
            label = metrics.source(mention.source)
            metrics.mentions_ingested_total.labels(label, outcome.value).inc()
            # A time ahead of ours must not make a source look fresh for a day.
            self._newest[label] = max(self._newest.get(label, 0), min(micros(mention.published_at), now))
        for label in {metrics.source(mention.source) for mention in mentions}:
            metrics.source_newest_item_timestamp_seconds.labels(label).set(self._newest[label] / SECOND)


def _outcome(before: int | None, version: int) -> Outcome:
    if before is None:
        return Outcome.ACCEPTED
    return Outcome.UPDATED if version > before else Outcome.DUPLICATE


async def known_in(store: Store, digests: Collection[bytes]) -> Mapping[bytes, int]:
    """What the store knows of these; nothing when it does not answer soon: then they are taken in, and known again when decided."""
    try:
        async with asyncio.timeout(ASKED_WITHIN), store.read() as unit:
            return await unit.mentions.seen(digests)
    except (StoreUnavailable, TimeoutError):
        return {}


def complete(mention: Mention, sources: Mapping[str, Source], now: int, *, staff: bool) -> Mention:
    """The mention with what it leaves to us: when it was collected, and its source's settings. Subjects only from those who may."""
    source = sources.get(mention.source)
    more: dict[str, Any] = {}
    if mention.collected_at is None:
        more["collected_at"] = moment(now)
    if source and mention.platform is None and source.platform is not None:
        more["platform"] = source.platform
    if source and mention.media is None and source.media is not None:
        more["media"] = source.media
    if mention.subjects and not staff and not (source and source.trusted):
        more["subjects"] = ()
    return msgspec.structs.replace(mention, **more) if more else mention


def record_of(mention: Mention, received_at: int) -> Record:
    """The mention as a record of `mentions.raw`: keyed by its item, known again by its digest, newer when seen later."""
    return Record(
        key=f"{mention.source}\0{mention.id}".encode(), value=encode(Raw(received_at=received_at, mention=mention)),
        identity=mention.digest, version=mention.seen,
    )  # fmt: skip
