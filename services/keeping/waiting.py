"""Waiting for what is away: said at once and then less and less often, as long as the words are the same."""

from collections.abc import Callable
from time import monotonic

FIRST, LONGEST = 1.0, 60.0  # seconds between two lines


class Waiting:
    """Whether the log should hear once more why somebody waits; the tries themselves go on as often as before."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._said, self._gap, self._next = "", FIRST, 0.0

    def tells(self, why: str) -> bool:
        """Once for each try that failed."""
        if why != self._said:
            self._said, self._gap, self._next = why, FIRST, self._now()
        if self._now() < self._next:
            return False
        self._next = self._now() + self._gap
        self._gap = min(2 * self._gap, LONGEST)
        return True

    def over(self) -> None:
        """It works again: the next trouble is news."""
        self._said = ""
