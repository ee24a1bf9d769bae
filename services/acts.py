"""
People's acts on alerts.

One act is one transaction: the lock of the subject's position, the act with the place in the stream where it took effect, the
transition, the messages that tell of it. The story itself is left to the escalator, which repeats the act when it comes to that place:
a stored story is always what the desk had at the stored position, so a restart cannot take an act twice, or miss it.
"""

import msgspec
from msgspec.structs import replace

from monitor.alert import Alert, Level, Resolution, Verdict
from monitor.bus.base import SCORED, partition_of
from monitor.errors import YuqingError
from monitor.escalation.acting import FITTING, applied
from monitor.escalation.effects import Act, AlertChange, StoryState
from monitor.store.positions import Position
from monitor.store.sessions import WriteUnit
from services.telling import Told, stamped, tell


class ActError(YuqingError):
    """An act that cannot be done; nothing was changed."""


class NoSuchAlert(ActError):
    """There is no alert of that id."""


class DoesNotFit(ActError):
    """The alert's status does not allow it, or its story does not."""


class ChangedMeanwhile(ActError):
    """The alert is no longer at the version the person saw."""


class Past(ActError):
    """What is to hold until some time would be over already."""


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """
    What somebody does: who, in whose words, when (micros), to the alert as last seen (`versions` None says as it is now).

    `again`: it was done at that moment once, and is done again by a replay, which stamps nothing by the wall clock. What comes after
    is the action's own; see FITTING for the actions.
    """

    action: str
    actor: str
    by: str | None = None
    note: str | None = None
    versions: tuple[int, ...] | None = None
    recorded_at: int
    again: int | None = None
    assignee: str = ""
    level: Level = Level.NONE
    until: int = 0
    reason: Resolution = "handled"
    verdict: Verdict = "right"

    @property
    def at(self) -> int:
        """When the doer did it."""
        return self.recorded_at if self.again is None else self.again


class Desk(msgspec.Struct, frozen=True):
    """What every act needs of its surroundings: how many partitions the scored log has, and whom to tell."""

    partitions: int
    told: Told


async def done(unit: WriteUnit, desk: Desk, alert: str, deed: Deed) -> list[AlertChange]:
    """Do it. Returns the changes as recorded, the last of the alert to show."""
    partition = partition_of((await _found(unit, alert)).subject.encode(), desk.partitions)
    position = await unit.positions.lock(SCORED, partition)
    before = await _found(unit, alert)  # as it is now that nobody else can change it
    if deed.versions is not None and before.version not in deed.versions:
        raise ChangedMeanwhile(f"the alert has changed since: it is at version {before.version}")
    story, state = await _story(unit, before, position)
    await _fit(unit, before, deed, story, state)
    # A person acts by the wall clock; where it took effect is told by the offset. Never before what was decided last.
    at = max(deed.at, position.now, before.changed_at)
    act = Act(
        id=0, partition=partition, offset=position.offset, subject=before.subject, story=story, alert=before.id, at=at,
        action=deed.action, actor=deed.actor, by=deed.by, note=deed.note, assignee=deed.assignee, level=deed.level, until=deed.until,
        reason=deed.reason, verdict=deed.verdict, target=None if state.alert and state.alert.id == before.id else before,
    )  # fmt: skip
    await unit.acts.add(act)
    _, changes = applied(state, act)
    recorded = await unit.alerts.record([stamped(change, deed.recorded_at) if deed.again is None else change for change in changes])
    await tell(unit, desk.told, recorded, deed.recorded_at)
    return recorded


async def _found(unit: WriteUnit, alert: str) -> Alert:
    found = await unit.alerts.get(alert)
    if found is None:
        raise NoSuchAlert("there is no alert of this id")
    return found


async def _fit(unit: WriteUnit, alert: Alert, deed: Deed, story: str, state: StoryState) -> None:
    check(alert, deed.action, deed.at, deed.until)
    if deed.action == "reopen":
        check_reopen(alert, story, await unit.alerts.open_of_story(alert.story), state.alert)


def check(alert: Alert, action: str, at: int, until: int) -> None:
    """Past or DoesNotFit where an alert cannot be so acted on at that moment."""
    if 0 < until <= at:
        raise Past("until: must be a time to come")
    fitting = FITTING[action]
    if alert.status not in fitting:
        raise DoesNotFit(f"the alert is {alert.status}; {action} is for one that is {' or '.join(fitting)}")


def check_reopen(alert: Alert, story: str, running: Alert | None, newest: Alert | None) -> None:
    """DoesNotFit where no new alert may follow this one: its story is part of `story` by now, has one `running`, or a newer one."""
    if alert.merged_into or story != alert.story:
        raise DoesNotFit(f"it was merged: its story is part of {story}")
    if running:
        raise DoesNotFit(f"its story has an open alert: {running.id}")
    if newest and newest.id != alert.id:  # else two would come after it, and the chain of episodes would fork
        raise DoesNotFit(f"a later episode of its story came after it: {newest.id}; reopen that one")


async def _story(unit: WriteUnit, alert: Alert, position: Position) -> tuple[str, StoryState]:
    """
    The story that the alert's is, or became part of, as the desk will have it when it comes to this act.

    That is: as stored, and the acts that the desk has not come to yet.
    """
    row = await unit.stories.get(alert.story)
    while row and row.merged_into:
        row = await unit.stories.get(row.merged_into)
    story, state = (row.id, row.state) if row else (alert.story, StoryState(alert=alert))
    for act in await unit.acts.since(position.partition, position.last_act):
        if story not in {act.story, act.into}:
            continue
        if act.action not in FITTING:
            raise DoesNotFit("a change of its story is being worked in; try again in a moment")
        state, _ = applied(state, act)
    return story, replace(state, alert=alert) if state.alert and state.alert.id == alert.id else state
