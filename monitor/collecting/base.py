"""
What every collector promises; one file a kind beside this one, made in `opening.py`.

A collector reads one source. It keeps nothing that matters: where it stands is the `cursor`, bytes of its own making, which whoever
runs it stores only after the bus has the mentions. So a killed process reads again what was not yet durable, and nothing else.
"""

from typing import Literal, Protocol, get_args

import msgspec

from monitor.errors import InvalidMention, SourceFailed
from monitor.mention import Mention

# The closed set of what can be wrong with a source; the same word reaches the metric, the log and /readyz
Reason = Literal[
    "address_refused", "name_unresolved", "connect_failed", "tls_failed", "timeout", "connection_lost", "protocol_error", "bad_redirect",
    "throttled", "client_error", "server_error", "too_large", "bad_encoding", "malformed", "unreadable", "failed",
]  # fmt: skip
REASONS: tuple[Reason, ...] = get_args(Reason)


class Bad(msgspec.Struct, frozen=True):
    """
    What stood where a mention was expected: its place (FILE:ROW, or an item of a feed), and everything wrong with it.

    `key` is the same when the same thing is met again, so that it is put aside once.
    """

    place: str
    error: InvalidMention
    key: str = ""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one look at a source brought. `cursor` is where to go on once `mentions` are durable.

    `more`: there is more to read at once. `odd`: what was strange but not in the way, for people who set the source up.
    `wrong`: what stands wrong in what was read so far, where the source is read in parts.
    `failed`: the source broke off behind what was read, which is taken all the same.
    """

    cursor: bytes
    mentions: tuple[Mention, ...] = ()
    bad: tuple[Bad, ...] = ()
    odd: tuple[str, ...] = ()
    more: bool = False
    wrong: str = ""
    failed: SourceFailed | None = None


class Collector(Protocol):
    """Reads one source."""

    async def collect(self, cursor: bytes, now: int) -> Batch:
        """
        What is new after `cursor` (empty: from the start), as far as one batch takes; `now` (micros) bounds the future.

        SourceFailed, with one of REASONS: it cannot be read now. Bad items never stop the good ones.
        """
        ...

    async def close(self) -> None:
        """Let go of what it holds."""
        ...
