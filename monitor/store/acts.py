"""Acts: what people did, with the stream position where it took effect, so that a replay does it again there."""

from collections.abc import Collection, Sequence

import msgspec
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.escalation.correcting import REBUILDING, takes_out
from monitor.escalation.effects import Act
from monitor.store import schema
from monitor.store.dialects import insert
from monitor.store.rows import findable


class Acts:
    """Reading acts."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def since(self, partition: int, last_act: int) -> list[Act]:
        """The acts of a partition after that id, in the order they were done."""
        table = schema.act
        return await self._where(table.c.partition == partition, table.c.id > last_act, order=(table.c.id,))

    async def all(self, partition: int) -> list[Act]:
        """Every act of a partition in the order it took effect on the stream."""
        table = schema.act
        return await self._where(table.c.partition == partition, order=(table.c.offset, table.c.id))

    async def of_subject(self, subject: str) -> list[Act]:
        """Every act on a subject's stories and mentions, in the order it took effect on the stream."""
        table = schema.act
        return await self._where(table.c.subject == subject, order=(table.c.offset, table.c.id)) if findable(subject) else []

    async def waiting(self, topic: str, action: str, subject: str | None = None) -> int:
        """How many acts of that sort, on a subject (None: on any), the desks have not come to; `topic`: the log they decide."""
        if not findable(subject or ""):
            return 0
        table, at = schema.act, schema.position
        there = and_(at.c.partition == table.c.partition, at.c.topic == topic)
        query = select(func.count()).select_from(table.outerjoin(at, there)).where(table.c.action == action)
        if subject is not None:
            query = query.where(table.c.subject == subject)
        return int((await self._connection.execute(query.where(table.c.id > func.coalesce(at.c.last_act, 0)))).scalar_one())

    async def words(self, wanted: Collection[tuple[str, bytes, int]]) -> dict[tuple[str, bytes, int], Act]:
        """The acts in which people said these words: of which subject and mention, at what moment (as the judgement has it)."""
        table, found = schema.act, dict[tuple[str, bytes, int], Act]()
        about = table.c.subject.in_(sorted({subject for subject, _, _ in wanted}))
        query = select(table.c.id, table.c.body).where(about, table.c.action == "score").order_by(table.c.id)
        async with self._connection.stream(query) as rows:
            async for row in rows:
                act = _decode(row.body)
                keys = [(act.subject, digest, act.judgement.at) for digest in act.mentions] if act.judgement else []
                found |= {key: msgspec.structs.replace(act, id=row.id) for key in keys if key in wanted}
        return found

    async def took_out(self, subject: str, digest: bytes) -> Act | None:
        """The last act that took a mention out of its story."""
        table = schema.act
        for act in reversed(await self._where(table.c.subject == subject, table.c.action.in_(REBUILDING), order=(table.c.id,))):
            if digest in act.mentions and takes_out(act):
                return act
        return None

    async def _where(self, *conditions: ColumnElement[bool], order: Sequence[ColumnElement[int]]) -> list[Act]:
        table = schema.act
        rows = await self._connection.execute(select(table.c.id, table.c.body).where(*conditions).order_by(*order))
        return [msgspec.structs.replace(_decode(row.body), id=row.id) for row in rows]


class ActsWriter(Acts):
    """Recording acts."""

    async def add(self, act: Act) -> int:
        """Keep an act and give it the next id (the `id` it comes with says nothing); returns the id."""
        row = {name: getattr(act, name) for name in ("partition", "offset", "subject", "story", "alert", "action", "at")}
        row["body"] = msgspec.json.encode(act)
        statement = insert(self._connection, schema.act).values(row).returning(schema.act.c.id)
        return int((await self._connection.execute(statement)).scalar_one())


_decode = msgspec.json.Decoder(Act).decode
