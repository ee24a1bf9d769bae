"""
Talking to Kafka: one connection pool, requests that find the right broker and end in time, and errors as ours.

Requests are asked plainly rather than through AIOKafkaConsumer: its reading lives in a task beside, which can stand still without a sign
(aiokafka #1154, #625), and holds what it has fetched ahead. A plain fetch answers or fails, takes what somebody wants now and no
more, and begins at any offset.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from traceback import walk_tb
from typing import Any, TypeVar

from aiokafka import errors
from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.conn import create_conn
from aiokafka.helpers import create_ssl_context
from aiokafka.structs import TopicPartition

from monitor.errors import BusRefused, BusUnavailable, UsageError
from monitor.settings import Security

WITHIN = 8.0  # seconds: every call has answered by then, so that a POST is answered within ten
REQUEST = 3_000  # ms: one request; a lost one is asked again before the call ends
AGAIN = 0.1
RETRIED = (errors.KafkaError, TimeoutError, OSError)
_LOGIN = "kafka.security 的 username、password_env（或 password_file）和 mechanism"
_RIGHTS = "kafka.security 的 username 和 kafka 的 topic_prefix，或在 Kafka 上给这个账号相应的权限"
REMEDIES: Mapping[type[BaseException], str] = {
    errors.AuthenticationFailedError: _LOGIN,
    errors.SaslAuthenticationFailed: _LOGIN,
    errors.UnsupportedSaslMechanismError: "kafka.security 的 mechanism，broker 没有开启这种认证方式",
    errors.IllegalSaslStateError: "kafka.security 的 protocol 和 bus 的端口，这个端口不用 SASL 认证",
    errors.TopicAuthorizationFailedError: _RIGHTS,
    errors.GroupAuthorizationFailedError: _RIGHTS,
    errors.ClusterAuthorizationFailedError: _RIGHTS,
    ssl.SSLCertVerificationError: "kafka.security 的 ca_file，以及 bus 的主机名是否写在 broker 的证书里",
}
NEVER = tuple(REMEDIES)  # what another try a moment later does not heal
CLOSED = "the bus is closed"
T = TypeVar("T")


def options(brokers: tuple[str, ...], security: Security) -> dict[str, Any]:
    """What every client of aiokafka is made from; UsageError for a certificate that cannot be read."""
    settings: dict[str, Any] = {
        "bootstrap_servers": list(brokers), "client_id": "yuqing", "request_timeout_ms": REQUEST, "retry_backoff_ms": 100,
        "metadata_max_age_ms": 60_000, "security_protocol": security.protocol,
    }  # fmt: skip
    if security.protocol in {"SSL", "SASL_SSL"}:
        try:
            settings["ssl_context"] = create_ssl_context(cafile=security.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"CA 证书文件 {security.ca_file} 不能用 ({error}); 请检查它是不是 PEM 格式") from error
    if security.mechanism:
        settings |= {
            "sasl_mechanism": security.mechanism, "sasl_plain_username": security.username,
            "sasl_plain_password": str(security.password or ""),
        }  # fmt: skip
    return settings


class Wire:
    """A client that knows the cluster, and asks it."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._client: Any = None
        self._opening, self._finding = asyncio.Lock(), asyncio.Lock()
        self._coordinators: dict[str, int] = {}
        self._lines: set[int] = set()
        self._asked: set[asyncio.Future[Any]] = set()
        self._closed = False

    async def close(self) -> None:
        """Hang up on all brokers; what is being asked ends first, or it would open what nobody closes any more."""
        self._closed = True
        asked = list(self._asked)
        for asking in asked:
            asking.cancel()
        if asked:
            await asyncio.wait(asked, timeout=1.0)
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def leader(self, topic: str, partition: int) -> int:
        """The broker to ask about a partition."""
        client = await self._opened()
        await client._wait_on_metadata(topic)  # noqa: SLF001 - as every client of aiokafka does
        node = client.cluster.leader_for_partition(TopicPartition(topic, partition))
        if node is None or node == -1:
            client.force_metadata_update()
            raise errors.LeaderNotAvailableError(f"{topic}/{partition}")
        return int(node)

    async def coordinator(self, group: str) -> int:
        """The broker that keeps a group's positions."""
        client = await self._opened()
        async with self._finding:  # one partition's worker asks for all that start with it
            if group not in self._coordinators:
                self._coordinators[group] = await client.coordinator_lookup(CoordinationType.GROUP, group)
            return self._coordinators[group]

    def moved(self) -> None:
        """What we know of who leads what is out of date."""
        self._coordinators.clear()
        if self._client is not None:
            self._client.force_metadata_update()

    async def ask(self, node: int, request: object) -> Any:
        """One request to one broker, answered at once by it."""
        return await (await self._opened()).send(node, request)

    async def listen(self, node: int, request: object) -> Any:
        """
        One request that the broker may sit on: on a line of its own, as a broker answers what comes on one line in turn.

        Whoever gives up leaves the line taken until the broker has answered.
        """
        client = await self._opened()
        line = next(number for number in range(len(self._lines) + 1) if number not in self._lines)
        self._lines.add(line)
        asking = asyncio.ensure_future(client.send(node, request, group=len(ConnectionGroup) + line))
        self._asked.add(asking)

        def answered(asking: asyncio.Future[Any]) -> None:
            self._lines.discard(line)
            self._asked.discard(asking)
            if not asking.cancelled():
                asking.exception()  # seen, also when nobody waits for it any more

        asking.add_done_callback(answered)
        return await asyncio.shield(asking)

    async def _opened(self) -> Any:
        async with self._opening:
            if self._closed:
                raise BusUnavailable(CLOSED)
            if self._client is None:
                client = AIOKafkaClient(**self._settings)
                await opened(client, client.bootstrap, self._settings)
                self._client = client
            return self._client

    async def until_answered(self, work: Callable[[], Awaitable[T]], within: float = WITHIN) -> T:
        """As `answered`, with a fresh look at who leads what before each new try; BusUnavailable when the bus closes meanwhile."""
        if self._closed:
            raise BusUnavailable(CLOSED)
        asking = asyncio.ensure_future(answered(work, within, self.moved))
        self._asked.add(asking)
        asking.add_done_callback(self._asked.discard)
        try:
            return await asking
        except asyncio.CancelledError:
            us = asyncio.current_task()
            if us and us.cancelling():
                raise
            raise BusUnavailable(CLOSED) from None  # else it was close() that ended it


async def answered(work: Callable[[], Awaitable[T]], within: float = WITHIN, again: Callable[[], object] = lambda: None) -> T:
    """The work's answer, tried again until it has one; BusUnavailable when the brokers gave none in time."""
    last: list[BaseException] = []
    try:
        async with asyncio.timeout(within):
            while True:
                try:
                    return await work()
                except RETRIED as error:
                    if isinstance(error, NEVER):
                        raise unavailable(error) from error
                    last[:] = [error]
                    again()
                await asyncio.sleep(AGAIN)
    except TimeoutError as error:
        raise unavailable(last[0] if last else error) from error


def unavailable(error: BaseException) -> BusUnavailable:
    """Kafka's word for what is wrong, as ours; its own errors begin with their names, others may say nothing at all."""
    said = str(error) if isinstance(error, errors.KafkaError) else f"{type(error).__name__} {error}".rstrip()
    if isinstance(error, NEVER):
        remedy = next(remedy for kind, remedy in REMEDIES.items() if isinstance(error, kind))
        return BusRefused(f"Kafka: {said}", server="Kafka", remedy=remedy)
    return BusUnavailable(f"Kafka: {said}", server="Kafka")


async def opened(client: Any, begin: Callable[[], Awaitable[object]], settings: Mapping[str, Any]) -> None:
    """
    Begin with a client of aiokafka; it is closed where that fails.

    It only says that no broker would have it. Why, such as a wrong password, is found out by knocking at each once more.
    """
    try:
        await begin()
    except errors.KafkaConnectionError:
        await bounded(client.close(), 1.0)
        found = await asyncio.gather(*(_knocked(server, settings) for server in settings["bootstrap_servers"]))
        whys = [why for why in found if why is not None]
        for why in [*(why for why in whys if isinstance(why, NEVER)), *whys]:  # one that is away tells less than one that refuses us
            raise why from None
        raise
    except BaseException as error:
        hang_up(error)
        await bounded(client.close(), 1.0)
        raise


async def _knocked(server: str, settings: Mapping[str, Any]) -> Exception | None:
    """Why this broker does not let us in; None when it does."""
    host, _, port = server.rpartition(":")
    passed = {key: value for key, value in settings.items() if key.startswith(("client_id", "request_", "security_", "ssl_", "sasl_"))}
    try:
        (await create_conn(host.strip("[]"), int(port), **passed)).close()
    except RETRIED as error:
        return error
    return None


def hang_up(error: BaseException) -> None:
    """Close the first connection of a client that was cut off while it began: aiokafka forgets it, and leaves it open."""
    for frame, _ in walk_tb(error.__traceback__):
        if (line := frame.f_locals.get("bootstrap_conn")) is not None:
            line.close()


async def bounded(work: Awaitable[object], within: float) -> bool:
    """
    Wait for an ending, which with aiokafka may never come (#1101, #659), no longer than that; whether it came.

    What it died of is of no use any more.
    """
    task = asyncio.ensure_future(work)
    await asyncio.wait([task], timeout=within)
    ended = task.done()
    if not ended:
        task.cancel()
        await asyncio.wait([task], timeout=1.0)
    if task.done() and not task.cancelled():
        task.exception()
    return ended


async def cut(client: Any, *tasks: "asyncio.Task[object] | None") -> None:
    """End what would not end: a client of aiokafka by its tasks, then its connections, so that nothing of it goes on in secret."""
    ending = [task for task in tasks if task is not None]
    for task in ending:
        task.cancel()
    await bounded(client.close(), 1.0)
    if ending:
        await asyncio.wait(ending, timeout=1.0)
    for task in ending:
        task.cancel()  # one that took the first for a lost connection
    await bounded(client.close(), 1.0)  # what they opened meanwhile
