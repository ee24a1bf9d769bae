"""Moments: exact to the microsecond on the way in and out, whatever the zone."""

from datetime import UTC, datetime, timedelta, timezone
from time import time

from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import DAY, HOUR, MINUTE, SECOND, ManualClock, SystemClock, micros, moment, rfc3339

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
