"""`monitor/bus/base.py`, run against each backend."""

import asyncio
from collections.abc import Sequence
from typing import get_args

import pytest
from msgspec.structs import replace

from monitor.bus.base import DEAD, RAW, SCORED, TOPICS, Bus, Outcome, Record, RecordKind, Stored, Taken, partition_of
from monitor.clock import DAY, ManualClock
from monitor.errors import BusFull, BusUnavailable
from tests.contract.conftest import START, BusMaker

IDENTITY = pytest.mark.gap("kafka", "the log cannot look an identity up; the store knows it again")
BACKLOG = pytest.mark.gap("kafka", "brokers keep by time, not by what is taken")
RETENTION = pytest.mark.gap("kafka", "the brokers expire records themselves, by their own clock")
ACCEPTED, DUPLICATE, UPDATED = Outcome.ACCEPTED, Outcome.DUPLICATE, Outcome.UPDATED


def record(value: str, *, partition: int | None = 0, identity: str = "", version: int = 0, key: str = "k") -> Record:
    """A record by its words; an identity is padded to its 16 bytes."""
    digest = identity.encode().ljust(16, b"\0") if identity else b""
    return Record(key.encode(), value.encode(), partition=partition, identity=digest, version=version)


def run(*values: str, partition: int = 0) -> list[Record]:
    """Plain records, one a value."""
    return [record(value, partition=partition) for value in values]


def values(stored: Sequence[Stored]) -> list[str]:
    """What was read, in order."""
    return [item.value.decode() for item in stored]


async def everything(bus: Bus, topic: str = RAW, partition: int = 0) -> list[str]:
    """All that a partition holds."""
    return values(await bus.read(topic, partition, 0, 10_000))


async def test_a_record_comes_back_as_it_was_appended(bus: Bus) -> None:
    """Key, value, kind and place are read back, bytes unharmed."""
    sent = [Record(b"k\0\xff", bytes(range(256)), kind=kind, partition=1) for kind in get_args(RecordKind)]
    assert await bus.append(DEAD, sent) == [ACCEPTED] * 3
    read = [replace(stored, stored_at=0) for stored in await bus.read(DEAD, 1, 0, 10)]
    assert read == [Stored(DEAD, 1, offset, one.key, one.value, one.kind, 0) for offset, one in enumerate(sent)]


async def test_a_partition_is_a_gap_free_run_in_the_order_of_appending(bus: Bus) -> None:
    """Offsets count from 0 in each partition, whatever the sizes of the appends."""
    await bus.append(RAW, [*run("a", "b"), *run("x", partition=1), *run("c")])
    await bus.append(RAW, [*run("y", partition=1), *run("d")])
    assert [(item.offset, item.value) for item in await bus.read(RAW, 0, 0, 10)] == [(0, b"a"), (1, b"b"), (2, b"c"), (3, b"d")]
    assert [(item.offset, item.value) for item in await bus.read(RAW, 1, 0, 10)] == [(0, b"x"), (1, b"y")]
    assert await bus.bounds(RAW) == {0: (0, 4), 1: (0, 2)}
    assert await bus.bounds(SCORED) == {0: (0, 0), 1: (0, 0)}


async def test_a_key_chooses_its_partition(bus: Bus) -> None:
    """Without a partition a record goes where `partition_of` says, so one key stays in one order."""
    keys = [f"subject {number}" for number in range(20)]
    await bus.append(RAW, [record(key, key=key, partition=None) for key in keys])
    for partition in range(bus.partitions(RAW)):
        assert await everything(bus, RAW, partition) == [key for key in keys if partition_of(key.encode(), 2) == partition]


async def test_reading_starts_anywhere_and_stops_at_its_limit(bus: Bus) -> None:
    """Any offset and limit cut out the same run, also across and inside appends."""
    words = [str(number) for number in range(40)]
    for start in range(0, 40, 8):
        await bus.append(RAW, run(*words[start : start + 8]))
    for start in range(0, 45, 3):
        for limit in (0, 1, 7, 8, 9, 100):
            assert values(await bus.read(RAW, 0, start, limit)) == words[start : start + limit]


async def test_appending_nothing_answers_nothing(bus: Bus) -> None:
    """An empty append is no error; its positions are remembered all the same."""
    assert await bus.append(RAW, []) == []
    assert await bus.append(RAW, [], taken=Taken("scorer", RAW, {0: 3})) == []
    assert await bus.taken("scorer", RAW) == {0: 3, 1: 0}


@IDENTITY
async def test_a_known_identity_is_refused_unless_its_version_is_greater(bus: Bus) -> None:
    """The first arrival stays, a second changes nothing, a later sighting is appended."""
    assert await bus.append(RAW, [record("first", identity="m", version=0)]) == [ACCEPTED]
    assert await bus.append(RAW, [record("again", identity="m", version=0)]) == [DUPLICATE]
    assert await bus.append(RAW, [record("seen", identity="m", version=5)]) == [UPDATED]
    assert await bus.append(RAW, [record("late", identity="m", version=4)]) == [DUPLICATE]
    assert await everything(bus) == ["first", "seen"]


@IDENTITY
async def test_a_repeat_inside_one_append_is_found(bus: Bus) -> None:
    """Neighbours of one call are compared with each other too."""
    sent = [record("a", identity="m"), record("b", identity="n"), record("c", identity="m"), record("d", identity="m", version=1)]
    assert await bus.append(RAW, sent) == [ACCEPTED, ACCEPTED, DUPLICATE, UPDATED]
    assert await everything(bus) == ["a", "b", "d"]


@IDENTITY
async def test_a_repeat_in_a_concurrent_append_is_found(bus: Bus) -> None:
    """Of many appends of one identity at the same time exactly one is accepted."""
    outcomes = await asyncio.gather(*(bus.append(RAW, [record("x", identity="m")]) for _ in range(20)))
    assert sorted(outcome for (outcome,) in outcomes) == [ACCEPTED] + [DUPLICATE] * 19
    assert await everything(bus) == ["x"]


async def test_identities_are_of_their_topic(bus: Bus) -> None:
    """The same identity may stand once in each topic, and records without one always."""
    for topic in TOPICS:
        assert await bus.append(topic, [record("a", identity="m"), record("b"), record("b")]) == [ACCEPTED] * 3


async def test_an_append_of_a_known_name_changes_nothing(bus: Bus) -> None:
    """A block appended again after a crash is passed over whole, its positions too."""
    assert not await bus.done(RAW, "block 1")
    assert await bus.append(RAW, run("a", "b"), once="block 1") == [ACCEPTED] * 2
    assert await bus.done(RAW, "block 1")
    assert await bus.append(RAW, run("c", "d", "e"), once="block 1", taken=Taken("scorer", SCORED, {0: 9})) == [DUPLICATE] * 3
    assert await everything(bus) == ["a", "b"]
    assert await bus.taken("scorer", SCORED) == {0: 0, 1: 0}


async def test_names_of_appends_are_of_their_topic(bus: Bus) -> None:
    """The same name is another append in another topic."""
    await bus.append(RAW, run("a"), once="block 1")
    assert not await bus.done(SCORED, "block 1")
    assert await bus.append(SCORED, run("a"), once="block 1") == [ACCEPTED]


async def test_of_concurrent_appends_of_one_name_one_is_made(bus: Bus) -> None:
    """The name is checked against those that share the transaction."""
    outcomes = await asyncio.gather(*(bus.append(RAW, run("a"), once="block 1") for _ in range(10)))
    assert sorted(outcome for (outcome,) in outcomes) == [ACCEPTED] + [DUPLICATE] * 9


async def test_a_position_never_moves_back(bus: Bus) -> None:
    """A consumer that comes late with an old position changes nothing."""
    await bus.take(Taken("scorer", RAW, {0: 5, 1: 1}))
    await bus.take(Taken("scorer", RAW, {0: 3, 1: 2}))
    assert await bus.taken("scorer", RAW) == {0: 5, 1: 2}
    await asyncio.gather(*(bus.take(Taken("scorer", RAW, {0: position})) for position in (8, 6, 7)))
    assert await bus.taken("scorer", RAW) == {0: 8, 1: 2}


async def test_positions_are_of_their_group_and_topic(bus: Bus) -> None:
    """What one group has taken says nothing of another group or topic."""
    await bus.append(SCORED, run("a"), taken=Taken("scorer", RAW, {1: 4}))
    assert await bus.taken("scorer", RAW) == {0: 0, 1: 4}
    assert await bus.taken("scorer", SCORED) == {0: 0, 1: 0}
    assert await bus.taken("other", RAW) == {0: 0, 1: 0}


async def test_everything_is_there_after_opening_the_log_again(make_bus: BusMaker) -> None:
    """Records, positions and names outlive the process that wrote them."""
    first = await make_bus()
    await first.append(RAW, run("a"), once="block 1", taken=Taken("scorer", SCORED, {0: 7}))
    await first.close()
    again = await make_bus()
    assert await everything(again) == ["a"]
    assert await again.done(RAW, "block 1")
    assert await again.taken("scorer", SCORED) == {0: 7, 1: 0}
    assert await again.append(RAW, run("b"), once="block 1") == [DUPLICATE]
    await again.append(RAW, run("c"))
    assert [(item.offset, item.value) for item in await again.read(RAW, 0, 1, 10)] == [(1, b"c")]


@IDENTITY
async def test_identities_are_known_after_opening_the_log_again(make_bus: BusMaker) -> None:
    """What was taken in before the stop is a repeat after it."""
    first = await make_bus()
    await first.append(RAW, [record("a", identity="m")])
    await first.close()
    again = await make_bus()
    assert await again.append(RAW, [record("b", identity="m"), record("c")]) == [DUPLICATE, ACCEPTED]


async def test_a_waiting_reader_wakes_when_its_record_is_appended(bus: Bus) -> None:
    """The wait ends with the append, long before its own end."""
    reading = asyncio.create_task(bus.read(RAW, 0, 0, 10, wait=30))
    await asyncio.sleep(0.05)
    assert not reading.done()
    began = asyncio.get_running_loop().time()
    await bus.append(RAW, run("a"))
    assert values(await reading) == ["a"]
    assert asyncio.get_running_loop().time() - began < 0.5


async def test_a_reader_waits_on_for_its_own_partition(bus: Bus) -> None:
    """Records elsewhere wake nobody for good."""
    reading = asyncio.create_task(bus.read(RAW, 1, 0, 10, wait=30))
    await bus.append(RAW, run("a"))
    await bus.append(SCORED, run("b", partition=1))
    await asyncio.sleep(0.05)
    assert not reading.done()
    await bus.append(RAW, run("c", partition=1))
    assert values(await reading) == ["c"]


async def test_a_reader_gives_up_at_the_end_of_its_wait(bus: Bus) -> None:
    """Nothing comes: an empty answer in time."""
    began = asyncio.get_running_loop().time()
    assert await bus.read(RAW, 0, 0, 10, wait=0.1) == []
    assert 0.1 <= asyncio.get_running_loop().time() - began < 1


@BACKLOG
async def test_a_full_log_refuses_until_its_consumer_has_taken(make_bus: BusMaker) -> None:
    """The bound counts what the slowest group has not taken; a refused append leaves nothing behind."""
    bus = await make_bus(max_backlog=4)
    await bus.take(Taken("fast", RAW, {0: 0}))
    await bus.append(RAW, run("a", "b", "c"))
    await bus.take(Taken("slow", RAW, {0: 1}))
    await bus.take(Taken("fast", RAW, {0: 3}))
    await bus.append(RAW, [*run("d"), *run("x", partition=1)])
    with pytest.raises(BusFull):
        await bus.append(RAW, [record("e", identity="e")], once="e", taken=Taken("slow", SCORED, {0: 1}))
    assert not await bus.done(RAW, "e")
    assert await bus.taken("slow", SCORED) == {0: 0, 1: 0}
    await bus.take(Taken("slow", RAW, {0: 2}))
    assert await bus.append(RAW, [record("e", identity="e")], once="e") == [ACCEPTED]
    assert await everything(bus) == ["a", "b", "c", "d", "e"]


@BACKLOG
async def test_a_log_that_nobody_has_taken_from_is_bounded_too(make_bus: BusMaker) -> None:
    """Before its first consumer is known all that is kept counts, except dead letters, which nobody consumes."""
    bus = await make_bus(max_backlog=2)
    await bus.append(RAW, run("a", "b"))
    with pytest.raises(BusFull):
        await bus.append(RAW, run("c"))
    assert await bus.append(DEAD, run("a", "b", "c", "d")) == [ACCEPTED] * 4


@BACKLOG
async def test_duplicates_are_answered_by_a_full_log(make_bus: BusMaker) -> None:
    """What would add nothing is not refused."""
    bus = await make_bus(max_backlog=1)
    await bus.append(RAW, [record("a", identity="m")], once="block 1")
    assert await bus.append(RAW, [record("a", identity="m")]) == [DUPLICATE]
    assert await bus.append(RAW, run("a"), once="block 1") == [DUPLICATE]


@BACKLOG
async def test_a_refused_append_does_not_fail_its_neighbours(make_bus: BusMaker) -> None:
    """Appends that share a transaction stand or fall by themselves, and the order of the others is kept."""
    bus = await make_bus(max_backlog=3)
    sizes = {"a": 1, "b": 3, "c": 1, "d": 2, "e": 1}
    answers = await asyncio.gather(*(bus.append(RAW, run(*[name] * size)) for name, size in sizes.items()), return_exceptions=True)
    assert [isinstance(answer, BusFull) for answer in answers] == [False, True, False, True, False]
    assert await everything(bus) == ["a", "c", "e"]


async def test_a_mistaken_call_is_refused_at_once(bus: Bus) -> None:
    """A partition or topic that is not there and an identity of the wrong size are the caller's errors, and write nothing."""
    for wrong in (record("a", partition=2), record("a", partition=-1), Record(b"k", b"v", partition=0, identity=b"short")):
        with pytest.raises(ValueError, match=r"partitions|identity"):
            await bus.append(RAW, [record("ok"), wrong])
    with pytest.raises(ValueError, match="no such topic"):
        await bus.append("mentions.other", run("a"))
    with pytest.raises(ValueError, match="partitions"):
        await bus.take(Taken("scorer", RAW, {5: 1}))
    assert await everything(bus) == []


async def test_a_cancelled_append_leaves_the_others_alone(bus: Bus) -> None:
    """Callers that give up break nobody; what they sent may still arrive, once."""
    tasks = [asyncio.create_task(bus.append(RAW, run(str(number)))) for number in range(30)]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(answer == [ACCEPTED] for number, answer in enumerate(answers) if number % 3)
    await bus.append(RAW, run("last"))
    read = await everything(bus)
    assert read[-1] == "last"
    assert len(set(read)) == len(read)
    assert {str(number) for number in range(30) if number % 3} <= set(read)


@RETENTION
async def test_expiry_removes_what_is_old_and_taken(bus: Bus, clock: ManualClock) -> None:
    """Retention counts from storing; what a group has not taken stays, whatever its age; offsets stay too."""
    await bus.append(RAW, run("a", "b", "c"))
    clock.advance(2 * DAY)
    await bus.append(RAW, run("d"))
    await bus.take(Taken("scorer", RAW, {0: 4}))
    await bus.take(Taken("audit", RAW, {0: 2}))
    assert await bus.expire(START + 7 * DAY) == 0
    assert await bus.expire(START + 7 * DAY + 1) == 2
    assert await bus.bounds(RAW) == {0: (2, 4), 1: (0, 0)}
    assert [(item.offset, item.value) for item in await bus.read(RAW, 0, 0, 10)] == [(2, b"c"), (3, b"d")]
    await bus.take(Taken("audit", RAW, {0: 4}))
    assert await bus.expire(START + 7 * DAY + 1) == 1
    assert await everything(bus) == ["d"]


@RETENTION
async def test_an_offset_is_never_given_twice(make_bus: BusMaker, clock: ManualClock) -> None:
    """A partition expired to nothing goes on counting, also after opening it again."""
    bus = await make_bus()
    await bus.append(RAW, run("a", "b"))
    await bus.take(Taken("scorer", RAW, {0: 2}))
    clock.advance(8 * DAY)
    assert await bus.expire(clock.now()) == 2
    await bus.close()
    again = await make_bus()
    assert await again.bounds(RAW) == {0: (2, 2), 1: (0, 0)}
    await again.append(RAW, run("c"))
    assert [item.offset for item in await again.read(RAW, 0, 0, 10)] == [2]


@RETENTION
async def test_nothing_expires_that_no_group_has_taken(bus: Bus) -> None:
    """A topic without a known group keeps everything; dead letters, which are for people, go after 30 days."""
    await bus.append(RAW, run("a"))
    await bus.append(SCORED, run("a"))
    await bus.append(DEAD, run("a"))
    assert await bus.expire(START + 30 * DAY) == 0
    assert await bus.expire(START + 300 * DAY) == 1
    assert (await everything(bus, RAW), await everything(bus, SCORED), await everything(bus, DEAD)) == (["a"], ["a"], [])


@RETENTION
async def test_each_topic_has_its_retention(bus: Bus) -> None:
    """The raw log is kept a week, the scored one a month."""
    for topic in (RAW, SCORED):
        await bus.append(topic, run("a"))
        await bus.take(Taken("group", topic, {0: 1}))
    assert await bus.expire(START + 8 * DAY) == 1
    assert (await everything(bus, RAW), await everything(bus, SCORED)) == ([], ["a"])


@RETENTION
async def test_identities_and_names_outlive_the_records(bus: Bus) -> None:
    """A second arrival a year later changes nothing; after 400 days it is new."""
    await bus.append(RAW, [record("a", identity="m")], once="block 1")
    await bus.take(Taken("scorer", RAW, {0: 1}))
    assert await bus.expire(START + 399 * DAY) == 1
    assert await bus.append(RAW, [record("a", identity="m")]) == [DUPLICATE]
    await bus.expire(START + 401 * DAY)
    assert not await bus.done(RAW, "block 1")
    assert await bus.append(RAW, [record("a", identity="m")]) == [ACCEPTED]


@IDENTITY
async def test_an_identity_that_came_again_is_kept_from_then_on(bus: Bus, clock: ManualClock) -> None:
    """A later sighting renews it; its neighbours of the first day go."""
    await bus.append(RAW, [record("a", identity="m"), record("b", identity="n")])
    clock.advance(300 * DAY)
    await bus.append(RAW, [record("seen", identity="m", version=1)])
    await bus.expire(START + 401 * DAY)
    assert await bus.append(RAW, [record("a", identity="m"), record("b", identity="n")]) == [DUPLICATE, ACCEPTED]
    await bus.expire(START + 701 * DAY)
    assert await bus.append(RAW, [record("a", identity="m")]) == [ACCEPTED]


@RETENTION
async def test_a_long_expiry_lets_appends_through(make_bus: BusMaker, clock: ManualClock) -> None:
    """It goes in small steps, and ends with everything gone that may go."""
    bus = await make_bus(max_backlog=100_000)
    for _ in range(300):
        await bus.append(RAW, run(*["x"] * 3))
    await bus.take(Taken("scorer", RAW, {0: 900}))
    clock.advance(8 * DAY)
    expiring = asyncio.create_task(bus.expire(clock.now()))
    await bus.append(RAW, run("new"))
    assert not expiring.done()
    assert await expiring == 900
    assert await everything(bus) == ["new"]


@RETENTION
async def test_expiry_ends_where_a_slow_group_stands(make_bus: BusMaker, clock: ManualClock) -> None:
    """Much that is old but not taken is neither removed nor looked at for ever, also when a group comes late."""
    bus = await make_bus(max_backlog=10_000)
    for _ in range(200):
        await bus.append(RAW, run("x"))
    clock.advance(8 * DAY)
    await bus.take(Taken("slow", RAW, {0: 1}))
    assert await asyncio.wait_for(bus.expire(clock.now()), 10) == 1
    await bus.take(Taken("slow", RAW, {0: 150}))
    assert await asyncio.wait_for(bus.expire(clock.now()), 10) == 149
    await bus.take(Taken("late", RAW, {0: 0}))
    assert await asyncio.wait_for(bus.expire(clock.now()), 10) == 0
    assert await bus.bounds(RAW) == {0: (150, 200), 1: (0, 0)}


async def test_a_group_is_known_by_its_first_position(make_bus: BusMaker) -> None:
    """Somebody who names no position holds nothing up, neither now nor in the same transaction."""
    bus = await make_bus(max_backlog=2)
    await bus.take(Taken("scorer", RAW, {0: 0}))
    await bus.append(RAW, run("a", "b"))
    await bus.take(Taken("scorer", RAW, {0: 2}))
    nothing, answer = await asyncio.gather(bus.append(RAW, [], taken=Taken("other", RAW, {})), bus.append(RAW, run("c")))
    assert (nothing, answer) == ([], [ACCEPTED])


async def test_a_closed_bus_is_unavailable(bus: Bus) -> None:
    """Closing twice is fine; every call after it says so and hangs nowhere."""
    await bus.close()
    await bus.close()
    appending, reading = bus.append(RAW, run("a")), bus.read(RAW, 0, 0, 1, wait=60)
    for call in (appending, reading, bus.taken("g", RAW), bus.bounds(RAW), bus.done(RAW, "x"), bus.expire(0)):
        with pytest.raises(BusUnavailable):
            await call


async def test_closing_finishes_what_waits(make_bus: BusMaker) -> None:
    """Appends queued before the close are durable or refused, and a waiting reader ends."""
    bus = await make_bus()
    reading = asyncio.create_task(bus.read(SCORED, 0, 0, 1, wait=60))
    appending = [asyncio.create_task(bus.append(RAW, run(str(number)))) for number in range(50)]
    await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.gather(bus.close(), bus.close()), 10)
    answers = await asyncio.wait_for(asyncio.gather(*appending, return_exceptions=True), 1)
    assert await asyncio.wait_for(reading, 1) == []
    assert all(answer == [ACCEPTED] or isinstance(answer, BusUnavailable) for answer in answers)
    again = await make_bus()
    assert await everything(again) == [str(number) for number, answer in enumerate(answers) if answer == [ACCEPTED]]


async def test_large_and_many_records_come_back(make_bus: BusMaker) -> None:
    """A read may answer fewer than its limit, never none while there are some."""
    bus = await make_bus(max_backlog=10_000)
    large = [Record(b"k", bytes([number]) * 900_000, partition=0) for number in range(35)]
    await bus.append(RAW, large)
    await bus.append(RAW, [Record(b"k", b"%d" % number, partition=0) for number in range(3_000)])
    read: list[Stored] = []
    while found := await bus.read(RAW, 0, len(read), 100_000):
        assert sum(len(item.value) for item in found) < 30_000_000
        read += found
    assert [item.value for item in read] == [item.value for item in large] + [b"%d" % number for number in range(3_000)]
    assert [item.offset for item in read] == list(range(3_035))
