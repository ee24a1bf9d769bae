"""
The Kafka bus against bare aiokafka: `python -m tests.bench.kafka_bus [RECORDS]` prints one JSON object.

Both on one broker that the bench starts, on topics of the same settings, in the same run: appends by idempotent `send_batch` of the
same records in batches of the same size, and by `send()`; reads by `getmany` of as many. 600 bytes of value, as a mention has.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from monitor.bus.base import RAW, Record
from monitor.bus.kafka import KafkaBus
from monitor.settings import Kafka, Retention
from tests.kafka_server import running_kafka

APPENDED = (100, 1_000)  # records of one append: a push, a scorer's batch
READ = (256, 2_000)
VALUE = 600
ROUNDS = 5
Rates = dict[str, float]


def work_of(count: int, batch: int) -> list[list[Record]]:
    """So many records in batches, as a role appends them."""
    value = os.urandom(VALUE)
    return [[Record(os.urandom(8), value, partition=0) for _ in range(batch)] for _ in range(count // batch)]


async def rate(count: int, work: Callable[[], Awaitable[object]]) -> float:
    """Records a second."""
    began = perf_counter()
    await work()
    return count / (perf_counter() - began)


async def bare_appends(server: str, topic: str, work: list[list[Record]]) -> None:
    """One caller, each batch durable before the next."""
    async with AIOKafkaProducer(bootstrap_servers=server, enable_idempotence=True, acks="all", max_batch_size=1 << 20) as producer:
        for records in work:
            batch = producer.create_batch()
            for record in records:
                batch.append(timestamp=None, key=record.key, value=record.value)
            await (await producer.send_batch(batch, topic, partition=0))


async def bare_sends(server: str, topic: str, work: list[list[Record]]) -> None:
    """The plain way: send() for each, and wait for all of a batch."""
    async with AIOKafkaProducer(bootstrap_servers=server, enable_idempotence=True, acks="all") as producer:
        for records in work:
            await asyncio.gather(*[await producer.send(topic, record.value, record.key, partition=0) for record in records])


async def bare_reads(server: str, topic: str, count: int, limit: int) -> None:
    """From the first to the last."""
    consumer = AIOKafkaConsumer(bootstrap_servers=server)
    await consumer.start()
    place = TopicPartition(topic, 0)
    consumer.assign([place])
    consumer.seek(place, 0)
    while count > 0:
        count -= sum(map(len, (await consumer.getmany(place, timeout_ms=1_000, max_records=limit)).values()))
    await consumer.stop()


async def appends(bus: KafkaBus, work: list[list[Record]], callers: int = 1) -> None:
    """The same by the bus, by so many callers."""
    left = iter(work)

    async def caller() -> None:
        for records in left:
            await bus.append(RAW, records)

    await asyncio.gather(*(caller() for _ in range(callers)))


async def reads(bus: KafkaBus, count: int, limit: int) -> None:
    """The same by the bus."""
    offset = 0
    while offset < count:
        offset = (await bus.read(RAW, 0, offset, limit, wait=1.0))[-1].offset + 1


async def paired(count: int, plain: Callable[[], Awaitable[object]], ours: Callable[[], Awaitable[object]]) -> Rates:
    """Both in turn, again and again: the machine is never as quiet as it was; medians."""
    rounds = [(await rate(count, ours), await rate(count, plain)) for _ in range(ROUNDS)]
    value, baseline = (median(column) for column in zip(*rounds, strict=True))
    return {"value": round(value), "baseline": round(baseline), "ratio": round(median(one / other for one, other in rounds), 3)}


async def measure(server: str, count: int) -> dict[str, Rates]:
    """Every figure with its baseline, records a second."""
    bus, other = (KafkaBus((server,), Kafka(topic_prefix=name, partitions=1), retention=Retention()) for name in ("ours.", "bare."))
    await bus.start()
    await other.start()
    bare, found = f"bare.{RAW}", {}
    for size in APPENDED:
        work = work_of(count, size)
        for callers in (1, 4):
            name = f"append_{size}" + (f"_{callers}_callers" if callers > 1 else "")
            found[name] = await paired(count, partial(bare_appends, server, bare, work), partial(appends, bus, work, callers))
        found[f"append_{size}_beside_send"] = await paired(count, partial(bare_sends, server, bare, work), partial(appends, bus, work))
    for limit in READ:
        found[f"read_{limit}"] = await paired(count, partial(bare_reads, server, bare, count, limit), partial(reads, bus, count, limit))
    await bus.close()
    await other.close()
    return found


def main(arguments: list[str]) -> Any:
    """Start a broker and measure."""
    with running_kafka() as cluster:
        return asyncio.run(measure(cluster.servers[0], int(arguments[0]) if arguments else 100_000))


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
