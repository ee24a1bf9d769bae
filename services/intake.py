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
from monitor.errors import InvalidMention, StoreUnavailable, TooLarge
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


Became = Outcome | str  # of a mention: what the log made of it, or why it never takes it
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

        What is larger than the log takes is rejected like what is no mention, by itself.

        `staff`: whoever sends may name subjects by hand; from others only a trusted source may. `source`: whose
        the bad ones are, where that is known.
        """
        rejected = [Rejected(index, tuple(item.errors)) for index, item in enumerate(items) if isinstance(item, InvalidMention)]
        places = [index for index, item in enumerate(items) if isinstance(item, Mention)]
        mentions = [item for item in items if isinstance(item, Mention)]
        self._metrics.mentions_ingested_total.labels(self._metrics.source(source), "rejected").inc(len(rejected))
        became: list[Became] = []
        for start in range(0, len(mentions), PORTION):
            became += await self._append(mentions[start : start + PORTION], staff=staff)
        rejected += [Rejected(index, (str(one),)) for index, one in zip(places, became, strict=True) if not isinstance(one, Outcome)]
        counted = {outcome: became.count(outcome) for outcome in Outcome}
        in_order = tuple(sorted(rejected, key=lambda one: one.index))
        return Receipt(counted[Outcome.ACCEPTED], counted[Outcome.DUPLICATE], counted[Outcome.UPDATED], in_order)

    async def _append(self, mentions: Sequence[Mention], *, staff: bool) -> list[Became]:
        started, now = perf_counter(), self._clock.now()
        completed = [complete(mention, self._sources, now, staff=staff) for mention in mentions]
        outcomes = await self._recognised([record_of(mention, now) for mention in completed])
        self._metrics.stage_duration_seconds.labels("append").observe(perf_counter() - started)
        self._count(completed, outcomes, now)
        return outcomes

    async def _recognised(self, records: Sequence[Record]) -> list[Became]:
        """Append; what is known already only where it was seen later."""
        if self._known is None:
            return await self._fitting(records)
        newest = dict(await self._known([record.identity for record in records]))
        outcomes: list[Became] = []
        for record in records:
            before = newest.get(record.identity)
            outcomes.append(_outcome(before, record.version))
            if outcomes[-1] is not Outcome.DUPLICATE:
                newest[record.identity] = record.version
        fresh = [place for place, outcome in enumerate(outcomes) if outcome is not Outcome.DUPLICATE]
        for place, appended in zip(fresh, await self._fitting([records[place] for place in fresh]), strict=True):
            if not isinstance(appended, Outcome):
                outcomes[place] = appended
        return outcomes

    async def _fitting(self, records: Sequence[Record]) -> list[Became]:
        """Append those that the log can hold, all of them or none; of each other one why it cannot."""
        left, became = list(range(len(records))), dict[int, Became]()
        while left:
            try:
                answers = await self._bus.append(RAW, [records[place] for place in left])
            except TooLarge as error:
                largest = max(left, key=lambda place: len(records[place].value))  # a log that was asked to hold less does not know which
                became[largest] = f"larger than the log takes ({error.size} bytes, it takes {error.bound})"
                left.remove(largest)
            else:
                became |= dict(zip(left, answers, strict=True))
                break
        return [became[place] for place in range(len(records))]

    def _count(self, mentions: Sequence[Mention], became: Sequence[Became], now: int) -> None:
        metrics = self._metrics
        for mention, one in zip(mentions, became, strict=True):
            label = metrics.source(mention.source)
            metrics.mentions_ingested_total.labels(label, one.value if isinstance(one, Outcome) else "rejected").inc()
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
