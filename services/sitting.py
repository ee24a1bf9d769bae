"""
A sitting: the desk at work within one transaction of the escalator.

Now and then a record, or an act, needs a story that the desk has let go of. Then what is decided so far is written first, and the story
is read back in the same transaction: so it is as the desk itself would have it.
"""

import asyncio
from collections.abc import Sequence
from time import perf_counter

from msgspec.structs import replace

from monitor.escalation.acting import applied
from monitor.escalation.correcting import REBUILDING, noted, puts_back
from monitor.escalation.desk import Desk
from monitor.escalation.effects import Act, AlertChange, Known, StoryRow
from monitor.escalation.episodes import unwatched
from monitor.mention import Scored, Tick
from monitor.store.sessions import WriteUnit

Observation = tuple[int, Scored | Tick]
Pair = tuple[str, bytes]
_TICK: Pair = ("", b"")
SLICE = 0.02  # seconds of deciding at a stretch: the loop also answers probes, and keeps memberships alive


class Sitting:
    """`now`: when what it writes is stored, wall clock."""

    def __init__(self, unit: WriteUnit, desk: Desk, partition: int, now: int) -> None:
        self._unit, self._desk, self._partition, self._now = unit, desk, partition, now
        self._changes: list[AlertChange] = []
        self.deciding: int | None = None  # the offset of the record at hand

    async def act(self, act: Act) -> None:
        """Let the desk take up what a person did."""
        if puts_back(act):
            await self._write()
            for hit in await self._unit.mentions.taken_out(act.subject, act.mentions):
                self._desk.put_back(hit, act)
        for story in self._desk.needs(act):
            await self._recall(story, act.offset, act)
        self._desk.act(act)

    async def observe(self, run: Sequence[Observation]) -> None:
        """Let the desk decide records."""
        pairs = [_pair(seen) for _, seen in run]
        known, until = await self._known(pairs), perf_counter() + SLICE
        for place, (offset, seen) in enumerate(run):
            self.deciding = offset
            if isinstance(seen, Tick):
                self._desk.tick(seen)
                await self._tell_unwatched(self._desk.now)
                continue
            pair = pairs[place]
            story = self._desk.lacks(seen, known.get(pair))
            if story is not None:
                await self._recall(story, offset, None)
                known = await self._known(pairs[place:])
            self._desk.observe(seen, offset, known.get(pair))
            if perf_counter() > until:
                await asyncio.sleep(0)
                until = perf_counter() + SLICE
        self.deciding = None

    async def _tell_unwatched(self, now: int) -> None:
        """Let open alerts of subjects that are watched no more say so, and end in time; `now`: of the log."""
        desk = self._desk
        kept: list[StoryRow] = []
        for row in await self._unit.stories.others(self._partition, desk.subjects.keys()):
            state, changes = unwatched(row.state, now, desk.policies[""].fade)
            self._changes += changes
            kept += [replace(row, state=state)] if changes else []
        await self._unit.stories.put(kept, self._partition)

    async def end(self) -> list[AlertChange]:
        """Write what is left; every change of an alert, to be recorded last."""
        await self._write()
        return self._changes

    async def _known(self, pairs: Sequence[Pair]) -> dict[Pair, Known]:
        said = set(pairs) - {_TICK}
        return await self._unit.mentions.known(said) if said else {}

    async def _recall(self, story: str, offset: int, act: Act | None) -> None:
        await self._write()
        row = await self._unit.stories.get(story)
        if row is None or row.merged_into:
            return
        if row.subject not in self._desk.subjects:
            await self._set_down(row, act)
            return
        self._desk.recall(row, offset, act)
        async for hit in self._unit.mentions.hits_of(story):
            self._desk.take(hit)
        self._desk.ready()

    async def _set_down(self, row: StoryRow, act: Act | None) -> None:
        """Of a subject that was taken off the list nothing is decided; what people did to its alerts is kept for when it comes back."""
        if act is None:
            return
        state, _ = applied(row.state, act)
        if act.action in REBUILDING and row.state.alert:
            self._changes.append(noted(row.state.alert, act))
        live = row.live or (state.alert is not None and not state.alert.ended)
        kept = replace(row, state=state, live=live, keys=() if live else row.keys)
        await self._unit.stories.put([kept], self._partition)

    async def _write(self) -> None:
        effects, mentions = self._desk.drain(), self._unit.mentions
        await mentions.regroup(effects.recalled)  # a story is recalled right after a draining, before all else
        await mentions.add(effects.hits, self._partition, self._now)
        await mentions.judge(effects.judged)
        await mentions.move(effects.moved)
        await mentions.count(effects.counted)
        await mentions.merge(effects.merged)
        await mentions.observe(effects.observed)
        await self._unit.stories.put(effects.stories.values(), self._partition)
        self._changes += effects.changes


def _pair(seen: Scored | Tick) -> Pair:
    return (seen.score.subject, seen.mention.digest) if isinstance(seen, Scored) else _TICK
