"""Request bodies, read in bounded pieces: how long one may be, and how much of all of them may be held at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

from services.api.errors import Refusal, busy

MEBIBYTE = 1024 * 1024


class Bodies:
    """The room for bodies that are being read or worked on."""

    def __init__(self, room: int = 64 * MEBIBYTE) -> None:
        self._room = room
        self._held = 0

    @asynccontextmanager
    async def read(self, request: Request, limit: int) -> AsyncIterator[bytes]:
        """The whole body, held until the end of the block; 413 past the limit, counted as it comes, 503 when there is no room."""
        if (encoding := request.headers.get("content-encoding", "identity").strip().lower()) not in {"identity", ""}:
            detail = f"content-encoding {encoding[:40]} is not taken; send the body as it is"
            raise Refusal(415, detail, headers={"Accept-Encoding": "identity"})
        said = request.headers.get("content-length", "")
        if said.isdecimal() and int(said[:20]) > limit:
            raise _too_long(limit)
        body = bytearray()
        try:
            async for chunk in request.stream():
                self._held += len(chunk)
                body += chunk
                if len(body) > limit:
                    raise _too_long(limit)
                if self._held > self._room:
                    raise busy("too many bodies at once; send again")
            yield bytes(body)
        finally:
            self._held -= len(body)


def _too_long(limit: int) -> Refusal:
    return Refusal(413, f"the body is longer than {limit} bytes; send it in parts")
