"""Scenarios run: the real scorer and the real desk over what a scenario file says, and what it expects held against the outcome."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import NamedTuple

from msgspec.structs import replace

from monitor.alert import Alert, Level, Transition
from monitor.clock import EPOCH
from monitor.escalation.effects import Effects, StoryRow
from monitor.mention import Tick
from monitor.settings import Settings
from services.recording.backtest import Backtest
from services.recording.replay import in_order
from services.recording.scenario_file import Expectation, Scenario, Want
from services.wiring import desk_maker, make_score

_ANY_KEY = b"scenario"  # pseudonyms are counted here, never shown or kept
_ENDED = ("resolved", "reviewed")


class Failure(NamedTuple):
    """An expectation that did not hold."""

    file: str
    line: int
    want: str
    got: str
    of: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: 应为 {self.want}, 实为 {self.got} ({self.of})"


class Decided(NamedTuple):
    """Everything a scenario led to, in the order of decision; `alerts` beside their transitions as each stood then."""

    transitions: tuple[Transition, ...]
    alerts: tuple[Alert, ...]
    stories: tuple[StoryRow, ...]

    def until(self, at: int, subject: str | None) -> "Decided":
        """What of it had come by a moment, for one subject (None: for all)."""
        kept = [
            (transition, alert)
            for transition, alert in zip(self.transitions, self.alerts, strict=True)
            if transition.at <= at and subject in {None, transition.subject}
        ]
        stories = tuple(row for row in self.stories if row.opened_at <= at and subject in {None, row.subject} and not row.residual)
        return Decided(tuple(one for one, _ in kept), tuple(alert for _, alert in kept), stories)

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels that were risen or fallen to, in order."""
        return tuple(one.to_level for one in self.transitions if one.to_level is not None)

    @property
    def last(self) -> dict[str, Alert]:
        """Every alert as it stands, by its id."""
        return {alert.id: alert for alert in self.alerts}


def settings_of(scenario: Scenario, base: Settings | None) -> Settings:
    """The settings a scenario runs under: its own subjects and policy, else those of the configuration."""
    if base is None:
        folder = scenario.file.parent
        base = Settings(file=scenario.file, organisation=scenario.name, subjects=(), data=folder)
    return replace(
        base,
        subjects=scenario.subjects or base.subjects,
        policy=scenario.policy or base.policy,
        libraries=(*base.libraries, *scenario.libraries),
        timezone=scenario.timezone.key,
    )


def decide(scenario: Scenario, settings: Settings, batch: int = 512) -> Decided:
    """What the scenario leads to under the settings; the clock is its own."""
    desk = desk_maker(settings)()
    changes: list[tuple[Transition, Alert]] = []
    rows: dict[str, StoryRow] = {}

    def take(effects: Effects) -> None:
        changes.extend((change.transition, change.alert) for change in effects.changes if change.transition)
        rows.update(effects.stories)

    backtest = Backtest(desk, take, batch)
    raws = sorted(scenario.raws, key=lambda raw: (raw.received_at, raw.mention.source, raw.mention.id))
    for offset, one in enumerate(in_order(make_score(settings, _ANY_KEY)(raws), raws)):
        backtest.observe(one, offset)
    desk.tick(Tick(at=scenario.until, as_if=True, end=True))
    take(desk.drain())
    return Decided(tuple(one for one, _ in changes), tuple(alert for _, alert in changes), tuple(rows.values()))


def failures(scenario: Scenario, decided: Decided, name: str) -> Iterator[Failure]:
    """Every expectation that does not hold; `name` is the file as its author calls it."""
    for expectation in scenario.expectations:
        at = scenario.until if expectation.at is None else expectation.at
        want, got, holds = _CHECKS[expectation.kind](expectation.want, decided.until(at, expectation.subject))
        if not holds:
            yield Failure(name, expectation.line, want, got, _of(expectation, scenario, at))


def course(scenario: Scenario, decided: Decided) -> Iterator[str]:
    """The way it went, a line a transition, for whoever wonders why an expectation failed."""
    for one in decided.transitions:
        reasons = ", ".join(f"{reason.code} {reason.value:g}/{reason.threshold:g}" for reason in one.reasons)
        before, after = (one.from_status, one.to_status) if one.to_level is None else (_word(one.from_level), one.to_level.word)
        yield f"  {clock(one.at, scenario)} {one.subject} {before} → {after} ({reasons})"


def clock(at: int, scenario: Scenario) -> str:
    """A moment as it is written in the scenario's own zone."""
    return (EPOCH + timedelta(microseconds=at)).astimezone(scenario.timezone).strftime("%m-%d %H:%M:%S")


def _word(level: Level | None) -> str:
    return (level or Level.NONE).word


def _of(expectation: Expectation, scenario: Scenario, at: int) -> str:
    subject = f", {expectation.subject}" if expectation.subject else ""
    return f"{expectation.kind}, 截至 {clock(at, scenario)}{subject}"


# -- what each expectation means: (wanted, got, whether it holds) ------------------------------------------------------------------

Verdict = tuple[str, str, bool]


def _level(want: Want, decided: Decided) -> Verdict:
    got = max((alert.level for alert in decided.last.values()), default=Level.NONE)
    return str(want), got.word, got.word == want


def _highest(decided: Decided) -> Level:
    return max(decided.levels, default=Level.NONE)


def _never(want: Want, decided: Decided) -> Verdict:
    got = _highest(decided)
    return f"低于 {want}", got.word, got < Level.of(str(want))


def _reaches(want: Want, decided: Decided) -> Verdict:
    got = _highest(decided)
    return f"达到 {want}", got.word, got >= Level.of(str(want))


def _path(want: Want, decided: Decided) -> Verdict:
    got = tuple(level.word for level in decided.levels)
    return _listed(want if isinstance(want, tuple) else ()), _listed(got), got == want


def _reason(want: Want, decided: Decided) -> Verdict:
    got = tuple(dict.fromkeys(reason.code.value for one in decided.transitions for reason in one.reasons))
    return str(want), _listed(got), want in got


def _alerts(want: Want, decided: Decided) -> Verdict:
    got = len(decided.last)
    return str(want), str(got), got == want


def _stories(want: Want, decided: Decided) -> Verdict:
    got = len(decided.stories)
    return str(want), str(got), got == want


def _resolved(want: Want, decided: Decided) -> Verdict:
    last = decided.last.values()
    got = bool(last) and all(alert.status in _ENDED for alert in last)
    return _flag(want), _flag(got) if last else "没有预警", got == want


def _flag(value: Want) -> str:
    return str(value).lower()


def _listed(words: tuple[str, ...]) -> str:
    return f"[{', '.join(words)}]"


_CHECKS: Mapping[str, Callable[[Want, Decided], Verdict]] = MappingProxyType({
    "level": _level, "never": _never, "reaches": _reaches, "path": _path, "reason": _reason, "alerts": _alerts, "stories": _stories,
    "resolved": _resolved,
})  # fmt: skip
