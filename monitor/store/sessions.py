"""
The store and its two units of work. Nobody commits but the end of an `async with`.

One writer at a time on SQLite: writers of this process take turns here, fairly, instead of polling the file's lock; other
processes are waited for by SQLite itself. Readers never wait for a writer and see one snapshot; a reader that stays open keeps
the write-ahead log from being folded in, so keep units short.

On PostgreSQL some writers work at once, and other processes with them: whoever reads in a writing unit what it will write again
holds it until the end (positions, what is kept by name, answers given), so a unit does there what it does alone. A connection that
is lost, a lock that does not come, a deadlock: the unit failed as StoreUnavailable, and may be done again. Only when it was lost at
the very commit nobody knows whether it happened: what is done again must find out (a position moves by compare-and-set).
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from sqlalchemy import exc
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncTransaction
from sqlalchemy.pool import QueuePool

from monitor.errors import StoreUnavailable
from monitor.store.acts import Acts, ActsWriter
from monitor.store.alerts import Alerts, AlertsWriter
from monitor.store.leases import Leases, LeasesWriter
from monitor.store.mentions import Mentions
from monitor.store.mentions_writing import MentionsWriter
from monitor.store.meta import Meta, MetaWriter
from monitor.store.newest import Glance, Server, Shared
from monitor.store.opinions import Opinions
from monitor.store.outbox import Outbox, OutboxWriter
from monitor.store.positions import Positions, PositionsWriter
from monitor.store.spread import Spreads
from monitor.store.stories import Stories, StoriesWriter

EMBEDDED = "sqlite"
TURN = 30.0  # seconds; longer than any honest transaction
_SHARED_TURN = 8.0  # where others write at once it does not take that long
_BEGIN = 6.0  # seconds for a server to begin a transaction
_KEPT = 3  # connections kept from before that may turn out dead: at the first the pool forgets them all
_FORBIDDEN = "42501"
_LOCKED = "55P03"
# SQLSTATE by its first letters: connection, rollback (deadlock), resources, operator, system; and whole: idle too long, read only, lock
_LATER = ("08", "40", "53", "57", "58", "25P03", "25P04", "25006", _LOCKED, _FORBIDDEN)


class ReadUnit:
    """One snapshot, and the repositories that read it."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.positions = Positions(connection)
        self.mentions = Mentions(connection)
        self.stories = Stories(connection)
        self.alerts = Alerts(connection)
        self.outbox = Outbox(connection)
        self.acts = Acts(connection)
        self.meta = Meta(connection)
        self.spread = Spreads(connection)
        self.opinions = Opinions(connection)
        self.leases = Leases(connection)


class WriteUnit:
    """One transaction: all the repositories with their writing methods too. Everything in it happens, or nothing does."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.positions = PositionsWriter(connection)
        self.mentions = MentionsWriter(connection)
        self.stories = StoriesWriter(connection)
        self.alerts = AlertsWriter(connection)
        self.outbox = OutboxWriter(connection)
        self.acts = ActsWriter(connection)
        self.meta = MetaWriter(connection)
        self.spread = Spreads(connection)
        self.opinions = Opinions(connection)
        self.leases = LeasesWriter(connection)


class Store:
    """
    The database; safe to use from many tasks of one event loop.

    `server`: what looks up the newest seq on a server, for a database that is `shared`: other processes may write to it, too.
    """

    def __init__(self, reading: AsyncEngine, writing: AsyncEngine, server: Server | None = None, *, writers: int = 1) -> None:
        self._reading = reading
        self._writing = writing
        self._server = server
        self._turn = asyncio.Semaphore(writers)
        self.shared = server is not None
        self._patience = _SHARED_TURN if self.shared else TURN
        self._bound = _BEGIN if self.shared else None
        self._changed = asyncio.Event()
        self._commits = 0
        database = reading.url.database
        self._glance = Glance(Path(database)) if reading.dialect.name == "sqlite" and database else None
        self._newest = Shared(self._look)

    @classmethod
    async def open(cls, url: str, folder: Path) -> "Store":
        """
        Open the store, making and migrating it where needed. `url`: sqlite (in the folder), or that of a PostgreSQL database.

        UsageError: the folder, the file or the database cannot be used as one; StoreUnavailable: it may work later.
        """
        # What is not used is not loaded: each is some megabytes
        if url == EMBEDDED:
            from monitor.store import embedded  # noqa: PLC0415

            return cls(*embedded.open_engines(folder))
        from monitor.store import postgresql  # noqa: PLC0415

        return cls(*await postgresql.open_engines(url), postgresql.Glance(url), writers=postgresql.WRITERS)

    @staticmethod
    async def outdated(url: str, folder: Path) -> bool:
        """Whether its tables are of an older release (or not there yet); asks without writing. Errors as of `open`."""
        if url == EMBEDDED:
            from monitor.store import embedded  # noqa: PLC0415

            return embedded.needs_migration(folder)
        from monitor.store import postgresql  # noqa: PLC0415

        return await postgresql.needs_migration(url)

    async def close(self) -> None:
        """Let go of every connection; safe to call twice."""
        if self._glance:
            self._glance.close()
        if self._server:
            self._server.close()
        for engine in (self._reading, self._writing):
            await _given_back(engine)
            await engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadUnit]:
        """A unit that only reads."""
        with _unavailable(self._reading):
            async with _begun(self._reading, self._bound) as (connection, _):
                yield ReadUnit(connection)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteUnit]:
        """A unit that commits at its clean end, and leaves nothing at an exception or a cancellation before that."""
        try:
            with _unavailable(self._writing):
                async with self._my_turn(), _begun(self._writing, self._bound) as (connection, transaction):
                    yield WriteUnit(connection)
                    await self._commit(transaction)
        except StoreUnavailable as error:
            if self._server and _state(error.__cause__) == _LOCKED:
                with suppress(StoreUnavailable):
                    await self._server.free()
            raise

    async def newest_seq(self) -> int:
        """The newest change of an alert, of any process, as of no earlier than this call; cheap enough to ask at every request."""
        seen = self._glance.seq() if self._glance else None
        return await self._newest.seq() if seen is None else seen

    async def _look(self) -> int:
        if self._server:
            return await self._server.seq()
        async with self.read() as unit:
            return await unit.alerts.newest_seq()

    @property
    def commits(self) -> int:
        """How many units of this process were committed: read it before you read, give it to `wait_change` after."""
        return self._commits

    async def wait_change(self, timeout: float, since: int | None = None) -> None:  # noqa: ASYNC109 - a bound, not an error
        """Return when a unit of this process is committed (at once when one was after `since`), or after `timeout` seconds."""
        if since is not None and since != self._commits:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._changed.wait()

    @asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._patience):  # not wait_for: before 3.12 it may swallow a cancellation
                await self._turn.acquire()
        except TimeoutError as error:
            raise StoreUnavailable(f"no turn to write within {self._patience:.0f} s") from error
        try:
            yield
        finally:
            self._turn.release()

    async def _commit(self, transaction: AsyncTransaction) -> None:
        # A commit under way is finished even when its task is cancelled: the next writer must know where it stands.
        task = asyncio.create_task(self._committed(transaction))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # looked at: who was cancelled no longer asks
            raise

    async def _committed(self, transaction: AsyncTransaction) -> None:
        await transaction.commit()
        self._commits += 1
        self._changed.set()
        self._changed = asyncio.Event()


@asynccontextmanager
async def _begun(engine: AsyncEngine, within: float | None) -> AsyncIterator[tuple[AsyncConnection, AsyncTransaction]]:
    """A connection with a transaction begun, rolled back at the end unless it was committed."""
    connection, transaction = await _begin(engine, within)
    try:
        yield connection, transaction
    finally:
        # What is lost with its connection is rolled back by the server: the first error is the one to tell
        with suppress(exc.SQLAlchemyError, StoreUnavailable):
            await transaction.close()
        await connection.close()


async def _begin(engine: AsyncEngine, within: float | None) -> tuple[AsyncConnection, AsyncTransaction]:
    """Nothing has been done yet: when a connection kept from before turns out to be dead, a new one is tried."""
    try:
        async with asyncio.timeout(within):
            for _ in range(_KEPT):
                connection = await _connected(engine)
                try:
                    return connection, await connection.begin()
                except BaseException as error:
                    await connection.close()
                    if not (isinstance(error, exc.DBAPIError) and error.connection_invalidated):
                        raise
    except (OSError, TimeoutError) as error:
        raise StoreUnavailable(f"store: {str(error) or type(error).__name__}", server=_server(engine)) from error
    raise StoreUnavailable("store: every connection was lost", server=_server(engine))


async def _connected(engine: AsyncEngine) -> AsyncConnection:
    """Whatever keeps us out now (the database is being restored, the password is another), it was right when we opened it."""
    try:
        return await engine.connect()
    except exc.DBAPIError as error:
        raise _lost(engine, error) from error


@contextmanager
def _unavailable(engine: AsyncEngine) -> Iterator[None]:
    """What the database says of its own state (locked, full, unreadable, no connection free) becomes StoreUnavailable."""
    try:
        yield
    except exc.SQLAlchemyError as error:
        if not may_pass(error):
            raise
        raise _lost(engine, error) from error


def may_pass(error: BaseException) -> bool:
    """Whether what was raised within a unit is the database's state and not what it was asked: at its end it is StoreUnavailable."""
    return isinstance(error, exc.TimeoutError) or (isinstance(error, exc.DBAPIError) and not _ours(error))


def _ours(error: exc.DBAPIError) -> bool:
    """Whether it is a mistake of ours: the same again would fail again."""
    state = _state(error)
    if state is not None:
        return not state.startswith(_LATER)
    if isinstance(error, exc.IntegrityError | exc.ProgrammingError | exc.DataError | exc.NotSupportedError):
        return True
    return isinstance(getattr(error.orig, "__cause__", None), ValueError)  # a value the driver cannot send


def _state(error: BaseException | None) -> str | None:
    """The server's SQLSTATE of what the driver raised; None where there is none."""
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def _lost(engine: AsyncEngine, error: exc.SQLAlchemyError) -> StoreUnavailable:
    """In the driver's own words, without the statement and its values: those are people's words."""
    said = str(error.orig) if isinstance(error, exc.DBAPIError) else type(error).__name__
    if _state(error) == _FORBIDDEN:
        said += "; 请给 store 里的用户读写各表的权限"
    return StoreUnavailable(f"store: {said}", server=_server(engine))


def _server(engine: AsyncEngine) -> str:
    return "PostgreSQL" if engine.dialect.name == "postgresql" else ""


async def _given_back(engine: AsyncEngine) -> None:
    """Wait a moment for connections of units that were cancelled: cut off while they roll back, they fill the log with tracebacks."""
    pool = engine.sync_engine.pool
    for _ in range(100):
        if not isinstance(pool, QueuePool) or not pool.checkedout():
            return
        await asyncio.sleep(0.01)
