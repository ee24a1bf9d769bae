"""The outbox: messages that wait, in order for each (alert, receiver), and the attempts made to send them."""

from collections.abc import Collection, Sequence
from typing import cast

import msgspec
from sqlalchemy import Row, Select, func, select, tuple_, update
from sqlalchemy import insert as plain_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.notifying.notification import Attempt, Notification, NotificationState
from monitor.store import schema
from monitor.store.dialects import Rows
from monitor.store.rows import Cursors, Page, chunks, findable

Pair = tuple[str, str]  # (alert, receiver)

_BOX = schema.notification
_FIELDS = Notification.__struct_fields__
_COLUMNS = [_BOX.c[name] for name in _FIELDS]
_TRY_FIELDS = Attempt.__struct_fields__
_MESSAGES = Rows(_BOX, _FIELDS, lambda insert: insert.on_conflict_do_nothing())
CURSORS = Cursors("notification", int, int, str)


class Outbox:
    """Reading the outbox."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def told(self, pairs: Collection[Pair]) -> dict[Pair, int]:
        """
        The last transition that each (alert, receiver) has been told of, or will be; pairs never told are absent.

        What died or was disabled never arrived, and what was merged stands in its successor: those tell of nothing.
        """
        wanted = set(pairs)
        newest: dict[Pair, int] = {}
        counts = (_BOX.c.state.in_(("pending", "sent")),)
        for ids in chunks({alert for alert, _ in wanted}):
            query = select(_BOX.c.alert, _BOX.c.receiver, func.max(_BOX.c.upto)).where(_BOX.c.alert.in_(ids), *counts)
            for alert, receiver, upto in await self._connection.execute(query.group_by(_BOX.c.alert, _BOX.c.receiver)):
                newest[alert, receiver] = upto
        return {pair: upto for pair, upto in newest.items() if pair in wanted}

    async def due(self, now: int, receiver: str, limit: int) -> list[Notification]:
        """What may be sent now: the first waiting message of each alert, those never tried before retries."""
        earlier = _BOX.alias("earlier")
        first = ~(
            select(earlier.c.id)
            .where(earlier.c.alert == _BOX.c.alert, earlier.c.receiver == _BOX.c.receiver)
            .where(earlier.c.state == "pending", earlier.c.n < _BOX.c.n)
            .exists()
        )
        query = select(*_COLUMNS).where(_BOX.c.receiver == receiver, _BOX.c.state == "pending", _BOX.c.next_try_at <= now, first)
        rows = await self._connection.execute(query.order_by(_BOX.c.next_try_at, _BOX.c.created_at, _BOX.c.id).limit(limit))
        return [_notification(row) for row in rows]

    async def next_due(self, now: int, receivers: Collection[str]) -> int | None:
        """When the next retry after `now` falls due; None when none waits."""
        query = select(func.min(_BOX.c.next_try_at)).where(_BOX.c.state == "pending", _BOX.c.next_try_at > now)
        return cast("int | None", (await self._connection.execute(query.where(_BOX.c.receiver.in_(receivers)))).scalar_one())

    async def following(self, notification: Notification) -> list[Notification]:
        """The messages of the same (alert, receiver) that wait behind this one, oldest first."""
        same = (_BOX.c.alert == notification.alert, _BOX.c.receiver == notification.receiver, _BOX.c.n > notification.n)
        query = select(*_COLUMNS).where(*same, _BOX.c.state == "pending").order_by(_BOX.c.n)
        return [_notification(row) for row in await self._connection.execute(query)]

    async def pending(self, receivers: Collection[str] | None = None) -> tuple[int, int | None]:
        """How many wait (for these receivers; None: for any), and since when the oldest does."""
        query = select(func.count(), func.min(_BOX.c.created_at)).where(_BOX.c.state == "pending")
        if receivers is not None:
            query = query.where(_BOX.c.receiver.in_(receivers))
        count, oldest = (await self._connection.execute(query)).one()
        return count, oldest

    async def page(
        self, *, receiver: str | None = None, alert: str | None = None, state: NotificationState | None = None,
        limit: int = 50, cursor: str | None = None,
    ) -> Page[tuple[Notification, list[Attempt]]]:  # fmt: skip
        """Messages with their attempts, newest first; ValueError for a cursor that is not ours."""
        if not findable(receiver or "", alert or ""):
            return Page([], None)
        newest_first = (_BOX.c.created_at.desc(), _BOX.c.n.desc(), _BOX.c.id.desc())
        asked = ((_BOX.c.receiver, receiver), (_BOX.c.alert, alert), (_BOX.c.state, state))
        # Which ones, first, from an index alone: bodies of those that are passed over would be most of the work
        which = select(_BOX.c.id).where(*(column == value for column, value in asked if value is not None))
        which = _after(which, cursor).order_by(*newest_first).limit(limit + 1)
        query = select(*_COLUMNS).where(_BOX.c.id.in_(which)).order_by(*newest_first)
        found = [_notification(row) for row in await self._connection.execute(query)]
        attempts = await self._attempts([one.id for one in found[:limit]])
        last = found[limit - 1] if len(found) > limit else None
        onward = CURSORS.after(last.created_at, last.n, last.id) if last else None
        return Page([(one, attempts.get(one.id, [])) for one in found[:limit]], onward)

    async def _attempts(self, notifications: Sequence[str]) -> dict[str, list[Attempt]]:
        table = schema.attempt
        made: dict[str, list[Attempt]] = {}
        for ids in chunks(notifications):
            query = select(*(table.c[name] for name in _TRY_FIELDS)).where(table.c.notification.in_(ids)).order_by(table.c.id)
            for row in await self._connection.execute(query):
                made.setdefault(row.notification, []).append(Attempt(**row._asdict()))
        return made


class OutboxWriter(Outbox):
    """Writing the outbox."""

    async def add(self, rows: Sequence[Notification]) -> None:
        """Put messages in; one that is there already (same id) stays as it is."""
        await _MESSAGES.put(self._connection, [msgspec.structs.astuple(row) for row in rows])

    async def attempted(self, notification: Notification, attempt: Attempt) -> bool:
        """Keep one attempt and where it left its message, unless that many have been kept; returns whether it was."""
        values = {field: getattr(notification, field) for field in ("state", "tries", "next_try_at", "first_try_at")}
        before = (_BOX.c.id == notification.id, _BOX.c.tries == notification.tries - 1)
        kept = (await self._connection.execute(update(_BOX).where(*before).values(values))).rowcount == 1
        if kept:
            await self._connection.execute(plain_insert(schema.attempt).values(msgspec.structs.asdict(attempt)))
        return kept

    async def merge(self, newest: Notification, merged: Sequence[Notification]) -> None:
        """Let the newest of several waiting messages, with its new body, stand for all of them."""
        await self._connection.execute(update(_BOX).where(_BOX.c.id == newest.id).values(body=newest.body))
        for ids in chunks(one.id for one in merged):
            await self._connection.execute(update(_BOX).where(_BOX.c.id.in_(ids)).values(state="merged"))

    async def set_back(self, now: int) -> int:
        """
        Where the clock was set back behind the last try of a waiting message, count its wait from `now`; returns for how many.

        Tries in the future were made by a clock that was wrong: they are taken for made just now, and done again this changes nothing.
        """
        table = schema.attempt
        last = select(func.max(table.c.at)).where(table.c.notification == _BOX.c.id).scalar_subquery()
        waits = (_BOX.c.state == "pending", _BOX.c.next_try_at > now)
        moved = update(_BOX).where(*waits, last > now).values(next_try_at=_BOX.c.next_try_at - last + now)
        count = (await self._connection.execute(moved)).rowcount
        if count:
            await self._connection.execute(update(table).where(table.c.at > now).values(at=now))
        return count

    async def disable(self, receiver: str) -> int:
        """Give up all that waits for a receiver that wants no more; returns how many."""
        statement = update(_BOX).where(_BOX.c.receiver == receiver, _BOX.c.state == "pending").values(state="disabled")
        return (await self._connection.execute(statement)).rowcount


def _after(query: Select[tuple[str]], cursor: str | None) -> Select[tuple[str]]:
    if cursor is None:
        return query
    key = CURSORS.key(cursor)
    return query.where(tuple_(_BOX.c.created_at, _BOX.c.n, _BOX.c.id) < tuple_(*key))


def _notification(row: Row[tuple[object, ...]]) -> Notification:
    return Notification(**cast("dict[str, object]", row._asdict()))  # type: ignore[arg-type]  # the columns are its fields
