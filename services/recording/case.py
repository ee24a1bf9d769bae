"""
A case: an alert's story written out as a recording: its mentions, what people did, how far the clock had come.

Every line says when the log it comes from took it, so that it is decided again in the order in which it was: what came late stays
late, an act stands between the same two mentions.
"""

from collections.abc import AsyncIterator, Iterator, Mapping

import msgspec
from msgspec.structs import replace

from monitor.alert import Alert, residual_id
from monitor.bus.base import SCORED
from monitor.escalation.effects import Act
from monitor.store.sessions import ReadUnit
from monitor.store.spread import Told, Turn
from services.recording.acts import Placed, end_line, line_of, taken
from services.tracing import story_of

Line = tuple[str, bytes]  # what it is, and its bytes


class Case:
    """One alert's case; `missing` counts, as lines are taken, the mentions whose words are kept no more."""

    def __init__(self, unit: ReadUnit, alert: Alert) -> None:
        self._unit, self._alert = unit, alert
        self._clock = 0
        self.missing = 0

    async def lines(self) -> AsyncIterator[Line]:
        """Mentions with what was seen of them later, in the order they were decided; then the acts; then the end."""
        subject, story = self._alert.subject, await self._story()
        acts = await self._acts(story)
        waiting, placed, now = list(acts), list[Placed](), 0
        async for portion in self._unit.spread.turns(subject, story, {digest for act in acts for digest in act.mentions}):
            if not now:
                now = (await self._unit.positions.read(SCORED, portion[0].partition)).now
            told = await self._unit.spread.told({turn.digest for turn in portion})
            looks = await self._unit.spread.looks(subject, portion)
            for turn in portion:
                placed += self._before(waiting, turn, now)
                self._clock = max(self._clock, turn.at)
                if turn.digest in told:
                    yield _line(told[turn.digest], looks.get((turn.digest, turn.offset)), (self._clock, turn.offset))
                else:
                    self.missing += not turn.look
        for one in [*placed, *self._before(waiting, None, now)]:
            yield "acts", line_of(one)
        yield "end", end_line(max(now, self._clock))

    async def _story(self) -> str | None:
        """The story; None for the residual one: who waited there may have left since, so its case is all that was said of the subject."""
        story = await story_of(self._unit, self._alert)
        return None if story == residual_id(self._alert.subject) else story

    async def _acts(self, story: str | None) -> list[Act]:
        """
        What people did about a story and those that became part of it, in the order it took effect; None: about all of the subject's.

        A mention that somebody judged where it was before is judged here too.
        """
        subject = self._alert.subject
        found = await self._unit.acts.of_subject(subject)
        if story is None:
            return found
        parts = {story, *await self._unit.spread.parts(story)}
        judged = await self._unit.mentions.known({(subject, digest) for act in found if act.action == "score" for digest in act.mentions})
        ours = {digest for (_, digest), known in judged.items() if known.story == story}
        return [act for act in found if act.story in parts or (act.action == "score" and ours.intersection(act.mentions))]

    def _before(self, waiting: list[Act], turn: Turn | None, now: int) -> Iterator[Placed]:
        """The acts that took effect before the next mention, which wait no more; None: all."""
        while waiting and (turn is None or waiting[0].offset <= turn.offset):
            act = waiting.pop(0)
            # On a replayed log a person acts long after its moments; and what was received before an act may be decided after it
            latest = min(act.at, now, max(self._clock, turn.at) if turn else now)
            self._clock = max(self._clock, latest)
            yield Placed(act, self._clock, act.offset)


def _line(told: Told, look: Mapping[str, object] | None, key: tuple[int, int]) -> Line:
    """
    A mention as contract 1 has it, as first said; or what was seen of it later, as an observation.

    The author by the name that is kept readable, so that lists of accounts know it again; else by the pseudonym.
    """
    said = replace(told.mention, **look or {})
    signed = replace(said, author=told.name) if told.name and said.author else said
    line = msgspec.json.encode(signed)[:-1] + b',"taken":' + msgspec.json.encode(taken(key)) + b"}"
    return "observations" if look else "mentions", line
