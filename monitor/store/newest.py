"""
How far the alerts have come, looked up once for all who ask at the same time: every poll asks.

On SQLite it is read on the event loop, by a connection of its own: about 10 µs, for what is asked is one row that is always in memory,
and readers of a write-ahead log wait for nobody. A unit of the pool, with its thread, takes a hundred times that. A server is asked in one
exchange, where a unit takes six.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Protocol

from monitor.store.schema import ALERT_SEQ

_ASK = "SELECT value FROM sequence WHERE name = ?"


class Glance:
    """The newest seq in a SQLite file, without waiting."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._connection: sqlite3.Connection | None = None

    def seq(self) -> int | None:
        """The newest change; None when it cannot be told at once."""
        try:
            if self._connection is None:
                address = f"{self._file.absolute().as_uri()}?mode=rw"
                self._connection = sqlite3.connect(address, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
            with closing(self._connection.execute(_ASK, (ALERT_SEQ,))) as found:
                rows = found.fetchall()  # to the end, or the file would stay in use
        except sqlite3.Error:
            self.close()
            return None
        return int(rows[0][0]) if rows else None

    def close(self) -> None:
        """Let go of the file; the next look opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Server(Protocol):
    """Asks a server outside of any unit; one question at a time."""

    async def seq(self) -> int:
        """The newest change; StoreUnavailable when it cannot be told."""
        ...

    async def free(self) -> None:
        """End units of processes that stand still in the middle of a statement: nobody else ends those. StoreUnavailable as above."""
        ...

    def close(self) -> None:
        """Let go of the connection; the next question makes another."""
        ...


class Shared:
    """A look that many share: who comes while one is under way waits for the next, so nobody is told what was before they asked."""

    def __init__(self, look: Callable[[], Awaitable[int]]) -> None:
        self._look = look
        self._under_way: asyncio.Task[int] | None = None
        self._next: asyncio.Task[int] | None = None

    async def seq(self) -> int:
        """What a look finds that began no earlier than this call; its error is everybody's."""
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._under_way))
            self._next.add_done_callback(_looked_at)
        return await asyncio.shield(self._next)

    async def _after(self, before: asyncio.Task[int] | None) -> int:
        if before is not None:
            await asyncio.wait([before])
        self._under_way, self._next = self._next, None
        return await self._look()


def _looked_at(task: asyncio.Task[int]) -> None:
    """Its error may be nobody's: they have all left."""
    if not task.cancelled():
        task.exception()
