"""Whom changes are told to: the outbox rows that belong into the transaction which decided them."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace
from structlog.stdlib import BoundLogger

from monitor.alert import Transition
from monitor.escalation.effects import AlertChange
from monitor.metrics import Metrics
from monitor.notifying.outgoing import outgoing
from monitor.settings import Receiver
from monitor.store.sessions import WriteUnit
from monitor.subject import Subject


class Told(msgspec.Struct, frozen=True):
    """Whom decisions are told to; not `send`: kept, but disabled."""

    subjects: dict[str, Subject]
    receivers: tuple[Receiver, ...]
    public_url: str
    send: bool = True


def stamped(change: AlertChange, now: int) -> AlertChange:
    """The change with the wall clock's word on when it was recorded."""
    return replace(change, transition=replace(change.transition, recorded_at=now)) if change.transition else change


async def tell(unit: WriteUnit, told: Told, changes: Sequence[AlertChange], now: int) -> None:
    """Put the messages of recorded changes into the outbox."""
    alerts = {change.alert.id for change in changes if change.transition}
    if not alerts or not told.receivers:
        return
    known = await unit.outbox.told({(alert, receiver.name) for alert in alerts for receiver in told.receivers})
    history = {alert: await unit.alerts.transitions(alert) for alert in sorted(alerts)}
    rows = outgoing(changes, told.subjects, told.receivers, told.public_url, told=known, history=history, created_at=now)
    await unit.outbox.add(rows if told.send else [replace(row, state="disabled") for row in rows])


def count(changes: Sequence[AlertChange], metrics: Metrics, log: BoundLogger) -> None:
    """Measure and log the transitions of recorded changes; what changed neither level nor status (a note) is only logged."""
    for transition in (change.transition for change in changes if change.transition):
        before, after = _ends(transition)
        reason = str(transition.reasons[0].code) if transition.reasons else ""
        if before is not None and after is not None:
            metrics.transitions_total.labels(before, after, reason).inc()
        log.info("transition", alert=transition.alert, subject=transition.subject, actor=transition.actor, reason=reason, **{
            "from": before, "to": after,
        })  # fmt: skip


def _ends(transition: Transition) -> tuple[str | None, str | None]:
    """From what to what, as words."""
    if transition.from_level is not None and transition.to_level is not None:
        return transition.from_level.word, transition.to_level.word
    return transition.from_status, transition.to_status
