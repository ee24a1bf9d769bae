"""What a Kafka bus leaves open when it is closed, or cut off, in the middle of anything: nothing."""

import asyncio
import gc
import sys
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest

from monitor.bus.base import RAW
from monitor.bus.kafka import KafkaBus
from monitor.errors import BusUnavailable
from tests.contract.kafka_making import a_bus
from tests.kafka_server import Cluster

PAUSES = [0.003 * step for step in range(16)]  # seconds: a client of a broker on this machine has begun within them


@contextmanager
def left_open() -> Iterator[list[str]]:
    """What was found open by whoever cleans up."""
    found: list[str] = []
    hook = sys.unraisablehook
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ResourceWarning)
        sys.unraisablehook = lambda one: found.append(str(one.exc_value))
        try:
            yield found
            gc.collect()
        finally:
            sys.unraisablehook = hook
    found += [str(one.message) for one in said if issubclass(one.category, ResourceWarning)]


async def joining(bus: KafkaBus, pause: float) -> None:
    """Become a member; the bus is closed meanwhile."""
    await bus.join("score", RAW)
    await asyncio.sleep(pause)
    await bus.close()


async def asking(bus: KafkaBus, pause: float) -> None:
    """Ask all sorts of things; the bus is closed meanwhile, and that is what the askers are told."""
    asked = [asyncio.ensure_future(one) for one in (bus.bounds(RAW), bus.taken("score", RAW))]
    waiting = asyncio.ensure_future(bus.read(RAW, 1, 0, 1, 60))
    await asyncio.sleep(pause)
    await bus.close()
    answers = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 10)
    assert [one for one in answers if isinstance(one, BaseException) and not isinstance(one, BusUnavailable)] == []
    (end,) = await asyncio.gather(waiting, return_exceptions=True)
    assert end == [] or isinstance(end, BusUnavailable)


async def begun(work: Callable[[KafkaBus, float], Awaitable[None]], kafka: Cluster, prefix: str, pause: float) -> None:
    """Do it on a bus of its own."""
    bus = a_bus(kafka.servers, prefix)
    await bus.start()
    await work(bus, pause)


@pytest.mark.parametrize("work", [joining, asking])
def test_a_bus_that_is_closed_meanwhile_leaves_nothing_open(
    work: Callable[[KafkaBus, float], Awaitable[None]], kafka: Cluster, prefix: str
) -> None:
    """However far the client behind it was."""
    with left_open() as found:
        for pause in PAUSES:
            asyncio.run(begun(work, kafka, prefix, pause))
    assert found == []


def test_a_start_that_is_cut_off_leaves_nothing_open(kafka: Cluster, prefix: str) -> None:
    """As by somebody who stops a process that has hardly begun."""

    async def cut_off(pause: float) -> None:
        bus = a_bus(kafka.servers, prefix)
        starting = asyncio.ensure_future(bus.start())
        await asyncio.sleep(pause)
        starting.cancel()
        await asyncio.wait([starting])
        await bus.close()

    with left_open() as found:
        for pause in PAUSES:
            asyncio.run(cut_off(pause))
    assert found == []
