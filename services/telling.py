"""Whom changes are told to: the outbox rows that belong into the transaction which decided them."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from monitor.escalation.effects import AlertChange
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


async def tell(unit: WriteUnit, told: Told, changes: Sequence[AlertChange], now: int) -> None:
    """Put the messages of recorded changes into the outbox."""
    alerts = {change.alert.id for change in changes if change.transition}
    if not alerts or not told.receivers:
        return
    known = await unit.outbox.told({(alert, receiver.name) for alert in alerts for receiver in told.receivers})
    history = {alert: await unit.alerts.transitions(alert) for alert in sorted(alerts)}
    rows = outgoing(changes, told.subjects, told.receivers, told.public_url, told=known, history=history, created_at=now)
    await unit.outbox.add(rows if told.send else [replace(row, state="disabled") for row in rows])
