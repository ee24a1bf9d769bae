"""
Alerts with their transitions, and the one counter by which readers follow them.

`seq` is taken under one row's lock as the last thing of a transaction, so a reader that knows seq N has seen every change up to
N: no slower writer can come in below it.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from operator import attrgetter

import msgspec
from msgspec.structs import replace
from sqlalchemy import BindParameter, ColumnElement, bindparam, func, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.alert import Alert, Level, Status, Transition
from monitor.escalation.effects import AlertChange
from monitor.store import schema
from monitor.store.dialects import Rows, among
from monitor.store.rows import LARGEST, Cursors, Page, chunks, findable

Found = list[Alert]  # inside the class `list` is a method
Transitions = list[Transition]
OPEN: tuple[Status, ...] = ("open", "acknowledged", "handling")
CURSORS = Cursors("alert", int)
_WALK = 200


class AlertFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts of the list; empty or None: any. `since` (micros) is compared with `changed_at`."""

    statuses: tuple[Status, ...] = ()
    levels: tuple[Level, ...] = ()
    min_level: Level | None = None
    subjects: tuple[str, ...] = ()
    since: int | None = None


EVERY = AlertFilter()


class Alerts:
    """Reading alerts."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, alert: str) -> Alert | None:
        """One alert."""
        found = await self._where(schema.alert.c.id == alert) if findable(alert) else []
        return found[0] if found else None

    async def open_of_story(self, story: str) -> Alert | None:
        """The alert of a story that still waits for somebody, its newest episode."""
        table = schema.alert
        found = await self._where(table.c.story == story, table.c.status.in_(OPEN), order=table.c.episode.desc(), limit=1)
        return found[0] if found else None

    async def running(self, stories: Collection[str]) -> dict[str, Alert]:
        """By story, the alerts that still wait for somebody."""
        table = schema.alert
        found = await self._where(table.c.story.in_(stories), table.c.status.in_(OPEN), order=table.c.episode)
        return {alert.story: alert for alert in found}

    async def list(self, wanted: AlertFilter = EVERY, limit: int = 50, cursor: str | None = None) -> Page[Alert]:
        """Newest change first; an alert that changes during a walk leaves it (`changes` has it), all others come exactly once."""
        if not findable(*wanted.subjects):
            return Page([], None)
        seq = schema.alert.c.seq
        asked = _conditions(wanted)
        if cursor is not None:
            asked.append(seq < CURSORS.key(cursor)[0])
        # Which ones, first, from an index alone: bodies of alerts that are passed over would be most of the work.
        which = select(seq).where(*asked).order_by(seq.desc()).limit(limit + 1)
        found = await self._where(seq.in_(which), order=seq.desc())
        return Page(found[:limit], CURSORS.after(found[limit - 1].seq) if len(found) > limit else None)

    async def newest_seq(self) -> int:
        """The newest change there is; 0 before the first."""
        table = schema.sequence
        return int((await self._connection.execute(select(table.c.value).where(table.c.name == schema.ALERT_SEQ))).scalar_one())

    async def changes(self, since: int, limit: int = 200) -> Found:
        """What changed after that seq, each alert once as it now stands, rising."""
        return await self._where(schema.alert.c.seq > min(since, LARGEST), order=schema.alert.c.seq, limit=limit)

    async def transitions(self, alert: str) -> Transitions:
        """The transitions of an alert, oldest first."""
        return (await self._histories([alert])).get(alert, []) if findable(alert) else []

    async def all(self) -> AsyncIterator[tuple[Alert, Transitions]]:
        """Every alert with its transitions, by id; a page at a time in memory."""
        last = ""
        while page := await self._where(schema.alert.c.id > last, order=schema.alert.c.id, limit=_WALK):
            histories = await self._histories([alert.id for alert in page])
            for alert in page:
                yield alert, histories.get(alert.id, [])
            last = page[-1].id

    async def counts(self) -> dict[tuple[str, Status], int]:
        """How many alerts there are of each (level word, status) that occurs."""
        table = schema.alert
        groups = select(table.c.level, table.c.status, func.count()).group_by(table.c.level, table.c.status)
        return {(Level(level).word, status): number for level, status, number in await self._connection.execute(groups)}

    async def _histories(self, alerts: Collection[str]) -> dict[str, Transitions]:
        table = schema.transition
        query = select(table.c.alert, table.c.body).where(table.c.alert.in_(alerts)).order_by(table.c.alert, table.c.n)
        found: dict[str, Transitions] = {}
        for alert, body in await self._connection.execute(query):
            found.setdefault(alert, []).append(_transition(body))
        return found

    async def _where(self, *conditions: ColumnElement[bool], order: ColumnElement[object] | None = None, limit: int | None = None) -> Found:
        query = select(schema.alert.c.body).where(*conditions).order_by(order).limit(limit)
        return [_alert(body) for body in (await self._connection.execute(query)).scalars()]


class AlertsWriter(Alerts):
    """Recording changes."""

    async def record(self, changes: Sequence[AlertChange]) -> list[AlertChange]:
        """
        Keep changes in their order, each under the next seq; the last writing of a transaction but the outbox.

        With a transition `version` grows, without one `counter`; both go on from what is stored, whatever the alert passed says.
        Returns the changes with seq, version and counter filled in.
        """
        if not changes:
            return []
        seq = await self._take(len(changes))
        counted = await self._counted({change.alert.id for change in changes})
        numbered = [_numbered(change, seq + n, counted) for n, change in enumerate(changes)]
        await self._keep({change.alert.id: change.alert for change in numbered}.values())
        await self._append([change for change in numbered if change.transition])
        return numbered

    async def _take(self, count: int) -> int:
        """The first of `count` new numbers; whoever comes after waits until this transaction has ended."""
        table = schema.sequence
        more = update(table).where(table.c.name == schema.ALERT_SEQ).values(value=table.c.value + count)
        return int((await self._connection.execute(more.returning(table.c.value))).scalar_one()) - count + 1

    async def _counted(self, alerts: Collection[str]) -> dict[str, tuple[int, int]]:
        table = schema.alert
        found: dict[str, tuple[int, int]] = {}
        for chunk in chunks(alerts):
            rows = await self._connection.execute(
                select(table.c.id, table.c.version, table.c.counter).where(among(self._connection, table.c.id, chunk))
            )
            found |= {row.id: (row.version, row.counter) for row in rows}
        return found

    async def _keep(self, alerts: Iterable[Alert]) -> None:
        story, kept = schema.story, list(alerts)
        await _ALERTS.put(self._connection, [_row(alert) for alert in kept])
        # A level set by hand makes evidence too.
        level: BindParameter[int] = bindparam("to_level")
        peak = update(story).where(story.c.id == bindparam("of_story"), story.c.peak < level).values(peak=level)
        await self._connection.execute(peak, [{"of_story": alert.story, "to_level": int(alert.level)} for alert in kept])

    async def _append(self, changes: Sequence[AlertChange]) -> None:
        rows = [_transition_row(change.alert, change.transition) for change in changes if change.transition]
        await _TRANSITIONS.put(self._connection, rows)


def _conditions(wanted: AlertFilter) -> list[ColumnElement[bool]]:
    table = schema.alert
    asked: list[ColumnElement[bool]] = []
    if wanted.statuses:
        asked.append(table.c.status.in_(wanted.statuses))
    if wanted.levels:
        asked.append(table.c.level.in_([int(level) for level in wanted.levels]))
    if wanted.min_level is not None:
        asked.append(table.c.level >= int(wanted.min_level))
    if wanted.subjects:
        asked.append(table.c.subject.in_(wanted.subjects))
    if wanted.since is not None:
        asked.append(table.c.changed_at >= min(wanted.since, LARGEST))
    return asked


def _numbered(change: AlertChange, seq: int, counted: dict[str, tuple[int, int]]) -> AlertChange:
    version, counter = counted.get(change.alert.id, (0, 0))
    version, counter = (version + 1, counter) if change.transition else (version, counter + 1)
    counted[change.alert.id] = version, counter
    return AlertChange(replace(change.alert, seq=seq, version=version, counter=counter), change.transition)


def _as_it_stands(new: sqlite.Insert) -> sqlite.Insert:
    table = schema.alert
    kept = {column.name: new.excluded[column.name] for column in table.c if not column.primary_key}
    return new.on_conflict_do_update(index_elements=[table.c.id], set_=kept)


def _row(alert: Alert) -> tuple[object, ...]:
    return *_of_alert(alert), int(alert.level), int(alert.policy_level), msgspec.json.encode(alert)


def _transition_row(alert: Alert, transition: Transition) -> tuple[object, ...]:
    return *_of_transition(transition), alert.version, alert.seq, msgspec.json.encode(transition)


_SAME = ("id", "subject", "story", "episode", "status", "opened_at", "changed_at", "seq", "version", "counter")
_SAID = ("alert", "at", "recorded_at", "actor", "from_level", "to_level", "from_status", "to_status")
_of_alert, _of_transition = attrgetter(*_SAME), attrgetter(*_SAID)
_ALERTS = Rows(schema.alert, (*_SAME, "level", "policy_level", "body"), _as_it_stands)
_TRANSITIONS = Rows(schema.transition, (*_SAID, "n", "seq", "body"))
_alert = msgspec.json.Decoder(Alert).decode
_transition = msgspec.json.Decoder(Transition).decode
