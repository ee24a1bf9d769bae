"""
The desk: everything decided from one partition of `mentions.scored`, record by record, with no clock but the log's own.

Feed it records in order (`observe`, `tick`, `act`), take out what they decided (`drain`). A desk restored from what its effects
stored goes on exactly as one that never stopped, whatever the size of the batches between drains.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping

from monitor.alert import residual_id, story_id
from monitor.clock import HOUR, MINUTE
from monitor.escalation.acting import applied
from monitor.escalation.effects import Act, AlertChange, Effects, Moved, NewHit, Observed, StoryRow
from monitor.escalation.policy import Policy
from monitor.escalation.step import NEVER
from monitor.escalation.story import Ruled, Story, begun
from monitor.escalation.windows import reach
from monitor.mention import Scored, Tick
from monitor.stories.grouping import Grouping, Node
from monitor.subject import Subject

IGNORED = "ignore"  # the role of an account whose posts are stored, but in no story


class Desk:
    """The live stories of one partition. `policies` by subject name, with "" for the default; `fold` makes texts comparable."""

    def __init__(self, subjects: Mapping[str, Subject], policies: Mapping[str, Policy], fold: Callable[[str], str]) -> None:
        self._subjects, self._policies, self._fold = subjects, policies, fold
        self._groupings: dict[str, Grouping] = {}
        self._stories: dict[str, Story] = {}
        self._homes: dict[tuple[str, bytes], str] = {}  # the story of every mention in memory
        self._agenda: list[tuple[int, str]] = []
        self._touched: dict[str, Story] = {}
        self._over: dict[str, StoryRow] = {}
        self._effects = Effects()
        self._swept = 0
        self.now = 0

    # -- the log ------------------------------------------------------------------------------------------------------------

    def observe(self, scored: Scored, offset: int, known: int | None) -> bool:
        """
        Decide one record. `known`: None for a mention new to its subject, else the `seen` its engagement was last read at.

        Returns whether it changed anything (a second arrival does not).
        """
        if scored.as_if:
            self._minutes(scored.received_at)
        self.now = max(self.now, scored.received_at)
        self._sweep()
        if known is not None:
            return self._observe_again(scored, known)
        subject = self._subjects.get(scored.score.subject)
        if subject is None or scored.role == IGNORED:
            self._effects.hits.append(NewHit(offset=offset, digest=scored.mention.digest, scored=scored, story="", counted=False))
            return True
        story = self._place(subject, scored, self._groupings_of(subject.name))
        self._homes[subject.name, scored.mention.digest] = story.id
        counted = story.add(scored, offset, self.now)
        self._effects.hits.append(
            NewHit(offset=offset, digest=scored.mention.digest, scored=scored, story=story.id, counted=counted)
        )
        self._decide(self._alone(story, scored.mention.digest))
        return True

    def tick(self, tick: Tick) -> None:
        """A minute that passed; the last tick of a replay also brings every alert's counters up to date."""
        if tick.as_if:
            self._minutes(tick.at)
        self.now = max(self.now, tick.at)
        due = [key for key, story in self._stories.items() if (story.state.dirty if tick.end else story.due <= self.now)]
        for key in sorted(due if tick.end or not tick.as_if else ()):
            self._recheck(self._stories[key], self.now)
        self._sweep()

    def act(self, act: Act) -> None:
        """What a person did to an alert, at the place in the stream where it took effect."""
        story = self._stories.get(act.story)
        if story:
            story.state, changes = applied(story.state, act)
            self._take(story, changes)

    def drain(self) -> Effects:
        """Everything decided since the last drain."""
        effects, self._effects = self._effects, Effects()
        effects.stories = self._over | {key: story.row(live=True) for key, story in self._touched.items() if key in self._stories}
        self._touched, self._over = {}, {}
        return effects

    # -- other settings -------------------------------------------------------------------------------------------------------

    @property
    def subjects(self) -> Mapping[str, Subject]:
        """What is decided now."""
        return self._subjects

    @property
    def policies(self) -> Mapping[str, Policy]:
        """By which."""
        return self._policies

    def use(self, subjects: Mapping[str, Subject], policies: Mapping[str, Policy]) -> None:
        """
        Decide by others from the next record on, as a desk restored under them would; drain first.

        The stories of a subject no longer there are forgotten; one that is new begins with none, whatever the store has.
        """
        self._subjects, self._policies = subjects, policies
        self._groupings = {name: grouping for name, grouping in self._groupings.items() if name in subjects}
        self._stories = {key: story for key, story in self._stories.items() if story.subject.name in subjects}
        self._homes = {pair: key for pair, key in self._homes.items() if key in self._stories}
        for story in self._stories.values():
            story.follow(subjects[story.subject.name], self._policy_of(story.subject.name))
            self._look_soon(story)

    # -- restoring ------------------------------------------------------------------------------------------------------------

    def restore(self, rows: Iterable[StoryRow], hits: Iterable[NewHit], now: int) -> None:
        """Take up where another desk's stored effects end: its live stories, their hits in the order of the log, its `now`."""
        for row in rows:
            if row.subject in self._subjects:
                self._open(row)
        for hit in hits:
            if hit.story in self._stories:
                self._restore_hit(self._stories[hit.story], hit)
        self.now = now
        for story in self._stories.values():
            story.windows.advance(story.state.evaluated_at)
            self._look_soon(story)
        self._swept = now // HOUR

    def _restore_hit(self, story: Story, hit: NewHit) -> None:
        scored, grouping = hit.scored, self._groupings_of(story.subject.name)
        self._homes[story.subject.name, hit.digest] = story.id
        if story.residual:
            grouping.found(scored.mention, "", scored.received_at)
        elif story.node:
            grouping.join(story.node, scored.mention, scored.received_at)
        else:
            story.node = grouping.found(scored.mention, story.id, scored.received_at)
        story.restore(scored, hit.offset, counted=hit.counted)

    # -- inside ---------------------------------------------------------------------------------------------------------------

    def _groupings_of(self, subject: str) -> Grouping:
        grouping = self._groupings.get(subject)
        if grouping is None:
            grouping = self._groupings[subject] = Grouping(self._fold)
        return grouping

    def _place(self, subject: Subject, scored: Scored, grouping: Grouping) -> Story:
        """The story a new mention joins: one that lives, one it founds with a mention that waited, or the residual one."""
        node = grouping.find(scored.mention, self.now)
        if node is None and subject.floor and scored.spreads and scored.score.sensitive:
            return self._found(subject, scored, grouping)
        if node is None:
            grouping.found(scored.mention, "", scored.received_at)
            return self._residual(subject, scored)
        if not node.story:
            self._promote(subject, node)
        grouping.join(node, scored.mention, scored.received_at)
        return self._stories[node.story]

    def _found(self, subject: Subject, scored: Scored, grouping: Grouping) -> Story:
        """A story of one mention: where a floor makes one enough for an alert, it is told by its own name, and waits for nobody."""
        row = begun(story_id(subject.name, scored.mention.digest), subject.name, scored, residual=False)
        story = self._open(row)
        story.node = grouping.found(scored.mention, row.id, scored.received_at)
        return story

    def _residual(self, subject: Subject, scored: Scored) -> Story:
        key = residual_id(subject.name)
        return self._stories.get(key) or self._open(begun(key, subject.name, scored, residual=True))

    def _promote(self, subject: Ruled, node: Node) -> None:
        """A mention that waited alone gets company, or is seen by many: it founds a story, and takes its weight out of the residual one."""
        residual = self._stories[residual_id(subject.name)]
        scored = residual.waiting.take(node.founder)
        if scored is None:
            raise AssertionError("a mention that waits alone is in no residual story")
        node.story = story_id(subject.name, node.founder)
        story = self._open(begun(node.story, subject.name, scored, residual=False))
        story.node = node
        residual.windows.advance(self.now)
        story.adopt(scored, residual.windows.remove(node.founder), self.now)
        self._effects.moved.append(Moved(subject.name, node.founder, node.story))
        self._homes[subject.name, node.founder] = node.story
        residual.touch()
        residual.mark(self.now)
        self._touched[residual.id] = residual
        self._schedule(residual)

    def _alone(self, story: Story, digest: bytes) -> Story:
        """The story to decide: a mention that waits alone but reaches as far as a level asks needs no company to be one."""
        scored = story.waiting.get(digest)
        node = self._groupings_of(story.subject.name).node(digest)
        if scored is None or node is None:
            return story
        far = reach(scored.mention.engagement, scored.mention.views or 0)
        if far and far >= story.policy.least_reach and story.windows.counts(digest):
            self._promote(story.subject, node)
            return self._stories[node.story]
        return story

    def _open(self, row: StoryRow) -> Story:
        story = self._stories[row.id] = Story(self._subjects[row.subject], self._policy_of(row.subject), row)
        return story

    def _policy_of(self, subject: str) -> Policy:
        return self._policies.get(subject) or self._policies[""]

    def _observe_again(self, scored: Scored, known: int) -> bool:
        """A known mention: only a later look at its engagement changes anything."""
        mention = scored.mention
        if mention.seen <= known:
            return False
        self._effects.observed.append(Observed(mention.digest, mention, scored.score.subject))
        story = self._stories.get(self._homes.get((scored.score.subject, mention.digest), ""))
        if story and story.observe(mention, self.now):
            self._decide(self._alone(story, mention.digest))
        return True

    def _decide(self, story: Story) -> None:
        """Evaluate a story at once, after something was said in it."""
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
        self._effects.changes += found
        self._touched[story.id] = story
        self._schedule(story)

    def _schedule(self, story: Story) -> None:
        self._enter(story, story.next_due(self.now))

    def _look_soon(self, story: Story) -> None:
        """Look at it at the next whole minute: under the same settings that changes nothing, under others it must not wait."""
        self._enter(story, (self.now // MINUTE + 1) * MINUTE)

    def _enter(self, story: Story, due: int) -> None:
        if due != story.due:
            story.due = due
            if due != NEVER:
                heapq.heappush(self._agenda, (due, story.id))

    def _minutes(self, until: int) -> None:
        """Tick as if each whole minute up to `until` had ticked: only those at which something is due are visited."""
        while self._agenda and self._agenda[0][0] <= until:
            due, key = heapq.heappop(self._agenda)
            story = self._stories.get(key)
            if story and story.due == due:
                self.now = max(self.now, due)
                story.due = 0
                self._recheck(story, due)

    def _sweep(self) -> None:
        """Once an hour of the log forget what can no longer change."""
        hour = self.now // HOUR
        if hour == self._swept:
            return
        self._swept = hour
        for name, grouping in self._groupings.items():
            grouping.sweep(self.now)
            residual = self._stories.get(residual_id(name))
            if residual:
                residual.waiting.expire(self.now)
                while residual.waiting.expired:
                    self._homes.pop((name, residual.waiting.expired.pop()), None)
                    self._touched[residual.id] = residual
        for story in [story for story in self._stories.values() if story.over(self.now)]:
            del self._stories[story.id]
            for digest in story.totals.reactions:
                self._homes.pop((story.subject.name, digest), None)
            self._over[story.id] = story.row(live=False)
        self._agenda = sorted((due, key) for due, key in set(self._agenda) if key in self._stories and self._stories[key].due == due)
