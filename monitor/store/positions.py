"""Positions: how far a partition has been decided, and the version by which a second writer is fenced."""

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.errors import Fenced
from monitor.store import schema
from monitor.store.rows import insert


class Position(msgspec.Struct, frozen=True):
    """
    Where a partition stands: the next offset to take, the decision clock, the last act seen.

    `version` grows with every writer; 0: nobody has written yet.
    """

    topic: str
    partition: int
    offset: int = 0
    version: int = 0
    now: int = 0
    last_act: int = 0


class Positions:
    """Reading positions."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def read(self, topic: str, partition: int) -> Position:
        """The position as it stands; one at 0 when nobody has moved it."""
        table = schema.position
        query = select(table.c.offset, table.c.version, table.c.now, table.c.last_act)
        row = (await self._connection.execute(query.where(table.c.topic == topic, table.c.partition == partition))).one_or_none()
        return Position(topic, partition, *row) if row else Position(topic, partition)


class PositionsWriter(Positions):
    """Moving positions."""

    async def move(self, position: Position, *, offset: int, now: int, last_act: int) -> None:
        """Compare-and-set on the version read; Fenced when another writer was here since."""
        table = schema.position
        values = {"offset": offset, "now": now, "last_act": last_act, "version": position.version + 1}
        if position.version == 0:
            row = {"topic": position.topic, "partition": position.partition, **values}
            changed = await self._connection.execute(insert(self._connection, table).values(row).on_conflict_do_nothing())
        else:
            there = (table.c.topic == position.topic, table.c.partition == position.partition, table.c.version == position.version)
            changed = await self._connection.execute(update(table).where(*there).values(values))
        if changed.rowcount != 1:
            raise Fenced(f"{position.topic}/{position.partition} is no longer at version {position.version}")

    async def lock(self, topic: str, partition: int) -> Position:
        """Take the position for an act: whoever read it before is fenced. Returns it as it stood before."""
        table = schema.position
        bumped = update(table).where(table.c.topic == topic, table.c.partition == partition).values(version=table.c.version + 1)
        found = bumped.returning(table.c.offset, table.c.version - 1, table.c.now, table.c.last_act)
        row = (await self._connection.execute(found)).one_or_none()
        if row:
            return Position(topic, partition, *row)
        await self.move(Position(topic, partition), offset=0, now=0, last_act=0)
        return Position(topic, partition)
