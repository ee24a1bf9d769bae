"""
The PostgreSQL store: its connections and its first opening.

Made for a pooler that gives a connection for one transaction: nothing is prepared by name, nothing is set for longer than a
transaction, nothing is locked for longer, and nobody LISTENs. Reading units are REPEATABLE READ READ ONLY, so each sees one moment;
writing units are READ COMMITTED and lock what they read to write it again (`dialects.py`).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from secrets import token_hex
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from sqlalchemy import Connection, ExceptionContext, NullPool, event, exc, text
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from monitor.database import EXAMPLE, database_fault, shown
from monitor.errors import StoreUnavailable, UsageError
from monitor.store.dialects import AS_IT_STANDS, COPIED, alone
from monitor.store.making import current, make_or_migrate
from monitor.store.schema import ALERT_SEQ

SERVER: Final = "PostgreSQL"
READERS: Final = 5
WRITERS: Final = 3
CONNECT: Final = 5.0  # seconds to be let in
POOL: Final = 4.0  # seconds to wait for a free connection
LOCK: Final = 5  # seconds a statement waits for a row that somebody else writes
READING: Final = 8  # seconds a statement may take: a question is answered, or given up, within ten
WRITING: Final = 60  # a merge of stories may touch some 100,000 rows at once
IDLE: Final = 10  # seconds a stopped process may sit on its locks
OLDEST = (13,)
_PLAIN: Final = "yuqing"  # what SQLAlchemy finds our dialect by
_MIGRATING: Final = 600
_UNIT: Final = "yuqing"  # the name of a session while it is in a unit of ours
_REFUSED = ("28", "3D")  # not let in, no such database: SQLSTATE by its first letters
_FORBIDDEN = "42501"
# Between a statement's preparation and its values, or within a COPY, a session is not idle, and only the bound of the statement holds
_STALLED = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user"  # noqa: S608 - ours
    f" AND application_name = '{_UNIT}' AND state = 'active' AND wait_event = 'ClientRead'"
    f" AND state_change < clock_timestamp() - interval '{IDLE} s'"
)


class _Plain(PGDialect_asyncpg):
    """
    Without codecs for JSON: to set them asks the server outside of a transaction, and nothing here is JSON to the server.

    What says so goes over as it stands, or row by row by COPY: SQLAlchemy would have each statement prepared, an exchange more.
    """

    supports_statement_cache = True

    def on_connect(self) -> None:
        return None

    def do_execute_no_params(self, cursor: Any, statement: str, context: Any = None) -> None:  # noqa: ARG002 - SQLAlchemy's
        await_only(_sent(cursor, lambda connection: connection.execute(statement)))

    def do_executemany(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        if (columns := context.execution_options.get(COPIED)) is None:
            cursor.executemany(statement, parameters)
        else:
            await_only(_sent(cursor, lambda connection: connection.copy_records_to_table(statement, records=parameters, columns=columns)))


async def _sent(cursor: Any, send: Callable[[Any], Awaitable[object]]) -> None:
    """By the driver's own connection, and with its errors, as SQLAlchemy does whatever it sends itself."""
    adapted = cursor._adapt_connection  # noqa: SLF001 - there is no other way to either
    async with adapted._execute_mutex:  # noqa: SLF001 - as above
        if adapted._transaction is None:  # noqa: SLF001
            await adapted._start_transaction()  # noqa: SLF001
        try:
            await send(adapted._connection)  # noqa: SLF001
        except Exception as error:  # noqa: BLE001 - told apart by what it calls, which raises it or what it is to SQLAlchemy
            adapted._handle_exception(error)  # noqa: SLF001


async def open_engines(url: str) -> tuple[AsyncEngine, AsyncEngine]:
    """
    The engines that read and that write, over a database that is there and up to date.

    UsageError: the address, the database or our rights in it are not right; StoreUnavailable: it may work later.
    """
    if fault := database_fault(url):
        raise UsageError(f"store 的地址不对: {fault}; 请写成 {EXAMPLE}")
    await _bring_up(url)
    reading = _engine(url, READERS, READING, isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return reading, _engine(url, WRITERS, WRITING, isolation_level="READ COMMITTED")


class Glance:
    """
    What is asked outside of units, as the newest seq: in one exchange with the server, on a connection of its own.

    COPY is what brings a value back without a statement being prepared first, which takes a transaction where a pooler is between.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Any = None
        self._turn = asyncio.Lock()

    async def seq(self) -> int:
        """The newest change; StoreUnavailable when it cannot be told within some seconds."""
        return int(await self._answered(f"SELECT value FROM sequence WHERE name = '{ALERT_SEQ}'"))  # noqa: S608 - ours

    async def free(self) -> None:
        """End the units of ours that have waited in the middle of a statement for a client that says nothing. Errors as of `seq`."""
        await self._answered(_STALLED)

    async def _answered(self, query: str) -> bytes:
        async with self._turn:
            try:
                try:
                    return await self._asked(query)
                except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.OperatorInterventionError):
                    self.close()  # kept from before, and lost since
                    return await self._asked(query)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                self.close()
                raise StoreUnavailable(f"store: {str(error) or type(error).__name__}", server=SERVER) from error
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Let go of the connection; the next look makes another."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _asked(self, query: str) -> bytes:
        if self._connection is None:
            self._connection = await asyncpg.connect(dsn=self._url, timeout=CONNECT, command_timeout=CONNECT, statement_cache_size=0)
        found = bytearray()

        async def take(part: bytes) -> None:
            found.extend(part)

        await self._connection.copy_from_query(query, output=take)
        return bytes(found)


def _engine(url: str, size: int, longest: int, **options: Any) -> AsyncEngine:
    engine = _made(
        url, longest, execution_options=options, pool_size=size, max_overflow=0, pool_timeout=POOL, pool_use_lifo=True,
        hide_parameters=True,
    )  # fmt: skip
    _listen(engine, f"{longest}s")
    return engine


def _made(url: str, longest: int, **options: Any) -> AsyncEngine:
    """`command_timeout` is for a server that does not answer at all: a little after it should have given up by itself."""
    registry.register(f"postgresql.{_PLAIN}", __name__, _Plain.__name__)
    connect = {
        "dsn": url, "timeout": CONNECT, "command_timeout": longest + 1, "statement_cache_size": 0, "prepared_statement_cache_size": 0,
    }  # fmt: skip
    return create_async_engine(f"postgresql+{_PLAIN}://", connect_args=connect, **options)


def _listen(engine: AsyncEngine, longest: str) -> None:
    bounds = {"lock_timeout": f"{LOCK}s", "statement_timeout": longest, "idle_in_transaction_session_timeout": f"{IDLE}s"}
    # What is asked for by key is in memory or on a disk without arms: taken for dear, a growing table is read whole for each batch
    others = {"jit": "off", "random_page_cost": "1.1", "application_name": _UNIT}
    setting = "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in (bounds | others).items())

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(setting, execution_options=AS_IT_STANDS)

    event.listen(engine.sync_engine, "begin", begun)
    event.listen(engine.sync_engine, "handle_error", _lost)


def _lost(context: ExceptionContext) -> BaseException | None:
    """
    What the network or a bound of time does to a statement is no error of the database's.

    What the driver raises while rows are streamed reaches us as it is: SQLAlchemy translates only what sending a statement raises.
    """
    error = context.original_exception
    if isinstance(error, (OSError, TimeoutError)):
        context.is_disconnect = True
        raise StoreUnavailable(f"store: {type(error).__name__}", server=SERVER) from error
    if not isinstance(error, (asyncpg.PostgresError, asyncpg.InterfaceError)) or context.connection is None:
        return None
    adapted: Any = context.connection.connection.dbapi_connection
    context.is_disconnect = adapted._connection.is_closed()  # noqa: SLF001 - what it asks itself
    dbapi = context.dialect.loaded_dbapi
    try:
        adapted._handle_exception(error)  # noqa: SLF001 - raises what it is to SQLAlchemy
    except dbapi.Error as translated:
        return exc.DBAPIError.instance(context.statement, None, translated, dbapi.Error, hide_parameters=True, dialect=context.dialect)
    return None


@asynccontextmanager
async def scratch_database(url: str) -> AsyncIterator[str]:
    """A new database on the same server, for a measurement; gone at the end. UsageError: we may not make one."""
    name = f"yuqing_bench_{token_hex(6)}"
    try:
        server = await asyncpg.connect(dsn=url, timeout=CONNECT, statement_cache_size=0)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise _refusal(url, error) from error
    try:
        try:
            await server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        except asyncpg.PostgresError as error:
            raise UsageError(f"测量要建一个临时的数据库, 这个账号建不了 ({error}); 请给它 CREATEDB 权限") from error
        try:
            parts = urlsplit(url)
            yield urlunsplit(parts._replace(path=f"/{name}"))
        finally:
            await server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    finally:
        await server.close()


async def needs_migration(url: str) -> bool:
    """Whether the database is of an older release; asks without writing. Errors as of `open_engines`."""
    async with _once(url) as connection:
        return not await connection.run_sync(current)


async def _bring_up(url: str) -> None:
    """Make and migrate; of several that come at once one does it, the others wait."""
    async with _once(url) as connection:
        await _check(connection, url)
        if await connection.run_sync(current):
            return
    async with _once(url) as connection:
        await alone(connection, "migration")
        if not await connection.run_sync(current):
            await connection.run_sync(make_or_migrate)


@asynccontextmanager
async def _once(url: str) -> AsyncIterator[AsyncConnection]:
    """A transaction on a connection of its own."""
    engine = _made(url, _MIGRATING, poolclass=NullPool)
    try:
        async with engine.connect() as connection, connection.begin():
            yield connection
    except (exc.DBAPIError, OSError, TimeoutError) as error:
        raise _refusal(url, error) from error
    finally:
        await engine.dispose()


async def _check(connection: AsyncConnection, url: str) -> None:
    version = connection.dialect.server_version_info or ()
    if version < OLDEST:
        raise UsageError(f"数据库 {shown(url)} 的 PostgreSQL 是 {'.'.join(map(str, version))} 版, 需要 {OLDEST[0]} 版或更新")
    encoding = (await connection.execute(text("SHOW server_encoding"))).scalar_one()
    if encoding != "UTF8":
        raise UsageError(
            f"数据库 {shown(url)} 的编码是 {encoding}, 需要 UTF8: 请用 CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0 另建"
        )


def _refusal(url: str, error: Exception) -> Exception:
    state = getattr(getattr(error, "orig", error), "sqlstate", None) or ""
    if state.startswith(_REFUSED):
        return UsageError(f"数据库 {shown(url)} 不接受连接 ({_words(error)}): 请检查 store 中的用户、密码和库名")
    if state == _FORBIDDEN:
        what, lacks = ("不能建表", "建表的权限") if "for schema" in _words(error) else ("权限不够", "建表和读写已有各表的权限")
        return UsageError(f"数据库 {shown(url)} 里{what} ({_words(error)}): 请给这个用户{lacks}")
    return StoreUnavailable(f"数据库 {shown(url)} 现在连接不上 ({_words(error)})", server=SERVER)


def _words(error: Exception) -> str:
    said = error.orig if isinstance(error, exc.DBAPIError) else error
    return str(said).strip() or type(said).__name__
