"""Alerts, transitions and receivers to test with."""

from collections.abc import Sequence

from msgspec.structs import replace

from monitor.alert import POLICY, Alert, Counters, Level, Reason, ReasonCode, Status, Transition
from monitor.escalation.effects import AlertChange
from monitor.settings import Receiver, Secret
from monitor.subject import Subject

AT = 1_800_000_000_000_000
URL = "https://yuqing.example"
SUBJECT = Subject(name="红十字会", rules=("红十字",))


def receiver(name: str = "duty", *, url: str = "https://duty.example/hook", min_level: str = "blue") -> Receiver:
    """A webhook's settings."""
    return Receiver(name=name, type="webhook", url=Secret(url), min_level=min_level)


def level_change(before: Level, after: Level, *, at: int = AT, alert: str = "a1", note: str | None = None) -> Transition:
    """A change of level by policy."""
    reasons = (Reason(ReasonCode.AUTHORS_10M, 35.0, 30.0),)
    return Transition(
        at=at, alert=alert, subject=SUBJECT.name, story="s1", actor=POLICY, reasons=reasons, from_level=before, to_level=after, note=note
    )


def status_change(before: Status, after: Status, *, at: int = AT, alert: str = "a1") -> Transition:
    """A change of status by a person."""
    return Transition(
        at=at, alert=alert, subject=SUBJECT.name, story="s1", actor="duty-key", by="小王", from_status=before, to_status=after
    )


def note(*, at: int = AT, alert: str = "a1") -> Transition:
    """Something written down, with no change of level or status."""
    return Transition(at=at, alert=alert, subject=SUBJECT.name, story="s1", actor="duty-key", note="已联系当地分会")


def alert(
    level: Level = Level.BLUE, *, id: str = "a1", version: int = 1, title: str = "善款去向被质疑",  # noqa: A002 - the field's own name
    samples: Sequence[dict[str, object]] = (), platforms: tuple[str, ...] = ("微博",), indicators: dict[str, float] | None = None,
) -> Alert:  # fmt: skip
    """An open alert."""
    counters = Counters(
        title=title, mentions=40, authors=35, negative=38, platforms=platforms, engagement=900, first_at=AT, last_at=AT,
        samples=tuple(samples), indicators={"heat": 41.5, "authors_10m": 35.0} if indicators is None else indicators,
    )  # fmt: skip
    return Alert(
        id=id, subject=SUBJECT.name, story="s1", episode=1, level=level, policy_level=level, status="open", opened_at=AT, changed_at=AT,
        counters=counters, reasons=(Reason(ReasonCode.AUTHORS_10M, 35.0, 30.0),), version=version,
    )  # fmt: skip


def changes(transitions: Sequence[Transition], *, id: str = "a1", since: int = 0) -> list[AlertChange]:  # noqa: A002 - as above
    """The alert after each transition, versions counted on from `since`."""
    level, out = Level.NONE, []
    for version, transition in enumerate(transitions, start=since + 1):
        level = level if transition.to_level is None else transition.to_level
        out.append(AlertChange(alert(level, id=id, version=version), replace(transition, alert=id)))
    return out
