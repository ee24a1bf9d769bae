"""When to try again. Pure: the jitter comes from the message's own id, so that a restart plans the same moments."""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from hashlib import blake2b

import msgspec

from monitor.clock import HOUR, SECOND, micros

_SECONDS = re.compile(r"[0-9]{1,9}")


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """
    The plan of contract 5. All in micros.

    `opening`: when tries two to five are made, counted from the first; a try that hung longer than planned is repeated at once,
    so that five fit in a minute. `steady`: the wait within `first_hour`, which with jitter and the slowest answer stays under two
    minutes. Later waits are a `growth`-th of the time gone by, at most `longest`; the last try is made at `end`.
    """

    opening: tuple[int, ...] = (2 * SECOND, 8 * SECOND, 20 * SECOND, 40 * SECOND)
    steady: int = 75 * SECOND
    first_hour: int = HOUR
    growth: int = 4
    longest: int = 4 * HOUR
    end: int = 72 * HOUR
    jitter: float = 0.1

    def next_try(self, notification: str, *, tries: int, first_try_at: int, now: int, retry_after: int | None = None) -> int | None:
        """
        When to try again after `tries` failed ones, the last of which ended `now`; None: never, it is dead.

        What the other side asks for by Retry-After goes before our own plan, also past `end`, for one last try. A demand longer
        than `end` itself is taken for a slip, and our own plan holds. Where the clock was set back behind the first try, the plan
        counts from now.
        """
        first_try_at = min(first_try_at, now)
        if now >= first_try_at + self.end:
            return None
        stretch = 1 + self.jitter * fraction(notification, tries)
        if retry_after is not None and 0 < retry_after <= self.end:
            return now + max(retry_after, round(retry_after * stretch))
        if tries <= len(self.opening):
            return max(now, first_try_at + round(self.opening[tries - 1] * stretch))
        elapsed = now - first_try_at
        wait = self.steady if elapsed < self.first_hour else min(elapsed // self.growth, self.longest)
        return min(now + round(wait * stretch), first_try_at + self.end)


def fraction(notification: str, tries: int) -> float:
    """A number in [0, 1) that is the message's own for this try."""
    digest = blake2b(f"{notification}\0{tries}".encode("utf-8", "surrogatepass"), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48


def retry_after(header: str | None, now: int) -> int | None:
    """How long a Retry-After header (seconds, or an HTTP date) asks us to wait from `now`; None when it asks for nothing sensible."""
    text = (header or "").strip()
    if _SECONDS.fullmatch(text):
        return int(text) * SECOND or None
    try:
        date = parsedate_to_datetime(text)
        until = micros(date if date.tzinfo else date.replace(tzinfo=UTC))
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return until - now if until > now else None
