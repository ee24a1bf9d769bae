"""What the desk has decided since it was last drained: the effects to store, and how they change what is stored until then."""

from collections.abc import Collection

from monitor.escalation.effects import AlertChange, Counted, Effects, Judged, Known, Merged, Moved, NewHit, Observed, Recalled, StoryRow
from monitor.escalation.story import Story
from monitor.mention import Scored

Pair = tuple[str, bytes]  # subject and digest


class Decisions:
    """Collects effects; what it says of a mention goes before what the store says."""

    def __init__(self) -> None:
        self._effects = Effects()
        self._recent: dict[Pair, Known] = {}
        self._into: dict[str, str] = {}
        self._touched: dict[str, Story] = {}
        self._over: dict[str, StoryRow] = {}

    def known(self, pair: Pair, stored: Known | None) -> Known | None:
        """What was decided of a mention, `stored` being what the store knows."""
        return self._recent.get(pair, stored)

    def whole(self, story: str) -> str:
        """The story that this one is part of by now."""
        while story in self._into:
            story = self._into[story]
        return story

    def hit(self, new: NewHit) -> None:
        """A mention was decided for the first time."""
        self._effects.hits.append(new)
        mention = new.scored.mention
        self._recent[new.scored.score.subject, new.digest] = Known(mention.seen, new.story, mention.engagement)

    def observed(self, scored: Scored, offset: int, before: Known) -> None:
        """A known one was seen again."""
        mention, subject = scored.mention, scored.score.subject
        self._effects.observed.append(Observed(mention.digest, mention, subject, offset, scored.received_at))
        self._recent[subject, mention.digest] = Known(mention.seen, before.story, mention.engagement, before.out)

    def moved(self, scored: Scored, story: str) -> None:
        """One that waited left for a story."""
        mention, subject = scored.mention, scored.score.subject
        self._effects.moved.append(Moved(subject, mention.digest, story))
        self._recent[subject, mention.digest] = Known(mention.seen, story, mention.engagement)

    def taken_out(self, pair: Pair) -> None:
        """A person took one out of its story."""
        self._effects.moved.append(Moved(*pair, "", out=True))
        before = self._recent.get(pair)
        self._recent[pair] = Known(before.seen if before else 0, "", 0, out=True)

    def put_back(self, hit: NewHit, story: str, place: int) -> None:
        """A person put one back into the story it was taken out of; "": none had it, and it was never decided."""
        mention, pair = hit.scored.mention, (hit.scored.score.subject, hit.digest)
        self._effects.moved.append(Moved(*pair, story, place=place))
        if story:
            self._recent[pair] = Known(mention.seen, story, mention.engagement)
        else:
            self._recent.pop(pair, None)

    def put_aside(self, row: StoryRow) -> None:
        """A story that sleeps from the start."""
        self._over[row.id] = row

    def counted(self, subject: str, digest: bytes, *, counted: bool) -> None:
        """Windows count one that they did not, or no longer do."""
        self._effects.counted.append(Counted(subject, digest, counted))

    def spilled(self, story: Story, most: int | None = None) -> None:
        """A story's windows let go of what is too much for them, or for all: a rebuilding does not count it either."""
        for digest in story.windows.spill(most):
            self.counted(story.subject.name, digest, counted=False)

    def judged(self, word: Judged) -> None:
        """A person said what one is."""
        self._effects.judged.append(word)

    def recalled(self, story: str, offset: int) -> None:
        """A story was grouped once more."""
        self._effects.recalled.append(Recalled(story, offset))

    def merged(self, gone: Story, into: Story, row: StoryRow) -> None:
        """A story became part of another."""
        self._effects.merged.append(Merged(gone.subject.name, gone.id, into.id))
        self._into[gone.id] = into.id
        self.over(gone, row)

    def touched(self, story: Story) -> None:
        """Its row is no longer as stored."""
        self._touched[story.id] = story
        self._over.pop(story.id, None)

    def over(self, story: Story, row: StoryRow) -> None:
        """The desk has let go of it."""
        self._touched.pop(story.id, None)
        self._over[story.id] = row

    @property
    def changes(self) -> list[AlertChange]:
        """The changes of alerts, in the order of decision."""
        return self._effects.changes

    def drain(self, living: Collection[str]) -> Effects:
        """All of it; from now on the store knows."""
        effects, self._effects = self._effects, Effects()
        effects.stories = self._over | {key: story.row(live=True) for key, story in self._touched.items() if key in living}
        self._recent, self._into, self._touched, self._over = {}, {}, {}, {}
        return effects
