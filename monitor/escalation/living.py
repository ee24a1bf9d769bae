"""
The living stories of a partition: how they are founded, merged, put to sleep and woken.

What lives is decided by the log alone: a story sleeps once nothing has joined it for HORIZON, or when it is the longest quiet of too many.
"""

import re
from bisect import insort
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from monitor.alert import residual_id, story_id
from monitor.escalation.agenda import Agenda
from monitor.escalation.correcting import aside
from monitor.escalation.crowding import FACTS, LEFT, ROOM, WORDS, Crowding
from monitor.escalation.decisions import Decisions
from monitor.escalation.effects import Act, StoryRow
from monitor.escalation.merging import left, merged
from monitor.escalation.policy import Policy
from monitor.escalation.settling import ASIDE, LIVE, SPENT, WAITING, Quiet, Settled, together
from monitor.escalation.story import Ruled, Story, begun
from monitor.mention import Mention, Scored
from monitor.stories.grouping import HORIZON, Grouping, Node, Remembered, Ties
from monitor.stories.keys import key_of
from monitor.stories.shingles import Shingled
from monitor.stories.sketch import alike, as_keys
from monitor.subject import Subject

_OR = re.compile("[|｜]")
_PLAIN = re.compile(r'[\w\s·"“”]+')


class Living:
    """Stories by id, their nodes by subject. At most `live` are awake and `waiting` mentions wait alone, but for stories that are held."""

    def __init__(
        self, subjects: Mapping[str, Subject], policies: Mapping[str, Policy], fold: Callable[[str], str], *, live: int = LIVE,
        waiting: int = WAITING, words: int = WORDS, facts: int = FACTS, room: int = ROOM,
    ) -> None:  # fmt: skip
        self.subjects, self.policies, self._fold = subjects, policies, fold
        self._live, self._waiting, self._words, self.crowding = live, waiting, words, Crowding(facts, room)
        self.stories: dict[str, Story] = {}
        self.agenda = Agenda(self.stories)
        self.settled = Settled()
        self.decisions = Decisions()
        self.restored_to = 0  # micros: how far the log had come that these stories are taken up from
        self._groupings: dict[str, Grouping] = {}
        self._remembered = Remembered()
        self._residuals: dict[str, Story] = {}
        self._muted: dict[str, dict[str, None]] = {}  # stories somebody muted, by subject; some are muted no more
        self._quiet, self._idle = Quiet(self._touched_at), Quiet(self._touched_at)
        self._held: set[str] = set()  # that would have settled for want of room
        self._alone: deque[tuple[int, str, bytes]] = deque()  # who waits alone by offset; some wait no more
        self._most_alone = SPENT

    # -- asking ---------------------------------------------------------------------------------------------------------------

    def grouping(self, subject: str) -> Grouping:
        """The nodes of a subject."""
        grouping = self._groupings.get(subject)
        if grouping is None:
            names = names_of(self.subjects[subject])
            grouping = self._groupings[subject] = Grouping(self._fold, names, self.restored_to, self._remembered)
        return grouping

    def policy(self, subject: str) -> Policy:
        """By which its stories are decided."""
        return self.policies.get(subject) or self.policies[""]

    # -- founding and joining ---------------------------------------------------------------------------------------------------

    def open(self, row: StoryRow) -> Story:
        """Take a story up, in place of what was known of it; its subject is watched."""
        if row.state.unwatched_from:
            row = replace(row, state=replace(row.state, unwatched_from=0))
        story = self.stories[row.id] = Story(self.subjects[row.subject], self.policy(row.subject), row)
        if row.residual:
            self._residuals[row.subject] = story
        self.hushed(story)
        return story

    def hushed(self, story: Story) -> None:
        """After what may have muted it: as long as that holds, near-copies find it, however old its texts are."""
        if story.state.mute and not story.residual:
            self._muted.setdefault(story.subject.name, {})[story.id] = None

    def found(self, subject: Subject, scored: Scored) -> Story:
        """A story of one mention."""
        story = self.open(begun(story_id(subject.name, scored.mention.digest), subject.name, scored, residual=False))
        self.joined(story, scored)
        return story

    def wait(self, subject: Subject, scored: Scored, offset: int) -> Story:
        """One more waits alone; the residual story."""
        node = self.grouping(subject.name).found(scored.mention, "", scored.received_at)
        self._alone.append((offset, subject.name, node.founder))
        key = residual_id(subject.name)
        return self.stories.get(key) or self.open(begun(key, subject.name, scored, residual=True))

    def joined(self, story: Story, scored: Scored) -> None:
        """The mention is part of the story's node, which it begins where there is none."""
        grouping = self.grouping(story.subject.name)
        if story.node:
            grouping.join(story.node, scored.mention, scored.received_at)
        else:
            story.node = grouping.found(scored.mention, story.id, scored.received_at)
            self.watch(story)

    def watch(self, story: Story) -> None:
        """Let it sleep when its time comes."""
        if story.node:
            self._idle.add(story.id, self._quiet.add(story.id))

    def tied(self, subject: Subject, ties: Ties, now: int) -> Story:
        """The one story of nodes that belong together: the oldest, which the others join; where all wait alone, the first founds it."""
        nodes = (ties.home, *ties.also)
        stories = [self.stories[node.story] for node in nodes if node.story]
        if not stories:
            stories = [self.promote(subject, min(nodes, key=lambda node: node.order), now)]
        story = min(stories, key=lambda one: one.age)
        for node in nodes:
            if not node.story:
                self._adopt(story, node, now)
            elif node.story != story.id:
                self.unite(story, self.stories[node.story], now)
        return story

    def promote(self, subject: Ruled, node: Node, now: int) -> Story:
        """A mention that waited alone gets company, or is seen by many: it founds a story, and takes its weight out of the residual one."""
        residual = self._residuals[subject.name]
        scored = residual.waiting.get(node.founder)
        if scored is None:
            raise AssertionError("a mention that waits alone is in no residual story")
        node.story = story_id(subject.name, node.founder)
        story = self.open(begun(node.story, subject.name, scored, residual=False))
        story.node, story.founder = node, node.founder
        self._leave(residual, story, node, now)
        self.watch(story)
        return story

    def _adopt(self, story: Story, node: Node, now: int) -> None:
        """A mention that waited alone joins a story."""
        if story.node is None:
            raise AssertionError("a story that others tie to is awake")
        self._leave(self._residuals[story.subject.name], story, node, now)
        self.grouping(story.subject.name).merge(story.node, node)

    def _leave(self, residual: Story, story: Story, node: Node, now: int) -> None:
        order = residual.waiting.order(node.founder)
        scored = residual.waiting.take(node.founder)
        if scored is None:
            raise AssertionError("a mention that waits alone is in no residual story")
        residual.windows.advance(now)
        fact = residual.windows.remove(node.founder)
        self.decisions.moved(scored, story.id)
        if not story.adopt(scored, order, fact, now) and fact:
            self.decisions.counted(story.subject.name, node.founder, counted=False)
        self.decisions.spilled(story)
        self.changed(residual, now)

    def changed(self, story: Story, now: int) -> None:
        """Somebody waits no more, or counts no more: the story stands otherwise, and is decided at the next minute, as one rebuilt is."""
        story.touch()
        story.mark(now)
        self.decisions.touched(story)
        self.agenda.soon(story)

    # -- merging --------------------------------------------------------------------------------------------------------------

    def unite(self, into: Story, gone: Story, now: int, act: Act | None = None) -> None:
        """Two stories are one: the older, which takes everything over. It is to be decided next."""
        if into.node and gone.node:
            self.grouping(into.subject.name).merge(into.node, gone.node)
        elif gone.node:
            gone.node.story = into.id
            into.node, gone.node = gone.node, None
            self.watch(into)
        for digest in into.take_over(gone, now):
            self.decisions.counted(into.subject.name, digest, counted=False)
        self.decisions.spilled(into)
        into.state, changes = merged(into.state, gone.state, (into.named, gone.named), now, act)
        into.mark(now)
        self.hushed(into)
        self.decisions.changes.extend(changes)
        gone.state = left(gone.state, changes)
        del self.stories[gone.id]
        self.settled.wake(gone.id)
        # What it counted is counted where it went
        self.decisions.merged(gone, into, replace(gone.row(live=False), mentions=0, merged_into=into.id))
        self.decisions.touched(into)

    # -- sleeping and waking --------------------------------------------------------------------------------------------------

    def remembered(self, subject: str, mention: Mention, now: int) -> tuple[Ties | None, str | None]:
        """
        Where a mention belongs that nothing told lately is tied to: a muted story that it is a near-copy of, or one that it wakes.

        It wakes one by its cascade or its exact words before it is compared with any.
        """
        grouping = self.grouping(subject)
        woken = self.settled.woken_by(subject, grouping.wakers(mention)) if self.settled else None
        if woken is not None or not (self.settled or subject in self._muted):
            return self._met(woken)
        words = grouping.words(mention)
        if words is None:
            return None, None
        muted = self._muted_like(subject, words, now)
        return (Ties(muted, ()), None) if muted else self._met(self.settled.resembled(subject, words))

    def _met(self, key: str | None) -> tuple[Ties | None, str | None]:
        """A story known by what was put by of it: what was put aside there may be spoken of while it is awake."""
        story = self.stories.get(key or "")
        return (Ties(story.node, ()), None) if story and story.node else (None, key)

    def _muted_like(self, subject: str, words: Shingled, now: int) -> Node | None:
        """Of the stories muted at `now` that live, the oldest with a text that these words are a near-copy of. People mute only so many."""
        found: list[Node] = []
        for key in list(self._muted.get(subject, ())):
            story = self.stories.get(key)
            if story is None or story.state.mute is None or story.state.mute.until <= now:
                del self._muted[subject][key]
            elif story.node and any(alike(words, one) for one in story.node.sketches):
                found.append(story.node)
        return min(found, key=lambda node: node.order, default=None)

    def settle(self, now: int) -> None:
        """Put to sleep what nothing has joined for HORIZON."""
        for key in self._quiet.since(now - HORIZON):
            self._sleep(self.stories[key])

    def bound(self, now: int) -> None:
        """Where too many live, let the longest quiet sleep, and the oldest wait no more."""
        while len(self.stories) - len(self._residuals) > self._live and (key := self._idle.first()):
            self._lay_down(self.stories[key])
        if len(self._alone) > self._most_alone:
            self._tidy_alone()
        if len(self._alone) > self._waiting:
            self._bound_waiting(now)

    def relieve(self, now: int) -> None:
        """Where all stories together are too large, the longest quiet sleep, and the largest count no more than their latest facts."""
        for residual in self._residuals.values():
            residual.waiting.expire(now)
        words = sum(residual.waiting.words for residual in self._residuals.values())
        if words > self._words:
            self._bound_waiting(now, words - int(self._words * LEFT))
        if self.crowding.many:
            counts = {key: story.windows.within(now) for key, story in self.stories.items() if story.windows.facts}
            most = self.crowding.kept(counts.values())
            for key in sorted(key for key, count in counts.items() if most is not None and count > most):
                self.stories[key].windows.advance(now)
                self.decisions.spilled(self.stories[key], most)
                self.changed(self.stories[key], now)
        if self.crowding.large:
            nodes = [node for grouping in self._groupings.values() for node in grouping.nodes()]
            over = self.crowding.over([node for node in nodes if node.story], [node for node in nodes if not node.story])
            while over > 0 and (quiet := self._idle.first()):
                over -= self._lay_down(self.stories[quiet])

    def _lay_down(self, story: Story) -> int:
        """Let one sleep for want of room, as soon as nothing holds it; how many bytes that is at once."""
        if story.held:
            self._held.add(story.id)
            return 0
        size = story.node.size if story.node else 0
        self._sleep(story)
        return size

    def released(self, story: Story) -> None:
        """After a decision: what is asleep and no longer held is let go of."""
        if story.held:
            return
        if story.node is None:
            # Taken up for an act alone, without a mention: what was put aside there is still known, and must be to a restored desk
            story.keys = story.keys or story.state.aside
            self.stories.pop(story.id, None)
            self.decisions.over(story, story.row(live=False))
        elif story.id in self._held:
            self._held.discard(story.id)
            self._idle.add(story.id)

    def _sleep(self, story: Story) -> None:
        grouping, node = self.grouping(story.subject.name), story.node
        if node is None:
            raise AssertionError("a story that is put to sleep is awake")
        # One that woke and then merged has the node of another that began before it woke
        story.keys = together((key_of(story.founder), *grouping.keys(node)), story.state.aside)
        self.settled.wake(story.id)
        grouping.forget(node)
        story.node = None
        story.settled = self.settled.add(story.subject.name, story.id, story.keys)
        self.decisions.touched(story)
        self.released(story)

    def _bound_waiting(self, now: int, long: int = 0) -> None:
        """`long`: so many characters too much wait."""
        many = sum(len(residual.waiting) for residual in self._residuals.values()) - self._waiting
        while many > 0 or long > 0:
            offset, subject, digest = self._alone.popleft()
            residual = self._residuals.get(subject)
            if residual and digest in residual.waiting:
                before = residual.waiting.words
                residual.waiting.take(digest)
                long -= before - residual.waiting.words
                self.forget_alone(subject, digest)
                residual.windows.advance(now)
                residual.state = replace(residual.state, waiting_from=offset + 1)
                self.changed(residual, now)
                many -= 1

    def _tidy_alone(self) -> None:
        """Let go of those that wait no more: most have found company."""
        here = {subject: residual.waiting for subject, residual in self._residuals.items()}
        self._alone = deque(one for one in self._alone if one[1] in here and one[2] in here[one[1]])
        self._most_alone = 2 * len(self._alone) + SPENT

    def put_aside(self, story: Story, out: Sequence[Scored], act: Act) -> None:
        """Let who repeats what was taken out of a story find it put aside."""
        grouping = self.grouping(story.subject.name)
        mentions = [scored.mention for scored in out]
        exact = dict.fromkeys(key for mention in mentions for key in grouping.wakers(mention))
        keys = (*exact, *as_keys(grouping.sketches(mentions, ASIDE)))
        row = aside(story.state, out, act)
        state = replace(row.state, aside=keys)
        self.decisions.put_aside(replace(row, state=state, keys=keys, settled=self.settled.add(row.subject, row.id, keys)))

    def forget_alone(self, subject: str, digest: bytes) -> None:
        """Nobody finds company in it any more."""
        grouping = self.grouping(subject)
        node = grouping.node(digest)
        if node:
            grouping.forget(node)

    def expire(self, now: int) -> None:
        """Forget those that waited for HORIZON."""
        for residual in self._residuals.values():
            residual.waiting.expire(now)
            while residual.waiting.expired:
                self.forget_alone(residual.subject.name, residual.waiting.expired.pop())
                self.decisions.touched(residual)
        for grouping in self._groupings.values():
            grouping.sweep(now)
        self.agenda.tidy()

    # -- restoring, and other settings ------------------------------------------------------------------------------------------

    def regroup(self, story: Story, scored: Scored, offset: int) -> None:
        """A stored mention finds its way back into its story's node, or among those that wait alone."""
        if not story.residual:
            if not story.keys:
                self.joined(story, scored)
        elif offset >= story.state.waiting_from:
            node = self.grouping(story.subject.name).found(scored.mention, "", scored.received_at)
            # One that was put back is grouped after others, but is as old as it ever was: the oldest wait no more first
            insort(self._alone, (offset, story.subject.name, node.founder))

    def ungroup(self, story: Story) -> None:
        """Let go of a story that is about to be taken up once more."""
        if story.node:
            self.grouping(story.subject.name).forget(story.node)

    def use(self, subjects: Mapping[str, Subject], policies: Mapping[str, Policy]) -> None:
        """Other settings: the stories of a subject no longer there are forgotten."""
        self.subjects, self.policies = subjects, policies
        for story in [story for story in self.stories.values() if story.subject.name not in subjects]:
            del self.stories[story.id]
        self._residuals = {name: story for name, story in self._residuals.items() if name in subjects}
        self._groupings = {name: grouping for name, grouping in self._groupings.items() if name in subjects}
        self._muted = {name: muted for name, muted in self._muted.items() if name in subjects}
        for name, grouping in self._groupings.items():
            grouping.call(names_of(subjects[name]))
        self.settled.only(subjects)
        for story in self.stories.values():
            story.follow(subjects[story.subject.name], self.policy(story.subject.name))

    def _touched_at(self, key: str) -> int | None:
        story = self.stories.get(key)
        return story.node.touched if story and story.node else None


def names_of(subject: Subject) -> tuple[str, ...]:
    """What every mention of a subject says anyway: its name, and the plain words any of which is enough for its rules."""
    words = [word.strip(' "“”') for rule in subject.rules for word in _OR.split(rule) if _PLAIN.fullmatch(word)]
    return tuple(dict.fromkeys((subject.name, *words)))
