"""What the tests of the Kafka bus make: buses on the session's broker, and a look past them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient

from monitor.bus.base import RAW, Gap, Record
from monitor.bus.kafka import KafkaBus
from monitor.settings import Kafka
from tests.contract.conftest import RETENTION

Make = Callable[..., Awaitable[KafkaBus]]


def a_bus(servers: tuple[str, ...], prefix: str, notice: Callable[[Gap], object] = lambda _: None, **more: Any) -> KafkaBus:
    """A bus of two partitions on its own topics, not started."""
    return KafkaBus(servers, Kafka(topic_prefix=prefix, **({"partitions": 2} | more)), retention=RETENTION, notice=notice)


def run(*values: str, partition: int = 0) -> list[Record]:
    """Plain records, one a value."""
    return [Record(b"k", value.encode(), partition=partition) for value in values]


async def everything(bus: KafkaBus, partition: int = 0, topic: str = RAW) -> list[str]:
    """All that a partition holds."""
    found: list[str] = []
    offset, (_, end) = 0, (await bus.bounds(topic))[partition]
    while offset < end:
        read = await bus.read(topic, partition, offset, 10_000)
        found += [item.value.decode() for item in read]
        offset = read[-1].offset + 1
    return found


@asynccontextmanager
async def admin_of(servers: tuple[str, ...]) -> AsyncIterator[Any]:
    """An administrator beside the bus, as an ops team has one."""
    admin = AIOKafkaAdminClient(bootstrap_servers=list(servers))
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()
