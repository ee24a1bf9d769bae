"""What is the Kafka bus's own: names in the log, sizes, retention and topics. Its faults are in test_bus_kafka_faults.py."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiokafka import TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.admin.records_to_delete import RecordsToDelete
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from monitor.bus import kafka_reads, kafka_writes
from monitor.bus.base import RAW, SCORED, TOPICS, Assignment, Bus, Gap, Outcome, Record, Taken
from monitor.bus.kafka import KafkaBus, entry_of
from monitor.bus.kafka_names import header
from monitor.bus.kafka_topics import Found, Wanted, compared, look, wanted
from monitor.bus.kafka_wire import options
from monitor.bus.kafka_writes import Entry
from monitor.clock import DAY, SystemClock
from monitor.errors import BusRefused, BusUnavailable, TooLarge, UsageError
from monitor.metrics import Metrics
from monitor.settings import Kafka, Retention, Secret, Security
from services.keeping.housekeeping import alarm_of
from tests.contract.kafka_making import Make, a_bus, admin_of, everything, run
from tests.kafka_server import PASSWORD, USER, Cluster

ACCEPTED, DUPLICATE = Outcome.ACCEPTED, Outcome.DUPLICATE


@pytest.fixture
async def make(kafka: Cluster, prefix: str) -> AsyncIterator[Make]:
    """Makes a started bus on the test's own topics, each as another process would."""
    made: list[KafkaBus] = []

    async def make(**more: Any) -> KafkaBus:
        bus = a_bus(kafka.servers, prefix, **more)
        made.append(bus)
        await bus.start()
        return bus

    yield make
    for bus in made:
        await bus.close()


async def test_a_record_is_dated_by_the_broker(make: Make) -> None:
    """`stored_at` is when the broker took it, whatever the time of what it tells of."""
    bus = await make()
    before = SystemClock().now() - 1_000  # the broker counts milliseconds
    await bus.append(RAW, run("a"))
    (stored,) = await bus.read(RAW, 0, 0, 1)
    assert before <= stored.stored_at <= SystemClock().now()


async def test_every_record_is_accepted_whatever_its_identity(make: Make) -> None:
    """The log knows no identities; the store does, and counts an item once."""
    bus = await make()
    record = Record(b"k", b"v", partition=0, identity=b"0123456789abcdef")
    assert await bus.append(RAW, [record, record]) == [ACCEPTED, ACCEPTED]


async def test_nothing_is_expired_by_us(make: Make) -> None:
    """Retention is the brokers' work, by their clock."""
    bus = await make()
    await bus.append(RAW, run("a"))
    await bus.take(Taken("score", RAW, {0: 1}))
    assert await bus.expire(SystemClock().now() + 900 * DAY) == 0
    assert await everything(bus) == ["a"]


async def test_a_named_append_is_known_to_other_processes(make: Make) -> None:
    """One that starts later, and one that had looked before, both find it in the log."""
    early, writer = await make(), await make()
    assert not await early.done(RAW, "block 1")
    assert await writer.append(RAW, run("a", "b"), once="block 1") == [ACCEPTED] * 2
    for bus in (early, await make()):
        assert await bus.done(RAW, "block 1")
        assert await bus.append(RAW, run("a", "b"), once="block 1") == [DUPLICATE] * 2
    assert await everything(writer) == ["a", "b"]


async def test_a_named_append_cut_off_half_way_is_completed(make: Make) -> None:
    """What a killed writer left of a block is found again, and only the rest is appended."""
    killed = await make()
    block = [*run("a", "b"), *run("x", "y", partition=1), *run("c")]
    numbered = list(enumerate(block))
    left = [(record.partition or 0, entry_of(record, header("block 1", number, len(block)))) for number, record in numbered[:3]]
    await killed._write(RAW, left)
    bus = await make()
    assert not await bus.done(RAW, "block 1")
    assert await bus.append(RAW, block, once="block 1") == [ACCEPTED] * 5
    assert await bus.done(RAW, "block 1")
    assert (await everything(bus), await everything(bus, 1)) == (["a", "b", "c"], ["x", "y"])


async def test_a_name_of_nothing_is_not_kept(make: Make) -> None:
    """Without a record there is nothing to carry the name; to do nothing again does nothing."""
    bus = await make()
    assert await bus.append(RAW, [], once="empty") == []
    assert not await (await make()).done(RAW, "empty")


async def test_names_are_found_among_many_records(make: Make) -> None:
    """Records of others before, between and after the named ones change nothing."""
    bus = await make()
    for block in range(20):
        await bus.append(RAW, run(*[f"{block}"] * 50), once=f"block {block}")
        await bus.append(RAW, run(*["other"] * 30))
    late = await make()
    assert [await late.done(RAW, f"block {block}") for block in (0, 7, 19, 20)] == [True, True, True, False]


async def test_headers_of_strangers_are_read_past(make: Make) -> None:
    """Another program's record with a header of the same key, empty or of any bytes, neither stops a look nor names anything."""
    stranger = await make()
    foreign: list[Any] = [None, b"", b"x", b"0/0/block", b"1/1/block", b"-1/1/block", b"0/1/\xff", b"9" * 5_000 + b"/1/block"]
    await stranger._write(RAW, [(0, Entry(b"k", b"other", [("once", value)])) for value in foreign])
    bus = await make()
    assert not await bus.done(RAW, "block")
    assert await bus.append(RAW, run("a"), once="block") == [ACCEPTED]
    assert await (await make()).done(RAW, "block")
    assert await everything(bus) == ["other"] * len(foreign) + ["a"]


async def test_a_record_that_is_too_large_is_named_and_nothing_of_its_append_is_written(make: Make) -> None:
    """The caller is told which one and how large; what others append meanwhile goes through."""
    bus = await make()
    wrong = [*run("a"), Record(b"k", b"x" * 2_000_000, partition=1), *run("b")]
    answers = await asyncio.gather(bus.append(RAW, wrong), bus.append(RAW, run("c")), return_exceptions=True)
    assert isinstance(answers[0], TooLarge)
    assert (answers[0].index, answers[0].size > 2_000_000) == (1, True)
    assert answers[1] == [ACCEPTED]
    assert (await everything(bus), await everything(bus, 1)) == (["c"], [])


async def test_what_waits_to_be_written_is_bounded(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound an append is refused at once; one alone is taken whatever its size, and all goes on afterwards."""
    monkeypatch.setattr(kafka_writes, "WAITING_BYTES", 1_000)
    bus = await make()
    large = [Record(b"k", b"x" * 800, partition=0)] * 2
    answers = await asyncio.gather(bus.append(RAW, large), bus.append(RAW, run("a")), return_exceptions=True)
    assert answers[0] == [ACCEPTED] * 2
    assert isinstance(answers[1], BusUnavailable)
    assert await bus.append(RAW, run("b")) == [ACCEPTED]


async def _again_and_again(bus: Bus, records: list[Record]) -> None:
    """A broker takes up a new bound when it comes to it."""
    for _ in range(50):
        await asyncio.wait_for(bus.append(RAW, records), 10)
        await asyncio.sleep(0.1)


async def test_a_bound_lowered_under_us_is_told_and_ends_no_loop(make: Make, kafka: Cluster, prefix: str) -> None:
    """A broker that takes less than it did at the start refuses: an error in time, and smaller records go on."""
    bus = await make()
    async with admin_of(kafka.servers) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, prefix + RAW, {"max.message.bytes": "2000"})])
    large = [Record(b"k", b"x" * 3_000, partition=0)]
    with pytest.raises(TooLarge):
        await _again_and_again(bus, large)
    before = await everything(bus)
    assert await bus.append(RAW, run("a")) == [ACCEPTED]
    assert await everything(bus) == [*before, "a"]


async def test_a_position_that_retention_passed_by_reads_on_at_the_oldest_with_an_alarm(make: Make, kafka: Cluster, prefix: str) -> None:
    """The gap is told once for each read across it, in our words for the topic, and nothing else is skipped."""
    gaps: list[Gap] = []
    bus = await make(notice=gaps.append)
    await bus.append(RAW, run(*"abcde"))
    async with admin_of(kafka.servers) as admin:
        await admin.delete_records({TopicPartition(prefix + RAW, 0): RecordsToDelete(before_offset=3)})
    assert [(item.offset, item.value) for item in await bus.read(RAW, 0, 1, 10)] == [(3, b"d"), (4, b"e")]
    assert gaps == [Gap(RAW, 0, 1, 3)]
    assert (await bus.bounds(RAW))[0] == (3, 5)
    assert [item.value for item in await bus.read(RAW, 0, 3, 10)] == [b"d", b"e"]
    assert len(gaps) == 1


async def test_a_position_beyond_the_end_waits(make: Make) -> None:
    """There is nothing there yet; it comes when the log has grown to it."""
    bus = await make()
    await bus.append(RAW, run("a"))
    assert await bus.read(RAW, 0, 2, 10) == []
    reading = asyncio.create_task(bus.read(RAW, 0, 2, 10, wait=20))
    await asyncio.sleep(0.5)
    await bus.append(RAW, run("b", "c"))
    assert [item.value for item in await reading] == [b"c"]


async def test_many_readers_wait_beside_each_other(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A partition in which nothing comes holds up no other, nor any other call: none waits until the broker gives up on one."""
    monkeypatch.setattr(kafka_reads, "SIT", 60.0)
    bus = await make(partitions=8)
    idle = [asyncio.create_task(bus.read(topic, partition, 0, 10, wait=60)) for topic in (RAW, SCORED) for partition in range(1, 8)]
    await asyncio.sleep(0.3)
    reading = asyncio.create_task(bus.read(RAW, 0, 0, 10, wait=60))
    await asyncio.sleep(0.3)
    async with asyncio.timeout(20):
        await bus.append(RAW, run("a"))
        assert [item.value for item in await reading] == [b"a"]
        await bus.bounds(RAW)
        await bus.taken("score", RAW)
    assert not any(task.done() for task in idle)
    await bus.close()
    assert await asyncio.gather(*idle) == [[]] * 14


async def test_topics_are_made_as_the_settings_say(make: Make, kafka: Cluster, prefix: str) -> None:
    """Partitions, retention of each, LogAppendTime and delete: what `compared` finds right."""
    await make()
    settings = Kafka(topic_prefix=prefix, partitions=2)
    wants = wanted(settings, Retention(raw=7 * DAY, scored=30 * DAY))
    picture = await look(options(kafka.servers, settings.security), wants)
    assert picture.topics.keys() == {prefix + topic for topic in TOPICS}
    assert all(one.right for want in wants for one in compared(want, picture.topics[want.name], picture.brokers))


async def test_a_topic_that_differs_is_refused_and_left_as_it_is(make: Make, kafka: Cluster, prefix: str) -> None:
    """Every difference is named at once, in Chinese; nothing is altered."""
    async with admin_of(kafka.servers) as admin:
        configs = {"retention.ms": "1000", "cleanup.policy": "compact"}
        await admin.create_topics([NewTopic(prefix + RAW, 3, 1, topic_configs=configs)])
        for _ in range(2):
            with pytest.raises(UsageError) as refused:
                await make()
            for words in (
                "分区数为 3，应为 2",
                "retention.ms",
                "应为 7 天",
                "为 CreateTime，应为 LogAppendTime",
                "为 compact，应为 delete",
            ):
                assert words in str(refused.value)


async def test_more_copies_than_brokers_are_refused_with_both_numbers(make: Make) -> None:
    """What cannot be made is said at once, with what to change."""
    with pytest.raises(UsageError, match=r"要 2 个副本，现有 1 台 Kafka 在线，请检查 replication_factor"):
        await make(replication_factor=2)


async def test_what_the_settings_say_of_security_is_spoken(kafka: Cluster, prefix: str) -> None:
    """SASL_SSL with SCRAM under our certificate: written, read, a group joined and its position kept."""
    bus = a_bus(kafka.secure, prefix, security=_security(kafka))
    await bus.start()
    member = await bus.join("score", RAW)
    await bus.append(RAW, run("a"))
    assert await everything(bus) == ["a"]
    await asyncio.wait_for(member.changed(Assignment(0, frozenset())), 20)
    await bus.take(Taken("score", RAW, {0: 1}))
    assert await bus.taken("score", RAW) == {0: 1, 1: 0}
    await bus.close()


@pytest.mark.parametrize(
    ("more", "said"), [({"password": Secret("a wrong one")}, "SaslAuthenticationFailed"), ({"ca_file": None}, "CERTIFICATE_VERIFY_FAILED")]
)
async def test_wrong_credentials_are_told_at_once(kafka: Cluster, prefix: str, more: dict[str, Any], said: str) -> None:
    """Not as a broker that is away: what is wrong is named, the password is in no message."""
    bus = a_bus(kafka.secure, prefix, security=replace(_security(kafka), **more))
    with pytest.raises(BusRefused, match=said) as refused:
        await asyncio.wait_for(bus.start(), 5)
    assert PASSWORD not in str(refused.value)
    await bus.close()


async def test_one_that_refuses_us_is_named_before_one_that_is_away(kafka: Cluster, prefix: str) -> None:
    """Whichever broker stands first in the settings."""
    bus = a_bus(("127.0.0.1:1", *kafka.secure), prefix, security=replace(_security(kafka), password=Secret("a wrong one")))
    with pytest.raises(BusRefused, match="SaslAuthenticationFailed"):
        await asyncio.wait_for(bus.start(), 5)
    await bus.close()


async def test_a_password_that_is_changed_while_we_work_is_waited_for(
    kafka: Cluster, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call says that it can be made later, and is made when the password is right again."""
    bus = a_bus(kafka.secure, prefix, security=_security(kafka))
    await bus.start()
    with monkeypatch.context() as meanwhile:
        meanwhile.setitem(bus._options, "sasl_plain_password", "a wrong one")
        meanwhile.setattr("monitor.bus.kafka_writes.WITHIN", 1.0)
        with pytest.raises(BusUnavailable, match="SaslAuthenticationFailed"):
            await bus.bounds(RAW)
        with pytest.raises(BusUnavailable):
            await bus.append(RAW, run("a"))
    await bus.append(RAW, run("b"))
    assert "b" in await everything(bus)
    await bus.close()


def test_a_certificate_that_cannot_be_read_is_the_users_mistake(tmp_path: Path) -> None:
    """Said at once, with the file."""
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    with pytest.raises(UsageError, match=r"CA 证书文件 .*ca\.pem 不能用"):
        options(("127.0.0.1:9092",), Security(protocol="SSL", ca_file=str(file)))


def _security(kafka: Cluster) -> Security:
    return Security(protocol="SASL_SSL", mechanism="SCRAM-SHA-512", username=USER, password=Secret(PASSWORD), ca_file=str(kafka.ca_file))


@pytest.mark.parametrize(("brokers", "copies", "in_sync"), [(1, 1, 1), (2, 2, 1), (3, 3, 2), (9, 3, 2)])
def test_copies_follow_the_number_of_brokers(brokers: int, copies: int, in_sync: int) -> None:
    """What the settings leave open: three copies or as many as there are brokers, all but one of them in sync."""
    want = Wanted(RAW, RAW, 12, 1_000, None, None)
    assert (want.copies(brokers), want.in_sync(want.copies(brokers))) == (copies, in_sync)


def test_a_topic_of_three_copies_is_right_while_a_broker_is_away() -> None:
    """More than the settings would make is no difference, unless they name a number."""
    found = Found(partitions=12, replication=3, min_isr=2, retention=1_000, stamps="LogAppendTime", cleanup="delete", max_bytes=1 << 20)
    left_open, named = (Wanted(RAW, RAW, 12, 1_000, number, number) for number in (None, 2))
    assert all(one.right for one in compared(left_open, found, 2))
    assert [one.label for one in compared(named, found, 2) if not one.right] == ["副本数"]


def test_a_gap_is_an_alarm_with_a_name() -> None:
    """Counted by its topic, and an error in the log with the place."""
    metrics = Metrics(CollectorRegistry())
    with structlog.testing.capture_logs() as lines:
        alarm_of(metrics, structlog.get_logger())(Gap(RAW, 3, 10, 25))
    assert metrics.bus_skipped_records_total.labels(RAW)._value.get() == 15
    assert lines == [{"event": "records expired unread", "log_level": "error", "topic": RAW, "partition": 3, "first": 10, "next": 25}]
