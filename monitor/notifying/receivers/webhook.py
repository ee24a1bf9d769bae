"""The generic webhook: Standard Webhooks 1.0.0, signed when a secret is set."""

import asyncio
import binascii
import hmac
import ssl
from base64 import b64decode, b64encode
from collections.abc import Iterator
from hashlib import blake2b, sha256
from time import monotonic

import httpx

from monitor.addresses import AddressRefused, CheckedTransport, NameUnresolved, Resolver, resolve, trust
from monitor.clock import SECOND
from monitor.notifying.plain import plain
from monitor.notifying.receivers.base import EXCERPT, Result
from monitor.notifying.schedule import retry_after
from monitor.settings import Receiver as ReceiverSettings

CONNECT = 5.0  # seconds
HEADERS = 12.0  # until the whole head of the answer is here; with BODY, four tries that hang leave room for a fifth in a minute
BODY = 2.0
MOST_BODY = 64 * 1024
KEEPALIVE = 3.0  # shorter than servers keep idle connections: a stale one costs a failed try
_PREFIX = "whsec_"
_TELLING = 8  # characters from which on the path of a URL may be a key
_WAITING = (ssl.SSLWantReadError, ssl.SSLWantWriteError)  # behind every handshake that ran out of time
_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (AddressRefused, "address_refused"),
    (NameUnresolved, "name_unresolved"),
    (httpx.ConnectTimeout, "connect_timeout"),
    (httpx.TimeoutException, "timeout"),
    (TimeoutError, "timeout"),
    (httpx.ConnectError, "connect_failed"),
    (httpx.NetworkError, "connection_lost"),
    (httpx.RemoteProtocolError, "protocol_error"),
    (httpx.UnsupportedProtocol, "bad_url"),
    (httpx.InvalidURL, "bad_url"),
)


def signing_key(secret: str) -> bytes:
    """The HMAC key in a `whsec_…` secret; ValueError when it is none."""
    try:
        return b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a webhook secret is whsec_ followed by base64") from error


def signature(key: bytes, notification: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` of one attempt."""
    signed = f"{notification}.{timestamp}.".encode() + body
    return f"v1,{b64encode(hmac.new(key, signed, sha256).digest()).decode()}"


class Webhook:
    """One endpoint. Never follows redirects, never reads proxies from the environment."""

    def __init__(self, settings: ReceiverSettings, *, resolver: Resolver = resolve, headers_within: float = HEADERS) -> None:
        self._url = settings.url
        self._secret = settings.secret
        self._key = signing_key(settings.secret) if settings.secret else None
        self._within = headers_within
        limits = httpx.Limits(max_connections=8, max_keepalive_connections=4, keepalive_expiry=KEEPALIVE)
        inner = httpx.AsyncHTTPTransport(verify=trust(), trust_env=False, limits=limits)
        self._client = httpx.AsyncClient(
            transport=CheckedTransport(inner, allow_private=settings.allow_private, resolver=resolver),
            timeout=httpx.Timeout(headers_within, connect=CONNECT), follow_redirects=False, trust_env=False,
        )  # fmt: skip

    @property
    def fingerprint(self) -> str:
        return blake2b(f"{self._url!s}\0{self._secret or ''!s}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

    async def send(self, notification: str, body: bytes, now: int) -> Result:
        started = monotonic()
        try:
            request = self._client.build_request("POST", str(self._url), content=body, headers=self._headers(notification, body, now))
            async with asyncio.timeout(self._within):
                response = await self._client.send(request, stream=True)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError, OSError, ValueError) as error:
            return Result(kind="later", code=_kind(error), excerpt=self._shown(str(error)))
        excerpt = self._shown((await _some_of(response)).decode("utf-8", "replace"))
        return _judged(response, excerpt, now + round((monotonic() - started) * SECOND))

    async def close(self) -> None:
        await self._client.aclose()

    def _headers(self, notification: str, body: bytes, now: int) -> dict[str, str]:
        timestamp = now // SECOND
        headers = {
            "content-type": "application/json", "user-agent": "yuqing", "accept-encoding": "identity",
            "webhook-id": notification, "webhook-timestamp": str(timestamp),
        }  # fmt: skip
        if self._key is not None:
            headers["webhook-signature"] = signature(self._key, notification, timestamp, body)
        return headers

    def _shown(self, text: str) -> str:
        """What may be kept of an answer: clean, short, and without our own secrets where the other side repeats them."""
        shown = plain(text, 2 * EXCERPT)
        for hidden in self._hidden():
            shown = shown.replace(hidden, "…")
        return plain(shown, EXCERPT)

    def _hidden(self) -> Iterator[str]:
        yield str(self._url)
        _, _, path = self._url.partition("://")[2].partition("/")
        if len(path) >= _TELLING:
            yield path
        if self._secret:
            yield from (str(self._secret), self._secret.removeprefix(_PREFIX))


async def _some_of(response: httpx.Response) -> bytes:
    """The first of the body, as it came; a body that hangs, breaks or never ends changes nothing about the answer."""
    read = b""
    try:
        async with asyncio.timeout(BODY):
            async for piece in response.aiter_raw(4096):
                read += piece
                if len(read) >= MOST_BODY:
                    break
    except (httpx.HTTPError, httpx.StreamError, TimeoutError, OSError):
        pass
    finally:
        await response.aclose()
    return read


def _judged(response: httpx.Response, excerpt: str, now: int) -> Result:
    status = response.status_code
    if response.is_success:
        return Result(kind="sent", status=status, excerpt=excerpt)
    if status == httpx.codes.GONE:
        return Result(kind="disabled", status=status, code="gone", excerpt=excerpt)
    asked = retry_after(response.headers.get("retry-after"), now)
    return Result(kind="later", status=status, code=_word(status), excerpt=excerpt, retry_after=asked)


def _word(status: int) -> str:
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return "throttled"
    return {3: "redirect", 4: "client_error", 5: "server_error"}.get(status // 100, "protocol_error")


def _kind(error: Exception) -> str:
    if any(isinstance(cause, ssl.SSLError) and not isinstance(cause, _WAITING) for cause in _causes(error)):
        return "tls_failed"
    return next((word for kind, word in _KINDS if isinstance(error, kind)), "failed")


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__
