"""
What the desk decided from a stretch of the log: the only thing the escalator writes, all of it in one transaction.

`StoryState` is the part of a story's state that stored mentions do not already tell; with them it rebuilds the desk exactly.
"""

import msgspec
from msgspec.structs import replace

from monitor.alert import Alert, Level, Status, Transition
from monitor.mention import Mention, Scored


class StoryState(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where a story stands in its episodes. Moments in micros, 0 = not.

    `raising[i]`, `clearing[i]`: since when the condition of level i+1 has held, or that of staying at it has failed.
    """

    level: Level = Level.NONE
    raising: tuple[int, int, int, int] = (0, 0, 0, 0)
    clearing: tuple[int, int, int, int] = (0, 0, 0, 0)
    none_since: int = 0
    evaluated_at: int = 0
    alert: Alert | None = None
    dirty: bool = False


class NewHit(msgspec.Struct, frozen=True, kw_only=True):
    """A mention decided for a subject for the first time. `counted` False: a copy that no indicator counts."""

    offset: int
    digest: bytes
    scored: Scored
    story: str
    counted: bool


class Observed(msgspec.Struct, frozen=True):
    """A known mention seen again later: its engagement and `gone` take these values, for `subject`."""

    digest: bytes
    mention: Mention
    subject: str


def mention_with(known: Mention, seen: Mention) -> Mention:
    """The known mention with the engagement of a later look; never its text or identity."""
    return replace(
        known, likes=seen.likes, comments=seen.comments, reposts=seen.reposts, views=seen.views, gone=seen.gone, seen_at=seen.seen_at
    )


class Moved(msgspec.Struct, frozen=True):
    """A mention that waited in the residual story and became the seed of a story of its own."""

    subject: str
    digest: bytes
    story: str


class StoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """A story as stored; `live` False: the desk has let go of it."""

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


class AlertChange(msgspec.Struct, frozen=True):
    """An alert as it stands after one change: with a transition, or without one when only its counters moved."""

    alert: Alert
    transition: Transition | None


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """What a person did, with the stream position where it took effect: before the record at `offset`."""

    id: int
    partition: int
    offset: int
    subject: str
    story: str
    alert: str
    action: str
    at: int
    status: Status


class Effects(msgspec.Struct, kw_only=True):
    """Everything decided since the last drain, each list in the order of decision."""

    hits: list[NewHit] = []
    observed: list[Observed] = []
    moved: list[Moved] = []
    stories: dict[str, StoryRow] = {}
    changes: list[AlertChange] = []
