"""What every receiver promises."""

from typing import Literal, Protocol

import msgspec

EXCERPT = 500  # characters of an answer that are kept


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """
    How one try ended: `sent`, to be tried again `later`, or `disabled`: the other side wants no more, ever.

    `code` is one word for the kind of failure (empty when sent), or the robot's own error code. `retry_after`: the wait that the
    other side asked for, micros from its answer on.
    """

    kind: Literal["sent", "later", "disabled"]
    status: int | None = None
    code: str = ""
    excerpt: str = ""
    retry_after: int | None = None


class Receiver(Protocol):
    """Somewhere to send. Failures of the other side are results, never exceptions."""

    @property
    def fingerprint(self) -> str:
        """Changes when the address or the secret does; tells neither."""
        ...

    async def send(self, notification: str, body: bytes, now: int) -> Result:
        """Try once, within a bounded time. `notification` is the message's id, `now` the wall clock in micros."""
        ...

    async def close(self) -> None:
        """Let go of connections; safe to call twice."""
        ...
