"""Stories as stored: what a restart rebuilds the desk from, and what a dashboard lists."""

from collections.abc import Collection, Iterable
from operator import attrgetter
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, case, func, or_, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.escalation.effects import StoryRow, StoryState
from monitor.escalation.settling import Asleep
from monitor.store import schema
from monitor.store.alerts import OPEN
from monitor.store.dialects import Rows
from monitor.store.rows import Cursors, Page, findable

Sleepers = list[Asleep]
StoryRows = list[StoryRow]  # inside the class `list` is a method
CURSORS = Cursors("story", int, str)
_KEY = 8
_PLAIN = ("id", "subject", "founder", "residual", "title", "opened_at", "last_at", "mentions", "live", "merged_into", "settled")
_COLUMNS = (*_PLAIN, "partition", "level", "peak", "keys", "state")


class Stories:
    """Reading stories."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def live(self, partition: int) -> StoryRows:
        """Every story of a partition that the desk has not let go of, by id."""
        table = schema.story
        return await self._where(table.c.partition == partition, table.c.live.is_(True), order=(table.c.id,))

    async def others(self, partition: int, subjects: Collection[str]) -> StoryRows:
        """The stories of a partition that are of none of these subjects and have an open alert; by id."""
        table, alert = schema.story, schema.alert.c
        # The other way round every story would be looked at, each minute
        running = select(alert.story).where(alert.status.in_(OPEN), alert.subject.not_in(subjects))
        return await self._where(table.c.partition == partition, table.c.id.in_(running), order=(table.c.id,))

    async def asleep(self, partition: int, newest: int) -> tuple[Sleepers, int]:
        """The sleeping stories of a partition that own its `newest` keys, those put by first first; and how many keys there ever were."""
        table = schema.story
        here = table.c.partition == partition
        total = (await self._connection.execute(select(func.max(table.c.settled)).where(here))).scalar_one() or 0
        query = select(table.c.subject, table.c.id, table.c["keys"], table.c.settled)
        query = query.where(here, table.c.settled > total - newest, func.length(table.c["keys"]) > 0).order_by(table.c.settled)
        return [Asleep(row[0], row[1], _keys(row[2]), row[3]) for row in await self._connection.execute(query)], total

    async def get(self, story: str) -> StoryRow | None:
        """One story."""
        found = await self._where(schema.story.c.id == story) if findable(story) else []
        return found[0] if found else None

    async def list(
        self, subject: str | None, limit: int, cursor: str | None = None, *, live: bool | None = None, residual: bool | None = None,
        merged: bool = False,
    ) -> Page[StoryRow]:  # fmt: skip
        """
        The stories (of one subject, live or settled, residual or not), those spoken of last first.

        `merged`: those that became part of another, instead. Of which nothing is left, and that never rose, is no story to anybody.
        """
        table = schema.story
        asked: list[ColumnElement[bool]] = [table.c.merged_into.is_not(None) if merged else table.c.merged_into.is_(None)]
        if not merged:
            asked.append(or_(table.c.mentions > 0, table.c.peak > 0, table.c.residual.is_(True)))
        asked += [table.c.subject == subject] if subject is not None else []
        asked += [column.is_(wanted) for column, wanted in ((table.c.live, live), (table.c.residual, residual)) if wanted is not None]
        if not findable(subject or ""):
            return Page([], None)
        if cursor is not None:
            last_at, story = CURSORS.key(cursor)
            asked.append(table.c.last_at <= last_at)  # said once more: by this alone an index finds the place
            asked.append(or_(table.c.last_at < last_at, table.c.id > story))
        rows = await self._where(*asked, order=(table.c.last_at.desc(), table.c.id), limit=limit + 1)
        more = CURSORS.after(rows[limit - 1].last_at, rows[limit - 1].id) if len(rows) > limit else None
        return Page(rows[:limit], more)

    async def _where(
        self, *conditions: ColumnElement[bool], order: Iterable[ColumnElement[object]] = (), limit: int | None = None
    ) -> StoryRows:
        table = schema.story
        columns = [table.c[name] for name in (*_PLAIN, "keys", "state")]
        query = select(*columns).where(*conditions).order_by(*order).limit(limit)
        return [_story(row) for row in await self._connection.execute(query)]


class StoriesWriter(Stories):
    """Writing stories."""

    async def put(self, rows: Iterable[StoryRow], partition: int) -> None:
        """Keep stories as they now stand, new or known."""
        await _STORIES.put(self._connection, [_row(story, partition) for story in rows])


def _as_it_stands(new: sqlite.Insert) -> sqlite.Insert:
    table = schema.story
    kept: dict[str, ColumnElement[object]] = {name: new.excluded[name] for name in _COLUMNS if name != "id"}
    kept["peak"] = case((new.excluded.peak > table.c.peak, new.excluded.peak), else_=table.c.peak)
    return new.on_conflict_do_update(index_elements=[table.c.id], set_=kept)


def _row(story: StoryRow, partition: int) -> tuple[object, ...]:
    level = int(story.state.level)
    keys = b"".join(key.to_bytes(_KEY, "big") for key in story.keys)
    return *_plain(story), partition, level, level, keys, msgspec.json.encode(story.state)


def _story(row: Row[tuple[Any, ...]]) -> StoryRow:
    kept: dict[str, Any] = dict(zip((*_PLAIN, "keys", "state"), row, strict=True))
    return StoryRow(**kept | {"state": _decode(kept["state"]), "keys": _keys(kept["keys"])})


def _keys(packed: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(packed[i : i + _KEY], "big") for i in range(0, len(packed), _KEY))


_decode = msgspec.json.Decoder(StoryState).decode
_plain = attrgetter(*_PLAIN)
_STORIES = Rows(schema.story, _COLUMNS, _as_it_stands)
