"""
Merging: of two stories' states and alerts one.

Of two open alerts the one opened first stays and follows the older story; the other ends, with a transition that says into which it went,
and a line of the one that stays says what it took over. No level is lost: where the ending alert stood higher by policy, the staying one
rises to it.
"""

from msgspec.structs import replace

from monitor.alert import POLICY, Alert, Level, Mute, Other, Reason, ReasonCode, Transition
from monitor.escalation.effects import Act, AlertChange, StoryState

Changes = list[AlertChange]
_STILL = (0, 0, 0, 0)


def merged(
    into: StoryState, gone: StoryState, names: tuple[Other, Other], now: int, act: Act | None = None
) -> tuple[StoryState, Changes]:
    """
    The state of the story that stays, until now `into`, and what becomes of the alerts: each gets at most one line, naming the other side.

    `names`: of both, in this order, as they were until now. `act`: a person merged them.
    """
    one, other = _open(into), _open(gone)
    if one and other:
        state, changes = _of_two(into, gone, now, act)
    elif one or other:
        led, over = (into, gone) if one else (gone, into)
        state, changes = _timed(led, over), _lines(led.alert, over.alert, names, now, act)
    else:
        state, changes = _at_rest(into, gone, names, now, act)
    state = replace(state, mute=_mute(into, gone), aside=into.aside)
    if state.alert is None or not changes:
        return state, changes
    said, story = changes[-1].transition, names[0].story
    alert = replace(_numbered(changes[-1].alert, into, gone), story=story, changed_at=said.at if said else max(now, state.alert.changed_at))
    alert = replace(alert, mute=alert.mute if state.mute else None)
    told = replace(said, story=story) if said else None
    return replace(state, alert=alert, dirty=not alert.ended), [*changes[:-1], AlertChange(alert, told)]


def left(state: StoryState, changes: Changes) -> StoryState:
    """The state of the story that became part of another: nothing is decided of it any more."""
    alert = state.alert
    ended = next((change.alert for change in changes if alert and change.alert.id == alert.id), alert)
    return replace(state, alert=ended, level=Level.NONE, raising=_STILL, clearing=_STILL, none_since=0, dirty=False, hand=None)


def _open(state: StoryState) -> Alert | None:
    return state.alert if state.alert and not state.alert.ended else None


def _of_two(into: StoryState, gone: StoryState, now: int, act: Act | None) -> tuple[StoryState, Changes]:
    first, second = sorted((into, gone), key=lambda state: (state.alert.opened_at, state.alert.id) if state.alert else (0, ""))
    kept, lost = first.alert, second.alert
    if kept is None or lost is None:
        raise AssertionError("both alerts are open")
    ended, state = _ended(lost, kept, now, act), _timed(first, second)
    line = replace(_said(kept, now, act), merged=_other(lost))
    if second.level > first.level:
        state, risen = _risen(state, second, line)
        return state, [ended, risen]
    return state, [ended, AlertChange(kept, line)]


def _at_rest(
    into: StoryState, gone: StoryState, names: tuple[Other, Other], now: int, act: Act | None
) -> tuple[StoryState, Changes]:
    """Neither alert is open: the one that changed last tells what the next episode follows."""
    higher, lower = (gone, into) if gone.level > into.level else (into, gone)
    alerts = sorted((state.alert for state in (into, gone) if state.alert), key=lambda alert: (alert.changed_at, alert.id))
    other, last = (None, None, *alerts)[-2:]
    state = replace(_timed(higher, lower), alert=last, bar=max(into.bar, gone.bar), hand=None)
    return state, _lines(last, other, names, now, act)


def _lines(kept: Alert | None, over: Alert | None, names: tuple[Other, Other], now: int, act: Act | None) -> Changes:
    """
    Of two alerts that are not both open each says which the other is.

    Where only one story ever had an alert, that says so when a person merged them.
    """
    if kept is None:
        return []
    if over is None and act is None:
        return [AlertChange(kept, None)]
    line = replace(_said(kept, now, act), merged=next(name for name in names if name.alert != kept.id))
    return [*([_pointed(over, kept, now, act)] if over else []), AlertChange(kept, line)]


def _pointed(over: Alert, into: Alert, now: int, act: Act | None) -> AlertChange:
    """The alert that had ended before, and the line that says where its story is now."""
    said = replace(_said(over, now, act), merged_into=into.id, into=_other(into))
    return AlertChange(replace(over, changed_at=said.at, merged_into=into.id), said)


def _risen(state: StoryState, higher: StoryState, line: Transition) -> tuple[StoryState, AlertChange]:
    """The alert that stays rises to where the other's story stood, unless a person has set a level at or above that."""
    alert, level = state.alert, higher.level
    if alert is None:
        raise AssertionError("the alert is open")
    alert = replace(alert, policy_level=level, changed_at=line.at)
    state = replace(state, level=level, raising=higher.raising, clearing=higher.clearing, none_since=0)
    if state.hand and state.hand.level >= level:
        return replace(state, alert=alert), AlertChange(alert, line)
    after = replace(alert, level=level, reasons=line.reasons)
    if level == alert.level:
        return replace(state, alert=after, hand=None), AlertChange(after, line)
    return replace(state, alert=after, hand=None), AlertChange(after, replace(line, from_level=alert.level, to_level=level))


def _ended(alert: Alert, into: Alert, now: int, act: Act | None) -> AlertChange:
    """The alert that goes, and the transition that says where."""
    said = replace(
        _said(alert, now, act), from_level=alert.level, to_level=Level.NONE, from_status=alert.status, to_status="resolved",
        merged_into=into.id, into=_other(into),
    )  # fmt: skip
    after = replace(
        alert, level=Level.NONE, policy_level=Level.NONE, status="resolved", changed_at=said.at, reasons=said.reasons, merged_into=into.id
    )
    return AlertChange(after, said)


def _other(alert: Alert) -> Other:
    return Other(alert=alert.id, story=alert.story, title=alert.counters.title)


def _said(alert: Alert, now: int, act: Act | None) -> Transition:
    return Transition(
        at=max(now, act.at if act else now, alert.changed_at), alert=alert.id, subject=alert.subject, story=alert.story,
        actor=act.actor if act else POLICY, by=act.by if act else None, note=act.note if act else None,
        reasons=(Reason(ReasonCode.MERGED),),
    )  # fmt: skip


def _timed(state: StoryState, other: StoryState) -> StoryState:
    """Each condition has held since it first held in either; staying has failed only since it failed in both."""
    raising = tuple(min(filter(None, pair), default=0) for pair in zip(state.raising, other.raising, strict=True))
    return replace(state, raising=(raising[0], raising[1], raising[2], raising[3]))


def _numbered(alert: Alert, one: StoryState, other: StoryState) -> Alert:
    """The alert under an episode that is new to both stories, so that no alert after it takes an id that was taken."""
    others = [state.alert.episode for state in (one, other) if state.alert and state.alert.id != alert.id]
    return replace(alert, episode=max([alert.episode, *(number + 1 for number in others)]))


def _mute(into: StoryState, gone: StoryState) -> Mute | None:
    """A mute is lifted where the other side, which nobody muted, has an open alert; of two the longer holds."""
    muted = [state for state in (into, gone) if state.mute]
    if len(muted) == 1 and _open(gone if muted[0] is into else into):
        return None
    return max((state.mute for state in muted if state.mute), key=lambda mute: mute.until, default=None)
