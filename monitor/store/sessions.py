"""
The store and its two units of work. Nobody commits but the end of an `async with`.

One writer at a time on SQLite: writers of this process take turns here, fairly, instead of polling the file's lock; other
processes are waited for by SQLite itself. Readers never wait for a writer and see one snapshot; a reader that stays open keeps
the write-ahead log from being folded in, so keep units short.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from sqlalchemy import exc
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from monitor.errors import StoreUnavailable
from monitor.store.acts import Acts, ActsWriter
from monitor.store.alerts import Alerts, AlertsWriter
from monitor.store.embedded import open_engines
from monitor.store.mentions import Mentions
from monitor.store.mentions_writing import MentionsWriter
from monitor.store.meta import Meta, MetaWriter
from monitor.store.outbox import Outbox, OutboxWriter
from monitor.store.positions import Positions, PositionsWriter
from monitor.store.spread import Spreads
from monitor.store.stories import Stories, StoriesWriter

TURN = 30.0  # seconds; longer than any honest transaction


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


class Store:
    """The database; safe to use from many tasks of one event loop."""

    def __init__(self, reading: AsyncEngine, writing: AsyncEngine) -> None:
        self._reading = reading
        self._writing = writing
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._commits = 0

    @classmethod
    async def open(cls, url: str, folder: Path) -> "Store":
        """
        Open the store, making and migrating it where needed.

        UsageError: the folder or the file cannot be used as one; StoreUnavailable: it may work later.
        """
        return cls(*open_engines(url, folder))

    async def close(self) -> None:
        """Let go of every connection; safe to call twice."""
        await self._reading.dispose()
        await self._writing.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadUnit]:
        """A unit that only reads."""
        with _unavailable():
            async with self._reading.connect() as connection, connection.begin():
                yield ReadUnit(connection)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteUnit]:
        """A unit that commits at its clean end, and leaves nothing at an exception or a cancellation before that."""
        with _unavailable():
            async with self._my_turn(), self._writing.connect() as connection:
                transaction = await connection.begin()
                try:
                    yield WriteUnit(connection)
                except BaseException:
                    await transaction.rollback()
                    raise
                await self._commit(connection)

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
            async with asyncio.timeout(TURN):  # not wait_for: before 3.12 it may swallow a cancellation
                await self._turn.acquire()
        except TimeoutError as error:
            raise StoreUnavailable(f"no turn to write within {TURN:.0f} s") from error
        try:
            yield
        finally:
            self._turn.release()

    async def _commit(self, connection: AsyncConnection) -> None:
        # A commit under way is finished even when its task is cancelled: the next writer must know where it stands.
        task = asyncio.create_task(self._committed(connection))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # looked at: who was cancelled no longer asks
            raise

    async def _committed(self, connection: AsyncConnection) -> None:
        await connection.commit()
        self._commits += 1
        self._changed.set()
        self._changed = asyncio.Event()


@contextmanager
def _unavailable() -> Iterator[None]:
    """What the database says of its own state (locked, full, unreadable, no connection free) becomes StoreUnavailable."""
    try:
        yield
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
        raise StoreUnavailable(_reason(error)) from error
    except exc.DatabaseError as error:
        if isinstance(error, exc.IntegrityError | exc.ProgrammingError | exc.DataError | exc.NotSupportedError):
            raise
        raise StoreUnavailable(_reason(error)) from error


def _reason(error: exc.SQLAlchemyError) -> str:
    """The driver's own words, without the statement and its values: those are people's words."""
    return f"store: {error.orig}" if isinstance(error, exc.DBAPIError) else f"store: {type(error).__name__}"
