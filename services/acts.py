"""
People's acts on alerts.

One act is one transaction: the lock of the subject's position, the act with the place in the stream where it took effect, the
transition, the messages that tell of it.
"""

import msgspec

from monitor.alert import Alert, Reason, ReasonCode, Status, Transition
from monitor.bus.base import SCORED, partition_of
from monitor.errors import YuqingError
from monitor.escalation.effects import Act, AlertChange
from monitor.store.sessions import WriteUnit
from services.telling import Told, tell

ACKNOWLEDGEABLE: tuple[Status, ...] = ("open",)


class ActError(YuqingError):
    """An act that cannot be done; nothing was changed."""


class NoSuchAlert(ActError):
    """There is no alert of that id."""


class DoesNotFit(ActError):
    """The alert's status does not allow it."""


class ChangedMeanwhile(ActError):
    """The alert is no longer at the version the person saw."""


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """Who does it, in whose words, when (micros), to the alert as last seen: `versions` None says as it is now."""

    actor: str
    by: str | None = None
    note: str | None = None
    versions: tuple[int, ...] | None = None
    recorded_at: int


class Desk(msgspec.Struct, frozen=True):
    """What every act needs of its surroundings: how many partitions the scored log has, and whom to tell."""

    partitions: int
    told: Told


async def acknowledge(unit: WriteUnit, desk: Desk, alert: str, deed: Deed) -> AlertChange:
    """Somebody has seen an open alert. Returns the change as recorded."""
    before = await _found(unit, alert, deed)
    if before.status not in ACKNOWLEDGEABLE:
        raise DoesNotFit(f"the alert is {before.status}; only an open one can be acknowledged")
    return await _change_status(unit, desk, before, deed, action="acknowledge", status="acknowledged")


async def _found(unit: WriteUnit, alert: str, deed: Deed) -> Alert:
    found = await unit.alerts.get(alert)
    if found is None:
        raise NoSuchAlert("there is no alert of this id")
    if deed.versions is not None and found.version not in deed.versions:
        raise ChangedMeanwhile(f"the alert has changed since: it is at version {found.version}")
    return found


async def _change_status(unit: WriteUnit, desk: Desk, before: Alert, deed: Deed, *, action: str, status: Status) -> AlertChange:
    partition = partition_of(before.subject.encode(), desk.partitions)
    position = await unit.positions.lock(SCORED, partition)
    # A person acts by the wall clock; where it took effect is told by the offset. Never before what was decided last.
    at = max(deed.recorded_at, position.now, before.changed_at)
    act = Act(
        id=0, partition=partition, offset=position.offset, subject=before.subject, story=before.story, alert=before.id,
        action=action, at=at, status=status,
    )  # fmt: skip
    await unit.acts.add(act)
    transition = Transition(
        at=at, alert=before.id, subject=before.subject, story=before.story, actor=deed.actor, note=deed.note, by=deed.by,
        recorded_at=deed.recorded_at, from_status=before.status, to_status=status,
        reasons=(Reason(ReasonCode(status), 0, 0),),
    )  # fmt: skip
    after = msgspec.structs.replace(before, status=status, changed_at=at)
    (change,) = await unit.alerts.record([AlertChange(after, transition)])
    await tell(unit, desk.told, [change], deed.recorded_at)
    return change
