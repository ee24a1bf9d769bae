"""Moments: exact to the microsecond on the way in and out, whatever the zone."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from time import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import DAY, HOUR, MINUTE, SECOND, ManualClock, SteadyClock, SystemClock, micros, moment, rfc3339, since_boot

MOMENTS = st.integers(0, 4_102_444_800 * SECOND)
ZONES = st.timezones() | st.integers(-1_439, 1_439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(MOMENTS)
def test_there_and_back(at: int) -> None:
    """Micros to a datetime and back lose nothing."""
    assert micros(moment(at)) == at


@given(st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=ZONES))  # noqa: DTZ001 the zones are given beside
def test_the_zone_is_no_difference(at: datetime) -> None:
    """The same moment in another zone is the same micros."""
    assert micros(at) == micros(at.astimezone(UTC))


@given(MOMENTS)
def test_text_is_read_back(at: int) -> None:
    """What an API shows ends in Z and is the same moment when read."""
    text = rfc3339(at)

    assert text.endswith("Z")
    assert micros(datetime.fromisoformat(text)) == at


@given(MOMENTS, MOMENTS)
def test_moments_of_whole_seconds_sort_as_text(one: int, other: int) -> None:
    """Text without fractions sorts as the moments do."""
    one, other = one - one % SECOND, other - other % SECOND

    assert (rfc3339(one) < rfc3339(other)) == (one < other)


def test_fractions_only_where_there_are_any() -> None:
    """A whole second has none."""
    assert rfc3339(0) == "1970-01-01T00:00:00Z"
    assert rfc3339(DAY + HOUR + MINUTE + SECOND + 5) == "1970-01-02T01:01:01.000005Z"


def test_the_systems_clock() -> None:
    """It tells the time of this machine."""
    assert abs(SystemClock().now() / SECOND - time()) < 5


def test_a_manual_clock_moves_when_told() -> None:
    """And not before."""
    clock = ManualClock(7)
    assert clock.now() == clock.now() == 7

    clock.advance(MINUTE)
    assert clock.now() == 7 + MINUTE


class Machine:
    """A wall clock that can be set, the time since the start, and a steady clock over both."""

    def __init__(self) -> None:
        self.wall, self.boot = ManualClock(1_800_000_000 * SECOND), ManualClock(77 * SECOND)
        self.told: list[int] = []
        self.steady = SteadyClock(self.wall, boot=self.boot.now, patience=10 * MINUTE, notice=self.told.append)

    def live(self, span: int, every: int = SECOND) -> list[int]:
        """So long passes; what the steady clock shows, read that often."""
        shown = []
        for _ in range(span // every):
            self.wall.advance(every)
            self.boot.advance(every)
            shown.append(self.steady.now())
        return shown


def test_a_clock_that_nobody_sets_is_followed() -> None:
    """Also where it goes a little faster than the machine's own, as one that is kept right does."""
    machine = Machine()
    for _ in range(600):
        machine.live(SECOND)
        machine.wall.advance(SECOND // 200)
    assert machine.steady.now() == machine.wall.now()
    assert machine.told == []


@pytest.mark.parametrize("by", [HOUR, -HOUR])
def test_a_clock_that_is_set_and_soon_right_again_is_no_matter(by: int) -> None:
    """Each moment follows the one before as if nobody had touched it; both settings are told."""
    machine = Machine()
    before = machine.steady.now()
    shown = machine.live(MINUTE)
    machine.wall.advance(by)
    shown += machine.live(5 * MINUTE)
    machine.wall.advance(-by)
    shown += machine.live(MINUTE)
    assert shown == list(range(before + SECOND, before + 7 * MINUTE + SECOND, SECOND))
    assert machine.told == [by, 0]


def test_a_clock_that_is_set_forward_for_good_is_followed_in_the_end() -> None:
    """The one that was wrong is the one from before."""
    machine = Machine()
    machine.wall.advance(DAY)
    shown = machine.live(9 * MINUTE)
    assert shown[-1] < machine.wall.now() - DAY + SECOND
    machine.live(2 * MINUTE)
    assert machine.steady.now() == machine.wall.now()
    assert machine.told == [DAY]


@pytest.mark.parametrize("every", [SECOND // 10, SECOND, MINUTE])
def test_a_clock_that_is_set_back_for_good_is_waited_for(every: int) -> None:
    """No moment comes twice, time never stands still for long, and in the end they agree, however often it is read."""
    machine = Machine()
    machine.wall.advance(-HOUR)
    shown = machine.live(95 * MINUTE, every)
    assert shown == sorted(shown)
    assert all(later - earlier >= every // 4 for earlier, later in pairwise(shown[: 85 * MINUTE // every]))
    assert machine.steady.now() == machine.wall.now()
    assert machine.told == [-HOUR]


def test_a_clock_that_is_set_again_and_again_is_never_believed() -> None:
    """Each setting begins the patience anew."""
    machine = Machine()
    before = machine.steady.now()
    for turn in range(20):
        machine.wall.advance(HOUR if turn % 2 == 0 else -HOUR)
        machine.live(5 * MINUTE)
    assert machine.steady.now() == before + 100 * MINUTE


def test_a_machine_that_slept_is_believed_at_once() -> None:
    """The time since its start tells of the sleep, so nobody set anything."""
    machine = Machine()
    assert machine.live(3 * HOUR, 3 * HOUR) == [machine.wall.now()]
    assert machine.told == []
    assert since_boot() <= since_boot()
