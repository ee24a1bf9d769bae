"""
People's acts in a recording: a line `{"act": {…}}` among the mentions, done again by `replay` and `backtest` in its turn.

They stand in the same file, so that a case cannot lose its history and goes through a pipe; so does a last line `{"end": …}`, how far
the clock of its log had come. Whoever knows only mentions refuses such a line by itself, as any bad line, and reads on.
"""

from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec

from monitor.clock import micros, moment, rfc3339
from monitor.collecting.retaken import Taken, taken_of
from monitor.escalation.acting import FITTING
from monitor.escalation.effects import Act
from monitor.records import BROKEN
from monitor.store.sessions import Store, WriteUnit
from services import corrections
from services.acts import ActError, Deed, Desk, NoSuchAlert, Past, done

# What belongs to the log it was done on, not to the act
_ELSEWHERE = ("id", "partition", "offset", "target")
_TIMES = ("at", "until")
_AFTER_ALL = 1 << 62  # the turn of an act that says only its moment: after all that was taken then
_DONE, _WHY = b"done", "redone/"


class Placed(msgspec.Struct, frozen=True):
    """An act and where it stands in the stream: at that moment of its clock (micros), before the record of that turn."""

    act: Act
    at: int
    turn: int

    @property
    def key(self) -> tuple[int, int]:
        """By which acts and mentions are put in order."""
        return self.at, self.turn

    @property
    def name(self) -> str:
        """By which it is known again."""
        return blake2b(line_of(self), digest_size=16).hexdigest()


class History(msgspec.Struct, frozen=True):
    """What a recording tells besides mentions: the acts in the order they are done again, and how far its clock came, 0 unsaid."""

    acts: tuple[Placed, ...] = ()
    end: int = 0

    def until(self, last: int) -> int:
        """How far the clock goes, `last` being the moment of the last mention."""
        return max(last, self.end, *(placed.at for placed in self.acts[-1:]))


def act_of(line: bytes) -> Placed | None:
    """The act that a line of a recording tells of; None for any other line."""
    if not line.lstrip().startswith(b'{"act"'):
        return None
    try:
        told: dict[str, Any] = _members(line)["act"]
        times = {name: micros(msgspec.convert(told[name], datetime)) for name in _TIMES if name in told}
        act = msgspec.convert(told | times | {"id": 0, "partition": 0, "offset": 0}, Act)
    except (*BROKEN, KeyError, TypeError):
        return None
    return Placed(act, *(taken_of(line) or (act.at, _AFTER_ALL)))


def line_of(placed: Placed) -> bytes:
    """An act as a line of a recording."""
    told: dict[str, Any] = msgspec.to_builtins(placed.act)
    times = {name: rfc3339(told[name]) for name in _TIMES if told.get(name)}
    act = {name: value for name, value in (told | times).items() if name not in _ELSEWHERE}
    return msgspec.json.encode({"act": act} | ({"taken": taken(placed.key)} if placed.turn != _AFTER_ALL else {}))


def end_of(line: bytes) -> int | None:
    """How far the clock came (micros), from the line that tells it; None for any other."""
    if not line.lstrip().startswith(b'{"end"'):
        return None
    try:
        at = msgspec.json.decode(line, type=dict[str, datetime])["end"]
        return micros(at) if at.tzinfo else None
    except BROKEN:
        return None


def end_line(at: int) -> bytes:
    """How far the clock came, as a line of a recording."""
    return msgspec.json.encode({"end": rfc3339(at)})


def taken(key: tuple[int, int]) -> Taken:
    """When something took its turn, as a line says it."""
    return Taken(moment(key[0]), key[1])


def in_time(acts: Iterable[Placed]) -> tuple[Placed, ...]:
    """Acts in the order they are to be done again, each once."""
    return tuple(sorted(dict.fromkeys(acts), key=lambda placed: placed.key))


async def done_again(store: Store, desk: Desk, placed: Placed, now: int) -> ActError | None:
    """
    Do a recorded act, once: a replay that is run again has tried it. Why it could not be done; None: it was.

    `now`: wall clock, micros.
    """
    name = _WHY + placed.name
    async with store.write() as unit:
        before = await unit.meta.get(name)
        if before is not None:
            return None if before == _DONE else _refusal(before.decode())
        refused = await _tried(unit, desk, placed.act, now)
        await unit.meta.put(name, type(refused).__name__.encode() if refused else _DONE)
        return refused


async def _tried(unit: WriteUnit, desk: Desk, act: Act, now: int) -> ActError | None:
    try:
        if act.action not in FITTING:
            await corrections.done_again(unit, desk, act, now)
            return None
        deed = Deed(
            action=act.action, actor=act.actor, by=act.by, note=act.note, recorded_at=now, again=act.at, assignee=act.assignee,
            level=act.level, until=act.until, reason=act.reason, verdict=act.verdict,
        )  # fmt: skip
        await done(unit, desk, act.alert, deed)
    except ActError as error:
        return error
    return None


def why(refused: ActError) -> str:
    """Why an act could not be done again, for the person who has it done."""
    return _REASONS.get(type(refused), "当时的状态不允许")


def _refusal(name: str) -> ActError:
    return next((kind for kind in _REASONS if kind.__name__ == name), ActError)()


_REASONS: dict[type[ActError], str] = {
    NoSuchAlert: "没有这个预警", corrections.NoSuchStory: "没有这个事件", corrections.NoSuchMention: "它的事件里没有这些信息",
    Past: "要它保持到的时间已过",
}  # fmt: skip
_members = msgspec.json.Decoder(dict[str, dict[str, Any]]).decode
