"""
The escalate role: reads `mentions.scored`, writes everything it decides in one transaction, position included.

The desk in memory is only a picture of what those transactions stored. Whatever goes wrong with one (another writer moved the
position, the disk is full), the picture is thrown away and drawn again from the store. So a record whose decision raises leaves no
trace in it: it is tried again alone, then passed over and put aside, and all others are decided as if it had not been there.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import perf_counter

from structlog.stdlib import BoundLogger

from monitor.bus.base import SCORED, Bus, Stored, Taken
from monitor.clock import MINUTE, SECOND, Clock
from monitor.errors import BusError, Fenced, TooManyFailures, Unreadable
from monitor.escalation.desk import Desk
from monitor.escalation.effects import AlertChange
from monitor.escalation.settling import KEYS
from monitor.mention import Scored, Tick
from monitor.metrics import Metrics
from monitor.records import read_scored, read_tick
from monitor.store.positions import Position
from monitor.store.sessions import Store, WriteUnit
from monitor.stories.grouping import HORIZON
from services.dead.burial import bury
from services.dead.failing import LINGER, Doubts, Guard, may_pass, told
from services.keeping.shortened import LOOK, begun_again, tell_shortened
from services.keeping.waiting import Waiting
from services.sitting import Observation, Sitting
from services.telling import Told, count, stamped, tell

ROLE = "escalate"
BATCH = 2_048
TURNS = 2  # escalators of a process that decide at once: one while another's transaction is at the server
_AGAIN = 1.0
_TAKE_EVERY = 5.0
_AHEAD = 5 * MINUTE


class _Undecided(Exception):
    """A decision raised; `suspect`: the offset it was about, None when it was about all of them."""

    def __init__(self, suspect: int | None, error: Exception) -> None:
        self.suspect, self.error = suspect, error
        super().__init__(str(error))


class Escalator:
    """
    One partition's escalator.

    `batch`: how many records a transaction takes at most; `turn`: what all escalators of a process wait for. They change no decision.
    """

    def __init__(
        self, bus: Bus, store: Store, make_desk: Callable[[], Desk], told: Told, clock: Clock, metrics: Metrics, log: BoundLogger,
        *, partition: int = 0, batch: int = BATCH, turn: asyncio.Semaphore | None = None,
    ) -> None:  # fmt: skip
        self._bus, self._store, self._make_desk, self._told = bus, store, make_desk, told
        self._turn = turn or asyncio.Semaphore()
        self._clock, self._metrics, self._log = clock, metrics, log
        self.partition, self._batch = partition, batch
        self._desk: Desk | None = None
        self._changed = False
        self._offset = self._next = self._tries = 0
        self._taken_at, self._taken = perf_counter(), -1
        self._looked = perf_counter()
        self._guard = Guard()
        self._doubts = Doubts(self._guard, clock)
        self.waits: str | None = None  # why it cannot work now
        self._waiting = Waiting()
        self._moved = asyncio.Event()

    async def reached(self, offset: int) -> None:
        """Return once every record below `offset` is decided."""
        while self._offset < offset:
            await self._moved.wait()

    def use(self, make_desk: Callable[[], Desk], told: Told) -> None:
        """Decide by other subjects and policies from the next record on, and tell others."""
        self._make_desk, self._told, self._changed = make_desk, told, True

    @property
    def progress(self) -> tuple[int, int]:
        """What moves while it works: the position, and the tries of records that fail."""
        return self._offset, self._tries

    @property
    def offset(self) -> int:
        """The next record to decide; 0 until the first one was read."""
        return self._offset

    async def run(self) -> None:
        """Decide for ever; what may pass (a full disk, a lost race) is tried again. TooManyFailures: it is we who fail."""
        while True:
            try:
                await self.advance(wait=1.0)
                self.waits = None
                self._waiting.over()
            except Fenced:
                self._doubts.forget()
                self._log.warning("position was moved by another writer; reading it again", partition=self.partition)
            except TooManyFailures as error:
                self.waits = str(error)
                self._log.error("escalator stops", partition=self.partition, why=self.waits, exc_info=error.__cause__)
                await asyncio.sleep(LINGER)
                raise
            except Exception as error:
                if not may_pass(error):
                    raise
                self.waits = str(error)
                if self._waiting.tells(self.waits):
                    self._log.warning("escalator waits", partition=self.partition, error=self.waits)
                await asyncio.sleep(_AGAIN)

    async def advance(self, wait: float = 0.0) -> int:
        """Decide the next records, if any come within `wait` seconds; how many there were."""
        if self._desk is None:
            await self._restore()
            await self._within()
            await self._guard.remember(self._bus, SCORED, self.partition, self._offset)
        at, limit = self._doubts.reading(self._offset, self._batch)
        records = await self._bus.read(SCORED, self.partition, at, limit, 0.0 if self._doubts.aside else wait)
        if records or self._doubts.aside:
            others = self._turn.locked()
            async with self._turn:
                if others and records:  # what has come meanwhile goes with them: a transaction costs the same for one as for a hundred
                    records += await self._bus.read(SCORED, self.partition, records[-1].offset + 1, limit - len(records))
                await self._take_in(records)
        elif perf_counter() - self._looked > LOOK:
            await self._within()
        await self._tell_bus(force=not records)
        return len(records)

    async def _take_in(self, records: Sequence[Stored]) -> None:
        start = self._offset
        try:
            await self._take_up()
            if self._offset == start:
                await self._apply(await self._decoded(records))
        except _Undecided as undecided:
            self._desk = None
            await self._doubt(records, undecided)
        except BaseException:
            self._desk = None
            raise

    async def _doubt(self, records: Sequence[Stored], undecided: _Undecided) -> None:
        if not records:  # nobody's fault but what was written before
            raise undecided.error
        self._tries += 1
        self._log.warning(
            "decision failed", partition=self.partition, first=records[0].offset, last=records[-1].offset, error=told(undecided.error)
        )
        await asyncio.sleep(self._doubts.failed(records, undecided.suspect, undecided.error))

    async def _take_up(self) -> None:
        """Let the desk work by the newest settings. It is drawn again only for a subject that the store has stories of."""
        while self._changed and self._desk is not None:
            self._changed, new = False, self._make_desk()
            added = new.subjects.keys() - self._desk.subjects.keys()
            async with self._store.read() as unit:
                known = added and any(row.subject in added for row in await unit.stories.live(self.partition))
            if known:
                await self._restore()
            else:
                self._desk.use(new.subjects, new.policies)

    async def _restore(self) -> None:
        self._changed, desk = False, self._make_desk()
        async with self._store.read() as unit:
            position = await unit.positions.read(SCORED, self.partition)
            asleep, settled = await unit.stories.asleep(self.partition, KEYS)
            live = await unit.stories.live(self.partition)
            # In a thread, as nobody else has this desk yet: of many stories it takes seconds, in which a membership must be kept alive
            await asyncio.to_thread(desk.restore, live, asleep, settled, position.now)
            async for hit, _ in unit.mentions.hits_of_live(self.partition, position.now - HORIZON):
                desk.take(hit)
        await asyncio.to_thread(desk.ready)
        self._desk = desk
        self._set_offset(position.offset)

    async def _within(self) -> None:
        """See to it that the position lies within the log."""
        self._looked = perf_counter()
        oldest = await begun_again(self._bus, SCORED, self.partition, self._offset)
        if oldest is None:
            return
        desk, self._desk = self._desk, None  # to be drawn again, should this not come about
        async with self._store.write() as unit:
            position = await self._mine(unit)
            await unit.positions.move(position, offset=oldest, now=position.now, last_act=position.last_act)
        tell_shortened(self._metrics, self._log, SCORED, self.partition, self._offset, oldest)
        self._desk = desk
        self._set_offset(oldest)

    async def _mine(self, unit: WriteUnit) -> Position:
        """The position, where it is still the one this desk was drawn at."""
        position = await unit.positions.read(SCORED, self.partition)
        if position.offset != self._offset:
            raise Fenced(f"{SCORED}/{self.partition} stands at {position.offset}, not at {self._offset}")
        return position

    def _set_offset(self, offset: int) -> None:
        self._offset = offset
        self._moved.set()
        self._moved = asyncio.Event()

    async def _decoded(self, records: Sequence[Stored]) -> list[Observation]:
        """The longest run of records that are all lived or all replayed; what cannot be read is put aside."""
        run: list[Observation] = []
        for record in records:
            try:
                seen = read_tick(record.value) if record.kind == "tick" else read_scored(record.value)
            except Unreadable as error:
                await bury(self._bus, self._metrics, record, "invalid", str(error))
                continue
            if run and run[-1][1].as_if != seen.as_if:
                self._next = run[-1][0] + 1
                return run
            run.append((record.offset, seen))
        self._next = self._doubts.aside[-1].record.offset + 1 if not records else records[-1].offset + 1
        return run

    async def _apply(self, run: Sequence[Observation]) -> None:
        started, desk = perf_counter(), self._desk
        if desk is None:  # restored by advance(); said for the type checker
            return
        async with self._store.write() as unit:
            position = await self._mine(unit)
            acts = await unit.acts.since(self.partition, position.last_act)
            sitting = Sitting(unit, desk, self.partition, self._clock.now())
            for act in acts:
                await sitting.act(act)
            changes = await self._decide(unit, sitting, run)
            await self._put_aside()
            await self._move(unit, position, desk.now, acts[-1].id if acts else position.last_act)
        self._doubts.done(sum(isinstance(seen, Scored) for _, seen in run))
        self._set_offset(self._next)
        self._measure(run, changes, perf_counter() - started)

    async def _decide(self, unit: WriteUnit, sitting: Sitting, run: Sequence[Observation]) -> list[AlertChange]:
        try:
            await sitting.observe(run)
            return await self._tell(unit, await sitting.end(), live=bool(run) and not run[-1][1].as_if)
        except Exception as error:
            if may_pass(error):
                raise
            raise _Undecided(sitting.deciding, error) from error

    async def _put_aside(self) -> None:
        """What is passed over is durable among the dead before the position moves past it."""
        for one in self._doubts.aside:
            await bury(self._bus, self._metrics, one.record, "failed", one.error, one.tried)
            self._log.error("record put aside", topic=SCORED, partition=self.partition, offset=one.record.offset, error=one.error)

    async def _tell(self, unit: WriteUnit, decided: Sequence[AlertChange], *, live: bool) -> list[AlertChange]:
        now = self._clock.now()
        # An act was recorded when it was done
        changes = [stamped(change, now) if live else change for change in decided if not change.acted]
        if not changes:
            return []
        recorded = await unit.alerts.record(changes)
        await tell(unit, self._told, recorded, now)
        return recorded

    async def _move(self, unit: WriteUnit, position: Position, now: int, last_act: int) -> None:
        await unit.positions.move(position, offset=self._next, now=now, last_act=last_act)

    async def _tell_bus(self, *, force: bool) -> None:
        """Now and then let the bus know how far we are: for its retention and the lag, never for correctness."""
        now = perf_counter()
        if self._offset != self._taken and (force or now - self._taken_at > _TAKE_EVERY):
            self._taken_at = now
            with suppress(BusError):  # out of reach, or being shared out anew: told later, by us or by who decides then
                await self._bus.take(Taken(ROLE, SCORED, {self.partition: self._offset}))
                self._taken = self._offset

    def _measure(self, run: Sequence[Observation], changes: Sequence[AlertChange], seconds: float) -> None:
        self._metrics.stage_duration_seconds.labels("escalate").observe(seconds)
        now = self._clock.now()
        for _, seen in run:
            if isinstance(seen, Scored) and not seen.as_if:
                self._metrics.collect_to_decision_seconds.observe((now - seen.received_at) / SECOND)
        if self._desk and self._desk.now > now + _AHEAD and any(isinstance(seen, Tick) and not seen.as_if for _, seen in run):
            # Told each minute, for what comes in until then counts as late: too little rises, and nobody would know why
            self._log.error("the log's time is yet to come", partition=self.partition, seconds=round((self._desk.now - now) / SECOND))
        count(changes, self._metrics, self._log)
