"""Whom to tell of a transition, and why. Pure."""

from collections.abc import Sequence
from enum import StrEnum

from monitor.alert import Level, Transition
from monitor.settings import Receiver
from monitor.subject import Subject

TOLD_STATUSES = ("acknowledged", "handling", "resolved", "reviewed", "open")  # "open": a status taken again by reopening


class NotifyReason(StrEnum):
    """Why a receiver is told: which level met its `min_level`."""

    TO_LEVEL = "to_level"
    FROM_LEVEL = "from_level"
    ALERT_LEVEL = "alert_level"


def changes_level(transition: Transition) -> bool:
    """Whether the level is another one afterwards."""
    return transition.from_level is not None and transition.to_level is not None and transition.from_level != transition.to_level


def changes_status(transition: Transition) -> bool:
    """Whether the status is another one afterwards; an alert's first level brings its first status with it."""
    return transition.to_status in TOLD_STATUSES and transition.from_status is not None


def recipients(
    subject: Subject, transition: Transition, level_of_alert: Level, receivers: Sequence[Receiver], muted_below: Level = Level.NONE
) -> list[tuple[Receiver, NotifyReason]]:
    """
    The receivers to tell, in the order configured: those the subject names (none named: all) whose `min_level` is met.

    A mute raises every `min_level` to `muted_below`. Assigning and notes change neither level nor status: they wake nobody, and nor does
    a subject with `alerts: false`.
    """
    if not subject.alerts:
        return []
    named = [receiver for receiver in receivers if not subject.receivers or receiver.name in subject.receivers]
    reasons = ((one, _reason(transition, level_of_alert, max(muted_below, Level.of(one.min_level)))) for one in named)
    return [(receiver, reason) for receiver, reason in reasons if reason is not None]


def _reason(transition: Transition, level_of_alert: Level, least: Level) -> NotifyReason | None:
    if changes_level(transition):
        if transition.to_level is not None and transition.to_level >= least:
            return NotifyReason.TO_LEVEL
        if transition.from_level is not None and transition.from_level >= least:
            return NotifyReason.FROM_LEVEL
    if changes_status(transition) and level_of_alert >= least:
        return NotifyReason.ALERT_LEVEL
    return None
