"""
Replay: a recorded stream through the whole durable pipeline, with event time as the clock.

It works in the recording's fixed blocks: a block is appended to raw, scored whole, put in the order of (moment, source, id) and
appended to scored, each append by the block's name; so a block seen twice is passed over, and a killed replay goes on when run again.
"""

import asyncio
from bisect import bisect_left
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from monitor.bus.base import RAW, SCORED, Bus, Record, Taken
from monitor.clock import SECOND
from monitor.collecting.recording import Block
from monitor.errors import Reassigned, TooLarge
from monitor.escalation.acting import FITTING
from monitor.mention import Raw, Scored, Tick, encode
from services.escalate import Escalator
from services.recording.acts import History, Placed
from services.score import ROLE, ScoreRole, record_of

_PACE = 0.2  # seconds: how finely a paced replay is cut
_AGAIN = 1.0
_AHEAD = 20_000  # records the log may run ahead of the escalator, so that progress means decided


def in_order(scored: Sequence[Scored], raws: Sequence[Raw]) -> list[Scored]:
    """The order in which a replay decides: that of the recording, then by subject."""
    places = {_taken(raw): place for place, raw in enumerate(raws)}
    return sorted(scored, key=lambda one: (places[_taken(one)], one.score.subject))


def _taken(one: Raw | Scored) -> tuple[int, str, str, int]:
    """What of a recording it is: a mention and a look at it may be taken at one moment."""
    return one.received_at, one.mention.source, one.mention.id, one.mention.seen


def in_turn(block: Block, waiting: deque[Placed]) -> Iterator[Block | Placed]:
    """The block in parts, and between them the acts that were done meanwhile, which wait no more."""
    keys, start = block.keys(), 0
    while waiting and (end := bisect_left(keys, waiting[0].key, start)) < len(keys):
        if end > start:
            yield block.part(start, end)
        yield waiting.popleft()
        start = end
    yield block.part(start, len(keys))


class Replay:
    """
    Feeds blocks to the log and waits until the escalators beside, one for each partition, have decided them.

    `speed`: how much faster than lived, None as fast as can be.

    `alone`: nothing else is pushed meanwhile, so the raw topic counts as taken; otherwise a score role passes over what is replayed.
    """

    def __init__(
        self, bus: Bus, scorer: ScoreRole, escalators: Mapping[int, Escalator], *, speed: float | None = None, alone: bool = True
    ) -> None:
        self._bus, self._scorer, self._escalators, self._speed, self._alone = bus, scorer, escalators, speed, alone
        self._began: tuple[float, int] | None = None
        self._history = History()

    def also(self, history: History, perform: Callable[[Placed], Awaitable[None]]) -> None:
        """Let people's acts be done again by `perform`, each after what was decided before it, and the clock go on to the end."""
        self._history, self._perform = history, perform

    async def run(self, blocks: Iterator[Block], on_part: Callable[[Block], object]) -> None:
        """Through with every block, in order, telling `on_part` of each; returns when all are decided (by the escalator beside)."""
        last, name, waiting = 0, "", deque(self._history.acts)
        for block in blocks:
            for one in in_turn(block, waiting):
                if isinstance(one, Placed):
                    await self._act(one)
                    continue
                for part in self._parts(one):
                    if not await self._bus.done(SCORED, part.name):  # what an earlier run has done is not waited for again
                        await self._pace(part.raws[0].received_at)
                        await self._feed(part)
                    on_part(part)
            last, name = block.raws[-1].received_at, block.name
        if name:
            for act in waiting:
                await self._act(act)
            await self._clock(Tick(at=self._history.until(last), as_if=True, end=True), f"end/{name}")
        await self._decided(0)

    async def _feed(self, block: Block) -> None:
        raws = await self._append_raw(block)
        scored = in_order(await self._scorer.score_block(block.name, raws), raws)
        ends = {partition: end for partition, (_, end) in (await self._bus.bounds(RAW)).items()} if self._alone else {}
        await self._append(scored, raws, Taken(ROLE, RAW, ends), block.name)
        await self._decided(_AHEAD)

    async def _append_raw(self, block: Block) -> list[Raw]:
        """
        Append what the log can hold of a block, and give that; what is larger is put aside.

        What is left goes by another name, as the log knows a name by what it came with; run again it finds that name by the same way.
        """
        raws, once = list(block.raws), block.name
        while True:
            try:
                await self._bus.append(RAW, [_raw_record(raw) for raw in raws], once=once)
            except TooLarge as error:
                place = max(range(len(raws)), key=lambda at: len(encode(raws[at])))
                once = f"{once}/-{place}"
                await self._scorer.put_aside(block.name, raws.pop(place), "invalid", str(error))
            else:
                return raws

    async def _append(self, scored: Sequence[Scored], raws: Sequence[Raw], taken: Taken, name: str) -> None:
        """What is there already is not appended again; a member that was killed holds its partitions for some seconds more."""
        once = name
        while True:
            made = [record_of(one) for one in scored]
            try:
                await self._bus.append(SCORED, made, taken=taken, once=once)
            except Reassigned:
                await asyncio.sleep(_AGAIN)
            except TooLarge as error:
                place = max(range(len(made)), key=lambda at: len(made[at].value))
                large, once = _taken(scored[place]), f"{once}/-{place}"
                scored = [one for one in scored if _taken(one) != large]
                await self._scorer.put_aside(name, next(raw for raw in raws if _taken(raw) == large), "failed", str(error))
            else:
                return

    async def _decided(self, ahead: int) -> None:
        """Wait until at most `ahead` records of each partition are undecided."""
        for partition, (_, end) in (await self._bus.bounds(SCORED)).items():
            await self._escalators[partition].reached(end - ahead)

    async def _act(self, placed: Placed) -> None:
        """Do again what somebody did: at its moment on the log's clock, after everything before is decided."""
        tick = Tick(at=placed.at, as_if=True)
        await self._clock(tick, f"act/{placed.name}")
        await self._decided(0)
        await self._perform(placed)
        if placed.act.action not in FITTING:  # it is the desk's to work in, which it does with the next record
            await self._clock(tick, f"acted/{placed.name}")
            await self._decided(0)

    def _parts(self, block: Block) -> Iterator[Block]:
        """A block as it is paced: whole when as fast as can be."""
        if self._speed is None:
            yield block
            return
        start, step = 0, _PACE * self._speed * SECOND
        for i in range(1, len(block.raws) + 1):
            if i == len(block.raws) or block.raws[i].received_at - block.raws[start].received_at >= step:
                yield block.part(start, i)
                start = i

    async def _pace(self, at: int) -> None:
        """
        Wait until `at` has come on the replay's clock, telling the log meanwhile how far that clock is.

        `at` is that of the next record to come: a clock told past it would be the `now` of its decision.
        """
        if self._speed is None:
            return
        loop = asyncio.get_running_loop()
        if self._began is None:
            self._began = (loop.time(), at)
        began, first = self._began
        while (left := began + (at - first) / SECOND / self._speed - loop.time()) > 0:
            await asyncio.sleep(min(left, _PACE))
            now = first + int((loop.time() - began) * self._speed * SECOND)
            await self._clock(Tick(at=min(now, at - 1), as_if=True), "")

    async def _clock(self, tick: Tick, once: str) -> None:
        for partition in range(self._bus.partitions(SCORED)):
            record = Record(key=b"", value=encode(tick), kind="tick", partition=partition)
            await self._bus.append(SCORED, [record], once=f"{once}/{partition}" if once else "")


def _raw_record(raw: Raw) -> Record:
    return Record(key=f"{raw.mention.source}\0{raw.mention.id}".encode(), value=encode(raw))


async def settle_raw(bus: Bus, scorers: Mapping[int, ScoreRole]) -> None:
    """Score what a service left behind before the replay takes over the raw topic's positions."""
    taken = await bus.taken(ROLE, RAW)
    for partition, (_, end) in (await bus.bounds(RAW)).items():
        offset = taken[partition]
        while offset < end:
            try:
                offset = await scorers[partition].advance(offset)
            except Reassigned:
                await asyncio.sleep(_AGAIN)
