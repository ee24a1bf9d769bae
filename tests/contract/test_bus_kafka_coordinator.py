"""Errors of the group's coordinator, put in place of its answers: a member gets over each by itself, and no position is lost or made up."""

import asyncio
import gc
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest
from aiokafka.conn import AIOKafkaConnection

from monitor.bus.base import RAW, Taken
from monitor.bus.kafka import KafkaBus
from monitor.clock import SECOND
from monitor.errors import BusUnavailable, Reassigned
from tests.contract.kafka_making import a_bus
from tests.contract.test_bus_kafka_groups import GROUP, SESSION, WITHIN, shared
from tests.kafka_server import Cluster

LONGEST = 10.0
UNKNOWN, TIMED_OUT, LOADING, UNAVAILABLE, NOT_COORDINATOR = -1, 7, 14, 15, 16
ILLEGAL_GENERATION, UNKNOWN_MEMBER, REBALANCING, INVALID, FENCED = 22, 25, 27, 42, 82
COMMIT, FETCH, FIND, JOIN, HEARTBEAT, SYNC = 8, 9, 10, 11, 12, 14  # Kafka's numbers of the requests


class Coordinator:
    """Answers as it does, unless it was told to answer with an error."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told: Counter[tuple[int, int]] = Counter()
        self.pause = 0.0  # seconds before such an answer
        self.all_said: dict[int, asyncio.Event] = defaultdict(asyncio.Event)
        self._codes: dict[int, deque[int]] = defaultdict(deque)
        send = AIOKafkaConnection.send

        def sending(line: Any, request: Any, expect_response: bool = True) -> Awaitable[Any]:  # noqa: FBT001, FBT002 - the library's
            answer: Awaitable[Any] = send(line, request, expect_response)
            return self._instead(answer, request.API_KEY) if self._codes[request.API_KEY] else answer

        monkeypatch.setattr(AIOKafkaConnection, "send", sending)

    def say(self, kind: int, code: int, times: int) -> None:
        """Answer requests of this kind with this error so often."""
        self._codes[kind].extend([code] * times)
        self.all_said[kind].clear()

    async def _instead(self, answer: Awaitable[Any], kind: int) -> Any:
        response = await answer
        if self._codes[kind]:
            code = self._codes[kind].popleft()
            self.told[kind, code] += 1
            await asyncio.sleep(self.pause)
            if not self._codes[kind]:
                self.all_said[kind].set()
            if "error_code" in response.SCHEMA.names:
                response.error_code = code
            else:
                response.topics = [(topic, [(*one[:-1], code) for one in partitions]) for topic, partitions in response.topics]
        return response


@pytest.fixture
async def bus(kafka: Cluster, prefix: str) -> AsyncIterator[KafkaBus]:
    """A bus of four partitions."""
    made = a_bus(kafka.servers, prefix, partitions=4, session_timeout=SESSION * SECOND)
    await made.start()
    yield made
    await asyncio.wait_for(made.close(), LONGEST)


async def took(bus: KafkaBus, position: int) -> None:
    """Take a position as a worker does: it may be refused for a while, it never hangs, and what is taken is there."""
    async with asyncio.timeout(WITHIN):
        while True:
            try:
                await asyncio.wait_for(bus.take(Taken(GROUP, RAW, dict.fromkeys(range(4), position))), LONGEST)
            except (Reassigned, BusUnavailable):
                await asyncio.sleep(0.2)
            else:
                break
    assert await bus.taken(GROUP, RAW) == dict.fromkeys(range(4), position)


async def said(coordinator: Coordinator, kind: int) -> None:
    """Until the member has heard all of it."""
    async with asyncio.timeout(WITHIN):
        await coordinator.all_said[kind].wait()


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        (FIND, [UNAVAILABLE]),
        (JOIN, [LOADING, UNAVAILABLE, NOT_COORDINATOR, UNKNOWN_MEMBER, REBALANCING, FENCED, UNKNOWN]),
        (SYNC, [NOT_COORDINATOR, ILLEGAL_GENERATION, UNKNOWN_MEMBER, REBALANCING, FENCED, INVALID]),
        (FETCH, [LOADING, NOT_COORDINATOR, UNKNOWN]),
    ],
    ids=["find", "join", "sync", "fetch"],
)
async def test_who_joins_gets_in_at_last(
    bus: KafkaBus, kind: int, codes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is answered twice before; then it works on everything, and its positions are kept."""
    coordinator = Coordinator(monkeypatch)
    for position, code in enumerate(codes, 1):
        coordinator.say(kind, code, 2)
        member = await bus.join(GROUP, RAW)
        await shared([member], [4])
        await took(bus, position)
        assert coordinator.told[kind, code] == 2
        await member.leave()


async def test_who_is_told_that_it_is_out_joins_again(bus: KafkaBus, monkeypatch: pytest.MonkeyPatch) -> None:
    """A heartbeat answered with an error: the membership is made anew, by the same object, and goes on."""
    coordinator = Coordinator(monkeypatch)
    member = await bus.join(GROUP, RAW)
    await shared([member], [4])
    codes = (NOT_COORDINATOR, UNAVAILABLE, ILLEGAL_GENERATION, UNKNOWN_MEMBER, REBALANCING, FENCED)
    for position, code in enumerate(codes, 1):
        coordinator.say(HEARTBEAT, code, 1)
        await said(coordinator, HEARTBEAT)
        await took(bus, position)
        await shared([member], [4])
    assert coordinator.told == Counter({(HEARTBEAT, code): 1 for code in codes})


@pytest.mark.parametrize(
    ("code", "lost"),
    [(ILLEGAL_GENERATION, True), (UNKNOWN_MEMBER, True), (REBALANCING, True), (FENCED, False), (LOADING, False), (UNAVAILABLE, False),
     (NOT_COORDINATOR, False), (TIMED_OUT, False)],
)  # fmt: skip
async def test_a_position_that_is_refused_is_told_as_refused(
    bus: KafkaBus, code: int, monkeypatch: pytest.MonkeyPatch, *, lost: bool
) -> None:
    """
    What is another's now is Reassigned, at once; what may pass is tried again; nothing is said to be kept that is not.

    Afterwards the member, still or again in, keeps the next.
    """
    coordinator = Coordinator(monkeypatch)
    member = await bus.join(GROUP, RAW)
    await shared([member], [4])
    coordinator.say(COMMIT, code, 1)
    try:
        await asyncio.wait_for(bus.take(Taken(GROUP, RAW, {0: 1})), LONGEST)
    except Reassigned:
        assert lost
    except BusUnavailable:
        assert not lost
    else:
        assert not lost
        assert (await bus.taken(GROUP, RAW))[0] == 1
    assert coordinator.told[COMMIT, code] == 1
    await took(bus, 2)


async def test_who_is_cut_off_while_a_position_is_refused_leaves_no_error_behind(bus: KafkaBus, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a worker is whose partition was just called back: there is nobody left to be told."""
    left: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: left.append(context))
    coordinator = Coordinator(monkeypatch)
    member = await bus.join(GROUP, RAW)
    await shared([member], [4])
    coordinator.pause = 0.5
    coordinator.say(COMMIT, UNKNOWN_MEMBER, 1)
    taking = asyncio.ensure_future(bus.take(Taken(GROUP, RAW, {0: 1})))
    async with asyncio.timeout(WITHIN):
        while not coordinator.told:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)
    taking.cancel()
    await asyncio.wait([taking])
    await said(coordinator, COMMIT)
    await took(bus, 2)
    gc.collect()
    assert left == []
