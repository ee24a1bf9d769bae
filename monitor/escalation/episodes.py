"""
Episodes: how a story's changes of level become the life of its alerts.

An alert falls and rises with its story. Quiet for the policy's `fade` and never acknowledged, it ends by itself (`faded`); a story that
rises after its alert ended opens the next episode, which names the one before it.
"""

from msgspec.structs import replace

from monitor.alert import POLICY, Alert, Counters, Level, Reason, ReasonCode, Transition, alert_id
from monitor.clock import HOUR
from monitor.escalation.effects import AlertChange
from monitor.escalation.step import Change

ENDED = ("resolved", "reviewed")


def changed(alert: Alert | None, change: Change, subject: str, story: str, now: int, counters: Counters) -> list[AlertChange]:
    """The alert's next state after a change of level, with its transition; a new episode where none is open."""
    if alert is None or alert.status in ENDED:
        return _opened(alert, change, subject, story, now, counters)
    risen = replace(
        alert, level=change.after, policy_level=change.after, changed_at=now, counters=counters, reasons=change.reasons
    )
    return [AlertChange(risen, _of_level(risen, change, now))]


def faded(alert: Alert, none_since: int, now: int, fade: int) -> AlertChange:
    """The end of an alert that nobody took up and that has been at none for `fade` micros."""
    reason = Reason(ReasonCode.FADED, round((now - none_since) / HOUR, 1), round(fade / HOUR, 1))
    ended = replace(alert, status="resolved", changed_at=now, reasons=(reason,))
    return AlertChange(ended, Transition(
        at=now, alert=alert.id, subject=alert.subject, story=alert.story, actor=POLICY, reasons=(reason,),
        from_status=alert.status, to_status="resolved",
    ))  # fmt: skip


def recounted(alert: Alert, counters: Counters, now: int) -> AlertChange:
    """The same alert with its newest counters; no transition."""
    return AlertChange(replace(alert, counters=counters, changed_at=now), None)


def _opened(
    before: Alert | None, change: Change, subject: str, story: str, now: int, counters: Counters
) -> list[AlertChange]:
    episode = before.episode + 1 if before else 1
    new = Alert(
        id=alert_id(story, episode), subject=subject, story=story, episode=episode, level=change.after, policy_level=change.after,
        status="open", opened_at=now, changed_at=now, counters=counters, reasons=change.reasons, previous=before.id if before else None,
    )  # fmt: skip
    opening = AlertChange(new, _of_level(new, replace(change, before=Level.NONE), now))
    return [AlertChange(replace(before, next=new.id), None), opening] if before else [opening]


def _of_level(alert: Alert, change: Change, now: int) -> Transition:
    return Transition(
        at=now, alert=alert.id, subject=alert.subject, story=alert.story, actor=POLICY, reasons=change.reasons,
        from_level=change.before, to_level=change.after,
    )  # fmt: skip
