"""
The dead letters as they stand now: listed, looked at, put back to be tried again, dropped.

Nothing is kept but the log. What was done about a letter is a Mark behind it in the same topic; putting one back is an append to the
topic it comes from, named after the letter, so that a crash between the two puts nothing back twice.
"""

import asyncio
import heapq
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Literal

import msgspec

from monitor.border import parse
from monitor.bus.base import DEAD, RAW, SCORED, Bus, Record, Stored
from monitor.clock import Clock, rfc3339
from monitor.errors import InvalidMention, TooLarge, Unreadable
from monitor.metrics import DeadReason, Metrics
from monitor.records import read_raw, read_scored, read_tick
from monitor.settings import Source
from services.dead.burial import DeadLetter, Mark, MarkWord, mark_record, read_record
from services.intake import Intake

State = Literal["open", "replayed", "dropped"]
STATES: tuple[State, ...] = ("open", "replayed", "dropped")
PORTION = 100  # letters between two appends of marks: what a crash may have to look at again
_READ = 256
_NEAR = 10_000  # letters between two copies of one, at most: a kill lets a record be put aside twice


class Letter(msgspec.Struct, frozen=True):
    """
    A letter and what was done about it. `at`: when it was stored (micros), `size`: its bytes, `replays`: how often it was put back.

    `kept`: how many of the bytes are kept, fewer where the whole was more than the log takes; the first ones then.
    `letter.raw` is empty in a list: fetch the one to have the bytes. `partition`, `offset`: its place in the dead topic.
    """

    id: str
    at: int
    letter: DeadLetter
    size: int
    kept: int
    partition: int
    offset: int
    state: State = "open"
    replays: int = 0
    mark: Mark | None = None

    @property
    def order(self) -> tuple[str, int, int, int, str]:
        """As its record came: letters are put back in the order of the log that they come from."""
        letter = self.letter
        return letter.topic, -1 if letter.partition is None else letter.partition, letter.offset or 0, self.at, self.id


class Choice(msgspec.Struct, frozen=True):
    """Which letters: all that fit every member that says something. `ids` None: any; `since`: stored then or later (micros)."""

    ids: frozenset[str] | None = None
    reason: DeadReason | None = None
    topic: str | None = None
    since: int = 0
    states: tuple[State, ...] = ("open",)

    def takes(self, one: Letter) -> bool:
        """Whether it is among them."""
        return (
            (self.ids is None or one.id in self.ids)
            and self.reason in {None, one.letter.reason}
            and self.topic in {None, one.letter.topic}
            and one.at >= self.since
            and one.state in self.states
        )


class Done(msgspec.Struct, frozen=True):
    """
    What became of the letters named, each by its id in just one of these.

    `done`: put back, or dropped. `passed`: seen to before. `refused`: why this release cannot take it either. `unknown`: no such letter.
    """

    done: list[str] = []
    passed: list[str] = []
    refused: dict[str, str] = {}
    unknown: list[str] = []


GONE = "it is no longer kept"
CUT = "it was too large for the log: only its beginning was kept"
_Marks = dict[str, tuple[int, Mark]]  # letter -> how often it was put back, its newest mark


async def letters(bus: Bus, choice: Choice) -> AsyncIterator[Letter]:
    """The chosen letters, without their bytes, partition by partition, oldest first. Memory grows with the marks only."""
    marks = await _marks(bus)
    near: dict[str, None] = {}
    async for record, letter in _letters(bus):
        if letter.id in near:
            continue
        near[letter.id] = None
        if len(near) > _NEAR:
            del near[next(iter(near))]
        one = _standing(record, letter, marks)
        if choice.takes(one):
            yield one


async def newest(bus: Bus, choice: Choice, limit: int, before: tuple[int, str] | None = None) -> tuple[list[Letter], int]:
    """At most `limit` of the chosen letters, newest first, of those older than (at, id) `before`; and how many were chosen in all."""
    best: list[tuple[int, str, Letter]] = []
    count = 0
    async for one in letters(bus, choice):
        count += 1
        if before is None or (one.at, one.id) < before:
            entry = (one.at, one.id, one)
            if len(best) < limit:
                heapq.heappush(best, entry)
            elif limit:
                heapq.heappushpop(best, entry)
    return [one for _, _, one in sorted(best, key=lambda entry: entry[:2], reverse=True)], count


async def one_letter(bus: Bus, name: str) -> Letter | None:
    """The letter of that id, with its bytes."""
    found = [one async for one in letters(bus, Choice(ids=frozenset({name}), states=STATES))]
    return await whole(bus, found[0]) if found else None


class Letters:
    """What can be done about letters. `sources`: as the intake's, for what never reached the log."""

    def __init__(self, bus: Bus, clock: Clock, metrics: Metrics, sources: Iterable[Source] = ()) -> None:
        self.bus = bus
        self._clock = clock
        self._intake = Intake(bus, clock, metrics, sources)
        self._turn = asyncio.Lock()

    def use(self, sources: Iterable[Source]) -> None:
        """Take in by other sources' settings from now on."""
        self._intake.use(sources)

    async def replay(self, ids: Sequence[str], actor: str, by: str | None = None, *, again: bool = False) -> Done:
        """
        Put letters back where they come from, in the order they had there; `again`: also those that were seen to before.

        BusFull, BusUnavailable: what was put back so far is marked, ask again for the rest.
        """
        async with self._turn:
            found, done = await self._find(ids, again=again)
            for start in range(0, len(found), PORTION):
                put: list[Letter] = []
                try:
                    for one in found[start : start + PORTION]:
                        wrong = await self._put_back(one)
                        if wrong:
                            done.refused[one.id] = wrong
                        else:
                            put.append(one)
                finally:
                    await self._mark(put, "replayed", actor, by)
                done.done.extend(one.id for one in put)
            return done

    async def drop(self, ids: Sequence[str], actor: str, by: str | None = None) -> Done:
        """Let letters be: they are no longer listed as open, and go with the topic's retention."""
        async with self._turn:
            found, done = await self._find(ids, again=False)
            for start in range(0, len(found), PORTION):
                await self._mark(found[start : start + PORTION], "dropped", actor, by)
            done.done.extend(one.id for one in found)
            return done

    async def _find(self, ids: Sequence[str], *, again: bool) -> tuple[list[Letter], Done]:
        wanted = dict.fromkeys(ids)
        found = {one.id: one async for one in letters(self.bus, Choice(ids=frozenset(wanted), states=STATES))}
        passed = [] if again else [name for name in wanted if name in found and found[name].state != "open"]
        todo = sorted((one for one in found.values() if one.id not in passed), key=lambda one: one.order)
        return todo, Done([], passed, {}, [name for name in wanted if name not in found])

    async def _put_back(self, one: Letter) -> str:
        """Why it cannot be put back, else nothing."""
        found = await whole(self.bus, one)
        if found is None:
            return GONE
        letter, now = found.letter, self._clock.now()
        record = back(letter, now)
        if isinstance(record, str):
            return record
        if record is not None:
            try:
                await self.bus.append(letter.topic, [record], once=f"dead/{one.id}/{one.replays + 1}")
            except TooLarge as error:
                return str(error)
            return ""
        receipt = await self._intake.take([parse(letter.content, now)], staff=False)
        return "; ".join(error for wrong in receipt.rejected for error in wrong.errors)

    async def _mark(self, found: Sequence[Letter], word: MarkWord, actor: str, by: str | None) -> None:
        at = self._clock.now()
        records = [mark_record(one.letter, Mark(mark=word, letter=one.id, at=at, actor=actor, by=by)) for one in found]
        if records:
            await self.bus.append(DEAD, records)


def back(letter: DeadLetter, now: int) -> Record | str | None:
    """
    The record that a letter is put back as, byte for byte; or why this release cannot read it either, now (micros).

    None: it never was a record, but is a mention as it could be pushed (a line of a file, an item of a feed).
    """
    raw = letter.content
    if letter.cut:
        return CUT
    try:
        if letter.topic == SCORED:
            if letter.kind == "tick":
                read_tick(raw)
                return Record(key=b"", value=raw, kind="tick", partition=letter.partition)
            return Record(key=read_scored(raw).score.subject.encode(), value=raw)
        mention = read_raw(raw, max(now, letter.last_at)).mention
        return Record(key=f"{mention.source}\0{mention.id}".encode(), value=raw)
    except Unreadable as error:
        if letter.topic != RAW or letter.offset is not None:
            return str(error)
    try:
        parse(raw, now)
    except InvalidMention as invalid:
        return str(invalid)
    return None


def wire(one: Letter) -> dict[str, object]:
    """A letter as it is listed."""
    letter, mark = one.letter, one.mark
    return {
        "id": one.id, "at": rfc3339(one.at), "topic": letter.topic, "origin": letter.origin, "partition": letter.partition,
        "offset": letter.offset, "reason": letter.reason, "error": letter.error, "attempts": letter.attempts,
        "first_at": rfc3339(letter.first_at or one.at), "last_at": rfc3339(letter.last_at or one.at), "version": letter.version,
        "bytes": one.size, "kept": one.kept, "state": one.state, "replays": one.replays, "marked_at": rfc3339(mark.at) if mark else None,
        "actor": mark.actor if mark else None, "by": mark.by if mark else None,
    }  # fmt: skip


def wire_whole(one: Letter) -> dict[str, object]:
    """A letter with those of its bytes that are kept."""
    return wire(one) | {"raw": one.letter.raw, "text": one.letter.content.decode("utf-8", "backslashreplace")}


async def _marks(bus: Bus) -> _Marks:
    marks: _Marks = {}
    async for record in _records(bus):
        found = read_record(record.value)
        if isinstance(found, Mark):
            replays, _ = marks.get(found.letter, (0, found))
            marks[found.letter] = (replays + (found.mark == "replayed"), found)
    return marks


async def _letters(bus: Bus) -> AsyncIterator[tuple[Stored, DeadLetter]]:
    async for record in _records(bus):
        found = read_record(record.value)
        if isinstance(found, DeadLetter):
            yield record, found


async def _records(bus: Bus) -> AsyncIterator[Stored]:
    for partition, (low, end) in (await bus.bounds(DEAD)).items():
        offset = low
        while offset < end and (records := await bus.read(DEAD, partition, offset, min(_READ, end - offset))):
            for record in records:
                yield record
            offset = records[-1].offset + 1


def _standing(record: Stored, letter: DeadLetter, marks: _Marks) -> Letter:
    replays, mark = marks.get(letter.id, (0, None))
    light = msgspec.structs.replace(letter, raw="")
    kept = len(letter.raw) * 3 // 4 - letter.raw.count("=", -2)
    return Letter(
        letter.id, record.stored_at, light, letter.cut or kept, kept, record.partition, record.offset, mark.mark if mark else "open",
        replays, mark,
    )  # fmt: skip


async def whole(bus: Bus, one: Letter) -> Letter | None:
    """With its bytes; None when retention has taken it meanwhile."""
    found = [read_record(record.value) for record in await bus.read(DEAD, one.partition, one.offset, 1) if record.offset == one.offset]
    return msgspec.structs.replace(one, letter=found[0]) if found and isinstance(found[0], DeadLetter) else None
