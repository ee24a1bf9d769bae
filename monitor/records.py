"""
Records of the log, read back.

Whoever may write to the topics can put anything there. So what cannot be read, or is beyond the limits of the border, is one error and
the sender's fault: it goes to the dead letters and stops nobody.
"""

import re

import msgspec
from msgspec.structs import replace

from monitor.border import AHEAD, limited, storable
from monitor.errors import InvalidMention, Unreadable
from monitor.mention import Raw, Scored, Tick, decode_raw, decode_scored, decode_tick, encode

BROKEN = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError)  # all that decoding raises; a UnicodeError is a ValueError
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def read_raw(value: bytes, now: int) -> Raw:
    """A record of `mentions.raw`; `now` (micros), the latest that any clock at hand says, bounds the future as for whoever pushes."""
    try:
        raw = decode_raw(value)
        mention = limited(raw.mention, value, max(now, raw.received_at))
    except (InvalidMention, *BROKEN) as error:
        raise _unreadable(error) from None
    if raw.received_at > now + AHEAD:
        raise Unreadable("received_at: lies more than 24 h in the future")
    return raw if mention is raw.mention else replace(raw, mention=mention)


def read_scored(value: bytes) -> Scored:
    """A record of `mentions.scored`; no clock bounds it, as it must be the same whenever it is read."""
    try:
        scored = decode_scored(value)
        mention = storable(scored.mention, value)
    except (InvalidMention, *BROKEN) as error:
        raise _unreadable(error) from None
    if mention is scored.mention:
        return scored
    if _NUL.search(encode(scored)):
        raise Unreadable("object: contains a NUL")
    return replace(scored, mention=mention)


def read_tick(value: bytes) -> Tick:
    """A minute on `mentions.scored`."""
    try:
        return decode_tick(value)
    except BROKEN as error:
        raise _unreadable(error) from None


def _unreadable(error: Exception) -> Unreadable:
    return Unreadable(str(error) if isinstance(error, InvalidMention) else f"{type(error).__name__}: {error}"[:200])
