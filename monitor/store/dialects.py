"""
Where SQLite and PostgreSQL differ, and nowhere else: what the repositories ask for, said so that both do it.

On SQLite a writing unit is alone from its first moment. On PostgreSQL several write at once: what is read to be written again is
locked by who reads it (`alone`, `with_for_update`, which SQLite passes over).
"""

import typing
from collections.abc import AsyncIterator, Callable, Collection, Hashable, Iterator, Sequence
from contextlib import asynccontextmanager
from hashlib import blake2b
from itertools import chain
from operator import itemgetter
from sqlite3 import sqlite_version_info
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Double,
    LargeBinary,
    Select,
    Table,
    Text,
    any_,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from monitor.store.rows import chunks

Values = Sequence[Any]  # of one row, in the order of the columns
PORTION = 2_000  # rows of one statement on PostgreSQL
STEPS = (256, 64, 16, 4, 1)  # and on SQLite: few enough texts for the driver to keep them prepared
VARIABLES = 32_766 if sqlite_version_info >= (3, 32) else 999  # of one statement on SQLite
COPIED: typing.Final = "copied"  # an execution option: the columns whose rows the statement, a table's name, is given by COPY
AS_IT_STANDS: typing.Final = {"no_parameters": True}  # the execution option of a statement that has no parameters, and no answer
_SPELLED: dict[type, str] = {bool: "boolean", int: "bigint", float: "double precision", str: "text", bytes: "bytea"}  # on PostgreSQL
_PLAIN: dict[type, TypeEngine[Any]] = {bool: Boolean(), int: BigInteger(), float: Double(), str: Text(), bytes: LargeBinary()}


def insert(connection: AsyncConnection, table: Table) -> sqlite.Insert:
    """An insert that knows `on_conflict_…`; both backends spell it alike, so SQLite's type stands for both."""
    if _server(connection):
        return typing.cast("sqlite.Insert", postgresql.insert(table))
    return sqlite.insert(table)


class Rows:
    """
    An insert of many rows, whatever it does at a conflict: for each as if it came alone, in their order.

    PostgreSQL takes a portion of the rows as one statement: a column as an array, or as one value where all rows say the same. A statement
    may touch a row once, so a key that comes again waits for the next. SQLite takes some hundred rows as one statement: its driver gives
    up the interpreter lock at each, and a thread that decides or scores is slow to give it back.
    """

    def __init__(
        self, table: Table, names: Sequence[str], at_conflict: Callable[[sqlite.Insert], sqlite.Insert] = lambda insert: insert
    ) -> None:
        self._table, self._names, self._at_conflict = table, tuple(names), at_conflict
        self._marks = f"({', '.join('?' * len(names))})"
        self._key = itemgetter(*(self._names.index(column.name) for column in table.primary_key))
        self._types = [_SPELLED[table.c[name].type.python_type] for name in names]
        self._ends: dict[str, tuple[str, str]] = {}

    async def put_new(self, connection: AsyncConnection, rows: Sequence[Values]) -> None:
        """Insert them where none of them should be there: by COPY on PostgreSQL, IntegrityError when one is. A lone row is `put`."""
        if _server(connection) and len(rows) > 1:  # of one SQLAlchemy makes a statement with its parameters
            await connection.exec_driver_sql(self._table.name, list(rows), execution_options={COPIED: self._names})
        else:
            await self.put(connection, rows)

    async def put(self, connection: AsyncConnection, rows: Sequence[Values]) -> None:
        """Insert them."""
        if _server(connection):
            for chunk in (chunk for portion in self._apart(rows) for chunk in chunks(portion, PORTION)):
                await connection.exec_driver_sql(*self._at_once(connection, chunk))
        else:
            for step in _steps(rows, VARIABLES // len(self._names)):
                text = self._text(connection, f"VALUES {', '.join([self._marks] * len(step))}")
                await connection.exec_driver_sql(text, tuple(chain.from_iterable(step)))

    def _at_once(self, connection: AsyncConnection, rows: Sequence[Values]) -> tuple[str, tuple[Any, ...]]:
        """The statement for rows that all have different keys, and its values."""
        given: list[Any] = []
        taken, arrays, names = [], [], []
        for number, (values, of) in enumerate(zip(zip(*rows, strict=True), self._types, strict=True), 1):
            if values[0] == values[-1] and values.count(values[0]) == len(values):
                given.append(values[0])
                taken.append(f"${number}::{of}")
            else:
                given.append(values)
                taken.append(f"c{number}")
                arrays.append(f"${number}::{of}[]")
                names.append(f"c{number}")
        source = f" FROM unnest({', '.join(arrays)}) AS r({', '.join(names)})" if arrays else ""
        return self._text(connection, f"SELECT {', '.join(taken)}{source}"), tuple(given)

    def _text(self, connection: AsyncConnection, source: str) -> str:
        """The statement that takes its rows from there."""
        dialect = connection.dialect
        if dialect.name not in self._ends:
            statement = self._at_conflict(insert(connection, self._table)).inline().values(dict.fromkeys(self._names, literal_column("?")))
            names = map(dialect.identifier_preparer.quote, self._names)
            end = str(statement.compile(dialect=dialect)).partition(self._marks)[2]
            self._ends[dialect.name] = f"INSERT INTO {self._table.name} ({', '.join(names)}) ", end
        return source.join(self._ends[dialect.name])

    def _apart(self, rows: Sequence[Values]) -> list[Sequence[Values]]:
        """The rows in as few portions as let no key come twice in one, earlier ones first."""
        keys = list(map(self._key, rows))
        if len(set(keys)) == len(rows):
            return [rows]
        times: dict[Hashable, int] = {}
        portions: list[list[Values]] = []
        for key, row in zip(keys, rows, strict=True):
            times[key] = time = times.get(key, 0) + 1
            if time > len(portions):
                portions.append([])
            portions[time - 1].append(row)
        return [*portions]


@asynccontextmanager
async def hoped(connection: AsyncConnection) -> AsyncIterator[None]:
    """On PostgreSQL an IntegrityError in here undoes what was done in here, and no more."""
    if not _server(connection):
        yield
        return
    await connection.exec_driver_sql("SAVEPOINT hoped", execution_options=AS_IT_STANDS)
    try:
        yield
    except IntegrityError:
        await connection.exec_driver_sql("ROLLBACK TO SAVEPOINT hoped", execution_options=AS_IT_STANDS)
        raise


def among(connection: AsyncConnection, wanted: Column[Any], values: Collection[object]) -> ColumnElement[bool]:
    """Whether a column has one of the values; on PostgreSQL they are one parameter, and the statement is the same for any number."""
    if not _server(connection):
        return wanted.in_(values)
    return wanted == any_(literal(list(values), postgresql.ARRAY(_plain(wanted))))


def of_each(connection: AsyncConnection, wanted: Select[Any], key: Column[Any], values: Collection[object]) -> Iterator[Select[Any]]:
    """
    The query for the rows whose key has one of the values, in portions: each value is looked up by itself.

    PostgreSQL cannot know, before it has looked at a new table, that a value names a row or two, and would read all of them: OFFSET
    keeps it from joining as it thinks best.
    """
    if not _server(connection):
        yield from (wanted.where(key.in_(portion)) for portion in chunks(values))
        return
    for portion in chunks(values, PORTION):
        asked = func.unnest(literal(portion, postgresql.ARRAY(_plain(key)))).table_valued(column("value", key.type), name="asked")
        asked = asked.render_derived()
        found = wanted.where(key == asked.c.value).correlate(asked).offset(0).lateral("found")
        yield select(found).select_from(asked).join(found, true())


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


def _steps(rows: Sequence[Values], most: int) -> Iterator[Sequence[Values]]:
    """The rows in the largest steps that fit."""
    at = 0
    for size in STEPS:
        while size <= most and len(rows) - at >= size:
            yield rows[at : at + size]
            at += size
