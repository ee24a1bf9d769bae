"""
What the desk decided from a stretch of the log: the only thing the escalator writes, all of it in one transaction.

`StoryState` is the part of a story's state that stored mentions do not already tell; with them it rebuilds the desk exactly.
"""

import msgspec
from msgspec.structs import replace

from monitor.alert import Alert, Level, Mute, Named, Resolution, Transition, Verdict
from monitor.mention import Mention, Scored
from monitor.score import Emotion, EmotionLabel, Score, Sentiment, SentimentLabel


class Hand(msgspec.Struct, frozen=True):
    """A level set by a person at `at`, which holds until `until` (micros; 0: no moment ends it)."""

    level: Level
    until: int
    at: int


class StoryState(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where a story stands in its episodes. Moments in micros, 0 = not.

    `level` is the policy's own; the alert's is `hand`'s while that holds. `raising[i]`, `clearing[i]`: since when the condition of
    level i+1 has held, or that of staying at it has failed. `none_since`: since when the open alert has been at none. `bar`: what the
    policy's level must exceed to open the next episode.
    """

    level: Level = Level.NONE
    raising: tuple[int, int, int, int] = (0, 0, 0, 0)
    clearing: tuple[int, int, int, int] = (0, 0, 0, 0)
    none_since: int = 0
    evaluated_at: int = 0
    alert: Alert | None = None
    dirty: bool = False
    bar: Level = Level.NONE
    hand: Hand | None = None
    mute: Mute | None = None
    unwatched_from: int = 0  # its subject was taken off the list, and its open alert is told so
    waiting_from: int = 0  # of a residual story: what came before this offset waits no more, whoever else came
    aside: tuple[int, ...] = ()  # keys of what was taken out of another story and put aside here: it is found by them also while awake


class Judgement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A person's word over the model's, on one mention and subject; None: nothing said of it."""

    label: SentimentLabel | None = None
    emotion: EmotionLabel | None = None
    relevant: bool | None = None
    actor: str = ""
    note: str | None = None
    at: int = 0


class NewHit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    A mention decided for a subject for the first time. `counted` False: a copy that no indicator counts.

    `judged` is there only on hits read back; `scored` is as judged.
    """

    offset: int
    digest: bytes
    scored: Scored
    story: str
    counted: bool
    judged: Judgement | None = None


class Known(msgspec.Struct, frozen=True, gc=False):
    """
    What a hit already decided tells of a mention that comes again: when its engagement was read, what it came to, in which story.

    `out`: a person took it out of its story, and only a person puts it back.
    """

    seen: int
    story: str
    engagement: int = 0
    out: bool = False


class Observed(msgspec.Struct, frozen=True):
    """
    A known mention seen again later: its engagement and `gone` take these values, for `subject`.

    Decided at `offset`, received at `at`; offset -1: by no record of the log.
    """

    digest: bytes
    mention: Mention
    subject: str
    offset: int = -1
    at: int = 0


def mention_with(known: Mention, seen: Mention) -> Mention:
    """The known mention with the engagement of a later look; never its text or identity."""
    return replace(
        known, likes=seen.likes, comments=seen.comments, reposts=seen.reposts, views=seen.views, gone=seen.gone, seen_at=seen.seen_at
    )


_CALM = Emotion("none", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
_SURE: dict[SentimentLabel, Sentiment] = {
    "negative": Sentiment("negative", 1.0, 0.0, 0.0), "neutral": Sentiment("neutral", 0.0, 1.0, 0.0),
    "positive": Sentiment("positive", 0.0, 0.0, 1.0),
}  # fmt: skip


def as_judged(scored: Scored, judgement: Judgement | None) -> Scored:
    """The mention as a person says it is."""
    if judgement is None or (judgement.label is None and judgement.emotion is None):
        return scored
    score, emotion = judged_score(scored.score, judgement), scored.emotion
    if judgement.emotion is not None:
        emotion = replace(_CALM, **{"none": 0.0, judgement.emotion: 1.0, "label": judgement.emotion})
    return replace(scored, score=score, emotion=emotion)


def judged_score(score: Score, judgement: Judgement | None) -> Score:
    """The score as a person says it is."""
    return replace(score, sentiment=_SURE[judgement.label]) if judgement and judgement.label is not None else score


def judged_again(before: Judgement | None, now: Judgement) -> Judgement:
    """The newest word; what it leaves open stays as it was."""
    kept = {name: getattr(before, name) for name in ("label", "emotion", "relevant") if before and getattr(now, name) is None}
    return replace(now, **kept)


class Moved(msgspec.Struct, frozen=True):
    """
    A mention that went from one story to another: from waiting alone, out of all ("", `out`: a person took it out), or back.

    `place`: where in the log it was grouped once more; None: as before.
    """

    subject: str
    digest: bytes
    story: str
    out: bool = False
    place: int | None = None


class Counted(msgspec.Struct, frozen=True):
    """Whether windows count a mention, where that changed: in a merged story one voice counts once."""

    subject: str
    digest: bytes
    counted: bool


class Merged(msgspec.Struct, frozen=True):
    """A story that became part of an older one, with all its hits."""

    subject: str
    story: str
    into: str


class Recalled(msgspec.Struct, frozen=True):
    """A story whose hits were grouped once more when the record at `offset` came: a rebuilding groups them there too."""

    story: str
    offset: int


class Judged(msgspec.Struct, frozen=True):
    """A person's word on a mention."""

    subject: str
    digest: bytes
    judgement: Judgement


class StoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """
    A story as stored; `live` False: the desk has let go of it.

    `keys`: by which it can be woken, empty while it is awake; `settled`: how many keys the partition had put by when it fell asleep.
    """

    id: str
    subject: str
    founder: bytes
    residual: bool
    title: str
    opened_at: int
    last_at: int
    mentions: int
    live: bool
    state: StoryState
    merged_into: str | None = None
    keys: tuple[int, ...] = ()
    settled: int = 0


class AlertChange(msgspec.Struct, frozen=True):
    """
    An alert as it stands after one change: with a transition, or without one when only its counters moved.

    `acted`: a person's act made it, and where acts are done it was recorded at once.
    """

    alert: Alert
    transition: Transition | None
    acted: bool = False


class Act(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    What a person did, with the stream position where it took effect: before the record at `offset`.

    `target`: the alert it was done to as it stood, when its story had a newer one by then, which is the one the desk knows.
    `named`: the first of its mentions, for people.
    """

    id: int
    partition: int
    offset: int
    subject: str
    story: str
    alert: str
    action: str
    at: int
    actor: str = ""
    by: str | None = None
    note: str | None = None
    assignee: str = ""
    level: Level = Level.NONE
    until: int = 0
    reason: Resolution = "handled"
    verdict: Verdict = "right"
    target: Alert | None = None
    into: str = ""
    mentions: tuple[bytes, ...] = ()
    named: tuple[Named, ...] = ()
    judgement: Judgement | None = None


class Effects(msgspec.Struct, kw_only=True):
    """Everything decided since the last drain, each list in the order of decision."""

    hits: list[NewHit] = []
    observed: list[Observed] = []
    moved: list[Moved] = []
    counted: list[Counted] = []
    merged: list[Merged] = []
    recalled: list[Recalled] = []
    judged: list[Judged] = []
    stories: dict[str, StoryRow] = {}
    changes: list[AlertChange] = []
