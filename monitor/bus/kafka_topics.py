"""
The topics on Kafka: what the settings want of them, what is there, what differs. They are made where missing, and never altered.

LogAppendTime, because retention counts from storing: by an event's own time a record of 2011 would be deleted at once.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiokafka import errors
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from monitor.bus.base import TOPICS, kept_for
from monitor.bus.kafka_wire import WITHIN, answered, bounded, opened
from monitor.clock import DAY, HOUR, MINUTE, SECOND
from monitor.errors import UsageError
from monitor.settings import Kafka, Retention

COPIES = 3  # of each record where there are so many brokers
STAMPS = "LogAppendTime"
DELETE = "delete"
UNITS = ((DAY // 1000, "天"), (HOUR // 1000, "小时"), (MINUTE // 1000, "分钟"), (SECOND // 1000, "秒"))  # ms
REMEDY = "程序从不改动已有的主题：请用 Kafka 的工具改好主题，或改配置里的 kafka 和 retention，或换一个 topic_prefix"
_CONFIGS = ("message.timestamp.type", "retention.ms", "min.insync.replicas", "cleanup.policy", "max.message.bytes")


class Wanted(msgspec.Struct, frozen=True):
    """A topic as the settings want it; `retention` in ms. None: from the number of brokers."""

    topic: str
    name: str
    partitions: int
    retention: int
    replication: int | None
    min_isr: int | None

    def copies(self, brokers: int) -> int:
        """How many brokers are to have each record."""
        return self.replication or min(COPIES, brokers)

    def in_sync(self, copies: int) -> int:
        """How many of those must have it before it counts as written."""
        return self.min_isr or max(1, copies - 1)


class Found(msgspec.Struct, frozen=True):
    """A topic as it is; `retention` in ms, -1 for ever."""

    partitions: int
    replication: int
    min_isr: int
    retention: int
    stamps: str
    cleanup: str
    max_bytes: int


class Picture(msgspec.Struct, frozen=True):
    """
    What a cluster has of our topics, by their names there.

    `brokers`: all that are known of, also those that are away now: by the addresses we were given, and by what has copies on them.
    """

    brokers: int
    topics: Mapping[str, Found]
    online: int


def wanted(kafka: Kafka, retention: Retention) -> list[Wanted]:
    """The three topics of these settings."""
    return [
        Wanted(
            topic=topic,
            name=kafka.topic_prefix + topic,
            partitions=kafka.partitions,
            retention=kept_for(retention, topic) // 1000,
            replication=kafka.replication_factor,
            min_isr=kafka.min_isr,
        )
        for topic in TOPICS
    ]


class Compared(msgspec.Struct, frozen=True):
    """One property of a topic, as it is and as it is wanted, in words; `right` where nothing needs doing."""

    label: str
    found: str
    wanted: str
    right: bool


def compared(want: Wanted, found: Found, brokers: int) -> list[Compared]:
    """
    Every property that matters.

    What the settings leave open may be more than it would be made with: a topic of three copies is right also while one of three
    brokers is away.
    """
    copies, least = want.copies(brokers), want.in_sync(want.copies(brokers))
    return [
        Compared("分区数", str(found.partitions), str(want.partitions), found.partitions == want.partitions),
        Compared("副本数", str(found.replication), str(copies), _enough(found.replication, copies, want.replication)),
        Compared("最少同步副本数 (min.insync.replicas)", str(found.min_isr), str(least), _enough(found.min_isr, least, want.min_isr)),
        Compared("保留时间 (retention.ms)", _span(found.retention), _span(want.retention), found.retention == want.retention),
        Compared("时间戳 (message.timestamp.type)", found.stamps, STAMPS, found.stamps == STAMPS),
        Compared("清理方式 (cleanup.policy)", found.cleanup, DELETE, found.cleanup == DELETE),
    ]


def _enough(found: int, wanted: int, asked: int | None) -> bool:
    return found == wanted if asked is not None else found >= wanted


def _span(ms: int) -> str:
    if ms < 0:
        return "永久"
    size, unit = next(((size, unit) for size, unit in UNITS if ms % size == 0), (1, "毫秒"))
    return f"{ms // size} {unit}"


class TopicDesk:
    """Looks at topics and makes them, over one connection."""

    def __init__(self, admin: Any, named: int) -> None:
        self._admin, self._named = admin, named

    async def look(self, names: Sequence[str]) -> Picture:
        """What there is of these; a name that is absent from the picture is absent there."""
        # all are asked for, as a broker may be set to make what it is asked for by name
        every = await self._admin.describe_topics()
        topics = {topic["topic"]: topic for topic in every if topic["topic"] in names}
        online = {broker["node_id"] for broker in (await self._admin.describe_cluster())["brokers"]}
        keeping = {node for topic in every for partition in topic["partitions"] for node in partition["replicas"]}
        configs = await self._configs(list(topics))
        found = {name: _found(topic["partitions"], configs[name]) for name, topic in topics.items() if name in configs}
        return Picture(max(len(online | keeping), self._named), found, len(online))

    async def create(self, wants: Sequence[Wanted], picture: Picture) -> None:
        """Make these; one that somebody else has just made is left as it is. None is made weaker because brokers are away now."""
        brokers = picture.brokers
        if any(want.replication is None and picture.online < want.copies(brokers) for want in wants):
            raise UsageError(
                f"还没有主题 {'、'.join(want.name for want in wants)}；{brokers} 台 Kafka 里只有 {picture.online} 台在线，"
                f"现在建会少副本，而且建好后程序不再改动：请等各台都在线再启动；确实只要这么多台，请在配置里写 replication_factor"
            )
        response = await self._admin.create_topics([_new(want, brokers) for want in wants], timeout_ms=int(WITHIN * 500))
        for name, code, *why in response.topic_errors:
            error = errors.for_code(code)
            if error is errors.TopicAlreadyExistsError or not code:
                continue
            if error.retriable:
                raise error(f"{name}: {why}")
            copies = next(want.copies(brokers) for want in wants if want.name == name)
            raise UsageError(
                f"主题 {name} 建不了 ({error.__name__}{f': {why[0]}' if why and why[0] else ''}); "
                f"要 {copies} 个副本，现有 {picture.online} 台 Kafka 在线，请检查 replication_factor、min_isr 和账号的权限"
            )

    async def _configs(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        if not names:
            return {}
        resources = [ConfigResource(ConfigResourceType.TOPIC, name, dict.fromkeys(_CONFIGS)) for name in names]
        responses = await self._admin.describe_configs(resources)
        answers = [resource for response in responses for resource in response.resources]
        for code, message, *_ in answers:
            if code:
                raise errors.for_code(code)(message)
        return {name: {key: value for key, value, *_ in entries} for _, _, _, name, entries in answers}


@asynccontextmanager
async def topic_desk(options: Mapping[str, Any]) -> AsyncIterator[TopicDesk]:
    """A connection to look at topics by; BusUnavailable when no broker answers."""

    async def begun() -> Any:
        admin = AIOKafkaAdminClient(**options)
        await opened(admin, admin.start, options)
        return admin

    admin = await answered(begun)
    try:
        yield TopicDesk(admin, len(options["bootstrap_servers"]))
    finally:
        await bounded(admin.close(), 1.0)


async def look(options: Mapping[str, Any], wants: Sequence[Wanted]) -> Picture:
    """What there is of these topics now."""
    async with topic_desk(options) as desk:
        return await answered(lambda: desk.look([want.name for want in wants]))


async def made(options: Mapping[str, Any], wants: Sequence[Wanted]) -> Picture:
    """The topics, made where they are missing; UsageError when Kafka will not make one."""
    async with topic_desk(options) as desk:

        async def there() -> Picture:
            picture = await desk.look([want.name for want in wants])
            missing = [want for want in wants if want.name not in picture.topics]
            if missing:
                await desk.create(missing, picture)
                raise errors.UnknownTopicOrPartitionError("a new topic is not known everywhere yet")  # asked again until it is
            return picture

        return await answered(there)


async def ready(options: Mapping[str, Any], wants: Sequence[Wanted]) -> Mapping[str, Found]:
    """The topics, made where they are missing; UsageError names everything that differs from the settings."""
    picture = await made(options, wants)
    wrong = [
        f"主题 {want.name} 的{one.label}为 {one.found}，应为 {one.wanted}"
        for want in wants
        for one in compared(want, picture.topics[want.name], picture.brokers)
        if not one.right
    ]
    if wrong:
        raise UsageError("\n".join([*wrong, REMEDY]))
    return picture.topics


def _new(want: Wanted, brokers: int) -> NewTopic:
    copies = want.copies(brokers)
    configs = {
        "message.timestamp.type": STAMPS, "retention.ms": str(want.retention), "retention.bytes": "-1", "cleanup.policy": DELETE,
        "min.insync.replicas": str(want.in_sync(copies)),
    }  # fmt: skip
    return NewTopic(want.name, want.partitions, copies, topic_configs=configs)


def _found(partitions: Sequence[Mapping[str, Any]], configs: Mapping[str, str]) -> Found:
    return Found(
        partitions=len(partitions),
        replication=min(len(partition["replicas"]) for partition in partitions),
        min_isr=int(configs["min.insync.replicas"]),
        retention=int(configs["retention.ms"]),
        stamps=configs["message.timestamp.type"],
        cleanup=configs["cleanup.policy"],
        max_bytes=int(configs["max.message.bytes"]),
    )
