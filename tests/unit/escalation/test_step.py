"""The laws of step(): holds, keeps, reasons, and no flapping."""

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alert import Level, ReasonCode
from monitor.clock import MINUTE
from monitor.escalation.effects import StoryState
from monitor.escalation.policy import INDICATORS
from monitor.escalation.step import Change, step
from tests.unit.escalation.making import START, default_policy

POLICY = default_policy()
FIGURES = st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 20.0, 30.0, 50.0, 100.0, 200.0, 600.0])
READINGS = st.lists(st.tuples(st.integers(1, 90), st.fixed_dictionaries(dict.fromkeys(INDICATORS, FIGURES))), max_size=40)


def reading(**figures: float) -> dict[ReasonCode, float]:
    """Indicators that are 0 but for those named."""
    return {code: figures.get(code.value, 0.0) for code in INDICATORS}


def walk(readings: list[tuple[int, dict[ReasonCode, float]]], floor: Level = Level.NONE) -> list[tuple[int, Change]]:
    """The changes that a list of (minutes later, indicators) makes."""
    state, now, found = StoryState(), START, []
    for later, indicators in readings:
        now += later * MINUTE
        state, change = step(POLICY, floor, state, indicators, now)
        if change:
            found.append((now, change))
    return found


def test_thirty_authors_at_once_open_an_alert() -> None:
    """Thirty authors about a quiet subject raise it at once, without any hold."""
    (_, change), *_ = walk([(1, reading(authors_10m=30, authors_1h=30, authors_24h=30, growth=30, platforms_24h=1, sensitive_24h=30))])

    assert change.after >= Level.BLUE
    assert ReasonCode.AUTHORS_1H in {reason.code for reason in change.reasons}


def test_orange_waits_for_its_hold() -> None:
    """Orange rises only after its condition has held for its minute; yellow, met with it, at once."""
    many = reading(authors_1h=120, authors_24h=120, growth=120, sensitive_24h=120)

    assert [change.after for _, change in walk([(1, many)])] == [Level.YELLOW]
    assert [change.after for _, change in walk([(1, many), (1, many)])] == [Level.YELLOW, Level.ORANGE]


def test_a_level_is_kept_before_it_falls() -> None:
    """Below the clearing line a level stays for `keep`, and falls with the reason that it receded."""
    few = reading(authors_1h=4, authors_24h=4, growth=4, sensitive_24h=4)
    changes = walk([(1, few), (1, reading()), (59, reading()), (1, reading())])

    assert [(change.before, change.after) for _, change in changes] == [(Level.NONE, Level.BLUE), (Level.BLUE, Level.NONE)]
    receded = changes[1][1].reasons[0]
    assert (receded.code, receded.value) == (ReasonCode.RECEDED, receded.threshold)
    assert changes[1][0] == START + 62 * MINUTE


def test_between_the_lines_nothing_moves() -> None:
    """A figure that goes to and fro between the raising and the clearing line changes nothing."""
    up, between = reading(authors_1h=4, growth=4), reading(authors_1h=2, growth=2)

    assert len(walk([(1, up), *[(30, between), (30, up)] * 20])) == 1


def test_a_floor_opens_at_once() -> None:
    """One sensitive mention of a subject with a floor opens at that level, and says so."""
    (_, change), *_ = walk([(1, reading(sensitive_24h=1))], Level.ORANGE)

    assert change.after is Level.ORANGE
    assert change.reasons[0].code is ReasonCode.FLOOR


@settings(max_examples=300, deadline=None)
@given(READINGS)
def test_every_change_is_borne_out(readings: list[tuple[int, dict[ReasonCode, float]]]) -> None:
    """A rise names indicators at or over their thresholds; a fall one that waited its keep; levels chain without a gap."""
    level = Level.NONE
    for _, change in walk(readings):
        assert change.before == level
        assert change.reasons
        if change.after > change.before:
            assert all(reason.value >= reason.threshold for reason in change.reasons)
        else:
            assert change.reasons[0].code is ReasonCode.RECEDED
            assert change.reasons[0].value >= change.reasons[0].threshold
        level = change.after


@settings(max_examples=200, deadline=None)
@given(READINGS)
def test_no_flapping(readings: list[tuple[int, dict[ReasonCode, float]]]) -> None:
    """After a rise to a level, a fall below it comes no sooner than that level's keep."""
    since: dict[Level, int] = {}
    for now, change in walk(readings):
        if change.after > change.before:
            since[change.after] = now
        else:
            assert now - since.get(change.before, now - POLICY.rungs[change.before - 1].keep) >= POLICY.rungs[change.before - 1].keep


@settings(max_examples=200, deadline=None)
@given(READINGS, st.data())
def test_looking_again_changes_nothing(readings: list[tuple[int, dict[ReasonCode, float]]], data: st.DataObject) -> None:
    """The same reading seen twice at one moment decides what it decided once."""
    twice = [again for later, one in readings for again in ((later, one), *([(0, one)] if data.draw(st.booleans()) else []))]

    assert walk(twice) == walk(readings)


@settings(max_examples=200, deadline=None)
@given(READINGS)
def test_a_step_ends_where_another_would_begin(readings: list[tuple[int, dict[ReasonCode, float]]]) -> None:
    """A second step at the same moment leaves the state as it is, also after a fall: whoever restarts and looks again writes nothing."""
    state, now = StoryState(), START
    for later, indicators in readings:
        now += later * MINUTE
        state, _ = step(POLICY, Level.NONE, state, indicators, now)
        assert step(POLICY, Level.NONE, state, indicators, now) == (state, None)
