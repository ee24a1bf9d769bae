"""
The score role: `mentions.raw` -> `mentions.scored`, stateless and deterministic, so a batch scored twice is the same batch.

What cannot be read, or scored, is put aside before the position moves on; the rest of its batch is scored as if it had not been there.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter

from msgspec.structs import replace
from structlog.stdlib import BoundLogger

from monitor.bus.base import RAW, SCORED, Bus, Record, Stored, Taken
from monitor.clock import Clock, SystemClock
from monitor.errors import TooLarge, TooManyFailures, Unreadable
from monitor.mention import Raw, Scored, encode
from monitor.metrics import DeadReason, Metrics
from monitor.records import read_raw
from services.dead.burial import ONCE, Tried, bury, bury_bytes
from services.dead.failing import LINGER, PAUSES, Guard, may_pass, told
from services.keeping.shortened import begun_again, tell_shortened
from services.keeping.waiting import Waiting

ROLE = "score"
BATCH = 2_048
_AGAIN = 1.0

Score = Callable[[Sequence[Raw]], list[Scored]]


class Batch:
    """One batch on its way through the scorer: what could be scored, and what failed. Nothing of it depends on how it is cut."""

    def __init__(self, raws: Sequence[Raw]) -> None:
        self.raws = raws
        self.failed: dict[int, Exception] = {}
        self._parts: dict[int, list[Scored]] = {}

    @property
    def scored(self) -> list[Scored]:
        """In the order of the records."""
        return [one for start in sorted(self._parts) for one in self._parts[start]]

    @property
    def marks(self) -> list[bool]:
        """For each record whether it failed."""
        return [place in self.failed for place in range(len(self.raws))]

    def score(self, score: Score) -> None:
        """Score all at once; what fails is halved until it stands alone. What may pass is raised."""
        self._cut(score, [(0, len(self.raws))] if self.raws else [])

    def again(self, score: Score) -> None:
        """Try those that failed once more, each alone."""
        self._cut(score, [(place, place + 1) for place in self.failed])

    def give_up(self, index: int, error: Exception) -> int:
        """Take back what was scored of the mention that this one, of all scored, is of; its place among the records."""
        wanted = _arrival(self.scored[index])
        place = next(at for at, raw in enumerate(self.raws) if _arrival(raw) == wanted)
        for start, part in self._parts.items():
            self._parts[start] = [one for one in part if _arrival(one) != wanted]
        self.failed[place] = error
        return place

    def _cut(self, score: Score, spans: list[tuple[int, int]]) -> None:
        while spans:
            start, end = spans.pop()
            try:
                self._parts[start] = score(self.raws[start:end])
                self.failed.pop(start, None)
            except Exception as error:
                if may_pass(error):
                    raise
                if end - start == 1:
                    self.failed[start] = error
                else:
                    middle = (start + end) // 2
                    spans += [(middle, end), (start, middle)]


def _arrival(one: Raw | Scored) -> tuple[str, str, int, int]:
    return one.mention.source, one.mention.id, one.mention.seen, one.received_at


async def patiently(batch: Batch, score: Score) -> None:
    """Score a batch in a thread, so that it never holds the event loop; what fails is tried again after a moment."""
    await asyncio.to_thread(batch.score, score)
    for pause in PAUSES:
        if not batch.failed:
            return
        await asyncio.sleep(pause)
        await asyncio.to_thread(batch.again, score)


class Newest:
    """A scoring that may be changed for another: each batch is scored whole, retries too, by what was the newest when it began."""

    def __init__(self, score: Score) -> None:
        self.score = score

    def use(self, score: Score) -> None:
        """Score by other settings from the next batch on."""
        self.score = score


class ScoreRole:
    """One partition's scorer. `turn` is held while a batch is scored: models are not for two threads at once, nor is one core."""

    def __init__(
        self, bus: Bus, score: Score | Newest, metrics: Metrics, log: BoundLogger, *, clock: Clock | None = None, partition: int = 0,
        batch: int = BATCH, turn: asyncio.Lock | None = None,
    ) -> None:  # fmt: skip
        self._bus, self._metrics, self._log = bus, metrics, log
        self._newest = score if isinstance(score, Newest) else Newest(score)
        self._clock = clock or SystemClock()
        self.partition, self._batch = partition, batch
        self._turn = turn or asyncio.Lock()
        self._guard = Guard()
        self.offset = 0  # the next record to score; 0 until the first position was read
        self.waits: str | None = None  # why it cannot work now
        self._waiting = Waiting()

    @property
    def progress(self) -> int:
        """Its position."""
        return self.offset

    async def run(self) -> None:
        """Score for ever; what may pass (a log that cannot be written now) is tried again. TooManyFailures: it is we who fail."""
        offset: int | None = None
        while True:
            try:
                if offset is None:
                    offset = self.offset = await self._position()
                offset = self.offset = await self.advance(offset, wait=1.0)
                self.waits = None
                self._waiting.over()
            except TooManyFailures as error:
                self.waits = str(error)
                self._log.error("scorer stops", partition=self.partition, why=self.waits, exc_info=error.__cause__)
                await asyncio.sleep(LINGER)
                raise
            except Exception as error:
                if not may_pass(error):
                    raise
                self.waits = str(error)
                if self._waiting.tells(self.waits):
                    self._log.warning("scorer waits", partition=self.partition, error=self.waits)
                offset = None
                await asyncio.sleep(_AGAIN)

    async def _position(self) -> int:
        """Where to go on, which is within the log."""
        position = (await self._bus.taken(ROLE, RAW)).get(self.partition, 0)
        oldest = await begun_again(self._bus, RAW, self.partition, position)
        if oldest is None:
            return position
        tell_shortened(self._metrics, self._log, RAW, self.partition, position, oldest)
        return oldest

    async def advance(self, offset: int, wait: float = 0.0) -> int:
        """Score the next records from `offset` on, if any come within `wait` seconds; the offset after them."""
        await self._guard.remember(self._bus, RAW, self.partition, offset)
        records = await self._bus.read(RAW, self.partition, offset, self._batch, wait)
        if not records:
            return offset
        started, began = perf_counter(), self._clock.now()
        read = await self._decoded(records)
        batch = Batch([raw for _, raw in read])
        async with self._turn:
            await patiently(batch, self._newest.score)
        for place, tried in self._given_up(batch, began):
            await self._put_aside(read[place][0], told(batch.failed[place]), tried)
        after = records[-1].offset + 1
        await self._append(batch, [record for record, _ in read], Taken(ROLE, RAW, {self.partition: after}))
        self._guard.note(batch.marks)
        self._metrics.stage_duration_seconds.labels("score").observe(perf_counter() - started)
        return after

    async def _append(self, batch: Batch, records: Sequence[Stored], taken: Taken) -> None:
        """Append what was scored; a mention whose record is larger than the log takes is put aside, the others go."""
        while True:
            made = [record_of(one) for one in batch.scored]
            try:
                await self._bus.append(SCORED, made, taken=taken)
            except TooLarge as error:
                place = batch.give_up(max(range(len(made)), key=lambda index: len(made[index].value)), error)
                now = self._clock.now()
                await self._put_aside(records[place], told(error), Tried(1, now, now))
            else:
                return

    async def score_block(self, name: str, raws: Sequence[Raw]) -> list[Scored]:
        """
        Score a stretch of a recording: it is replayed by itself, not from the raw topic, so what fails is put aside by the stretch's name.

        Put back, such a record is one that arrived late: the minutes before it do not tick again.
        """
        began, batch = self._clock.now(), Batch(raws)
        async with self._turn:
            await patiently(batch, self._newest.score)
        for place, tried in self._given_up(batch, began):
            await self.put_aside(name, raws[place], "failed", told(batch.failed[place]), tried)
        self._guard.note(batch.marks)
        return batch.scored

    async def put_aside(self, name: str, raw: Raw, reason: DeadReason, error: str, tried: Tried = ONCE) -> None:
        """Put aside one of a stretch of that name."""
        origin = f"{name}/{raw.mention.source}/{raw.mention.id}/{raw.received_at}"
        await bury_bytes(self._bus, self._metrics, RAW, origin, encode(replace(raw, as_if=False)), reason, error, tried)
        self._log.error("record put aside", origin=origin, error=error)

    def _given_up(self, batch: Batch, began: int) -> Iterator[tuple[int, Tried]]:
        """The places of the records that failed to the last; TooManyFailures before the first of them is put aside."""
        places = sorted(batch.failed)
        if places:
            self._guard.check(batch.marks, batch.failed[places[-1]])
        tried = Tried(1 + len(PAUSES), began, self._clock.now())
        yield from ((place, tried) for place in places)

    async def _put_aside(self, record: Stored, error: str, tried: Tried) -> None:
        await bury(self._bus, self._metrics, record, "failed", error, tried)
        self._log.error("record put aside", topic=RAW, partition=self.partition, offset=record.offset, error=error)

    async def _decoded(self, records: Sequence[Stored]) -> list[tuple[Stored, Raw]]:
        read, now = [], self._clock.now()
        for record in records:
            try:
                read.append((record, read_raw(record.value, max(now, record.stored_at))))
            except Unreadable as error:
                await bury(self._bus, self._metrics, record, "invalid", str(error))
        # what a replay appended it has scored itself, in its own order
        return [(record, raw) for record, raw in read if not raw.as_if]


def record_of(scored: Scored) -> Record:
    """A scored mention as a record, keyed by its subject."""
    return Record(key=scored.score.subject.encode(), value=encode(scored))
