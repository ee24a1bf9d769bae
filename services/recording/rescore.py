"""
Rescoring: one subject over the retained raw log, into the store and nowhere else.

A subject that is new tonight is asked about yesterday. Its hits are stored in no story and uncounted: people find them, the desk has
never seen them, and nobody is woken by what is over.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import NamedTuple

from msgspec.structs import replace

from monitor.bus.base import RAW, SCORED, Bus, Stored, partition_of
from monitor.clock import Clock
from monitor.errors import Unreadable
from monitor.escalation.effects import Known, NewHit, Observed
from monitor.mention import Raw, Scored
from monitor.records import read_raw
from monitor.scoring.versions import Keywords
from monitor.settings import Settings
from monitor.store.sessions import Store
from monitor.subject import Subject
from services.score import Batch, Score
from services.wiring import make_score, pseudonym_key

BATCH = 256  # records of one portion: a service beside waits for no more than that


class Rescored(NamedTuple):
    """How many raw records there are, how many were looked at, how many of them hit, how many hits are new to the store."""

    total: int
    looked: int
    hit: int
    new: int


class Rescore:
    """
    Runs the retained raw log through `score`, which may know only the one subject.

    `pace`: rests so many times as long as it works. `version`: of the rules of all subjects, which the scores are to bear.
    """

    def __init__(
        self, bus: Bus, store: Store, score: Score, subject: str, clock: Clock, *, pace: float = 0.0, version: str | None = None
    ) -> None:
        self._bus, self._store, self._score, self._subject, self._clock = bus, store, score, subject, clock
        self._partition = partition_of(subject.encode(), bus.partitions(SCORED))
        self._pace, self._version = pace, version

    async def run(self, on_progress: Callable[[Rescored], object]) -> Rescored:
        """Look at every record there is now, once; done twice it changes nothing more."""
        bounds = await self._bus.bounds(RAW)
        done = Rescored(_length(bounds), 0, 0, 0)
        for partition, (low, end) in bounds.items():
            offset = low
            while offset < end and (records := await self._bus.read(RAW, partition, offset, min(BATCH, end - offset))):
                offset = records[-1].offset + 1
                done = await self._portion(records, done)
                on_progress(done)
        return done

    async def _portion(self, records: Sequence[Stored], done: Rescored) -> Rescored:
        began = perf_counter()
        found = await asyncio.to_thread(self._found, records)
        new = await self._keep(found)
        await asyncio.sleep(self._pace * (perf_counter() - began))
        return Rescored(done.total, done.looked + len(records), done.hit + len(found), done.new + new)

    def _found(self, records: Sequence[Stored]) -> list[Scored]:
        batch = Batch(_decoded(records, self._clock.now()))
        batch.score(self._score)  # what fails here has been put aside by the scorer, and is passed over
        return [self._versioned(one) for one in batch.scored if one.score.subject == self._subject]

    def _versioned(self, one: Scored) -> Scored:
        return replace(one, score=replace(one.score, version=self._version)) if self._version else one

    async def _keep(self, found: Sequence[Scored]) -> int:
        """Store what is not there yet, and of what is there the latest look."""
        if not found:
            return 0
        async with self._store.write() as unit:
            known = await unit.mentions.known({(self._subject, one.mention.digest) for one in found}, undecided=True)
            hits: list[NewHit] = []
            seen: list[Observed] = []
            for one in found:
                pair = (self._subject, one.mention.digest)
                if pair not in known:
                    hits.append(NewHit(offset=0, digest=one.mention.digest, scored=one, story="", counted=False))
                elif one.mention.seen > known[pair].seen:
                    seen.append(Observed(one.mention.digest, one.mention, self._subject))
                else:
                    continue
                known[pair] = Known(one.mention.seen, "")
            await unit.mentions.add(hits, self._partition, self._clock.now())
            await unit.mentions.observe(seen)
        return len(hits)


async def retained(bus: Bus) -> int:
    """How many records there are to look at."""
    return _length(await bus.bounds(RAW))


def _length(bounds: Mapping[int, tuple[int, int]]) -> int:
    return sum(end - low for low, end in bounds.values())


async def make_rescore(settings: Settings, subject: Subject, bus: Bus, store: Store, clock: Clock, *, pace: float = 0.0) -> Rescore:
    """The rescoring of a subject by these settings; loads dictionaries and models unless this process has them."""
    key = await pseudonym_key(settings, store)
    score = await asyncio.to_thread(make_score, replace(settings, subjects=(subject,)), key)
    version = Keywords(settings.subjects, score.keywords.libraries).version
    return Rescore(bus, store, score, subject.name, clock, pace=pace, version=version)


def _decoded(records: Sequence[Stored], now: int) -> list[Raw]:
    """What can be read; what cannot has been put aside by the scorer long ago."""
    raws = []
    for record in records:
        try:
            raws.append(read_raw(record.value, max(now, record.stored_at)))
        except Unreadable:
            continue
    return raws
