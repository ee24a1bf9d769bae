"""The Kafka bus while its broker is slow, held still or killed: calls end in time, nothing acknowledged is lost, all goes on by itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator

import pytest

from monitor.bus.base import RAW, SCORED, Outcome, Taken
from monitor.bus.kafka import KafkaBus
from monitor.errors import BusUnavailable
from tests.conftest import started_kafka
from tests.contract.kafka_making import a_bus, everything, run
from tests.kafka_server import Broker, Cluster

LONGEST = 10.0  # what contract 4 gives a POST


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A broker to be harmed: one that is killed looks through all its topics when it comes back, and the session's has hundreds."""
    with started_kafka(1) as cluster:
        yield cluster


@pytest.fixture
def broker(cluster: Cluster) -> Iterator[Broker]:
    """That broker; whole again for the next test."""
    (broker,) = cluster.brokers
    yield broker
    broker.go_on()


@pytest.fixture
async def bus(cluster: Cluster, prefix: str) -> AsyncIterator[KafkaBus]:
    """A started bus with one record in its first partition."""
    bus = a_bus(cluster.servers, prefix)
    await bus.start()
    await bus.append(RAW, run("before"))
    yield bus
    await asyncio.wait_for(bus.close(), LONGEST)


async def ended(*calls: Awaitable[object]) -> list[object]:
    """What became of the calls, all of which must have ended in time."""
    return await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), LONGEST)


async def working(bus: KafkaBus, *values: str) -> None:
    """Append until it is taken, as whoever has mentions to bring does."""
    while True:
        try:
            await bus.append(RAW, run(*values))
        except BusUnavailable:
            await asyncio.sleep(0.2)
        else:
            return


async def test_a_slow_broker_writes_a_batch_once(bus: KafkaBus, broker: Broker) -> None:
    """Its answer is lost and the batch sent again; the sequence number tells the broker that it has it already."""
    broker.pause()
    appending = asyncio.create_task(bus.append(RAW, run("slow", "too")))
    await asyncio.sleep(4.5)  # longer than one request waits
    broker.go_on()
    assert await asyncio.wait_for(appending, LONGEST) == [Outcome.ACCEPTED] * 2
    assert await everything(bus) == ["before", "slow", "too"]


async def test_a_broker_that_stands_still_is_unavailable_in_time_and_all_goes_on_after_it(
    cluster: Cluster, prefix: str, bus: KafkaBus, broker: Broker
) -> None:
    """
    Twelve seconds of silence: every call answers within ten, also the next ones.

    What was sent meanwhile may be there, once and in order; a named block, sent again, is there once.
    """
    block, late = run("a", "b", partition=1), a_bus(cluster.servers, prefix)
    assert not await bus.done(RAW, "block 1")
    broker.pause()
    calls = (bus.append(RAW, run("first")), bus.append(RAW, block, once="block 1"), bus.read(RAW, 0, 1, 10, wait=1), bus.bounds(RAW),
             bus.take(Taken("score", RAW, {0: 1})), bus.taken("score", RAW), late.start())  # fmt: skip
    assert all(isinstance(answer, BusUnavailable) for answer in await ended(*calls))
    second = asyncio.create_task(bus.append(RAW, run("second")))
    await asyncio.sleep(4)
    broker.go_on()
    await ended(second, late.close())
    await working(bus, "after")
    read = await everything(bus)
    assert (read[0], read[-1]) == ("before", "after")
    assert set(read) <= {"before", "first", "second", "after"}
    assert len(read) == len(set(read)), "each was sent once, so it is there at most once"
    await bus.append(RAW, block, once="block 1")
    assert await everything(bus, 1) == ["a", "b"]
    await bus.take(Taken("score", RAW, {0: 1}))
    assert await bus.taken("score", RAW) == {0: 1, 1: 0}


async def test_a_killed_broker_loses_nothing_and_readers_go_on_when_it_is_back(bus: KafkaBus, broker: Broker) -> None:
    """What was acknowledged is there, once and in order; a reader that waited meanwhile gets what comes after."""
    acknowledged = ["before"]
    for number in range(20):
        await bus.append(RAW, run(str(number)))
        acknowledged.append(str(number))
    await bus.take(Taken("score", RAW, {0: 5}))

    async def next_in(topic: str) -> bytes:
        while True:
            try:
                if found := await bus.read(topic, 0, 0, 10, wait=5):
                    return found[0].value
            except BusUnavailable:
                await asyncio.sleep(0.2)

    reading = asyncio.create_task(next_in(SCORED))
    broker.kill()
    meanwhile = asyncio.create_task(bus.append(RAW, run("meanwhile")))
    broker.start()
    await asyncio.to_thread(broker.wait)
    if (await ended(meanwhile))[0] == [Outcome.ACCEPTED]:
        acknowledged.append("meanwhile")
    await working(bus, "after")
    assert [one for one in await everything(bus) if one in acknowledged] == acknowledged
    assert (await everything(bus))[-1] == "after"
    await bus.append(SCORED, run("waited for"))
    assert await asyncio.wait_for(reading, 20) == b"waited for"
    assert await bus.taken("score", RAW) == {0: 5, 1: 0}


async def test_a_bus_closes_in_time_whatever_its_broker_does(bus: KafkaBus, broker: Broker) -> None:
    """With an append under way, a reader waiting and a membership held; no task of the client goes on in secret."""
    member = await bus.join("score", RAW)
    await member.changed(member.held)
    broker.pause()
    calls = [asyncio.create_task(bus.append(RAW, run("lost"))), asyncio.create_task(bus.read(RAW, 1, 0, 1, wait=60))]
    await asyncio.sleep(0.2)
    await asyncio.wait_for(bus.close(), LONGEST)
    answers = await ended(*calls)
    assert isinstance(answers[0], BusUnavailable)
    assert answers[1] == []
    await asyncio.sleep(1)
    assert asyncio.all_tasks() <= {asyncio.current_task()}
