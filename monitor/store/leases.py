"""
Leases: a name held for some seconds, and as long as its holder says so again; by the database's own clock.

Held by one alone, or by any number who are not alone. Who is killed holds nothing some seconds later.
"""

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.clock import SECOND
from monitor.store import schema
from monitor.store.dialects import alone as one_by_one
from monitor.store.dialects import insert, now


class Leases:
    """Reading leases."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def holders(self, name: str) -> list[str]:
        """Who holds it now, by code point."""
        table = schema.lease
        query = select(table.c.holder).where(table.c.name == name, table.c.until > now(self._connection)).order_by(table.c.holder)
        return list((await self._connection.execute(query)).scalars())


class LeasesWriter(Leases):
    """Taking and giving back."""

    async def take(self, name: str, holder: str, seconds: float, *, alone: bool) -> dict[str, int]:
        """
        Hold it for so long from now, or on.

        Returns who is in the way, and until when (micros, by the database's clock) unless they say so again; then nothing was taken.
        """
        table = schema.lease
        await one_by_one(self._connection, "lease", name)
        at = (await self._connection.execute(select(now(self._connection)))).scalar_one()
        await self._connection.execute(delete(table).where(table.c.name == name, table.c.until <= at))
        query = select(table.c.holder, table.c.until).where(table.c.name == name, table.c.holder != holder).order_by(table.c.holder)
        rows = await self._connection.execute(query if alone else query.where(table.c.alone.is_(True)))
        others = {row.holder: row.until for row in rows}
        if not others:
            row = {"name": name, "holder": holder, "alone": alone, "until": at + round(seconds * SECOND)}
            taken = insert(self._connection, table).values(row)
            kept = {"alone": taken.excluded.alone, "until": taken.excluded.until}
            await self._connection.execute(taken.on_conflict_do_update(index_elements=list(table.primary_key), set_=kept))
        return others

    async def give_back(self, name: str, holder: str) -> None:
        """Hold it no more."""
        table = schema.lease
        await self._connection.execute(delete(table).where(table.c.name == name, table.c.holder == holder))
