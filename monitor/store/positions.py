"""Positions: how far a partition has been decided, and the version by which a second writer is fenced."""

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.errors import Fenced
from monitor.store import schema
from monitor.store.dialects import insert

_AT = schema.position.c


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

    _locking = False

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def read(self, topic: str, partition: int) -> Position:
        """The position as it stands; one at 0 when nobody has moved it."""
        query = select(_AT.offset, _AT.version, _AT.now, _AT.last_act).where(_AT.topic == topic, _AT.partition == partition)
        row = (await self._connection.execute(query.with_for_update() if self._locking else query)).one_or_none()
        return Position(topic, partition, *row) if row else Position(topic, partition)


class PositionsWriter(Positions):
    """Moving positions. Who reads one here keeps everybody else from it until the end: an act waits, it does not fence a decision."""

    _locking = True

    async def move(self, position: Position, *, offset: int, now: int, last_act: int) -> None:
        """Compare-and-set on the version read; Fenced when another writer was here since."""
        table = schema.position
        values = {"offset": offset, "now": now, "last_act": last_act, "version": position.version + 1}
        if position.version == 0:
            row = {"topic": position.topic, "partition": position.partition, **values}
            changed = await self._connection.execute(insert(self._connection, table).values(row).on_conflict_do_nothing())
        else:
            there = (_AT.topic == position.topic, _AT.partition == position.partition, _AT.version == position.version)
            changed = await self._connection.execute(update(table).where(*there).values(values))
        if changed.rowcount != 1:
            raise Fenced(f"{position.topic}/{position.partition} is no longer at version {position.version}")

    async def lock(self, topic: str, partition: int) -> Position:
        """Take the position for an act: whoever read it before is fenced. Returns it as it stood before."""
        first = {"topic": topic, "partition": partition, "offset": 0, "version": 1, "now": 0, "last_act": 0}
        taken = insert(self._connection, schema.position).values(first)
        taken = taken.on_conflict_do_update(index_elements=list(schema.position.primary_key), set_={"version": _AT.version + 1})
        row = (await self._connection.execute(taken.returning(_AT.offset, _AT.version - 1, _AT.now, _AT.last_act))).one()
        return Position(topic, partition, *row)
