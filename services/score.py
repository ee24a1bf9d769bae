"""The score role: `mentions.raw` -> `mentions.scored`, stateless and deterministic, so a batch scored twice is the same batch."""

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter

import msgspec
from structlog.stdlib import BoundLogger

from monitor.bus.base import RAW, SCORED, Bus, Record, Stored, Taken
from monitor.errors import BusFull, BusUnavailable
from monitor.mention import Raw, Scored, decode_raw, encode
from monitor.metrics import Metrics
from services.dead import bury

ROLE = "score"
_AGAIN = 1.0

Score = Callable[[Sequence[Raw]], list[Scored]]


class ScoreRole:
    """One partition's scorer. `score` runs in a thread, so that a batch never holds the event loop."""

    def __init__(
        self, bus: Bus, score: Score, metrics: Metrics, log: BoundLogger, *, partition: int = 0, batch: int = 256
    ) -> None:
        self._bus, self._score, self._metrics, self._log = bus, score, metrics, log
        self.partition, self._batch = partition, batch
        self.waits: str | None = None  # why it cannot work now

    def use(self, score: Score) -> None:
        """Score by other settings from the next batch on."""
        self._score = score

    async def run(self) -> None:
        """Score for ever; a log that cannot be written now is tried again."""
        offset: int | None = None
        while True:
            try:
                if offset is None:
                    offset = (await self._bus.taken(ROLE, RAW)).get(self.partition, 0)
                offset = await self.advance(offset, wait=1.0)
                self.waits = None
            except (BusUnavailable, BusFull) as error:
                self.waits = str(error)
                self._log.warning("scorer waits", partition=self.partition, error=self.waits)
                offset = None
                await asyncio.sleep(_AGAIN)

    async def advance(self, offset: int, wait: float = 0.0) -> int:
        """Score the next records from `offset` on, if any come within `wait` seconds; the offset after them."""
        records = await self._bus.read(RAW, self.partition, offset, self._batch, wait)
        if not records:
            return offset
        started = perf_counter()
        raws = await self._decoded(records)
        scored = await asyncio.to_thread(self._score, raws)
        after = records[-1].offset + 1
        await self._bus.append(SCORED, [record_of(one) for one in scored], taken=Taken(ROLE, RAW, {self.partition: after}))
        self._metrics.stage_duration_seconds.labels("score").observe(perf_counter() - started)
        return after

    async def _decoded(self, records: Sequence[Stored]) -> list[Raw]:
        raws = []
        for record in records:
            try:
                raws.append(decode_raw(record.value))
            except msgspec.MsgspecError as error:
                await bury(self._bus, self._metrics, record, "invalid", str(error))
        # what a replay appended it has scored itself, in its own order
        return [raw for raw in raws if not raw.as_if]


def record_of(scored: Scored) -> Record:
    """A scored mention as a record, keyed by its subject."""
    return Record(key=scored.score.subject.encode(), value=encode(scored))
