"""
What the desk decided from a stretch of the log: the only thing the escalator writes, all of it in one transaction.

`StoryState` is the part of a story's state that stored mentions do not already tell; with them it rebuilds the desk exactly.
"""

import msgspec
from msgspec.structs import replace

from monitor.alert import Alert, Level, Mute, Resolution, Transition, Verdict
from monitor.mention import Mention, Scored


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


class Effects(msgspec.Struct, kw_only=True):
    """Everything decided since the last drain, each list in the order of decision."""

    hits: list[NewHit] = []
    observed: list[Observed] = []
    moved: list[Moved] = []
    stories: dict[str, StoryRow] = {}
    changes: list[AlertChange] = []
