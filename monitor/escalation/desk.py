"""
The desk: everything decided from one partition of `mentions.scored`, record by record, with no clock but the log's own.

Feed it records in order (`observe`, `tick`, `act`), take out what they decided (`drain`). A desk restored from what its effects
stored goes on exactly as one that never stopped, whatever the size of the batches between drains.

It keeps nothing of each mention: what was decided of one comes back with it (`Known`). A story it has let go of is given back when it
is needed: ask `lacks` before a record and `needs` before an act, and let it `recall` what they name from what was stored.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import msgspec

from monitor.clock import DAY, HOUR
from monitor.escalation import correcting
from monitor.escalation.acting import acted_at, applied
from monitor.escalation.crowding import FACTS, LOOK, ROOM, WORDS
from monitor.escalation.effects import Act, AlertChange, Effects, Judged, Known, NewHit, StoryRow, as_judged
from monitor.escalation.living import Living
from monitor.escalation.policy import Policy
from monitor.escalation.settling import KEYS, LIVE, WAITING, Asleep
from monitor.escalation.story import Story
from monitor.escalation.windows import reach
from monitor.mention import Scored, Tick
from monitor.stories.grouping import HORIZON, Ties
from monitor.subject import Subject

IGNORED = "ignore"  # the role of an account whose posts are stored, but in no story


class _Sought(NamedTuple):
    """Where the record at hand belongs, as far as that was looked up: to be decided for `subject` at all, tied to nodes, waking a story."""

    scored: Scored | None
    digest: bytes
    subject: Subject | None
    ties: Ties | None = None
    woken: str | None = None


class Desk:
    """
    The live stories of one partition. `policies` by subject name, with "" for the default; `fold` makes texts comparable.

    `live` and `waiting`: how many stories and lone mentions are kept at most; the others: what all together may take (crowding.py).
    """

    def __init__(
        self, subjects: Mapping[str, Subject], policies: Mapping[str, Policy], fold: Callable[[str], str], *, live: int = LIVE,
        waiting: int = WAITING, words: int = WORDS, facts: int = FACTS, room: int = ROOM,
    ) -> None:  # fmt: skip
        self._living = Living(subjects, policies, fold, live=live, waiting=waiting, words=words, facts=facts, room=room)
        self._stories, self._decisions = self._living.stories, self._living.decisions
        self._sought = _Sought(None, b"", None)
        self._taking: list[Story] = []
        self._taken_for: Act | None = None
        self._out: list[Scored] = []  # of the story being taken up, what the act takes out
        self._swept = self._looked = 0
        self.now = 0

    # -- the log ------------------------------------------------------------------------------------------------------------

    def lacks(self, scored: Scored, known: Known | None) -> str | None:
        """The story that sleeps and is woken by this record: `recall` it before you `observe` the record. None: nothing is lacking."""
        self._pass(scored.received_at, as_if=scored.as_if)
        subject, digest = self._decided(scored), scored.mention.digest
        self._sought = _Sought(scored, digest, subject)
        if subject is None or self._decisions.known((subject.name, digest), known):
            return None
        grouping = self._living.grouping(subject.name)
        ties, woken = grouping.find(scored.mention, self.now), None
        if ties is None:
            ties, woken = self._living.remembered(subject.name, scored.mention, self.now)
        self._sought = _Sought(scored, digest, subject, ties, woken)
        return woken

    def observe(self, scored: Scored, offset: int, known: Known | None) -> bool:
        """
        Decide one record; what it `lacks` has been recalled. `known`: what was stored of the mention and subject at the last drain.

        Returns whether it changed anything (a second arrival does not).
        """
        if self._sought.scored is not scored and self.lacks(scored, known) is not None:
            message = "the record wakes a story that was not recalled"
            raise AssertionError(message)
        _, digest, subject, ties, woken = self._sought
        known = self._decisions.known((scored.score.subject, digest), known)
        if known is not None:
            return self._observe_again(scored, offset, known)
        self._living.crowding.took(scored.mention)
        if subject is None:
            self._decisions.hit(NewHit(offset=offset, digest=digest, scored=scored, story="", counted=False))
            return True
        story = self._stories[woken] if woken is not None else self._place(subject, scored, offset, ties)
        if ties or woken is not None:
            self._living.joined(story, scored)
        counted = story.add(scored, offset, self.now)
        self._decisions.hit(NewHit(offset=offset, digest=digest, scored=scored, story=story.id, counted=counted))
        self._decisions.spilled(story)
        self._decide(self._far_alone(story, digest))
        self._living.bound(self.now)
        return True

    def tick(self, tick: Tick) -> None:
        """A minute that passed; the last tick of a replay also brings every alert's counters up to date."""
        self._pass(tick.at, as_if=tick.as_if)
        if tick.end:
            due = sorted(key for key, story in self._stories.items() if story.state.dirty)
        else:
            due = [] if tick.as_if else self._living.agenda.due(self.now)
        for key in due:
            self._recheck(self._stories[key], self.now)

    def put_back(self, hit: NewHit, act: Act) -> None:
        """One that was taken out, and that the act puts back into its story; before you ask what the act `needs`."""
        story = self._decisions.whole(act.story)
        self._decisions.put_back(hit, story, act.offset)
        residual = self._stories.get(story)
        if residual and residual.residual:
            self._wait_again(residual, hit)

    def needs(self, act: Act) -> tuple[str, ...]:
        """The stories to `recall` before this act: those it is about that sleep, or whose mentions it changes."""
        rebuilt = act.action in correcting.REBUILDING
        named = dict.fromkeys(self._decisions.whole(story) for story in (act.story, act.into) if story)
        return tuple(key for key in named if self._stories.get(key) is None or _to_recall(self._stories[key], rebuilt=rebuilt))

    def act(self, act: Act) -> None:
        """What a person did, at the place in the stream where it took effect; what it `needs` has been recalled."""
        story, other = (self._stories.get(self._decisions.whole(key)) for key in (act.story, act.into))
        if act.action in correcting.REBUILDING:
            self._correct(story, act)
        elif story is None:
            return
        elif act.action == "merge":
            if other and other is not story and not (story.residual or other.residual):
                into, gone = sorted((story, other), key=lambda one: one.age)
                for one in (into, gone):
                    one.state = acted_at(one.state, act.at)
                self._living.unite(into, gone, self.now, act)
                self._decide(into)
        else:
            story.state, changes = applied(story.state, act)
            self._living.hushed(story)
            self._take(story, changes)
            self._look_soon(story)  # nothing was evaluated: what was to be looked at next still is

    def drain(self) -> Effects:
        """Everything decided since the last drain."""
        return self._decisions.drain(self._stories)

    # -- other settings -------------------------------------------------------------------------------------------------------

    @property
    def subjects(self) -> Mapping[str, Subject]:
        """What is decided now."""
        return self._living.subjects

    @property
    def policies(self) -> Mapping[str, Policy]:
        """By which."""
        return self._living.policies

    def use(self, subjects: Mapping[str, Subject], policies: Mapping[str, Policy]) -> None:
        """
        Decide by others from the next record on, as a desk restored under them would; drain first.

        The stories of a subject no longer there are forgotten; one that is new begins with none, whatever the store has.
        """
        self._living.use(subjects, policies)
        for story in self._stories.values():
            self._look_soon(story)

    # -- restoring ------------------------------------------------------------------------------------------------------------

    def restore(self, rows: Iterable[StoryRow], asleep: Iterable[Asleep], settled: int, now: int) -> None:
        """
        Take up where another desk's stored effects end: its live stories, its sleeping ones, its `now`.

        Then `take` the hits of the live ones in their order, and say `ready`.
        """
        self.now, self._swept, self._looked = now, now // HOUR, now // LOOK
        self._living.restored_to, subjects = now, self._living.subjects
        here = [row for row in rows if row.subject in subjects]
        aside = (Asleep(row.subject, row.id, row.state.aside, row.settled) for row in here if row.state.aside and not row.keys)
        known = [*(one for one in asleep if one.subject in subjects), *(one for one in aside if one.settled > settled - KEYS)]
        self._living.settled.restore(sorted(known, key=lambda one: one.settled), settled)
        self._taking = [self._living.open(row) for row in here]

    def recall(self, row: StoryRow, offset: int, act: Act | None = None) -> None:
        """
        Take up one story from what is stored, drained before; `offset`: of the record, or the act, that needs it.

        Then `take` its hits in the order of the log, and say `ready`.
        """
        before = self._stories.get(row.id)
        if before:
            self._living.ungroup(before)
        self._living.settled.stir(row.id, row.state.aside)
        story = self._living.open(msgspec.structs.replace(row, live=True, keys=()))
        self._taking, self._taken_for, self._out = [story], act, []
        self._decisions.recalled(story.id, offset)
        self._decisions.touched(story)

    def take(self, hit: NewHit) -> None:
        """One stored hit of a story being taken up."""
        story, act = self._stories.get(hit.story), self._taken_for
        if story is None:
            return
        self._living.crowding.took(hit.scored.mention)
        if act and act.action in correcting.REBUILDING:
            self._take_again(story, hit, act)
            return
        self._living.regroup(story, hit.scored, hit.offset)
        story.restore(hit.scored, hit.offset, counted=hit.counted)

    def ready(self) -> None:
        """All hits were taken."""
        for story in self._taking:
            story.windows.advance(story.state.evaluated_at)
            self._look_soon(story)
        self._taking, self._taken_for = [], None

    # -- inside ---------------------------------------------------------------------------------------------------------------

    def _take_again(self, story: Story, hit: NewHit, act: Act) -> None:
        """A hit of a story that a person corrects: as it now is, and counted as if it had been so from the start."""
        scored = correcting.corrected(hit, act)
        if scored is None:
            self._out.append(hit.scored)
            return
        self._living.regroup(story, scored, hit.offset)
        counted = story.add(scored, hit.offset, self.now)
        if counted != hit.counted and scored.at > self.now - DAY:
            self._decisions.counted(story.subject.name, hit.digest, counted=counted)
        self._decisions.spilled(story)

    def _correct(self, story: Story | None, act: Act) -> None:
        """The story is there as it now is, but for a residual one: that loses or changes the one mention."""
        for digest in act.mentions:
            if story and story.residual:
                self._correct_alone(story, digest, act)
            if correcting.takes_out(act):
                self._decisions.taken_out((act.subject, digest))
            if act.judgement:
                self._decisions.judged(Judged(act.subject, digest, act.judgement))
        if story:
            if self._out:
                self._living.put_aside(story, self._out, act)
            self._out = []
            story.state = acted_at(story.state, act.at)
            story.touch()
            self._decisions.changes.extend(story.corrected(self.now, act))
            self._recheck(story, self.now)
            story.mark(self.now)
            self._decisions.touched(story)
            self._living.released(story)

    def _wait_again(self, residual: Story, hit: NewHit) -> None:
        waits = hit.offset >= residual.state.waiting_from and hit.scored.received_at + HORIZON >= self.now
        counted = waits and residual.add(hit.scored, hit.offset, self.now)
        if waits:
            self._living.regroup(residual, hit.scored, hit.offset)
        self._decisions.counted(residual.subject.name, hit.digest, counted=counted)

    def _correct_alone(self, residual: Story, digest: bytes, act: Act) -> None:
        residual.waiting.expire(self.now)
        residual.windows.advance(self.now)
        fact, scored = residual.windows.remove(digest), residual.waiting.get(digest)
        if scored is None:  # it waits no more: what was counted of it goes
            if fact:
                self._decisions.counted(act.subject, digest, counted=False)
            return
        order = residual.waiting.order(digest)
        residual.waiting.take(digest)
        if correcting.takes_out(act):
            self._living.forget_alone(residual.subject.name, digest)
            self._living.put_aside(residual, [scored], act)
            return
        counted = residual.add(as_judged(scored, act.judgement), order, self.now)
        self._decisions.counted(act.subject, digest, counted=counted)

    def _pass(self, at: int, *, as_if: bool) -> None:
        """Time goes on to `at`."""
        if as_if:
            for minute, due in self._living.agenda.minutes(self.now, at):
                self.now = minute
                for key in due:
                    self._recheck(self._stories[key], minute)
        self.now = max(self.now, at)
        self._living.settle(self.now)
        hour = self.now // HOUR
        if hour != self._swept:
            self._swept = hour
            self._living.expire(self.now)
        if self.now // LOOK != self._looked:
            self._looked = self.now // LOOK
            self._living.relieve(self.now)

    def _decided(self, scored: Scored) -> Subject | None:
        """The subject it is decided for; None: it is only stored."""
        return None if scored.role == IGNORED else self._living.subjects.get(scored.score.subject)

    def _place(self, subject: Subject, scored: Scored, offset: int, ties: Ties | None) -> Story:
        """The story of a new mention: one that lives, one it founds, with others that waited or alone, or the residual one."""
        if ties:
            return self._living.tied(subject, ties, self.now)
        if (subject.floor or scored.score.floor) and scored.sensitive:
            # Where a floor makes one enough for an alert, it is told by its own name, and waits for nobody
            return self._living.found(subject, scored)
        return self._living.wait(subject, scored, offset)

    def _far_alone(self, story: Story, digest: bytes) -> Story:
        """The story to decide: a mention that waits alone but reaches as far as a level asks needs no company to be one."""
        scored = story.waiting.get(digest) if story.residual else None
        node = self._living.grouping(story.subject.name).node(digest) if scored else None
        if scored is None or node is None:
            return story
        far = reach(scored.mention.engagement, scored.mention.views or 0)
        if far and far >= story.policy.least_reach and story.windows.counts(digest):
            return self._living.promote(story.subject, node, self.now)
        return story

    def _observe_again(self, scored: Scored, offset: int, known: Known) -> bool:
        """A known mention: only a later look at its engagement changes anything."""
        mention = scored.mention
        if mention.seen <= known.seen:
            return False
        self._decisions.observed(scored, offset, known)
        story = self._stories.get(self._decisions.whole(known.story))
        if story and not known.out and story.observe(mention, known.engagement, self.now):
            self._decide(self._far_alone(story, mention.digest))
        return True

    def _decide(self, story: Story) -> None:
        """Evaluate a story at once, after something was said in it."""
        if story.silent:
            self._decisions.touched(story)
            self._living.released(story)
            return
        found = story.evaluate(self.now, recount=False)
        if not found:
            story.touch()
        story.mark(self.now)
        self._take(story, found)

    def _recheck(self, story: Story, now: int) -> None:
        """Evaluate a story because time passed."""
        before = story.state
        found = story.evaluate(now, recount=True)
        if story.state is not before:
            self._take(story, found)
        else:
            self._schedule(story)

    def _take(self, story: Story, found: list[AlertChange]) -> None:
        self._decisions.changes.extend(found)
        self._decisions.touched(story)
        self._schedule(story)
        self._living.released(story)

    def _schedule(self, story: Story) -> None:
        self._living.agenda.enter(story, story.next_due())

    def _look_soon(self, story: Story) -> None:
        """Look at it as soon as time passes: under the same settings that changes nothing, under others it must not wait."""
        self._living.agenda.soon(story)


def _to_recall(story: Story, *, rebuilt: bool) -> bool:
    return bool(story.keys) or (rebuilt and not story.residual)
