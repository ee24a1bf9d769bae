"""
The embedded log's file, `bus.db`: one sqlite3 connection and the transactions over it.

Synchronous: `sqlite.py` calls it from its threads.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from monitor.bus import sqlite_rows as rows
from monitor.bus.base import TOPICS, Outcome, Stored
from monitor.bus.sqlite_plan import Item, Picture, Place, Plan
from monitor.errors import BusFull, BusUnavailable, UsageError
from monitor.settings import Retention

FORMAT = 1
WAL_PAGES = 8_000  # before a checkpoint: identities fall all over their tree, a longer WAL writes each of its pages once
WAL_BYTES = 64 << 20


class NoRoom(BusUnavailable):
    """The disk, or the bound of the file, has no room for this transaction; a smaller one may fit."""


class BusFile:
    """One connection to the file, opened when needed and again after a failure."""

    def __init__(self, folder: Path, *, busy: float, max_bytes: int | None = None) -> None:
        self.path = folder / "bus.db"
        self._busy = busy
        self._max_bytes = max_bytes
        self._open: sqlite3.Connection | None = None
        self._inode = 0

    def create(self, partitions: int) -> None:
        """Make the file where there is none; UsageError when it cannot be ours."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._open = self._connect("rwc")
            self._check(self._open, partitions)
        except (OSError, sqlite3.Error) as error:
            self.close()
            raise UsageError(f"{self.path}: 无法作为消息日志使用 ({error}); 请检查数据目录是否存在, 可写, 磁盘是否已满") from error
        except UsageError:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file; safe to call twice."""
        connection, self._open = self._open, None
        if connection:
            with suppress(sqlite3.Error):
                connection.close()

    def write(self, items: Sequence[Item], max_backlog: int, now: int) -> list[list[Outcome] | BusFull]:
        """Write all items that may be written in one durable transaction; one answer an item."""
        with self._transaction() as connection:
            plan = Plan(rows.picture(connection, items), max_backlog)
            answers = [plan.add(item) for item in items]
            rows.store(connection, plan, now)
        return answers

    def read(self, place: Place, offset: int, limit: int) -> list[Stored]:
        """At most `limit` records from `offset` on, fewer when they are large."""
        with self._transaction("BEGIN") as connection:
            log = rows.logs(connection)[place]
            start = max(offset, log.low)
            stop = min(start + limit, log.next)
            batches = rows.batches(connection, log, start, stop) if start < stop else []
        return [record for batch in batches for record in rows.unpack(batch, place, start, stop)]

    def picture(self) -> Picture:
        """What the file holds now, identities and names apart."""
        with self._transaction("BEGIN") as connection:
            return rows.picture(connection, ())

    def named(self, topic: str, once: str) -> bool:
        """Whether an append of that name is in the file."""
        with self._transaction("BEGIN") as connection:
            return bool(rows.names(connection, {(topic, once)}))

    def expire(self, retention: Retention, now: int) -> tuple[int, bool]:
        """Remove one small chunk of what may go; how many records, and whether there may be more."""
        with self._transaction() as connection:
            removed, more = rows.pass_over(connection, rows.picture(connection, ()), retention, now)
            return removed, rows.forget(connection, now - retention.identity) or more

    def _check(self, connection: sqlite3.Connection, partitions: int) -> None:
        (form,) = connection.execute("PRAGMA user_version").fetchone()
        if form == 0:
            places = [(topic, partition) for topic in TOPICS for partition in range(partitions)]
            with _atomic(connection, "BEGIN IMMEDIATE"):
                for statement in rows.SCHEMA.split(";"):
                    connection.execute(statement)
                connection.executemany("INSERT INTO log (topic, partition) VALUES (?, ?)", places)
                connection.execute(f"PRAGMA user_version = {FORMAT}")
        elif form != FORMAT:
            raise UsageError(f"{self.path}: 由另一版本写成 (格式 {form}, 本版本为 {FORMAT}); 请使用相应版本, 或另设数据目录")
        found = len(rows.logs(connection)) // len(TOPICS)
        if found != partitions:
            raise UsageError(f"{self.path}: 已有 {found} 个分区, 与设置的 {partitions} 个不符; 请改回设置, 或另设数据目录")

    def _connect(self, mode: str) -> sqlite3.Connection:
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=self._busy, isolation_level=None, check_same_thread=False)
        try:
            self._inode = self.path.stat().st_ino
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
            connection.execute("PRAGMA cache_size = -4000")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
            if self._max_bytes:
                (page,) = connection.execute("PRAGMA page_size").fetchone()
                connection.execute(f"PRAGMA max_page_count = {self._max_bytes // page}")
        except (OSError, sqlite3.Error):
            connection.close()
            raise
        return connection

    def _connected(self) -> sqlite3.Connection:
        """The open connection; a file removed or replaced under it would take what we write with it, so that is looked at each time."""
        if self._open is None:
            self._open = self._connect("rw")
        try:
            present = self.path.stat().st_ino == self._inode
        except OSError:
            present = False
        if not present:
            raise sqlite3.OperationalError("the file was removed or replaced while it was open")
        return self._open

    @contextmanager
    def _transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """
        All of it durably or nothing; whatever fails is BusUnavailable.

        After a failure the file is opened anew, since the connection's state is not to be trusted; it is never made anew:
        a log that went away is an error, not an empty log.
        """
        try:
            with _atomic(self._connected(), begin) as connection:
                yield connection
        except (OSError, sqlite3.Error) as error:
            self.close()
            kind = NoRoom if getattr(error, "sqlite_errorname", "") in {"SQLITE_FULL", "SQLITE_TOOBIG"} else BusUnavailable
            raise kind(f"{self.path}: {error}") from error


@contextmanager
def _atomic(connection: sqlite3.Connection, begin: str) -> Iterator[sqlite3.Connection]:
    connection.execute(begin)
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has already rolled it back
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise
