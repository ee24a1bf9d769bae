"""
Lines of an exported case: beside what a line says stands when the log it comes from took it, `"taken": {"at": …, "n": …}`.

A recording takes such a line at that moment and in that order, not by what the mention says of its own time: late mentions stay late,
what came in one push stays in its order. Any other member of that name means nothing to us, as every unknown field.
"""

from datetime import UTC, datetime

import msgspec

from monitor.clock import micros
from monitor.mention import Mention

_MARK = b'"taken"'
_EARLIEST = micros(datetime(2000, 1, 1, tzinfo=UTC))


class Taken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a line took its turn on its log: the clock's moment, and its place among those of one moment (its offset there)."""

    at: datetime
    n: int

    @property
    def key(self) -> tuple[int, int]:
        """By which lines of a case are ordered: micros, place."""
        return micros(self.at), self.n


class Retaken(Mention, frozen=True, kw_only=True):
    """A mention, or a later look at one, of an exported case; `taken` in micros."""

    taken: int
    turn: int


class _Marked(msgspec.Struct, frozen=True):
    taken: Taken


def taken_of(line: bytes) -> tuple[int, int] | None:
    """When the line was taken, and its turn; None for a line of no case."""
    if _MARK not in line:
        return None
    try:
        at, turn = _marked(line).taken.key
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return (at, turn) if at >= _EARLIEST and turn >= 0 else None


def retaken(mention: Mention, line: bytes, latest: int) -> Mention:
    """The mention of this line as the case has it; itself where the line is of none, or names a moment after `latest` (micros)."""
    found = taken_of(line)
    if found is None or found[0] > latest:
        return mention
    return Retaken(**{name: getattr(mention, name) for name in Mention.__struct_fields__}, taken=found[0], turn=found[1])


_marked = msgspec.json.Decoder(_Marked).decode
