"""
A pooler like pgbouncer's transaction mode, and as unhelpful as it may be: a connection to the server is a client's for one transaction.

The next transaction is on another one. What would rely on a session is refused at once: a statement prepared by name, a setting given
at the start that the pooler does not know.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

SOCKET = ".s.PGSQL.5432"
_CANCEL = (80877102).to_bytes(4)
KNOWN = {"user", "database", "client_encoding"}
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Said = asyncio.Task[tuple[bytes, bytes]]


async def message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The next message: its kind, and its payload."""
    kind, size = await reader.readexactly(1), await reader.readexactly(4)
    return kind, await reader.readexactly(int.from_bytes(size) - 4)


def whole(kind: bytes, payload: bytes) -> bytes:
    """A message as it is sent."""
    return kind + (len(payload) + 4).to_bytes(4) + payload


class Pooler:
    """Over a server's folder, with so many connections to it, taken in turns."""

    def __init__(self, server: Path, connections: int) -> None:
        self._server, self._number = server, connections
        self._free: deque[Stream] = deque()
        self._freed = asyncio.Condition()
        self._greeting = b""
        self.faults: list[str] = []
        self.served = 0

    async def client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it leaves."""
        try:
            start = await reader.readexactly(int.from_bytes(await reader.readexactly(4)) - 4)
            if start.startswith(_CANCEL):
                return
            words = [word.decode() for word in start[4:].split(b"\0") if word]
            if unknown := set(words[::2]) - KNOWN:
                self.faults.append(f"settings at the start: {sorted(unknown)}")
            await self._open(start)
            writer.write(self._greeting)
            await self._serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # it left without a word
        finally:
            writer.close()

    async def close(self) -> None:
        """Let go of the server."""
        for _, writer in self._free:
            writer.close()
            await writer.wait_closed()

    async def _open(self, start: bytes) -> None:
        """The connections to the server, as the first client wants them."""
        while self._number:
            self._number -= 1
            stream = await asyncio.open_unix_connection(str(self._server / SOCKET))
            stream[1].write((len(start) + 4).to_bytes(4) + start)
            self._greeting, kind = b"", b""
            while kind != b"Z":
                kind, payload = await message(stream[0])
                self._greeting += whole(kind, payload)
            self._free.append(stream)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = asyncio.create_task(message(reader))
        while (await said)[0] != b"X":
            async with self._freed:
                await self._freed.wait_for(lambda: self._free)
                stream = self._free.popleft()
            self.served += 1
            try:
                said = await self._transaction(stream, said, reader, writer)
            finally:
                async with self._freed:
                    self._free.append(stream)
                    self._freed.notify()

    async def _transaction(
        self, stream: Stream, said: Said, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Said:  # fmt: skip
        """Relay both ways until the server is idle with nothing left to answer; what the client says next is for another."""
        asked, answered = 0, asyncio.create_task(message(stream[0]))
        while True:
            await asyncio.wait([said, answered], return_when=asyncio.FIRST_COMPLETED)
            if answered.done():
                kind, payload = answered.result()
                writer.write(whole(kind, payload))
                asked -= kind == b"Z"
                if kind == b"Z" and payload == b"I" and not asked:
                    return said
                answered = asyncio.create_task(message(stream[0]))
            elif said.done():
                kind, payload = said.result()
                if kind == b"P" and not payload.startswith(b"\0"):
                    self.faults.append(f"prepared by name: {payload[:60]!r}")
                asked += kind in {b"S", b"Q"}
                stream[1].write(whole(kind, payload))
                said = asyncio.create_task(message(reader))


@asynccontextmanager
async def pooling(server: Path, folder: Path, connections: int) -> AsyncIterator[Pooler]:
    """A pooler whose socket is in a folder."""
    pooler = Pooler(server, connections)
    listening = await asyncio.start_unix_server(pooler.client, str(folder / SOCKET))
    try:
        yield pooler
    finally:
        listening.close()
        await asyncio.sleep(0.1)  # the clients' last words
        await pooler.close()
