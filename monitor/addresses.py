"""
Which addresses we connect to: checked on the very address connected to, so that a name cannot change its mind in between.

An IP written literally in the URL is meant, and allowed; a name that resolves only to addresses of this list is refused unless
its receiver or source says `allow_private`.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Protocol

import httpx

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str], Awaitable[list[str]]]

NOT_PUBLIC: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
        "240.0.0.0/4", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
        "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
_MOST = 4  # addresses of one name tried in one go


class AsyncCloseable(Protocol):
    """A connection, as far as we care."""

    async def aclose(self) -> None:
        """Close it; safe to call twice."""
        ...


class AddressRefused(httpx.ConnectError):
    """The name leads only to addresses we do not connect to."""


class NameUnresolved(httpx.ConnectError):
    """The name leads nowhere."""


def canonical(text: str) -> Address:
    """The address meant: without a zone, and IPv4 where it is only dressed as IPv6. ValueError: not an address."""
    address = ip_address(text.partition("%")[0])
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def may_connect(address: Address, allowed: Sequence[Network] = ()) -> bool:
    """Whether an address is public, or expressly allowed."""
    return any(address in network for network in allowed) or not any(address in network for network in NOT_PUBLIC)


def trust() -> ssl.SSLContext:
    """The public authorities, and those that this machine trusts: an organisation's own stand there (or in SSL_CERT_FILE)."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context


async def resolve(name: str) -> list[str]:
    """Every address of a name, as the system's resolver orders them."""
    found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class CheckedTransport(httpx.AsyncBaseTransport):
    """
    Connects names only to addresses that may be connected to.

    Each request goes to the checked address itself; the Host header and the name that TLS verifies stay those of the URL. Meant for
    one host a transport: connections are kept by address.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, *, allow_private: Sequence[str] = (), resolver: Resolver = resolve) -> None:
        self._inner = inner
        self._allowed = [ip_network(text, strict=False) for text in allow_private]
        self._resolve = resolver

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        name = request.url.raw_host.decode("ascii")
        if is_literal(request.url.host):
            return await self._through(request)
        refused: httpx.TransportError = AddressRefused("the name resolves to a private address", request=request)
        for address in await self._addresses(name, request):
            try:
                return await self._through(_towards(address, name, request))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                refused = error
        raise refused

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _through(self, request: httpx.Request) -> httpx.Response:
        """Hand on; a connection whose request was broken off is closed here, for one in its TLS handshake nobody else would."""
        opened: list[AsyncCloseable] = []

        async def trace(event: str, info: dict[str, AsyncCloseable]) -> None:
            if event == "connection.connect_tcp.complete":
                opened.append(info["return_value"])

        request.extensions = {**request.extensions, "trace": trace}
        try:
            return await self._inner.handle_async_request(request)
        except BaseException:
            for stream in opened:
                await stream.aclose()
            raise

    async def _addresses(self, name: str, request: httpx.Request) -> list[Address]:
        try:
            found = [canonical(text) for text in await self._resolve(name)]
        except (OSError, ValueError) as error:  # a label too long for IDNA is a UnicodeError, thus a ValueError
            raise NameUnresolved("the name cannot be resolved", request=request) from error
        return [address for address in found if may_connect(address, self._allowed)][:_MOST]


def is_literal(host: str) -> bool:
    """Whether a host is written as an address, which a person who configures it means."""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _towards(address: Address, name: str, request: httpx.Request) -> httpx.Request:
    """The same request to a checked address; the headers, Host among them, are copied as they are."""
    url = request.url.copy_with(host=str(address))
    extensions = {**request.extensions, "sni_hostname": name}
    return httpx.Request(request.method, url, headers=request.headers, stream=request.stream, extensions=extensions)
