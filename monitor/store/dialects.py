"""
Where SQLite and PostgreSQL differ, and nowhere else: what the repositories ask for, said so that both do it.

On SQLite a writing unit is alone from its first moment. On PostgreSQL several write at once: what is read to be written again is
locked by who reads it (`alone`, `with_for_update`, which SQLite passes over).
"""

import typing
from collections.abc import Collection, Sequence
from hashlib import blake2b
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Double,
    LargeBinary,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from monitor.store.rows import chunks

Row = dict[str, Any]
_PLAIN: dict[type, TypeEngine[Any]] = {bool: Boolean(), int: BigInteger(), float: Double(), str: Text(), bytes: LargeBinary()}


def insert(connection: AsyncConnection, table: Table) -> sqlite.Insert:
    """An insert that knows `on_conflict_…`; both backends spell it alike, so SQLite's type stands for both."""
    if _server(connection):
        return typing.cast("sqlite.Insert", postgresql.insert(table))
    return sqlite.insert(table)


async def insert_rows(connection: AsyncConnection, statement: sqlite.Insert, rows: Sequence[Row]) -> None:
    """
    Run an insert for each of many rows, in their order, whatever it does at a conflict.

    PostgreSQL takes a portion of them as one statement, a column an array: three times as fast as row by row, and no number of
    rows meets the limit of parameters. One statement may touch a row once, so a key that comes again waits for the next.
    """
    if not _server(connection):
        await connection.execute(statement, list(rows))
        return
    for portion in _apart(rows, [key.name for key in statement.table.primary_key]):
        for chunk in chunks(portion):
            columns = [statement.table.c[name] for name in chunk[0]]
            arrays = (bindparam(f"all_{each.name}", [row[each.name] for row in chunk], postgresql.ARRAY(_plain(each))) for each in columns)
            source = func.unnest(*arrays).table_valued(*(column(each.name, _plain(each)) for each in columns), name="rows").render_derived()
            await connection.execute(statement.from_select([each.name for each in columns], select(source)))


def among(connection: AsyncConnection, wanted: Column[Any], values: Collection[object]) -> ColumnElement[bool]:
    """Whether a column has one of the values; on PostgreSQL they are one parameter, and the statement is the same for any number."""
    if not _server(connection):
        return wanted.in_(values)
    return wanted == any_(literal(list(values), postgresql.ARRAY(_plain(wanted))))


def holds(connection: AsyncConnection, body: Column[bytes], part: bytes) -> ColumnElement[bool]:
    """Whether bytes have these in them somewhere."""
    if _server(connection):
        return func.position(literal(part, LargeBinary).op("IN")(body)) > 0
    return func.instr(body, part) > 0


def now(connection: AsyncConnection) -> ColumnElement[int]:
    """The moment by the database's own clock, micros; on SQLite by milliseconds."""
    if _server(connection):
        return cast(func.extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger)
    return cast((func.julianday("now") - 2_440_587.5) * 86_400_000_000, BigInteger)


async def alone(connection: AsyncConnection, *words: str) -> None:
    """Until this transaction ends nobody else comes past this line with the same words; for what may not be there to be locked."""
    if _server(connection):
        key = int.from_bytes(blake2b("\0".join(words).encode(), digest_size=8, person=b"yuqing store").digest(), "big", signed=True)
        await connection.execute(select(func.pg_advisory_xact_lock(literal(key, BigInteger))))


def _server(connection: AsyncConnection) -> bool:
    return connection.dialect.name == "postgresql"


def _plain(of: ColumnElement[Any]) -> TypeEngine[Any]:
    """The type of a column as an array's: its collation is the column's business."""
    return _PLAIN[of.type.python_type]


def _apart(rows: Sequence[Row], key: Sequence[str]) -> list[list[Row]]:
    """The rows in as few portions as let no key come twice in one, earlier ones first."""
    times: dict[tuple[Any, ...], int] = {}
    portions: list[list[Row]] = []
    for row in rows:
        this = tuple(row.get(name) for name in key)
        times[this] = time = times.get(this, 0) + 1
        if time > len(portions):
            portions.append([])
        portions[time - 1].append(row)
    return portions
