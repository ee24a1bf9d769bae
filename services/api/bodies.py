"""Request bodies, read in bounded pieces: how long one may be, and how much of all of them may be held at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

from services.api.errors import Refusal, busy

MEBIBYTE = 1024 * 1024
READ_AWAY = 64 * MEBIBYTE  # of a body too long: who is answered while still sending meets a broken connection, not the answer


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
        said = _said_length(request)
        if said > limit and (said > READ_AWAY or request.headers.get("expect", "").lower() == "100-continue"):
            raise _too_long(limit)
        body, got = bytearray(), 0
        try:
            async for chunk in request.stream():
                got += len(chunk)
                if max(got, said) > limit:
                    self._held -= len(body)
                    body.clear()
                    if got > READ_AWAY:
                        break
                    continue
                self._held += len(chunk)
                body += chunk
                if self._held > self._room:
                    raise busy("too many bodies at once; send again")
            if max(got, said) > limit:
                raise _too_long(limit)
            yield bytes(body)
        finally:
            self._held -= len(body)


def _said_length(request: Request) -> int:
    said = request.headers.get("content-length", "")
    return int(said[:20]) if said.isdecimal() else 0


def _too_long(limit: int) -> Refusal:
    return Refusal(413, f"the body is longer than {limit} bytes; send it in parts")
