"""
What people do to alerts, as one pure function.

Whoever takes the act (services/acts.py) applies it at once, and the desk when it reaches the act's place in the stream: both by
`applied`, so they cannot differ.
"""

from collections.abc import Callable

from msgspec.structs import replace

from monitor.alert import MUTING, Alert, Level, Mute, Reason, ReasonCode, Status, Transition, alert_id
from monitor.clock import DAY
from monitor.escalation.effects import Act, AlertChange, Hand, StoryState
from monitor.escalation.episodes import calmed

MUTED_FOR = 7 * DAY
_OPEN: tuple[Status, ...] = ("open", "acknowledged", "handling")
_ANY: tuple[Status, ...] = (*_OPEN, "resolved", "reviewed")
# The statuses an alert may have for each act; one that is no key is not ours
FITTING: dict[str, tuple[Status, ...]] = {
    "acknowledge": ("open",), "assign": _OPEN, "handle": ("open", "acknowledged"), "level": _OPEN, "note": _ANY, "resolve": _OPEN,
    "review": ("resolved",), "reopen": ("resolved", "reviewed"),
}  # fmt: skip

Changes = list[AlertChange]
Applied = tuple[StoryState, Changes]


def applied(state: StoryState, act: Act) -> Applied:
    """
    The story's next state and the changes of its alerts, the last of the alert to show; the act is known to fit.

    `state` is that of the act's story; nothing changes when it knows nothing of the act's alert.
    """
    newest = state.alert
    alert = newest if newest and newest.id == act.alert else act.target
    if newest is None or alert is None or act.action not in FITTING:
        return state, []
    after, changes = _DEEDS[act.action](state, alert, act)
    return calmed(after, act.at), changes


def _acknowledged(state: StoryState, alert: Alert, act: Act) -> Applied:
    return _moved(state, alert, replace(alert, status="acknowledged"), act, ReasonCode.ACKNOWLEDGED)


def _handled(state: StoryState, alert: Alert, act: Act) -> Applied:
    return _moved(state, alert, replace(alert, status="handling"), act, ReasonCode.HANDLING)


def _assigned(state: StoryState, alert: Alert, act: Act) -> Applied:
    said = _said(alert, act, ReasonCode.ASSIGNED, assignee=act.assignee)
    return _kept(state, replace(alert, assignee=act.assignee or None), act, said)


def _noted(state: StoryState, alert: Alert, act: Act) -> Applied:
    return _kept(state, alert, act, _said(alert, act, ReasonCode.NOTED))


def _levelled(state: StoryState, alert: Alert, act: Act) -> Applied:
    """Also at the level it has already: somebody has looked, and means it."""
    said = _said(alert, act, ReasonCode.HAND, from_level=alert.level, to_level=act.level, until=act.until or None)
    after = replace(alert, level=act.level, reasons=said.reasons).grown()
    return _kept(replace(state, hand=Hand(act.level, act.until, act.at)), after, act, said)


def _resolved(state: StoryState, alert: Alert, act: Act) -> Applied:
    """The story may open another episode only above where its own level stands now."""
    mute = alert.mute
    if act.reason in MUTING:
        mute = Mute(act.until or act.at + MUTED_FOR, Level(min(Level.RED, alert.level + 2)), alert.episode)
        state = replace(state, mute=mute)
    after = replace(alert, status="resolved", resolution=act.reason, mute=mute)
    return _moved(replace(state, bar=state.level, hand=None), alert, after, act, ReasonCode(act.reason))


def _reviewed(state: StoryState, alert: Alert, act: Act) -> Applied:
    return _moved(state, alert, replace(alert, status="reviewed", verdict=act.verdict), act, ReasonCode.REVIEWED)


def _reopened(state: StoryState, alert: Alert, act: Act) -> Applied:
    """A new alert at the level the story has by policy; the old one only learns who follows it."""
    newest = state.alert or alert
    new = Alert(
        id=alert_id(alert.story, newest.episode + 1), subject=alert.subject, story=alert.story, episode=newest.episode + 1,
        level=state.level, policy_level=state.level, status="open", opened_at=act.at, changed_at=act.at, counters=newest.counters,
        reasons=(Reason(ReasonCode.REOPENED),), previous=alert.id, drill=alert.drill,
    )  # fmt: skip
    said = [_said(new, act, ReasonCode.REOPENED, from_status=alert.status, to_status="open")]
    if new.level:
        said.append(_said(new, act, ReasonCode.REOPENED, from_level=Level.NONE, to_level=new.level))
    told = [AlertChange(new, one, acted=True) for one in said]
    state = replace(state, alert=new, dirty=True, hand=None, mute=None, none_since=0)
    return state, [AlertChange(replace(alert, next=new.id), None, acted=True), *told]


def acted_at(state: StoryState, at: int) -> StoryState:
    """What somebody did at that moment (a merge, a correction) is told with its alert: what comes of it is told as of no earlier one."""
    alert = state.alert
    return replace(state, alert=replace(alert, changed_at=at)) if alert and not alert.ended and alert.changed_at < at else state


_DEEDS: dict[str, Callable[[StoryState, Alert, Act], Applied]] = {
    "acknowledge": _acknowledged, "assign": _assigned, "handle": _handled, "level": _levelled, "note": _noted, "resolve": _resolved,
    "review": _reviewed, "reopen": _reopened,
}  # fmt: skip


def _moved(state: StoryState, before: Alert, after: Alert, act: Act, code: ReasonCode) -> Applied:
    said = _said(before, act, code, from_status=before.status, to_status=after.status)
    if act.action == "resolve":
        said = replace(said, resolution=after.resolution)
    elif act.action == "review":
        said = replace(said, verdict=after.verdict)
    return _kept(state, after, act, said)


def _kept(state: StoryState, after: Alert, act: Act, said: Transition) -> Applied:
    """The state with its alert as it is now; an alert of an earlier episode is not in the state."""
    after = replace(after, changed_at=act.at)
    if state.alert and state.alert.id == after.id:
        state = replace(state, alert=after)
    return state, [AlertChange(after, said, acted=True)]


def _said(
    alert: Alert, act: Act, code: ReasonCode, *, from_level: Level | None = None, to_level: Level | None = None,
    from_status: Status | None = None, to_status: Status | None = None, assignee: str | None = None, until: int | None = None,
) -> Transition:  # fmt: skip
    return Transition(
        at=act.at, alert=alert.id, subject=alert.subject, story=alert.story, actor=act.actor, by=act.by, note=act.note,
        reasons=(Reason(code),), from_level=from_level, to_level=to_level, from_status=from_status, to_status=to_status,
        assignee=assignee, until=until,
    )  # fmt: skip
