"""Several members of one Kafka group: who works on what, when one leaves, is killed, or is held still beyond its session."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress

import pytest

from monitor.bus.base import RAW, SCORED, Assignment, Member, Taken
from monitor.bus.kafka import KafkaBus
from monitor.clock import SECOND
from monitor.errors import Reassigned, UsageError
from services.keeping.sharing import Sharing, Worker
from tests.contract.kafka_making import a_bus
from tests.kafka_server import Cluster
from tests.unit.pipeline.making import log

GROUP = "score"
SESSION = 3
WITHIN = 30
NONE = Assignment(0, frozenset())
Make = Callable[[], Awaitable[KafkaBus]]
OTHER_PROCESS = """
import asyncio, sys
from monitor.bus.base import RAW, Assignment, Taken
from monitor.clock import SECOND
from monitor.errors import Reassigned
from tests.contract.kafka_making import a_bus

async def main(server, prefix):
    bus = a_bus((server,), prefix, partitions=4, session_timeout=3 * SECOND)
    await bus.start()
    member = await bus.join("score", RAW)
    held = Assignment(0, frozenset())
    while True:
        held = await member.changed(held)
        print("held", *sorted(held.partitions), flush=True)
        if held.partitions and await asyncio.to_thread(sys.stdin.readline):
            try:
                await bus.take(Taken("score", RAW, dict.fromkeys(held.partitions, 7)))
                print("took", flush=True)
            except Reassigned:
                print("reassigned", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
async def make(kafka: Cluster, prefix: str) -> AsyncIterator[Make]:
    """Makes a bus of four partitions, as each process has one."""
    made: list[KafkaBus] = []

    async def make() -> KafkaBus:
        bus = a_bus(kafka.servers, prefix, partitions=4, session_timeout=SESSION * SECOND)
        made.append(bus)
        await bus.start()
        return bus

    yield make
    for bus in made:
        await bus.close()


async def shared(members: Iterable[Member], counts: Iterable[int]) -> None:
    """Until the members hold so many partitions each, all four between them and none twice."""
    everyone, wanted = list(members), list(counts)

    def settled() -> bool:
        held = [member.held.partitions for member in everyone]
        return [len(part) for part in held] == wanted and frozenset().union(*held) == frozenset(range(4))

    async with asyncio.timeout(WITHIN):
        while not settled():
            await asyncio.wait([asyncio.ensure_future(one.changed(one.held)) for one in everyone], return_when=asyncio.FIRST_COMPLETED)


async def test_members_share_the_partitions_and_take_over_from_whoever_leaves(make: Make) -> None:
    """Two have two each, never the same; the one that stays gets all, and what it held before counts as a new turn."""
    first_bus, second_bus = await make(), await make()
    first = await first_bus.join(GROUP, RAW)
    await shared([first], [4])
    alone = first.held
    second = await second_bus.join(GROUP, RAW)
    await shared([first, second], [2, 2])
    await second.leave()
    await shared([first], [4])
    assert first.held.turn > alone.turn


async def test_a_position_is_taken_by_its_owner_alone(make: Make) -> None:
    """Neither a member takes what another works on, nor a process that is no member."""
    first_bus, second_bus = await make(), await make()
    members = [await bus.join(GROUP, RAW) for bus in (first_bus, second_bus)]
    await shared(members, [2, 2])
    mine = min(members[0].held.partitions)
    with pytest.raises(Reassigned):
        await second_bus.take(Taken(GROUP, RAW, {mine: 7}))
    with pytest.raises(Reassigned):
        await (await make()).take(Taken(GROUP, RAW, {mine: 7}))
    await first_bus.take(Taken(GROUP, RAW, {mine: 3}))
    assert (await second_bus.taken(GROUP, RAW))[mine] == 3


async def test_a_killed_process_is_taken_over_from_when_its_session_ends(make: Make, kafka: Cluster, prefix: str) -> None:
    """SIGKILL tells nobody; the others have its partitions soon after."""
    bus = await make()
    member = await bus.join(GROUP, RAW)
    await shared([member], [4])
    async with another(kafka, prefix) as other:
        await shared_with(other, member)
        other.kill()
        await other.wait()
        await shared([member], [4])


async def test_a_process_held_still_beyond_its_session_can_take_nothing_when_it_goes_on(make: Make, kafka: Cluster, prefix: str) -> None:
    """Its partitions were given away: its position is refused, and it joins again by itself."""
    bus = await make()
    member = await bus.join(GROUP, RAW)
    await shared([member], [4])
    async with another(kafka, prefix) as other:
        await shared_with(other, member)
        other.send_signal(signal.SIGSTOP)
        await shared([member], [4])
        await bus.take(Taken(GROUP, RAW, dict.fromkeys(range(4), 5)))
        assert other.stdin
        other.stdin.write(b"take\n")
        other.send_signal(signal.SIGCONT)
        assert await said(other, b"took", b"reassigned") == b"reassigned"
        assert await bus.taken(GROUP, RAW) == dict.fromkeys(range(4), 5)
        await shared_with(other, member)


@asynccontextmanager
async def another(kafka: Cluster, prefix: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Another process that joins the group, and says what it holds; gone at the end, whatever happened."""
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OTHER_PROCESS, kafka.servers[0], prefix,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield other
    finally:
        with suppress(ProcessLookupError):
            other.kill()
        await other.wait()


async def shared_with(other: asyncio.subprocess.Process, member: Member) -> None:
    """Until it has two partitions, and the member the other two."""
    async with asyncio.timeout(WITHIN):
        while len(held := {int(one) for one in (await said(other, b"held")).split()[1:]}) != 2:
            pass
        while len(member.held.partitions) != 2:
            await member.changed(member.held)
    assert held | member.held.partitions == set(range(4))


async def said(other: asyncio.subprocess.Process, *words: bytes) -> bytes:
    """Its next line that begins with one of these words."""
    assert other.stdout
    async with asyncio.timeout(WITHIN):
        async for line in other.stdout:
            if line.startswith(words):
                return line.strip()
    pytest.fail("the other process ended")


def never(partition: int) -> Worker:
    """What is made of a partition that nobody is given."""
    raise AssertionError(partition)


async def test_a_session_that_the_brokers_refuse_is_told(kafka: Cluster, prefix: str) -> None:
    """It would never be let in: who waits is told which setting to mend, and a process that works there ends."""
    bus = a_bus(kafka.servers, prefix, partitions=2, session_timeout=3_600 * SECOND)
    await bus.start()
    try:
        member = await bus.join("score", RAW)
        with pytest.raises(UsageError, match="session_timeout 是 3600 秒"):
            await asyncio.wait_for(member.changed(NONE), 20)
        sharing: Sharing[Worker] = Sharing(bus, "escalate", SCORED, never, log())
        with pytest.raises(UsageError):
            await asyncio.wait_for(sharing.run(), 20)
    finally:
        await bus.close()
