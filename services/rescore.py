"""
Rescoring: one subject over the retained raw log, into the store and nowhere else.

A subject that is new tonight is asked about yesterday. Its hits are stored in no story and uncounted: people find them, the desk has
never seen them, and nobody is woken by what is over.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from monitor.bus.base import RAW, SCORED, Bus, Stored, partition_of
from monitor.clock import Clock
from monitor.escalation.effects import Known, NewHit, Observed
from monitor.mention import Raw, Scored, decode_raw
from monitor.store.sessions import Store
from services.score import Score

BATCH = 1_000


class Rescored(NamedTuple):
    """How many raw records were looked at, how many of them hit, how many hits are new to the store."""

    looked: int
    hit: int
    new: int


class Rescore:
    """Runs the retained raw log through `score`, which knows only the one subject."""

    def __init__(self, bus: Bus, store: Store, score: Score, subject: str, clock: Clock) -> None:
        self._bus, self._store, self._score, self._subject, self._clock = bus, store, score, subject, clock
        self._partition = partition_of(subject.encode(), bus.partitions(SCORED))

    async def length(self) -> int:
        """How many records there are to look at."""
        return sum(end - low for low, end in (await self._bus.bounds(RAW)).values())

    async def run(self, on_progress: Callable[[int], object]) -> Rescored:
        """Look at every record once; done twice it changes nothing more."""
        looked = hit = new = 0
        for partition, (low, end) in (await self._bus.bounds(RAW)).items():
            offset = low
            while offset < end and (records := await self._bus.read(RAW, partition, offset, BATCH)):
                offset = records[-1].offset + 1
                found = [one for one in self._score(_decoded(records)) if one.score.subject == self._subject]
                new += await self._keep(found)
                looked, hit = looked + len(records), hit + len(found)
                on_progress(len(records))
        return Rescored(looked, hit, new)

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


def _decoded(records: Sequence[Stored]) -> list[Raw]:
    """What can be read; what cannot has been put aside by the scorer long ago."""
    raws = []
    for record in records:
        try:
            raws.append(decode_raw(record.value))
        except msgspec.MsgspecError:
            continue
    return raws
