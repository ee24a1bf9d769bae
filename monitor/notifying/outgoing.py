"""From the alerts' changes to the outbox rows that tell of them. Pure: the escalator stores both in one transaction."""

from collections.abc import Mapping, Sequence

from monitor.alert import Alert, Transition
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
    with or without those of `changes`. Of a subject no longer watched only those are told who know of the alert.
    """
    known = {alert: dict(enumerate(transitions, start=1)) for alert, transitions in history.items()}
    so_far = dict(told)
    out: list[Notification] = []
    for change in changes:
        if change.transition is None:
            continue
        known.setdefault(change.alert.id, {})[change.alert.version] = change.transition
        kind, names = _told_to(change.alert, change.transition, subjects, receivers, so_far)
        out += _rows(change.alert, kind, names, known[change.alert.id], so_far, public_url=public_url, created_at=created_at)
        so_far.update(((change.alert.id, name), change.alert.version) for name in names)
    return out


def _told_to(
    alert: Alert, transition: Transition, subjects: Mapping[str, Subject], receivers: Sequence[Receiver], told: Mapping[Pair, int]
) -> tuple[str, list[str]]:
    kind, subject = kind_of(transition, alert.version), subjects.get(alert.subject)
    if kind is None:
        return "", []
    if subject is None:  # by whom it was received stands in no configuration any more, but how it ends must not be kept from them
        return kind, [receiver.name for receiver in receivers if (alert.id, receiver.name) in told]
    fitting = recipients(subject, transition, alert.level, receivers, alert.least_told(transition.at))
    return kind, [receiver.name for receiver, _ in fitting]


def _rows(
    alert: Alert, kind: str, names: Sequence[str], known: Mapping[int, Transition], told: Mapping[Pair, int], *,
    public_url: str, created_at: int,
) -> list[Notification]:  # fmt: skip
    bodies: dict[int, bytes] = {}  # most receivers were told the same last: one body serves them
    rows: list[Notification] = []
    for name in names:
        since = told.get((alert.id, name), 0)
        if since not in bodies:
            news = [known[n] for n in range(since + 1, alert.version + 1) if n in known]
            bodies[since] = compose(kind, alert, news, public_url)
        row = Notification(
            id=notification_id(alert.id, name, alert.version), alert=alert.id, receiver=name, type=kind,
            n=alert.version, upto=alert.version, body=bodies[since], created_at=created_at,
        )  # fmt: skip
        rows.append(row)
    return rows
