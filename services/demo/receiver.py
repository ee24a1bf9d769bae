"""The demo's own receiver: a tiny local HTTP server that checks each webhook's signature and says what arrived."""

import asyncio
import hmac
from collections.abc import Callable, Mapping

import msgspec

from monitor.notifying.receivers.webhook import signature

_MOST = 1 << 16


class DemoReceiver:
    """Listens on loopback; `tell` hears one line for each webhook."""

    def __init__(self, key: bytes, tell: Callable[[str], None]) -> None:
        self._key, self.tell = key, tell
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen on a free port; returns it."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_MOST)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop listening."""
        if self._server:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                headers = _headers(head)
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.tell(self._said(headers, body))
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass
        finally:
            writer.close()

    def _said(self, headers: Mapping[str, str], body: bytes) -> str:
        name, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "0")
        valid = hmac.compare_digest(signature(self._key, name, int(stamp), body), headers.get("webhook-signature", ""))
        kind = msgspec.json.decode(body).get("type", "")
        return f"{kind}  {name}  签名{'有效' if valid else '无效!'}"


def _headers(head: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
    return {name.strip().lower(): value.strip() for name, _, value in lines}
