"""
Episodes: how a story's changes of level become the life of its alerts.

An alert falls and rises with its story, but for a level a person has set. Quiet for the policy's `fade` and never acknowledged, it
ends by itself (`faded`); a story whose own level then exceeds what it was at the end opens the next episode, which names the one before.
"""

from msgspec.structs import replace

from monitor.alert import POLICY, Alert, Counters, Level, Mute, Reason, ReasonCode, Transition, alert_id
from monitor.clock import HOUR
from monitor.escalation.effects import AlertChange, StoryState
from monitor.escalation.step import NEVER, Change

Changes = list[AlertChange]


def followed(state: StoryState, change: Change, subject: str, story: str, now: int, counters: Counters) -> tuple[StoryState, Changes]:
    """The story and its alerts after a change of its own level, which `state` has already."""
    alert, hand = state.alert, state.hand
    if alert is None or alert.ended:
        return _opened(state, change, subject, story, now, counters)
    at = max(now, alert.changed_at)  # an act's moment is the wall clock's, which may be a little ahead of the log's
    alert = replace(alert, policy_level=change.after, changed_at=at, counters=counters)
    if hand and not hand.level < change.after > change.before:
        return replace(state, alert=alert), [AlertChange(alert, None)]
    before, alert = alert.level, replace(alert, level=change.after, reasons=change.reasons).grown()
    return replace(state, alert=alert, hand=None), [AlertChange(alert, _of_level(alert, replace(change, before=before), at))]


def let_go(state: StoryState, now: int, counters: Counters) -> tuple[StoryState, Changes]:
    """The hand-set level whose time is over gives way to the policy's own; no transition where both are the same."""
    alert, hand = state.alert, state.hand
    if alert is None or hand is None:
        return state, []
    at = max(now, alert.changed_at)
    reason = Reason(ReasonCode.HAND_ENDED, _hours(now - hand.at), _hours(hand.until - hand.at))
    change = Change(alert.level, state.level, (reason,))
    alert = replace(alert, level=state.level, changed_at=at, counters=counters, reasons=change.reasons)
    said = _of_level(alert, change, at) if change.before != change.after else None
    return replace(state, alert=alert, hand=None), [AlertChange(alert, said)]


def let_go_at(state: StoryState) -> int:
    """When the hand-set level gives way by itself; NEVER if not."""
    return state.hand.until if state.hand and state.hand.until else NEVER


def fades_at(state: StoryState, fade: int) -> int:
    """When the alert ends because nobody took it up and nothing happens; an acknowledged one waits for a person: NEVER."""
    alert = state.alert
    quiet = alert is not None and alert.status == "open" and state.none_since > 0
    return state.none_since + fade if quiet else NEVER


def faded(state: StoryState, now: int, fade: int) -> tuple[StoryState, Changes]:
    """The end of an alert that nobody took up and that has been at none for `fade` micros."""
    alert = state.alert
    if alert is None:
        return state, []
    at = max(now, alert.changed_at)
    reason = Reason(ReasonCode.FADED, _hours(now - state.none_since), _hours(fade))
    ended = replace(alert, status="resolved", changed_at=at, reasons=(reason,), resolution="faded")
    said = Transition(
        at=at, alert=alert.id, subject=alert.subject, story=alert.story, actor=POLICY, reasons=(reason,),
        from_status=alert.status, to_status="resolved", resolution="faded",
    )  # fmt: skip
    return replace(state, alert=ended, bar=state.level, hand=None, none_since=0), [AlertChange(ended, said)]


def unwatched(state: StoryState, now: int, fade: int) -> tuple[StoryState, Changes]:
    """
    An open alert whose subject was taken off the list: nothing moves it any more, which its history says at once.

    `fade` micros later it ends if nobody took it up, so that no slip in a configuration ends alerts; an acknowledged one waits on.
    """
    alert = state.alert
    if alert is None or alert.ended:
        return state, []
    since, at = state.unwatched_from or now, max(now, alert.changed_at)
    over = alert.status == "open" and now >= since + fade
    if state.unwatched_from and not over:
        return state, []
    reason = Reason(ReasonCode.UNWATCHED, _hours(now - since), _hours(fade) if over else 0.0)
    said = Transition(at=at, alert=alert.id, subject=alert.subject, story=alert.story, actor=POLICY, reasons=(reason,))
    after = replace(alert, changed_at=at)
    if not over:
        return replace(state, unwatched_from=since, alert=after), [AlertChange(after, said)]
    after = replace(after, status="resolved", resolution="faded", reasons=(reason,))
    said = replace(said, from_status=alert.status, to_status="resolved", resolution="faded")
    return replace(state, alert=after, bar=state.level, hand=None, none_since=0), [AlertChange(after, said)]


def recounted(alert: Alert, counters: Counters, now: int) -> AlertChange:
    """The same alert with its newest counters; no transition."""
    return AlertChange(replace(alert, counters=counters, changed_at=max(now, alert.changed_at)), None)


def calmed(state: StoryState, now: int) -> StoryState:
    """The state with the clock of fading as its alert now has it: it runs while an open alert is at none."""
    alert = state.alert
    since = 0 if alert is None or alert.ended or alert.level else (state.none_since or now)
    return state if since == state.none_since else replace(state, none_since=since)


def _opened(state: StoryState, change: Change, subject: str, story: str, now: int, counters: Counters) -> tuple[StoryState, Changes]:
    """The next episode, where the level exceeds the bar; once the story has been at none there is no bar."""
    if change.after <= state.bar:
        return (state if change.after else replace(state, bar=Level.NONE)), []
    before, mute = state.alert, _still(state.mute, now)
    episode = before.episode + 1 if before else 1
    new = Alert(
        id=alert_id(story, episode), subject=subject, story=story, episode=episode, level=change.after, policy_level=change.after,
        status="open", opened_at=now, changed_at=now, counters=counters, reasons=change.reasons, previous=before.id if before else None,
        mute=mute,
    ).grown()  # fmt: skip
    opening = AlertChange(new, _of_level(new, replace(change, before=Level.NONE), now))
    changes = [AlertChange(replace(before, next=new.id), None), opening] if before else [opening]
    return replace(state, alert=new, mute=mute), changes


def _still(mute: Mute | None, now: int) -> Mute | None:
    return mute if mute and now < mute.until else None


def _of_level(alert: Alert, change: Change, at: int) -> Transition:
    return Transition(
        at=at, alert=alert.id, subject=alert.subject, story=alert.story, actor=POLICY, reasons=change.reasons,
        from_level=change.before, to_level=change.after,
    )  # fmt: skip


def _hours(micros: int) -> float:
    return round(micros / HOUR, 1)
