"""The plain way on Kafka: getmany, `send()` for each record, and a commit; nothing is scored, stored or known again."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import perf_counter
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from monitor.bus.kafka_wire import options
from monitor.settings import Settings

AT_ONCE = 1_000  # records of one getmany
WAIT = 1_000  # ms


async def passed_on(settings: Settings, source: str, target: str, count: int) -> float:
    """Records a second from one topic (by its name there) to another, acks=all, the time to join left out."""
    wire = options(settings.brokers, settings.kafka.security)
    consumer = AIOKafkaConsumer(source, **wire, group_id=f"{target}.bare", enable_auto_commit=False, auto_offset_reset="earliest")
    producer = AIOKafkaProducer(**wire, enable_idempotence=True, acks="all")
    await asyncio.gather(consumer.start(), producer.start())
    try:
        first = _records(await consumer.getmany(timeout_ms=20 * WAIT, max_records=1))
        started, done = perf_counter(), 0
        records = first
        while done < count:
            waiting = [await producer.send(target, record.value, record.key) for record in records]
            await asyncio.gather(*waiting)
            await consumer.commit()
            done += len(records)
            records = _records(await consumer.getmany(timeout_ms=WAIT, max_records=AT_ONCE)) if done < count else []
        return count / (perf_counter() - started)
    finally:
        await consumer.stop()
        await producer.stop()


async def removed(settings: Settings, topics: Sequence[str]) -> None:
    """Remove topics that the measurement made."""
    admin = AIOKafkaAdminClient(**options(settings.brokers, settings.kafka.security))
    try:
        with suppress(Exception):  # what the brokers do not let us remove is theirs to say; the figures, or why there are none, stand
            await admin.start()
            await admin.delete_topics(list(topics))
    finally:
        await admin.close()


def _records(found: dict[Any, list[Any]]) -> list[Any]:
    return [record for records in found.values() for record in records]
