"""
Moments. Inside the pipeline a moment is an int, microseconds since 1970 UTC ("micros"); at the borders an aware datetime.

Only services read the wall clock, through a Clock they were given: decisions take their `now` from the log.
"""

from datetime import UTC, datetime, timedelta
from time import time_ns
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """An aware datetime as microseconds since 1970 UTC, exactly."""
    return (moment - EPOCH) // _MICROSECOND


def moment(at: int) -> datetime:
    """Microseconds since 1970 UTC as an aware datetime in UTC."""
    return EPOCH + timedelta(microseconds=at)


def rfc3339(at: int) -> str:
    """The moment as it stands in every API, message and file: UTC with Z, fractions only where there are any."""
    return moment(at).isoformat().replace("+00:00", "Z")


class Clock(Protocol):
    """Who tells the wall time."""

    def now(self) -> int:
        """Microseconds since 1970 UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> int:
        return time_ns() // 1000


class ManualClock:
    """A clock that moves only when told; for tests and demos."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> int:
        return self.at

    def advance(self, by: int) -> None:
        """Move on by that many microseconds."""
        self.at += by
