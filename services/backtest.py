"""Backtest: the decisions of a recording, or of the retained log, made again in memory: no bus, no store, nothing told."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from monitor.bus.base import SCORED, Bus
from monitor.collecting.recording import Block
from monitor.escalation.desk import Desk
from monitor.escalation.effects import Act, Effects
from monitor.mention import Scored, Tick, decode_scored, decode_tick
from services.replay import in_order
from services.score import Score

OnEffects = Callable[[Effects], None]
_READ = 1_000


class Backtest:
    """Feeds a desk and gives what it decided to `on_effects`, every `batch` records: the size changes nothing."""

    def __init__(self, desk: Desk, on_effects: OnEffects, batch: int) -> None:
        self._desk, self._on_effects, self._batch = desk, on_effects, batch
        self._known: dict[tuple[str, bytes], int] = {}
        self._offset = 0

    def recording(self, blocks: Iterable[Block], score: Score, on_progress: Callable[[int], None]) -> None:
        """Decide a recording as `replay` does."""
        last = 0
        for block in blocks:
            scored: Sequence[Scored] = in_order(score(block.raws))
            for one in scored:
                self.observe(one, self._offset)
                self._offset += 1
            last = block.raws[-1].received_at
            on_progress(len(block.raws))
        if last:
            self._desk.tick(Tick(at=last, as_if=True, end=True))
        self._on_effects(self._desk.drain())

    def observe(self, scored: Scored, offset: int) -> None:
        """Decide one mention."""
        pair = (scored.score.subject, scored.mention.digest)
        if self._desk.observe(scored, offset, self._known.get(pair)):
            self._known[pair] = scored.mention.seen
        if offset % self._batch == self._batch - 1:
            self._on_effects(self._desk.drain())

    async def log(self, bus: Bus, partition: int, acts: Sequence[Act]) -> None:
        """Decide what a bus has kept, people's acts included, each where it took effect."""
        offset = (await bus.bounds(SCORED))[partition][0]
        waiting = iter([*acts, None])
        act = next(waiting)
        while records := await bus.read(SCORED, partition, offset, _READ):
            for record in records:
                while act is not None and act.offset <= record.offset:
                    self._desk.act(act)
                    act = next(waiting)
                if record.kind == "tick":
                    self._desk.tick(decode_tick(record.value))
                else:
                    self.observe(decode_scored(record.value), record.offset)
            offset = records[-1].offset + 1
        self._on_effects(self._desk.drain())


def level_changes(effects: Effects) -> Iterator[dict[str, object]]:
    """The changes of level among the effects, in the shape of contract 3."""
    for change in effects.changes:
        if change.transition and change.transition.to_level is not None:
            yield change.transition.wire()


class StoryMap:
    """Where each mention of each subject ended up, after all moves: the lines of `--stories`."""

    def __init__(self) -> None:
        self._story: dict[tuple[str, bytes], tuple[str, str, str]] = {}
        self._residual: set[str] = set()

    def add(self, effects: Effects) -> None:
        """Follow one batch of decisions."""
        for hit in effects.hits:
            mention = hit.scored.mention
            self._story[hit.scored.score.subject, hit.digest] = (mention.source, mention.id, hit.story)
        for moved in effects.moved:
            source, item, _ = self._story[moved.subject, moved.digest]
            self._story[moved.subject, moved.digest] = (source, item, moved.story)
        self._residual |= {row.id for row in effects.stories.values() if row.residual}

    def lines(self) -> Iterator[dict[str, object]]:
        """One line a mention and subject, in the order they were decided."""
        for (subject, _), (source, item, story) in self._story.items():
            line: dict[str, object] = {"source": source, "id": item, "subject": subject, "story": story}
            yield line | ({"residual": True} if story in self._residual else {})
