"""
Moments. Inside the pipeline a moment is an int, microseconds since 1970 UTC ("micros"); at the borders an aware datetime.

Only services read the wall clock, through a Clock they were given: decisions take their `now` from the log.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
SET = 10 * SECOND  # a wall clock that is off by more, all at once, was set
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
        return time.time_ns() // 1000


def since_boot() -> int:
    """Micros since the machine was started, asleep or awake: nobody sets this clock, so it tells when another one was set."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1000


class SteadyClock:
    """
    A clock for what is written to the log, whose time can never be taken back: the wall clock, but for when somebody sets that.

    A wall clock that was set is not believed for `patience`: it goes on as before, and mostly the other one is soon right again. Then a
    clock that was set forward is followed; one that was set back is waited for at a quarter of its speed, so that time still passes and
    no moment comes twice. `notice` is told, each time it is set, how far it is ahead now (micros, behind is less than 0).
    """

    def __init__(
        self, wall: Clock, *, boot: Callable[[], int] = since_boot, patience: int = 10 * MINUTE, notice: Callable[[int], object] = abs
    ) -> None:
        self._wall, self._boot, self._patience, self._notice = wall, boot, patience, notice
        self._now, self._read = wall.now(), boot()
        self._ahead = 0  # of the wall clock, when last read
        self._believed_from = self._read

    def now(self) -> int:
        wall, read = self._wall.now(), self._boot()
        passed, self._read = max(read - self._read, 0), read
        ahead = wall - (self._now + passed)
        if abs(ahead - self._ahead) > SET:
            self._believed_from = read + self._patience
            self._notice(ahead)
        if abs(ahead) <= SET or (ahead > 0 and read >= self._believed_from):
            self._now = max(self._now, wall)
        else:
            self._now += passed if read < self._believed_from else passed // 4
        self._ahead = wall - self._now
        return self._now


class ManualClock:
    """A clock that moves only when told; for tests and demos."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> int:
        return self.at

    def advance(self, by: int) -> None:
        """Move on by that many microseconds."""
        self.at += by
