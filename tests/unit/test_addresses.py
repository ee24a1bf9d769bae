"""Which addresses a name may lead to."""

from ipaddress import ip_network

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.addresses import NOT_PUBLIC, AddressRefused, CheckedTransport, NameUnresolved, canonical, may_connect

PRIVATE = [
    "0.0.0.0",  # noqa: S104 - an address to refuse, not to listen on
    "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.31.255.255", "192.0.0.8",
    "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.19.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "255.255.255.255", "::",
    "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001:db8::1",
    "2001::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fd12::1", "fe80::1%eth0", "fec0::1", "ff02::1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "100.128.0.1", "172.32.0.1", "192.0.1.1", "223.255.255.255", "2606:4700::1111", "240e::1", "::ffff:1.1.1.1"]


class Recording(httpx.AsyncBaseTransport):
    """Stands for the network: says where it was asked to connect; some addresses do not answer."""

    def __init__(self, dead: tuple[str, ...] = ()) -> None:
        self.requests: list[httpx.Request] = []
        self._dead = dead

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.host in self._dead:
            raise httpx.ConnectError("nobody there")
        return httpx.Response(204)


def transport(inner: Recording, *addresses: str, allow: tuple[str, ...] = ()) -> CheckedTransport:
    """A transport for which every name resolves to these addresses."""

    async def resolver(name: str) -> list[str]:
        if not addresses:
            raise OSError(name)
        return list(addresses)

    return CheckedTransport(inner, allow_private=allow, resolver=resolver)


@pytest.mark.parametrize("text", PRIVATE)
def test_what_is_not_public_is_refused(text: str) -> None:
    """Every kind of address that only somebody inside can mean, also in IPv6 dress."""
    assert not may_connect(canonical(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_public_is_not(text: str) -> None:
    """The neighbours of those ranges are ordinary addresses."""
    assert may_connect(canonical(text))


@given(st.ip_addresses())
def test_allowing_everything_allows_everything(address: object) -> None:
    """An allowed network goes before the list; without one, the list alone decides."""
    one = canonical(str(address))
    assert may_connect(one, [ip_network("0.0.0.0/0"), ip_network("::/0")])
    assert may_connect(one) != any(one in network for network in NOT_PUBLIC)


async def test_the_checked_address_is_the_one_connected_to() -> None:
    """The request goes to the address; Host and the name for TLS stay the URL's."""
    inner = Recording()
    await transport(inner, "1.1.1.1").handle_async_request(httpx.Request("POST", "https://duty.example:8443/hook?k=v", content=b"x"))
    sent = inner.requests[0]
    assert str(sent.url) == "https://1.1.1.1:8443/hook?k=v"
    assert sent.headers["host"] == "duty.example:8443"
    assert sent.extensions["sni_hostname"] == "duty.example"


async def test_a_name_with_private_addresses_only_is_refused() -> None:
    """Nothing is sent."""
    inner = Recording()
    with pytest.raises(AddressRefused):
        await transport(inner, "127.0.0.1", "::1").handle_async_request(httpx.Request("POST", "http://rebind.example/"))
    assert inner.requests == []


async def test_of_mixed_addresses_only_the_public_are_tried() -> None:
    """One public address among private ones does not open the door to those."""
    inner = Recording(dead=("1.1.1.1",))
    with pytest.raises(httpx.ConnectError) as failed:
        await transport(inner, "10.0.0.1", "1.1.1.1", "::1").handle_async_request(httpx.Request("POST", "http://mixed.example/"))
    assert not isinstance(failed.value, AddressRefused)
    assert [request.url.host for request in inner.requests] == ["1.1.1.1"]


async def test_the_next_address_is_tried_when_one_is_dead() -> None:
    """A name with two addresses is reached while one of them answers."""
    inner = Recording(dead=("1.1.1.1",))
    response = await transport(inner, "1.1.1.1", "2606:4700::1111").handle_async_request(httpx.Request("POST", "http://two.example/"))
    assert response.status_code == 204
    assert [request.url.host for request in inner.requests] == ["1.1.1.1", "2606:4700::1111"]


async def test_allow_private_opens_what_it_names() -> None:
    """A CIDR on the receiver allows those addresses and no others."""
    inner = Recording()
    allowed = transport(inner, "10.1.1.1", "192.168.1.1", allow=("10.0.0.0/8",))
    await allowed.handle_async_request(httpx.Request("POST", "http://inside.example/"))
    assert [request.url.host for request in inner.requests] == ["10.1.1.1"]


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://[::1]:81/", "http://[::ffff:10.0.0.1]/"])
async def test_a_literal_address_is_meant(url: str) -> None:
    """An IP written in the URL is not looked up and not refused."""
    inner = Recording()
    await transport(inner).handle_async_request(httpx.Request("POST", url))
    assert len(inner.requests) == 1


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "localhost", "127.1"])
async def test_an_address_in_disguise_is_a_name(host: str) -> None:
    """What only the system's resolver takes for an address is checked after resolving, like any name."""
    with pytest.raises((AddressRefused, NameUnresolved)):
        await CheckedTransport(Recording()).handle_async_request(httpx.Request("POST", f"http://{host}/"))


async def test_a_name_that_leads_nowhere_says_so() -> None:
    """Unresolved is not refused."""
    with pytest.raises(NameUnresolved):
        await transport(Recording()).handle_async_request(httpx.Request("POST", "http://nowhere.example/"))
