"""
step(): the heart. One story's ladder and one reading of its indicators give the next ladder and at most one change of level.

Laws (tests/unit/escalation/test_step.py): no rise before `hold`, no fall before `keep`, no change without a reason that its reading
bears out, red waits for nothing but its own hold; the same readings give the same changes.
"""

from collections.abc import Mapping

import msgspec

from monitor.alert import Level, Reason, ReasonCode
from monitor.clock import MINUTE
from monitor.escalation.effects import StoryState
from monitor.escalation.policy import Clause, Policy, Rung

Indicators = Mapping[ReasonCode, float]
NEVER = 1 << 62


class Change(msgspec.Struct, frozen=True):
    """A change of level with what decided it."""

    before: Level
    after: Level
    reasons: tuple[Reason, ...]


def step(
    policy: Policy, floor: Level, state: StoryState, indicators: Indicators, now: int, *, rule: str | None = None
) -> tuple[StoryState, Change | None]:
    """The next state and the change of level, if any. `now` in micros; never earlier than the state's own. `rule`: whose floor it is."""
    raising, clearing = _since(policy, floor, state, indicators, now)
    after = _risen(policy, floor, state.level, raising, indicators, now)
    if after == state.level:
        after = _fallen(policy, state.level, clearing, now)
    if after == state.level:
        if raising == state.raising and clearing == state.clearing:
            return state, None
        return msgspec.structs.replace(state, raising=raising, clearing=clearing), None
    up = after > state.level
    reasons = _rise_reasons(policy, floor, rule, after, indicators) if up else _fall_reasons(policy, state.level, clearing, indicators, now)
    new = msgspec.structs.replace(state, level=after, raising=raising, clearing=_still(clearing, after))
    return new, Change(state.level, after, reasons)


def next_deadline(policy: Policy, state: StoryState) -> int:
    """The next moment at which only the passing of time can change the level; NEVER if none."""
    due = NEVER
    for i, rung in enumerate(policy.rungs):
        if state.raising[i] and rung.level > state.level:
            due = min(due, state.raising[i] + rung.hold)
    if state.level and state.clearing[state.level - 1]:
        due = min(due, state.clearing[state.level - 1] + policy.rungs[state.level - 1].keep)
    return due


def met(clauses: tuple[Clause, ...], indicators: Indicators) -> Clause | None:
    """The first clause every indicator of which is at or over its figure."""
    for clause in clauses:
        for code, figure in clause:
            if indicators[code] < figure:
                break
        else:
            return clause
    return None


def _floored(rung: Rung, floor: Level, indicators: Indicators) -> bool:
    return rung.level <= floor and indicators[ReasonCode.SENSITIVE_24H] >= 1


def _since(
    policy: Policy, floor: Level, state: StoryState, indicators: Indicators, now: int
) -> tuple[tuple[int, int, int, int], tuple[int, int, int, int]]:
    """Since when each level has been met, and since when staying has failed; a level met means those below it are."""
    raising, clearing = [0, 0, 0, 0], [0, 0, 0, 0]
    is_met = stays = False
    for i in (3, 2, 1, 0):
        rung = policy.rungs[i]
        is_met = is_met or _floored(rung, floor, indicators) or met(rung.clauses, indicators) is not None
        stays = stays or is_met or met(rung.staying, indicators) is not None
        if is_met:
            raising[i] = state.raising[i] or now
        if not stays and state.level >= rung.level:
            clearing[i] = state.clearing[i] or now
    return (raising[0], raising[1], raising[2], raising[3]), (clearing[0], clearing[1], clearing[2], clearing[3])


def _risen(policy: Policy, floor: Level, level: Level, raising: tuple[int, int, int, int], indicators: Indicators, now: int) -> Level:
    for i in (3, 2, 1, 0):
        rung = policy.rungs[i]
        if rung.level <= level:
            break
        held = raising[i] and now - raising[i] >= rung.hold
        if held or _floored(rung, floor, indicators):
            return rung.level
    return level


def _fallen(policy: Policy, level: Level, clearing: tuple[int, int, int, int], now: int) -> Level:
    """Down one rung after another while staying there has failed for that rung's keep."""
    while level and clearing[level - 1] and now - clearing[level - 1] >= policy.rungs[level - 1].keep:
        level = Level(level - 1)
    return level


def _still(clearing: tuple[int, int, int, int], after: Level) -> tuple[int, int, int, int]:
    """What has fallen is cleared no more: who looks again at the same moment finds nothing to change."""
    blue, yellow, orange, red = (since if i < after else 0 for i, since in enumerate(clearing))
    return blue, yellow, orange, red


def _rise_reasons(policy: Policy, floor: Level, rule: str | None, after: Level, indicators: Indicators) -> tuple[Reason, ...]:
    """The clause that lifted it: of its own rung, or of a higher one whose hold still runs."""
    for rung in policy.rungs[after - 1 :]:
        clause = met(rung.clauses, indicators)
        if clause:
            return tuple(Reason(code, indicators[code], figure) for code, figure in clause)
        if _floored(rung, floor, indicators):
            return (Reason(ReasonCode.FLOOR, indicators[ReasonCode.SENSITIVE_24H], 1.0, rule),)
    message = f"no clause bears out {after.word}"
    raise AssertionError(message)


def _fall_reasons(
    policy: Policy, before: Level, clearing: tuple[int, int, int, int], indicators: Indicators, now: int
) -> tuple[Reason, ...]:
    """For how many minutes staying has failed, then the first staying clause's own figures."""
    rung = policy.rungs[before - 1]
    waited = Reason(ReasonCode.RECEDED, round((now - clearing[before - 1]) / MINUTE, 1), round(rung.keep / MINUTE, 1))
    return (waited, *(Reason(code, indicators[code], figure) for code, figure in rung.staying[0]))
