"""Small things kept by name, and the answers already given to an Idempotency-Key."""

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.store import schema
from monitor.store.dialects import alone, insert
from monitor.store.rows import findable


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """An answer given before, to be given again when the same request comes again."""

    caller: str
    path: str
    key: str
    body_hash: bytes
    status: int
    etag: str | None
    response: bytes
    at: int


class Meta:
    """Reading."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, key: str) -> bytes | None:
        """The value kept under that name."""
        table = schema.meta
        return (await self._connection.execute(select(table.c.value).where(table.c.key == key))).scalar_one_or_none()

    async def answered(self, caller: str, path: str, key: str, since: int) -> Answered | None:
        """The answer given under that key at `since` or later."""
        if not findable(caller, path, key):
            return None
        table = schema.idempotency
        same = (table.c.caller == caller, table.c.path == path, table.c.key == key, table.c.at >= since)
        row = (await self._connection.execute(select(table).where(*same))).one_or_none()
        return Answered(**row._asdict()) if row else None


class MetaWriter(Meta):
    """Keeping. What is asked for here is what somebody may put next: until the end nobody else asks for the same here."""

    async def get(self, key: str) -> bytes | None:
        await alone(self._connection, "meta", key)
        return await super().get(key)

    async def answered(self, caller: str, path: str, key: str, since: int) -> Answered | None:
        await alone(self._connection, "answer", caller, path, key)
        return await super().answered(caller, path, key, since)

    async def put(self, key: str, value: bytes) -> None:
        """Keep a value under that name, instead of any before."""
        statement = insert(self._connection, schema.meta).values(key=key, value=value)
        kept = {"value": statement.excluded.value}
        await self._connection.execute(statement.on_conflict_do_update(index_elements=[schema.meta.c.key], set_=kept))

    async def answer(self, answered: Answered) -> None:
        """Remember an answer, in the transaction of what it answers; one too old to be given again is replaced."""
        table = schema.idempotency
        statement = insert(self._connection, table).values(msgspec.structs.asdict(answered))
        kept = {name: statement.excluded[name] for name in ("body_hash", "status", "etag", "response", "at")}
        await self._connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=kept))

    async def forget_answers(self, before: int) -> int:
        """Drop the answers given before that moment; returns how many."""
        return (await self._connection.execute(delete(schema.idempotency).where(schema.idempotency.c.at < before))).rowcount
