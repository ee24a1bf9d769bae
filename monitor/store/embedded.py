"""The embedded store: one SQLite file in the data folder, its connections and its first opening."""

from pathlib import Path

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, exc
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from monitor.errors import StoreUnavailable, UsageError, failed_zh
from monitor.store.making import current, make_or_migrate

FILE = "store.db"
READERS = 4
BUSY = 5  # seconds a writer waits for one in another process
_CONNECT: dict[str, object] = {"timeout": BUSY, "isolation_level": None}
_PRAGMAS = ("synchronous=FULL", "foreign_keys=ON", "cache_size=-8000", "wal_autocheckpoint=4000", "journal_size_limit=67108864")
_LATER = ("locked", "full", "disk i/o error")


def open_engines(folder: Path) -> tuple[AsyncEngine, AsyncEngine]:
    """The engines that read and that write, over a file that is there and up to date."""
    _make(folder)
    _bring_up(folder / FILE)
    return _engine(folder / FILE, "DEFERRED", READERS, "query_only=ON"), _engine(folder / FILE, "IMMEDIATE", 1)


def needs_migration(folder: Path) -> bool:
    """Whether the file of the folder is of an older release; asks without writing, StoreUnavailable when it cannot be asked."""
    engine = create_engine(URL.create("sqlite", database=str(folder / FILE)), poolclass=NullPool, connect_args=_CONNECT)
    try:
        with engine.connect() as connection:
            return not current(connection)
    except exc.DBAPIError as error:
        raise StoreUnavailable(f"store: {error.orig}") from error
    finally:
        engine.dispose()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"数据目录 {folder} 无法创建 ({failed_zh(error)}): 请检查权限, 或在配置中把 data 改到别处") from error


def _bring_up(file: Path) -> None:
    """Make and migrate; without the event loop, so that nothing comes between: Alembic keeps its state in one place a process."""
    engine = create_engine(URL.create("sqlite", database=str(file)), poolclass=NullPool, connect_args=_CONNECT)
    # WAL is a property of the file: asked for again, nothing is written, so a running writer is not in the way.
    _listen(engine, "DEFERRED", ("journal_mode=WAL", *_PRAGMAS))
    try:
        with engine.begin() as connection:
            done = current(connection)
        if not done:
            with engine.connect() as connection, connection.execution_options(begin="IMMEDIATE").begin():
                make_or_migrate(connection)
    except exc.DBAPIError as error:
        raise _refusal(file, str(error.orig)) from error
    finally:
        engine.dispose()


def _refusal(file: Path, reason: str) -> Exception:
    if any(word in reason.lower() for word in _LATER):
        return StoreUnavailable(f"store: {reason}")
    return UsageError(f"数据库 {file} 无法使用 ({reason}): 请检查权限和磁盘, 或在配置中把 data 改到别处")


def _engine(file: Path, mode: str, size: int, *pragmas: str) -> AsyncEngine:
    url = URL.create("sqlite+aiosqlite", database=str(file))
    engine = create_async_engine(url, pool_size=size, max_overflow=0, pool_timeout=BUSY * 2, connect_args=_CONNECT)
    _listen(engine.sync_engine, mode, (*_PRAGMAS, *pragmas))
    return engine


def _listen(engine: Engine, mode: str, pragmas: tuple[str, ...]) -> None:
    def connected(connection: DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    # The driver would begin late and deferred: a writer must have the lock before it reads what it will compare.
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', mode)}")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
