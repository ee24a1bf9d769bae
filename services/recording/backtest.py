"""Backtest: the decisions of a recording, or of the retained log, made again in memory: no bus, no store, nothing told."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from msgspec.structs import replace

from monitor.bus.base import SCORED, Bus, Stored
from monitor.collecting.recording import Block
from monitor.errors import Unreadable
from monitor.escalation.correcting import puts_back
from monitor.escalation.desk import Desk
from monitor.escalation.effects import Act, Effects
from monitor.mention import Scored, Tick
from monitor.records import read_scored, read_tick
from services.acts import ActError
from services.recording.acts import History, Placed
from services.recording.archive import Archive
from services.recording.replay import in_order, in_turn
from services.recording.standing import Standing
from services.score import Score

OnEffects = Callable[[Effects], None]
NOTHING_DONE = History()
_READ = 1_000


class Backtest:
    """Feeds a desk and gives what it decided to `on_effects`, every `batch` records: the size changes nothing."""

    def __init__(self, desk: Desk, on_effects: OnEffects, batch: int) -> None:
        self._desk, self._on_effects, self._batch = desk, on_effects, batch
        self._archive = Archive()
        self._standing: Standing | None = None  # only where a recording has acts
        self.misfits: list[tuple[Act, ActError]] = []  # of those the ones that could not be done again
        self._offset = 0

    def recording(self, blocks: Iterable[Block], score: Score, on_progress: Callable[[int], None], history: History = NOTHING_DONE) -> None:
        """Decide a recording as `replay` does."""
        last, waiting = 0, deque(history.acts)
        self._standing = Standing(self._archive) if waiting else None
        for block in blocks:
            for one in in_turn(block, waiting):
                if isinstance(one, Placed):
                    self._again(one)
                else:
                    self._decide(one, score)
            last = block.raws[-1].received_at
            on_progress(len(block.raws))
        for act in waiting:
            self._again(act)
        if last:
            self._desk.tick(Tick(at=history.until(last), as_if=True, end=True))
        self._drain()

    def end(self, tick: Tick) -> None:
        """Nothing more comes after what was observed one by one."""
        self._desk.tick(tick)
        self._drain()

    def _decide(self, part: Block, score: Score) -> None:
        for one in in_order(score(part.raws), part.raws):
            self.observe(one, self._offset)
            self._offset += 1

    def observe(self, scored: Scored, offset: int) -> None:
        """Decide one mention."""
        known = self._archive.known(scored.score.subject, scored.mention.digest)
        story = self._desk.lacks(scored, known)
        if story is not None:
            self._recall(story, offset, None)
        self._desk.observe(scored, offset, known)
        if offset % self._batch == self._batch - 1:
            self._drain()

    def act(self, act: Act) -> None:
        """Do again what a person did."""
        if puts_back(act):
            self._drain()
            for hit in self._archive.taken_out(act.subject, act.mentions):
                self._desk.put_back(hit, act)
        for story in self._desk.needs(act):
            self._recall(story, act.offset, act)
        self._desk.act(act)

    def _again(self, placed: Placed) -> None:
        """Do again what a recording tells that a person did, if it fits what was decided."""
        self._desk.tick(Tick(at=placed.at, as_if=True))
        self._drain()
        if self._standing is None:
            return
        try:
            act = self._standing.fitting(placed.act, self._desk.now)
        except ActError as refused:
            self.misfits.append((placed.act, refused))
        else:
            self.act(replace(act, offset=self._offset))

    async def log(self, bus: Bus, partition: int, acts: Sequence[Act], left: Collection[int] = ()) -> int:
        """
        Decide what a bus has kept, people's acts included, each where it took effect; how many records were left out.

        Left out is what the service did not decide either: what cannot be read, and what it put aside, which stands at `left`.
        """
        offset, end = (await bus.bounds(SCORED))[partition]
        waiting, out = iter([*acts, None]), 0
        act = next(waiting)
        while offset < end and (records := await bus.read(SCORED, partition, offset, min(_READ, end - offset))):
            for record in records:
                while act is not None and act.offset <= record.offset:
                    self.act(act)
                    act = next(waiting)
                out += record.offset in left or not self._read(record)
            offset = records[-1].offset + 1
        while act is not None:  # done after the last record
            self.act(act)
            act = next(waiting)
        self._drain()
        return out

    def _read(self, record: Stored) -> bool:
        """Decide one record of the log, if it can be read."""
        try:
            if record.kind == "tick":
                self._desk.tick(read_tick(record.value))
            else:
                self.observe(read_scored(record.value), record.offset)
        except Unreadable:
            return False
        return True

    def _recall(self, story: str, offset: int, act: Act | None) -> None:
        self._drain()
        row = self._archive.story(story)
        if row is None or row.merged_into or row.subject not in self._desk.subjects:
            return
        self._desk.recall(row, offset, act)
        for hit in self._archive.hits(story):
            self._desk.take(hit)
        self._desk.ready()

    def _drain(self) -> None:
        effects = self._desk.drain()
        self._archive.keep(effects)
        if self._standing:
            self._standing.take(effects.changes)
        self._on_effects(effects)


def level_changes(effects: Effects) -> Iterator[dict[str, object]]:
    """The changes of level among the effects, in the shape of contract 3."""
    for change in effects.changes:
        if change.transition and change.transition.to_level is not None:
            yield change.transition.wire()


def all_changes(effects: Effects) -> Iterator[dict[str, object]]:
    """Every transition among the effects: also of statuses, and what was only said."""
    return (change.transition.wire() for change in effects.changes if change.transition)


class StoryMap:
    """Where each mention of each subject ended up, after all moves: the lines of `--stories`."""

    def __init__(self) -> None:
        self._story: dict[tuple[str, bytes], tuple[str, str, str]] = {}
        self._residual: set[str] = set()
        self._into: dict[str, str] = {}

    def add(self, effects: Effects) -> None:
        """Follow one batch of decisions."""
        for hit in effects.hits:
            mention = hit.scored.mention
            self._story[hit.scored.score.subject, hit.digest] = (mention.source, mention.id, hit.story)
        for moved in effects.moved:
            source, item, _ = self._story[moved.subject, moved.digest]
            self._story[moved.subject, moved.digest] = (source, item, moved.story)
        self._into |= {merged.story: merged.into for merged in effects.merged}
        self._residual |= {row.id for row in effects.stories.values() if row.residual}

    def lines(self) -> Iterator[dict[str, object]]:
        """One line a mention and subject, in the order they were decided."""
        for (subject, _), (source, item, first) in self._story.items():
            story = first
            while story in self._into:
                story = self._into[story]
            line: dict[str, object] = {"source": source, "id": item, "subject": subject, "story": story}
            yield line | ({"residual": True} if story in self._residual else {})
