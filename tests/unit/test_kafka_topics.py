"""Topics are never made weaker than they are meant because a broker happens to be away, and their spans are told in round units."""

from types import SimpleNamespace
from typing import Any

import pytest

from monitor.bus.kafka_topics import Picture, TopicDesk, _span, wanted
from monitor.clock import DAY
from monitor.errors import UsageError
from monitor.settings import Kafka, Retention

WANTS = wanted(Kafka(), Retention(raw=7 * DAY, scored=30 * DAY))


class Admin:
    """A cluster of which some brokers are online; another topic has copies on `keeping`."""

    def __init__(self, online: int, keeping: int) -> None:
        self.online, self.keeping = online, keeping
        self.made: list[Any] = []

    async def describe_topics(self) -> list[dict[str, Any]]:
        """The other topic."""
        return [{"topic": "other", "partitions": [{"replicas": list(range(self.keeping))}]}]

    async def describe_cluster(self) -> dict[str, Any]:
        """Who is online."""
        return {"brokers": [{"node_id": node} for node in range(self.online)]}

    async def create_topics(self, topics: list[Any], **_: object) -> SimpleNamespace:
        """Remember them."""
        self.made += topics
        return SimpleNamespace(topic_errors=[(topic.name, 0) for topic in topics])


@pytest.mark.parametrize(("online", "keeping", "named"), [(2, 3, 1), (2, 0, 3), (1, 0, 2)])
async def test_while_a_broker_is_away_no_topic_is_made(online: int, keeping: int, named: int) -> None:
    """It is known of by what has copies there, or by the addresses; the topics would have fewer copies for good."""
    admin = Admin(online, keeping)
    desk = TopicDesk(admin, named)
    with pytest.raises(UsageError, match=f"只有 {online} 台在线.*replication_factor"):
        await desk.create(WANTS, await desk.look([want.name for want in WANTS]))
    assert admin.made == []


@pytest.mark.parametrize(("online", "named", "copies"), [(1, 1, 1), (3, 1, 3), (5, 3, 3)])
async def test_with_all_online_topics_are_made(online: int, named: int, copies: int) -> None:
    """Of as many copies as there are brokers, three at most."""
    admin = Admin(online, 0)
    desk = TopicDesk(admin, named)
    picture = await desk.look([])
    await desk.create(WANTS, picture)
    assert picture == Picture(max(online, named), {}, online)
    assert [topic.replication_factor for topic in admin.made] == [copies] * 3


def test_a_span_is_told_in_the_largest_unit_that_is_whole() -> None:
    """Nobody reads 0.000694444 days."""
    spans = (-1, 7 * 86_400_000, 60_000, 90 * 60_000, 36 * 3_600_000, 1_500)
    assert [_span(ms) for ms in spans] == ["永久", "7 天", "1 分钟", "90 分钟", "36 小时", "1500 毫秒"]
