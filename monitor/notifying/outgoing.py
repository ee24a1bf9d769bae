"""From the alerts' changes to the outbox rows that tell of them. Pure: the escalator stores both in one transaction."""

from collections.abc import Iterator, Mapping, Sequence

from monitor.alert import Transition
from monitor.escalation.effects import AlertChange
from monitor.notifying.message import compose, kind_of, notification_id
from monitor.notifying.notification import Notification
from monitor.notifying.routing import recipients
from monitor.settings import Receiver
from monitor.subject import Subject

Pair = tuple[str, str]  # (alert, receiver)


def outgoing(
    changes: Sequence[AlertChange], subjects: Mapping[str, Subject], receivers: Sequence[Receiver], public_url: str, *,
    told: Mapping[Pair, int], history: Mapping[str, Sequence[Transition]], created_at: int,
) -> list[Notification]:  # fmt: skip
    """
    The messages of these changes, in their order; `seq` and `version` are filled in already.

    `told`: the last transition each (alert, receiver) has been told of. `history`: each alert's transitions from its first on,
    with or without those of `changes`. A subject no longer watched is told to nobody.
    """
    known = {alert: dict(enumerate(transitions, start=1)) for alert, transitions in history.items()}
    so_far = dict(told)
    out: list[Notification] = []
    for change in changes:
        if change.transition is None:
            continue
        known.setdefault(change.alert.id, {})[change.alert.version] = change.transition
        for row in _of_one(change, change.transition, subjects, receivers, public_url, known[change.alert.id], so_far, created_at):
            so_far[row.alert, row.receiver] = row.upto
            out.append(row)
    return out


def _of_one(
    change: AlertChange, transition: Transition, subjects: Mapping[str, Subject], receivers: Sequence[Receiver], public_url: str,
    known: Mapping[int, Transition], told: Mapping[Pair, int], created_at: int,
) -> Iterator[Notification]:  # fmt: skip
    alert, subject = change.alert, subjects.get(change.alert.subject)
    kind = kind_of(transition, alert.version)
    if subject is None or kind is None:
        return
    bodies: dict[int, bytes] = {}  # most receivers were told the same last: compose once for them
    for receiver, _ in recipients(subject, transition, alert.level, receivers):
        since = told.get((alert.id, receiver.name), 0)
        if since not in bodies:
            news = [known[n] for n in range(since + 1, alert.version + 1) if n in known]
            bodies[since] = compose(kind, alert, news, public_url)
        yield Notification(
            id=notification_id(alert.id, receiver.name, alert.version), alert=alert.id, receiver=receiver.name, type=kind,
            n=alert.version, upto=alert.version, body=bodies[since], created_at=created_at,
        )  # fmt: skip
