"""Made-up records for the store's suites: plain, small, each differing where it is told to."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from msgspec.structs import replace

from monitor.alert import Alert, Counters, Level, Reason, ReasonCode, Status, Transition, story_id
from monitor.clock import EPOCH, HOUR, micros
from monitor.escalation.effects import AlertChange, NewHit, StoryRow, StoryState
from monitor.mention import Mention, Scored
from monitor.score import Emotion, Hit, Score, Sentiment
from monitor.store.sessions import Store

Opener = Callable[[], Awaitable[Store]]
START = 1_790_000_000_000_000
LATER = START + 10 * HOUR
CALM = Emotion("none", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
BAD = Sentiment("negative", 0.9, 0.06, 0.04)


def mention(number: int, text: str = "红十字会又出事了", **fields: object) -> Mention:
    """The mention number `number`, a second after the one before."""
    at = EPOCH + timedelta(microseconds=START, seconds=number)
    said = Mention(source="weibo", id=f"m{number}", published_at=at, text=text, platform="微博", author=f"pseudonym{number}", likes=1)
    return replace(said, **fields)


def new_hit(number: int, subject: str = "红十字会", story: str = "s1", said: Mention | None = None, **fields: object) -> NewHit:
    """That mention as decided for a subject."""
    said = said or mention(number)
    score = Score(subject=subject, hits=(Hit("红会", "own", "text", "红十字", 0, 3),), sentiment=BAD, severity=0.25)
    received = micros(said.published_at) + 5
    scored = Scored(received_at=received, mention=said, score=score, emotion=CALM, name="人民日报", role="media")
    return replace(NewHit(offset=number, digest=said.digest, scored=scored, story=story, counted=True), **fields)


def story(key: str = "s1", subject: str = "红十字会", level: Level = Level.NONE, **fields: object) -> StoryRow:
    """A live story."""
    row = StoryRow(
        id=key, subject=subject, founder=b"f" * 16, residual=False, title="捐款去向", opened_at=START, last_at=START + HOUR,
        mentions=3, live=True, state=StoryState(level=level, evaluated_at=START),
    )  # fmt: skip
    return replace(row, **fields)


def alert(key: str = "a1", **fields: object) -> Alert:
    """An open yellow alert."""
    counters = Counters(
        title="捐款去向", mentions=9, authors=8, negative=7, platforms=("微博",), engagement=6, first_at=START, last_at=START + HOUR,
        samples=({"text": "又来了"},), indicators={"heat": 41.5},
    )  # fmt: skip
    made = Alert(
        id=key, subject="红十字会", story=story_id("红十字会", key.encode()), episode=1, level=Level.YELLOW, policy_level=Level.YELLOW,
        status="open", opened_at=START, changed_at=START, counters=counters, reasons=(Reason(ReasonCode.AUTHORS_1H, 31, 30),),
    )  # fmt: skip
    return replace(made, **fields)


def raised(of: Alert, before: Level = Level.NONE) -> AlertChange:
    """The alert with the transition that brought it to its level."""
    change = Transition(
        at=of.changed_at, alert=of.id, subject=of.subject, story=of.story, actor="policy", reasons=of.reasons, from_level=before,
        to_level=of.level,
    )  # fmt: skip
    return AlertChange(of, change)


def moved_on(of: Alert, status: Status) -> AlertChange:
    """The alert with the transition that brought it to another status."""
    change = Transition(
        at=of.changed_at, alert=of.id, subject=of.subject, story=of.story, actor="张三", from_status=of.status, to_status=status
    )
    return AlertChange(replace(of, status=status), change)


def recounted(of: Alert) -> AlertChange:
    """The alert with nothing but other counters."""
    return AlertChange(of, None)
