"""How a receiver fares over all its messages. Pure; stored under its name, so that a restart knows it too."""

from typing import Literal

import msgspec

from monitor.notifying.receivers.base import Result

FAILING_AFTER = 5  # failed tries in a row
Event = Literal["receiver.failing", "receiver.disabled", "receiver.recovered"]


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """
    `failures` in a row, the first of them at `since` (micros); what the failing began with is in `reason`.

    `fingerprint` is that of the receiver's address and secret: with another one, a disabled receiver starts afresh.
    """

    fingerprint: str
    state: Literal["well", "failing", "disabled"] = "well"
    failures: int = 0
    since: int = 0
    reason: str = ""

    def after(self, result: Result, at: int) -> tuple["Health", Event | None]:
        """The health after one more try, and what the other receivers are to be told of it."""
        if self.state == "disabled":
            return self, None
        if result.kind == "sent":
            well = Health(fingerprint=self.fingerprint)
            return well, "receiver.recovered" if self.state == "failing" else None
        if result.kind == "disabled":
            return self._changed(state="disabled", since=at, reason=result.code), "receiver.disabled"
        failures = self.failures + 1
        begins = self.state == "well" and failures >= FAILING_AFTER
        state = "failing" if begins else self.state
        worse = self._changed(state=state, failures=failures, since=self.since or at, reason=result.code)
        return worse, "receiver.failing" if begins else None

    def _changed(self, **changes: object) -> "Health":
        return msgspec.structs.replace(self, **changes)


def stored_under(receiver: str) -> str:
    """The key of a receiver's health in the store's meta table."""
    return f"receiver:{receiver}"


def read_health(stored: bytes | None, fingerprint: str) -> Health:
    """The health as stored; afresh when nothing is there, or what is there speaks of another address."""
    health = msgspec.json.decode(stored, type=Health) if stored else Health(fingerprint=fingerprint)
    return health if health.fingerprint == fingerprint else Health(fingerprint=fingerprint)
