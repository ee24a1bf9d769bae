"""Membership, run against each backend; what several members do is Kafka's, in test_bus_kafka_groups.py."""

import asyncio

from monitor.bus.base import RAW, SCORED, Assignment, Bus, Taken
from tests.contract.conftest import BusMaker

NONE = Assignment(0, frozenset())


async def test_an_only_member_works_on_everything(bus: Bus) -> None:
    """Whoever joins alone is given all partitions, and nothing changes after that."""
    member = await bus.join("score", RAW)
    held = await asyncio.wait_for(member.changed(NONE), 20)
    assert held.partitions == {0, 1}
    assert member.held == held
    waiting = asyncio.create_task(member.changed(held))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    waiting.cancel()


async def test_a_member_that_leaves_holds_nothing(bus: Bus) -> None:
    """Leaving is told to whoever waits for a change; leaving twice is fine, and so is joining again."""
    member = await bus.join("score", RAW)
    held = await asyncio.wait_for(member.changed(NONE), 20)
    waiting = asyncio.create_task(member.changed(held))
    await asyncio.gather(member.leave(), member.leave())
    assert (await waiting).partitions == frozenset()
    again = await bus.join("score", RAW)
    assert (await asyncio.wait_for(again.changed(NONE), 20)).partitions == {0, 1}


async def test_a_member_takes_what_it_works_on(bus: Bus) -> None:
    """Positions of its partitions are remembered for its group, and never move back."""
    member = await bus.join("score", RAW)
    await asyncio.wait_for(member.changed(NONE), 20)
    await bus.take(Taken("score", RAW, {0: 5}))
    await bus.append(SCORED, [], taken=Taken("score", RAW, {0: 3, 1: 2}))
    assert await bus.taken("score", RAW) == {0: 5, 1: 2}


async def test_the_members_of_a_group_are_counted(bus: Bus) -> None:
    """Of each group apart, none before anybody joined and none after all have left."""
    assert await bus.members("score") == 0
    member = await bus.join("score", RAW)
    await asyncio.wait_for(member.changed(NONE), 20)
    assert (await bus.members("score"), await bus.members("escalate")) == (1, 0)
    await member.leave()
    assert await bus.members("score") == 0


async def test_groups_and_topics_are_joined_apart(bus: Bus) -> None:
    """One process may be a member of several groups, each with everything."""
    members = [await bus.join("score", RAW), await bus.join("escalate", SCORED)]
    for member in members:
        assert (await asyncio.wait_for(member.changed(NONE), 20)).partitions == {0, 1}


async def test_closing_the_bus_leaves(make_bus: BusMaker) -> None:
    """A closed process holds nothing."""
    bus = await make_bus()
    member = await bus.join("score", RAW)
    await asyncio.wait_for(member.changed(NONE), 20)
    await bus.close()
    assert member.held.partitions == frozenset()
