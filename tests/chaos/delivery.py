"""What receivers were told, held against the outbox, the history and the kills."""

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec

from monitor.alert import Transition
from monitor.escalation.effects import AlertChange
from monitor.notifying.message import kind_of
from monitor.notifying.notification import Notification
from monitor.notifying.routing import recipients
from monitor.settings import Settings
from tests.acceptance.kills import IN_FLIGHT
from tests.acceptance.receiving import CUT, TAKEN, Arrival
from tests.chaos.history import History
from tests.chaos.town import Town

Wire = dict[str, Any]


def undelivered(rows: Sequence[Notification], arrivals: Sequence[Arrival]) -> list[str]:
    """Of the outbox what did not arrive whole, and what arrived that is not in it, or altered."""
    bodies = {row.id: row.body for row in rows if row.state == "sent"}
    taken = {one.message for one in arrivals if one.status == TAKEN}
    found = [f"message {row.id} ended as {row.state}" for row in rows if row.state not in {"sent", "merged"}]
    found += [f"message {one} is said to be sent and never arrived" for one in bodies.keys() - taken]
    found += [f"message {one} arrived and is not in the outbox as sent" for one in {one.message for one in arrivals} - bodies.keys()]
    found += [f"message {one.message}: another body" for one in arrivals if bodies.get(one.message, one.body) != one.body]
    return found + [f"message {one.message}: its signature is wrong" for one in arrivals if not one.sound]


def told_wrong(rows: Sequence[Notification], stored: History) -> list[str]:
    """Alerts of which the messages, in their order, do not tell every transition once."""
    found = []
    upto: Counter[str] = Counter()
    for row in sorted((row for row in rows if row.state == "sent" and row.alert), key=lambda row: (row.alert, row.n)):
        data = json.loads(row.body)["data"]
        told, said = data["transitions"], _wires(stored.said[row.alert])[upto[row.alert] : row.upto]
        if told != said and ("trimmed" not in data or told != said[-len(told) :]):
            found.append(f"message {row.id} of alert {row.alert} tells {told}\n    not {said}")
        upto[row.alert] = row.upto
    return found


def out_of_order(rows: Sequence[Notification], arrivals: Sequence[Arrival]) -> list[str]:
    """Alerts whose messages first arrived in another order than their own."""
    by_id = {row.id: row for row in rows}
    first = dict.fromkeys(one.message for one in arrivals if one.message in by_id)
    order: dict[str, list[int]] = {}
    for message in first:
        order.setdefault(by_id[message].alert, []).append(by_id[message].n)
    return [f"alert {alert}: its messages came as {numbers}" for alert, numbers in order.items() if numbers != sorted(numbers)]


def untold(settings: Settings, changes: Sequence[AlertChange], rows: Sequence[Notification]) -> list[str]:
    """Changes, as the log gives them, that a receiver should have been told of by the policy of routing, and was not."""
    subjects = {subject.name: subject for subject in settings.subjects}
    told = {(row.alert, row.receiver, _key(one)) for row in rows if row.state == "sent" and row.alert for one in _told(row)}
    due = (
        (change.alert, change.transition, receiver)
        for change in changes
        if change.transition and kind_of(change.transition, 2)
        for receiver, _ in recipients(
            subjects[change.alert.subject], change.transition, change.alert.level, settings.receivers,
            change.alert.least_told(change.transition.at),
        )
    )  # fmt: skip
    return [
        f"alert {alert.id}: {receiver.name} was not told of {said.wire()}"
        for alert, said, receiver in due
        if (alert.id, receiver.name, _key(_wires([said])[0])) not in told
    ]


def too_often(town: Town, rows: Sequence[Notification], arrivals: Sequence[Arrival]) -> list[str]:
    """What came again without a kill, and kills that repeated more than what can be in flight: four, and one of an alert."""
    alerts, causes = {row.id: row.alert for row in rows}, [*town.begun[town.notifier][1:], *_stills(town)]
    causes.sort()
    times: dict[str, list[float]] = {}
    for one in arrivals:
        if one.status == TAKEN:
            times.setdefault(one.message, []).append(one.at)
    blamed: dict[float, list[str]] = {}
    found = []
    for message, moments in times.items():
        for before, again in pairwise(moments):
            cause = bisect_right(causes, before)
            if cause == len(causes) or causes[cause] > again:
                found.append(f"message {message} came again {again - before:.3f} s later though nobody was killed")
            else:
                blamed.setdefault(causes[cause], []).append(alerts.get(message, message))
    many = (those for those in blamed.values() if len(those) > IN_FLIGHT or len(set(those)) < len(those))
    return [*found, *(f"one kill repeated {len(those)} messages, of the alerts {those}" for those in many)]


def repeats(arrivals: Sequence[Arrival]) -> int:
    """How many messages came again that had been taken."""
    taken = [one.message for one in arrivals if one.status not in {CUT, 503}]
    return len(taken) - len(set(taken))


def _stills(town: Town) -> list[float]:
    """A message that was on its way when its sender was held still may be tried again as late as when that goes on."""
    return [still.end for still in town.stills if still.name == town.notifier]


def _wires(said: Sequence[Transition]) -> list[Wire]:
    return [json.loads(msgspec.json.encode(one.wire())) for one in said]


def _told(row: Notification) -> list[Wire]:
    said: list[Wire] = json.loads(row.body)["data"]["transitions"]
    return said


def _key(said: Wire) -> str:
    return json.dumps({name: value for name, value in said.items() if name != "recorded_at"}, sort_keys=True)
