"""
What the store came to, held against the log decided once more by somebody who was never killed.

`at_rest` looks beside a running service; `unlike` is for one that has stopped.
"""

import os
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from monitor.alert import Alert, Transition
from monitor.bus.base import DEAD, RAW, SCORED, Bus
from monitor.clock import SystemClock
from monitor.escalation.effects import Act, AlertChange, Effects, NewHit, StoryRow
from monitor.loading import load_settings
from monitor.mention import identity
from monitor.settings import Settings
from monitor.store.sessions import ReadUnit, Store
from services.escalate import ROLE as ESCALATE
from services.recording.archive import Archive
from services.recording.backtest import Backtest
from services.score import ROLE as SCORE
from services.wiring import desk_maker, open_bus, open_store
from tests.acceptance.processes import ENVIRONMENT
from tests.chaos.staff import Deed

Wire = dict[str, Any]
Pair = tuple[str, bytes]  # (subject, digest of the mention)
_MANY = 1_000


@dataclass
class History:
    """Everything that was decided: as it was stored, or as it is decided once more."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    said: dict[str, list[Transition]] = field(default_factory=dict)
    stories: dict[str, StoryRow] = field(default_factory=dict)
    hits: dict[Pair, NewHit] = field(default_factory=dict)


@dataclass
class Decided:
    """The log decided once more."""

    history: History
    changes: list[AlertChange]


@asynccontextmanager
async def opened(config: Path) -> AsyncIterator[tuple[Settings, Bus, Store]]:
    """The bus and the store of a configuration."""
    settings = load_settings(config, os.environ | ENVIRONMENT)
    bus = open_bus(settings, SystemClock())
    await bus.start()
    try:
        store = await open_store(settings)
        try:
            yield settings, bus, store
        finally:
            await store.close()
    finally:
        await bus.close()


async def at_rest(config: Path) -> list[str]:
    """What is still to be done; nothing when all that was taken is decided and told."""
    async with opened(config) as (_, bus, store):
        left = await _behind(bus, RAW, await bus.taken(SCORE, RAW), SCORE)
        async with store.read() as unit:
            positions = [await unit.positions.read(SCORED, partition) for partition in range(bus.partitions(SCORED))]
            left += await _behind(bus, SCORED, {one.partition: one.offset for one in positions}, ESCALATE)
            waiting, _ = await unit.outbox.pending()
            left += [f"{waiting} messages wait"] if waiting else []
            for one in positions:
                acts = await unit.acts.since(one.partition, one.last_act)
                left += [f"{len(acts)} acts on partition {one.partition} are not taken up"] if acts else []
    return left


async def _behind(bus: Bus, topic: str, taken: Mapping[int, int], role: str) -> list[str]:
    bounds = await bus.bounds(topic)
    behind = {partition: end - taken[partition] for partition, (low, end) in bounds.items() if taken[partition] < end > low}
    return [f"{role} is behind by {count} on {topic}/{partition}" for partition, count in behind.items()]


class Reading:
    """A stopped service's bus and store, read whole."""

    def __init__(self, bus: Bus, unit: ReadUnit) -> None:
        self._bus, self._unit = bus, unit

    async def acts(self) -> dict[int, list[Act]]:
        """Every act that was recorded, by partition."""
        return {partition: await self._unit.acts.all(partition) for partition in range(self._bus.partitions(SCORED))}

    async def dead(self) -> int:
        """How many records were put aside."""
        return sum(end - low for low, end in (await self._bus.bounds(DEAD)).values())

    async def stored(self) -> History:
        """What the store holds."""
        found = History()
        async for alert, said in self._unit.alerts.all():
            found.alerts[alert.id], found.said[alert.id] = alert, said
        for merged in (False, True):
            cursor: str | None = None
            while True:
                page = await self._unit.stories.list(None, _MANY, cursor, merged=merged)
                found.stories |= {row.id: row for row in page.items}
                if (cursor := page.next_cursor) is None:
                    break
        for story in found.stories:
            found.hits |= {_pair(hit): hit async for hit in self._unit.mentions.hits_of(story)}
        return found

    async def missing(self, hits: Mapping[tuple[str, str], Sequence[str]]) -> list[str]:
        """Which of these mentions are not stored for each of their subjects."""
        pairs = {(subject, identity(*item)): item for item, subjects in hits.items() for subject in subjects}
        known = await self._unit.mentions.known(pairs, undecided=True)
        return [f"mention {item} of {pair[0]} was acknowledged and is not stored" for pair, item in pairs.items() if pair not in known]


async def decided_again(settings: Settings, bus: Bus, acts: Mapping[int, Sequence[Act]]) -> Decided:
    """What the log and the acts give, each partition by a desk of its own; it takes longer than a database lets a transaction idle."""
    archive, history, changes = Archive(), History(), []

    def take(effects: Effects) -> None:
        archive.keep(effects)
        changes.extend(effects.changes)
        history.stories.update(effects.stories)

    make = desk_maker(settings)
    for partition, done in acts.items():
        await Backtest(make(), take, 512).log(bus, partition, done)
    for change in changes:
        history.alerts[change.alert.id] = change.alert
        said = history.said.setdefault(change.alert.id, [])
        said += [change.transition] if change.transition else []
    for story in history.stories:
        history.hits |= {_pair(hit): hit for hit in archive.hits(story)}
    archive.close()
    return Decided(history, changes)


def unlike(stored: History, again: History) -> list[str]:
    """Every way in which what was lived differs from what the log gives."""
    found = _apart("alert", _alerts(stored), _alerts(again))
    found += _apart("transitions of", _said(stored), _said(again))
    found += _apart("story", _stories(stored), _stories(again))
    return found + _apart("mention", dict(stored.hits), dict(again.hits))


def undone(deeds: Sequence[Deed], acts: Sequence[Act]) -> list[str]:
    """Acts that were answered as done and are not there once, or as refused and are there, or that nobody did."""
    times = Counter(act.note for act in acts)
    found = [f"{deed.path} ({deed.note}) was answered {deed.status} and done {times[deed.note]} times" for deed in deeds
             if times[deed.note] != int(deed.done)]  # fmt: skip
    return found + [f"act {note!r} was done by nobody" for note in times.keys() - {deed.note for deed in deeds}]


def _apart(what: str, lived: Mapping[Any, Any], again: Mapping[Any, Any]) -> list[str]:
    found = [f"{what} {key}: only stored" for key in lived.keys() - again.keys()]
    found += [f"{what} {key}: only decided again" for key in again.keys() - lived.keys()]
    both = (key for key in lived.keys() & again.keys() if lived[key] != again[key])
    return found + [f"{what} {key}: stored {lived[key]}\n    decided again {again[key]}" for key in both]


def _alerts(history: History) -> dict[str, Alert]:
    """But for the numbers that the store gives."""
    return {key: replace(one, seq=0, version=0, counter=0) for key, one in history.alerts.items()}


def _said(history: History) -> dict[str, list[Wire]]:
    """But for when it was written down, and for what is said at once of acts that the desk decides later."""
    lines = {key: [one.wire() for one in said] for key, said in history.said.items()}
    return {key: [{name: value for name, value in one.items() if name != "recorded_at"} for one in said] for key, said in lines.items()}


def _stories(history: History) -> dict[str, StoryRow]:
    """But for the numbers that the store gives to an alert, and for stories of which nothing is left: those are listed nowhere."""
    return {key: _plain(row) for key, row in history.stories.items() if row.mentions or row.merged_into}


def _plain(row: StoryRow) -> StoryRow:
    alert = row.state.alert
    return replace(row, state=replace(row.state, alert=replace(alert, seq=0, version=0, counter=0))) if alert else row


def _pair(hit: NewHit) -> Pair:
    return hit.scored.score.subject, hit.digest
