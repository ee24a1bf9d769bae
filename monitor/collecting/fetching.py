"""
One bounded HTTP GET. Whatever the other side does, it ends: in time, in size, in redirects, decompressed or not.

Every address is checked when it is connected to. An address written out in the configuration is meant; one that a redirect leads to is
not, and needs `allow_private` when it is private. No proxy, cookie or netrc of the machine is used. robots.txt is for crawlers of
pages: what is fetched here is a feed or an interface that was published to be fetched, and asked for by name.
"""

import asyncio
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import ip_network
from threading import Thread
from time import time_ns

import httpx
import msgspec

from monitor.addresses import AddressRefused, CheckedTransport, NameUnresolved, Resolver, canonical, is_literal, may_connect, trust
from monitor.collecting.base import Reason
from monitor.errors import SourceFailed
from monitor.notifying.schedule import retry_after

WITHIN = 30.0  # seconds, redirects and body included
CONNECT = 10.0
MOST = 10 * 1024 * 1024  # bytes, decompressed
REDIRECTS = 5
_PIECE = 64 * 1024
_WAITING = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
_KINDS: tuple[tuple[type[Exception], Reason, str], ...] = (
    (AddressRefused, "address_refused", "域名解析到内网地址, 若确实要读请写 allow_private"),
    (NameUnresolved, "name_unresolved", "域名解析不了"),
    (httpx.ConnectTimeout, "timeout", "连接超时"),
    (httpx.TimeoutException, "timeout", "超时"),
    (TimeoutError, "timeout", "超时"),
    (httpx.ConnectError, "connect_failed", "连接不上"),
    (httpx.NetworkError, "connection_lost", "连接中断"),
    (httpx.HTTPError, "protocol_error", "应答不符合 HTTP"),
    (httpx.InvalidURL, "bad_redirect", "地址写法有误"),
    (OSError, "connect_failed", "连接不上"),
)


class Page(msgspec.Struct, frozen=True):
    """What was fetched, and what to say next time to get it only if it has changed."""

    body: bytes
    url: str
    content_type: str
    etag: str
    modified: str


class Fetcher:
    """Fetches for one source. `headers` go only to the host that was configured."""

    def __init__(
        self, agent: str, *, headers: Mapping[str, str] = {}, allow_private: Sequence[str] = (), resolver: Resolver | None = None,
        within: float = WITHIN, most: int = MOST,
    ) -> None:  # fmt: skip
        self._headers = dict(headers)
        self._allowed = [ip_network(text, strict=False) for text in allow_private]
        self._within, self._most = within, most
        # no connection is kept: addresses are shared by hosts, and a minute later the other side has closed it anyway
        inner = httpx.AsyncHTTPTransport(verify=trust(), trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))
        self._client = httpx.AsyncClient(
            transport=CheckedTransport(inner, allow_private=allow_private, resolver=resolver or resolve_apart),
            timeout=httpx.Timeout(within, connect=CONNECT), follow_redirects=False, trust_env=False,
            headers={"user-agent": agent, "accept-encoding": "gzip, deflate"},
        )  # fmt: skip

    async def get(self, url: str, etag: str = "", modified: str = "") -> Page | None:
        """The page, or None when it is still what `etag` and `modified` stood for. SourceFailed for everything else."""
        known = {name: value for name, value in (("if-none-match", etag), ("if-modified-since", modified)) if value}
        with _told():
            async with asyncio.timeout(self._within):
                return await self._followed(httpx.URL(url), known)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def _followed(self, url: httpx.URL, known: Mapping[str, str]) -> Page | None:
        first = url
        for _ in range(REDIRECTS + 1):
            own = self._headers if _same_origin(url, first) else {}
            self._client.cookies.clear()
            response = await self._client.send(self._client.build_request("GET", url, headers={**own, **known}), stream=True)
            try:
                if not response.has_redirect_location:
                    return await self._answered(response)
                url = self._target(response)
            finally:
                await response.aclose()
        raise SourceFailed("bad_redirect", f"跳转超过 {REDIRECTS} 次")

    def _target(self, response: httpx.Response) -> httpx.URL:
        try:
            url = response.url.join(response.headers["location"])
        except (httpx.InvalidURL, ValueError) as error:
            raise SourceFailed("bad_redirect", "跳转的地址写法有误") from error
        if url.scheme not in {"http", "https"} or not url.host:
            raise SourceFailed("bad_redirect", f"跳转到 {url.scheme or '?'} 地址, 只跟随 http 和 https")
        if is_literal(url.host) and not may_connect(canonical(url.host), self._allowed):
            raise SourceFailed("address_refused", "跳转到内网地址, 若确实要读请写 allow_private")
        return url

    async def _answered(self, response: httpx.Response) -> Page | None:
        status = response.status_code
        if status == httpx.codes.NOT_MODIFIED:
            return None
        if not response.is_success:
            raise _refusal(response)
        head = response.headers
        body = await _bounded(response, self._most)
        return Page(body, str(response.url), head.get("content-type", ""), head.get("etag", ""), head.get("last-modified", ""))


async def resolve_apart(name: str) -> list[str]:
    """Every address of a name, asked in a thread of its own: a resolver that hangs keeps nobody else waiting, nor the end."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def settle(found: list[str] | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(found or [])

    def ask() -> None:
        found: list[str] | None = None
        wrong: Exception | None = None
        try:
            found = list(dict.fromkeys(str(entry[4][0]) for entry in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)))
        except (OSError, ValueError) as error:
            wrong = error
        try:
            loop.call_soon_threadsafe(settle, found, wrong)
        except RuntimeError:
            return  # the loop has ended meanwhile: nobody asks any more

    Thread(target=ask, daemon=True, name=f"resolve {name[:40]}").start()
    return await answer


async def _bounded(response: httpx.Response, most: int) -> bytes:
    """The whole body, undone by our own hand: a decoder that is given a piece may make a thousand times as much of it."""
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in {"", "identity", "gzip", "x-gzip", "deflate"}:
        raise SourceFailed("bad_encoding", "应答用了没有请求过的压缩方式")
    body = bytearray()
    async for piece in _plain(response.aiter_raw(_PIECE), coding, most):
        body += piece
        if len(body) > most:
            raise SourceFailed("too_large", f"内容超过 {most >> 20} MiB")
    return bytes(body)


async def _plain(pieces: AsyncIterator[bytes], coding: str, most: int) -> AsyncIterator[bytes]:
    if coding in {"", "identity"}:
        async for piece in pieces:
            yield piece
        return
    inflate = _Inflate(coding)
    async for piece in pieces:
        yield inflate.take(piece, most + 1)
    inflate.finish()


class _Inflate:
    """gzip or deflate, never more at once than asked for; deflate comes with and without its zlib wrapping."""

    def __init__(self, coding: str) -> None:
        self._raw = coding == "deflate"
        self._made = zlib.decompressobj(zlib.MAX_WBITS | 32) if not self._raw else None
        self._ended = False

    def take(self, piece: bytes, most: int) -> bytes:
        if self._made is None:
            wrapped = len(piece) > 1 and piece[0] & 15 == zlib.DEFLATED and int.from_bytes(piece[:2], "big") % 31 == 0
            self._made = zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        if self._ended:
            return b""  # what stands behind the end is nothing of ours
        try:
            out = self._made.decompress(piece, most)
        except zlib.error as error:
            raise SourceFailed("bad_encoding", "压缩的内容已损坏") from error
        self._ended = self._made.eof
        return out

    def finish(self) -> None:
        if self._made is not None and not self._ended:
            raise SourceFailed("connection_lost", "压缩的内容不完整")


def _refusal(response: httpx.Response) -> SourceFailed:
    status = response.status_code
    wait = retry_after(response.headers.get("retry-after"), time_ns() // 1000) or 0
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return SourceFailed("throttled", "对方要求少来 (HTTP 429)", wait)
    if status // 100 == 5:  # noqa: PLR2004 - server errors
        return SourceFailed("server_error", f"对方出错 (HTTP {status})", wait)
    return SourceFailed("client_error" if status // 100 == 4 else "protocol_error", f"对方拒绝 (HTTP {status})", wait)  # noqa: PLR2004 - as above


def _same_origin(url: httpx.URL, other: httpx.URL) -> bool:
    return (url.scheme, url.host, url.port) == (other.scheme, other.host, other.port)


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong on the way becomes SourceFailed; the library's own words may hold the address, so they are not repeated."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError, OSError) as error:
        if _is_tls(error):
            raise SourceFailed("tls_failed", "TLS 证书或握手有误") from error
        reason, words = next(((reason, words) for kind, reason, words in _KINDS if isinstance(error, kind)), ("failed", "读取失败"))
        raise SourceFailed(reason, words) from error


def _is_tls(error: BaseException) -> bool:
    current: BaseException | None = error
    while current is not None:
        if isinstance(current, ssl.SSLError) and not isinstance(current, _WAITING):
            return True
        current = current.__cause__ or current.__context__
    return False
