"""The generic webhook against a receiver that does all that receivers do."""

import asyncio
import shutil
import socket
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import time

import pytest
from msgspec.structs import replace
from standardwebhooks.webhooks import Webhook as Verifier

from monitor.clock import SECOND
from monitor.errors import UsageError
from monitor.notifying.receivers.base import Result
from monitor.notifying.receivers.opening import open_receivers
from monitor.notifying.receivers.webhook import Webhook, signature, signing_key
from monitor.settings import Receiver, Secret
from tests.unit.notifying.fake_receiver import Behaviour, FakeReceiver, answer, hang, raw, reset
from tests.unit.notifying.making import receiver

SECRET = Secret("whsec_" + b64encode(bytes(range(32))).decode())
BODY = '{"type":"alert.opened","data":{"title":"善款"}}'.encode()


def now() -> int:
    """The machine's clock."""
    return round(time() * SECOND)


@asynccontextmanager
async def webhook(settings: Receiver, within: float = 5.0) -> AsyncIterator[Webhook]:
    """An open webhook, closed at the end."""
    hook = Webhook(settings, headers_within=within)
    try:
        yield hook
    finally:
        await hook.close()


async def tried(behave: Behaviour, *, within: float = 5.0, secret: Secret | None = None) -> tuple[Result, FakeReceiver]:
    """One try at a receiver that behaves so."""
    async with FakeReceiver(otherwise=behave) as fake, webhook(replace(receiver(url=fake.url), secret=secret), within) as hook:
        return await hook.send("msg_1", BODY, now()), fake


def test_the_signature_is_that_of_the_standard() -> None:
    """The published example of Standard Webhooks comes out to the letter."""
    key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_a_receiver_can_verify_us_with_the_standards_own_library() -> None:
    """Headers and bytes as received pass the reference verifier; without a secret only the signature is missing."""
    _, fake = await tried(answer(200), secret=SECRET)
    request = fake.requests[0]
    assert Verifier(SECRET).verify(request.body.decode(), request.headers) is not None
    assert request.line == "POST /hook HTTP/1.1"
    assert request.headers["content-type"] == "application/json"
    assert request.body == BODY
    _, fake = await tried(answer(200))
    assert {"webhook-id", "webhook-timestamp"} <= set(fake.requests[0].headers)
    assert "webhook-signature" not in fake.requests[0].headers


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_sent(status: int) -> None:
    """Success is 2xx."""
    result, _ = await tried(answer(status))
    assert (result.kind, result.status, result.code) == ("sent", status, "")


@pytest.mark.parametrize(
    ("status", "code"), [(400, "client_error"), (404, "client_error"), (429, "throttled"), (500, "server_error"), (503, "server_error")]
)
async def test_any_other_answer_is_tried_again(status: int, code: str) -> None:
    """No answer but 410 is final; what it said is kept for staff."""
    result, _ = await tried(answer(status, "坏了\x00\u202e".encode()))
    assert result == Result(kind="later", status=status, code=code, excerpt="坏了")


async def test_410_disables() -> None:
    """Gone means: no more, ever."""
    result, _ = await tried(answer(410))
    assert (result.kind, result.code) == ("disabled", "gone")


async def test_retry_after_is_passed_on() -> None:
    """Whatever the status, and counted from the answer."""
    for status in (429, 503, 404):
        result, _ = await tried(answer(status, retry_after="7"))
        assert result.retry_after == 7 * SECOND


async def test_redirects_are_never_followed() -> None:
    """A redirect is a failure: the other place, loopback or not, hears nothing."""
    async with FakeReceiver() as elsewhere:
        for status in (301, 302, 307, 308):
            result, fake = await tried(answer(status, location=elsewhere.url))
            assert (result.kind, result.status, result.code) == ("later", status, "redirect")
            assert len(fake.requests) == 1
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("behave", "code"),
    [
        (hang, "timeout"),
        (raw(*[b"HTTP/1.1 200 OK\r\n"], *[b"x-a: b\r\n"] * 50, pause=0.1), "timeout"),
        (reset, "connection_lost"),
        (raw(), "protocol_error"),
        (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "protocol_error"),
        (raw(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000), "protocol_error"),
        (raw(b"HTTP/1.1 200 OK\r\ncontent-length: nonsense\r\n\r\n"), "protocol_error"),
    ],
    ids=["hang", "slow-loris", "reset", "nothing", "other protocol", "endless header", "bad length"],
)
async def test_a_head_that_never_comes_whole_is_a_failed_try(behave: Behaviour, code: str) -> None:
    """Hanging, dripping, broken or foreign: bounded in time, and named."""
    started = asyncio.get_running_loop().time()
    result, _ = await tried(behave, within=0.5)
    assert asyncio.get_running_loop().time() - started < 2
    assert (result.kind, result.status) == ("later", None)
    assert result.code == code


@pytest.mark.parametrize(
    "behave",
    [
        raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"),
        raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n"),
        raw(b"HTTP/1.1 200 OK\r\n\r\n" + b"z" * 3_000_000),
        raw(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope"),
    ],
    ids=["cut short", "bad chunks", "huge", "not gzip"],
)
async def test_a_whole_2xx_head_is_sent_whatever_the_body(behave: Behaviour) -> None:
    """The body changes nothing, and no more than a little of it is kept."""
    result, _ = await tried(behave)
    assert (result.kind, result.status) == ("sent", 200)
    assert len(result.excerpt) <= 500


async def test_a_body_that_never_ends_is_left() -> None:
    """A dripping body holds us two seconds at most."""
    started = asyncio.get_running_loop().time()
    result, _ = await tried(raw(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", *[b"z"] * 100, pause=0.1))
    assert result.kind == "sent"
    assert asyncio.get_running_loop().time() - started < 4


async def test_a_closed_door_is_a_failed_try() -> None:
    """Nobody listening: named, without an exception."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with webhook(receiver(url=f"http://127.0.0.1:{taken.getsockname()[1]}/")) as hook:
            result = await hook.send("msg_1", BODY, now())
    assert (result.kind, result.code) == ("later", "connect_failed")


async def test_localhost_is_a_name_and_needs_allow_private() -> None:
    """By name refused, with allow_private reached."""
    async with FakeReceiver() as fake:
        by_name = receiver(url=f"http://localhost:{fake.port}/hook")
        async with webhook(by_name) as hook:
            refused = await hook.send("msg_1", BODY, now())
        async with webhook(replace(by_name, allow_private=("127.0.0.0/8",))) as hook:
            sent = await hook.send("msg_1", BODY, now())
    assert (refused.kind, refused.code) == ("later", "address_refused")
    assert sent.kind == "sent"
    assert len(fake.requests) == 1
    assert fake.requests[0].headers["host"] == f"localhost:{fake.port}"


async def test_tls_that_is_none_is_named() -> None:
    """Plain HTTP where TLS is expected is a failed try of its own kind."""

    async def plain_http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(plain_http, "127.0.0.1", 0)
    async with server, webhook(receiver(url=f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")) as hook:
        result = await hook.send("msg_1", BODY, now())
    assert (result.kind, result.code) == ("later", "tls_failed")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
async def test_tls_verifies_the_name_though_the_address_is_connected_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate for the URL's name is accepted when this machine trusts it; for another name, or untrusted, it is not."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=duty.example", "-addext", "subjectAltName=DNS:duty.example"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(key), "-out", str(certificate)]
    made = await asyncio.create_subprocess_exec(*command, *subject, stderr=asyncio.subprocess.DEVNULL)
    assert await made.wait() == 0
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def resolver(_: str) -> list[str]:
        return ["127.0.0.1"]

    async with FakeReceiver(tls=context) as fake:

        async def code(host: str) -> str:
            settings = replace(receiver(url=f"https://{host}:{fake.port}/hook"), allow_private=("127.0.0.0/8",))
            hook = Webhook(settings, resolver=resolver)
            result = await hook.send("msg_1", BODY, now())
            await hook.close()
            return result.code or result.kind

        assert await code("duty.example") == "tls_failed"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert await code("duty.example") == "sent"
        assert await code("other.example") == "tls_failed"


async def test_a_handshake_that_hangs_leaves_no_socket_behind() -> None:
    """A receiver that accepts and says nothing costs a failed try, not a file descriptor."""
    async with FakeReceiver(otherwise=hang) as fake, webhook(receiver(url=f"https://127.0.0.1:{fake.port}/"), within=0.2) as hook:
        results = [await hook.send("msg_1", BODY, now()) for _ in range(3)]
        await fake.until(lambda: not fake.at_once)
    assert [result.code for result in results] == ["timeout"] * 3


@pytest.mark.parametrize(
    "url", ["nonsense", "ftp://duty.example/", "http://", "http://a:b:c/", "http://" + "x" * 300 + ".example/", "http://\x00/"]
)
async def test_an_unusable_url_is_a_failed_try(url: str) -> None:
    """What no check of the configuration caught stops nothing."""
    async with webhook(receiver(url=url)) as hook:
        result = await hook.send("msg_1", BODY, now())
    assert result.kind == "later"
    assert result.code in {"bad_url", "failed", "name_unresolved"}


async def test_secrets_the_other_side_repeats_are_not_kept() -> None:
    """An answer that echoes the URL's key or our secret is shown without them."""
    async with FakeReceiver() as fake:
        url = fake.url + "?key=0123456789abcdef"
        fake.otherwise = answer(500, f"no such hook {url} /hook?key=0123456789abcdef {SECRET}".encode())
        async with webhook(replace(receiver(url=url), secret=SECRET)) as hook:
            result = await hook.send("msg_1", BODY, now())
    assert result.excerpt.startswith("no such hook …")
    assert "0123456789abcdef" not in result.excerpt
    assert SECRET not in result.excerpt


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy set for other programs does not see alerts."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert (await tried(answer(200)))[0].kind == "sent"


async def test_a_fingerprint_tells_addresses_apart_and_nothing_more() -> None:
    """Another URL or secret is another fingerprint; neither can be read from it."""
    made = [receiver(), receiver(url="https://other.example/"), replace(receiver(), secret=SECRET)]
    hooks = [Webhook(one) for one in made]
    assert len({hook.fingerprint for hook in hooks}) == 3
    assert not any("duty" in hook.fingerprint for hook in hooks)
    for hook in hooks:
        await hook.close()


def test_a_receiver_that_cannot_be_opened_says_what_to_do() -> None:
    """A type of a later release, or a secret that is none: a clear message, no traceback."""
    with pytest.raises(UsageError, match=r"duty.*wecom"):
        open_receivers([replace(receiver(), type="wecom")])
    with pytest.raises(UsageError, match=r"duty.*whsec_"):
        open_receivers([replace(receiver(), secret=Secret("whsec_?"))])
