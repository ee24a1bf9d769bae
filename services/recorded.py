"""
People's acts in a recording: a line `{"act": {…}}` among the mentions, done again by `replay` and `backtest` at its moment.

They stand in the same file, so that a case cannot lose its history and goes through a pipe. Whoever knows only mentions refuses such a
line by itself, as any bad line, and reads on.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from monitor.alert import Alert
from monitor.bus.base import SCORED
from monitor.clock import micros, rfc3339
from monitor.escalation.acting import FITTING
from monitor.escalation.effects import Act, AlertChange
from monitor.mention import Mention
from monitor.store.alerts import OPEN
from monitor.store.sessions import ReadUnit, Store
from monitor.store.spread import Told
from services.acts import ActError, Deed, Desk, done

# What belongs to the log it was done on, not to the act
_ELSEWHERE = ("id", "partition", "offset", "target")
_TIMES = ("at", "until")


def act_of(line: bytes) -> Act | None:
    """The act that a line of a recording tells of; None for any other line."""
    if not line.lstrip().startswith(b'{"act"'):
        return None
    try:
        told: dict[str, Any] = msgspec.json.decode(line, type=dict[str, dict[str, Any]])["act"]
        times = {name: micros(msgspec.convert(told[name], datetime)) for name in _TIMES if name in told}
        return msgspec.convert(told | times | {"id": 0, "partition": 0, "offset": 0}, Act)
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
        return None


def line_of(act: Act) -> bytes:
    """An act as a line of a recording."""
    told: dict[str, Any] = msgspec.to_builtins(act)
    times = {name: rfc3339(told[name]) for name in _TIMES if told.get(name)}
    return msgspec.json.encode({"act": {name: value for name, value in (told | times).items() if name not in _ELSEWHERE}})


def lines_of(told: Told) -> Iterator[tuple[str, bytes]]:
    """A mention as contract 1 has it, as first said; and what was seen of it later, as an observation."""
    for kind, said in (("mentions", told.mention), ("observations", told.again)):
        if said is not None:
            yield kind, msgspec.json.encode(_signed(said, told.name))


def in_time(acts: Iterable[Act]) -> list[Act]:
    """Acts in the order they are to be done again."""
    return [replace(act, id=n) for n, act in enumerate(sorted(acts, key=lambda act: act.at), 1)]


async def acts_of(unit: ReadUnit, story: str) -> list[Act]:
    """
    What people did about a story, each at a moment that puts it before the mentions that were decided after it.

    On a replayed log a person acts long after the moments of its mentions: its moment is then that of the log.
    """
    found: list[Act] = []
    for act in [act for one in (story, *await unit.spread.parts(story)) for act in await unit.acts.of_story(one)]:
        now = (await unit.positions.read(SCORED, act.partition)).now
        later = await unit.spread.received_after(story, act.offset)
        found.append(replace(act, at=min(act.at, now, later - 1 if later else now)))
    return in_time(found)


def _signed(said: Mention, name: str | None) -> Mention:
    """The author by the name that is kept readable, so that lists of accounts know it again; else by the pseudonym."""
    return replace(said, author=name) if name and said.author else said


async def done_again(store: Store, desk: Desk, act: Act) -> str | None:
    """Do a recorded act, once: a replay that is run again has done it. Why it could not be done; None: it was."""
    if act.action not in FITTING:
        return "only acts on alerts are done again here"
    deed = Deed(
        action=act.action, actor=act.actor, by=act.by, note=act.note, recorded_at=act.at, assignee=act.assignee, level=act.level,
        until=act.until, reason=act.reason, verdict=act.verdict,
    )  # fmt: skip
    async with store.write() as unit:
        before = await unit.acts.of_story(act.story)
        if any((one.alert, one.action, one.at) == (act.alert, act.action, act.at) for one in before):
            return None
        try:
            await done(unit, desk, act.alert, deed)
        except ActError as error:
            return str(error)
    return None


class Standing:
    """The alerts as decided so far, by which it is seen whether an act fits; as services/acts.py sees it in the store."""

    def __init__(self) -> None:
        self._alerts: dict[str, Alert] = {}

    def take(self, changes: Iterable[AlertChange]) -> None:
        """Follow what was decided."""
        self._alerts |= {change.alert.id: change.alert for change in changes}

    def fitting(self, act: Act) -> Act | None:
        """The act as the desk takes it; None when it does not fit."""
        alert = self._alerts.get(act.alert)
        if act.action not in FITTING:
            return act
        if alert is None or alert.status not in FITTING[act.action] or 0 < act.until <= act.at:
            return None
        family = [one for one in self._alerts.values() if one.story == alert.story]
        newest = max(family, key=lambda one: one.episode)
        if act.action == "reopen" and (alert.merged_into or newest is not alert or any(one.status in OPEN for one in family)):
            return None
        return replace(act, at=max(act.at, alert.changed_at), story=alert.story, target=None if newest is alert else alert)
