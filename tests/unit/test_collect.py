"""The collect role: what is durable first, what is remembered after, and how long a failing source is left alone."""

from collections.abc import AsyncIterator, Collection, Sequence
from pathlib import Path

import pytest
import structlog
import structlog.testing
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from monitor.border import parse
from monitor.bus.base import DEAD, RAW, Record
from monitor.bus.sqlite import SqliteBus
from monitor.clock import HOUR, MINUTE, SECOND, ManualClock, moment
from monitor.collecting.base import Bad, Batch
from monitor.errors import BusUnavailable, InvalidMention, SourceFailed, TooLarge
from monitor.mention import Mention, decode_raw
from monitor.metrics import Metrics
from monitor.settings import Retention, Secret, Settings, Source
from monitor.store.sessions import Store
from services.collect import Feeder, agent_of, fingerprint
from services.dead.burial import DeadLetter, read_record
from services.intake import Intake

NOW = 1_790_000_000_000_000
PAPER = Source(name="paper", type="rss", url=Secret("https://x.cn/feed"), every=MINUTE, platform="新闻")


def mention(item: str, **changes: object) -> Mention:
    """A small mention of the paper."""
    return replace(Mention(source="paper", id=item, text="字", published_at=moment(NOW - HOUR)), **changes)


class Scripted:
    """A collector that gives what it was told to; `asked` are the cursors it was asked with."""

    def __init__(self, *answers: Batch | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[bytes] = []
        self.closed = False

    async def collect(self, cursor: bytes, now: int) -> Batch:  # noqa: ARG002 - the protocol's
        self.asked.append(cursor)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        self.closed = True


class World:
    """A log, a store, and the feeders on them."""

    def __init__(self, bus: SqliteBus, store: Store, clock: ManualClock) -> None:
        self.bus, self.store, self.clock = bus, store, clock
        self.metrics = Metrics(CollectorRegistry(), sources=["paper"])
        self.parts: dict[str, str | None] = {}
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Only write it down."""
        self.slept.append(seconds)

    def feeder(self, collector: Scripted, source: Source = PAPER, watched: Collection[str] = ()) -> Feeder:
        """A feeder without chance."""
        intake = Intake(self.bus, self.clock, self.metrics, [source])
        return Feeder(
            source, collector, intake, self.bus, self.store, self.clock, self.metrics, structlog.get_logger(), self.parts,
            draw=lambda: 0.5, sleep=self.sleep, watched=lambda: watched,
        )  # fmt: skip

    async def ids(self, topic: str = RAW) -> list[str]:
        """What is on the log."""
        records = [one for partition in (await self.bus.bounds(topic)) for one in await self.bus.read(topic, partition, 0, 1_000)]
        return [decode_raw(one.value).mention.id if topic == RAW else one.key.decode() for one in records]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Everything a feeder needs."""
    clock = ManualClock(NOW)
    bus = SqliteBus(tmp_path, retention=Retention(), clock=clock)
    await bus.start()
    store = await Store.open("sqlite", tmp_path)
    yield World(bus, store, clock)
    await store.close()
    await bus.close()


async def test_the_place_moves_only_behind_what_is_durable(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that is away for a moment slows the source; the place is kept when the mentions are in, and found by the next process."""
    append, failed = world.bus.append, list[int]()

    async def sometimes(*arguments: object, **more: object) -> object:
        if len(failed) < 2:
            failed.append(1)
            raise BusUnavailable("away")
        return await append(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(world.bus, "append", sometimes)
    feeder = world.feeder(Scripted(Batch(cursor=b"1", mentions=(mention("a"),))))
    await feeder.step()
    again = Scripted(Batch(cursor=b"2"))
    follower = world.feeder(again)
    await follower._resume()
    await follower.step()

    assert await world.ids() == ["a"]
    assert len(world.slept) == 2
    assert again.asked == [b"1"]


async def test_an_item_larger_than_the_log_takes_is_put_aside_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others go in and the place moves on; however often the source brings it again, it is told and kept once, whole."""
    append = world.bus.append

    async def narrow(topic: str, records: Sequence[Record], **more: object) -> object:
        if topic == RAW and (size := max((len(one.value) for one in records), default=0)) > 5_000:
            raise TooLarge(0, size, 5_000)
        return await append(topic, records, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(world.bus, "append", narrow)
    large = mention("large", text="字" * 5_000)
    batch = Batch(cursor=b"1", mentions=(mention("a"), large, mention("b")))
    feeder = world.feeder(Scripted(batch, batch))
    with structlog.testing.capture_logs() as lines:
        for _ in range(2):
            await feeder.step()

    assert await world.ids() == ["a", "b"]
    assert await world.ids(DEAD) == ["paper/large"]
    (record,) = await world.bus.read(DEAD, 0, 0, 10)
    letter = read_record(record.value)
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, parse(letter.content, NOW).text, "larger than the log takes" in letter.error) == ("invalid", large.text, True)
    assert [line["event"] for line in lines] == ["item refused"]


async def test_another_address_begins_anew(world: World) -> None:
    """A place belongs to what it is a place in; freshness belongs to the name."""
    await world.feeder(Scripted(Batch(cursor=b"1", mentions=(mention("a"),)))).step()
    moved = Source(name="paper", type="rss", url=Secret("https://y.cn/feed"), every=MINUTE)
    collector = Scripted(Batch(cursor=b"2"))
    feeder = world.feeder(collector, moved)
    await feeder._resume()
    await feeder.step()

    assert collector.asked == [b""]
    assert fingerprint(moved) != fingerprint(PAPER)
    newest = world.metrics.registry.get_sample_value("yuqing_source_newest_item_timestamp_seconds", {"source": "paper"})
    assert newest == (NOW - HOUR) / SECOND


async def test_a_failing_source_is_left_alone_longer_and_longer(world: World) -> None:
    """Doubling to an hour, Retry-After honoured, its name and reason told; one good look and it is forgotten."""
    failures = [SourceFailed("timeout", "超时") for _ in range(9)]
    collector = Scripted(*failures, SourceFailed("throttled", "HTTP 429", 3 * HOUR), ValueError("ours"), Batch(cursor=b"1"))
    feeder = world.feeder(collector)
    waits = [await feeder.step() / MINUTE for _ in failures]
    asked = await feeder.step()
    await feeder.step()
    told = world.parts["source:paper"]
    well = await feeder.step()

    assert waits == pytest.approx([1.05 * min(2**n, 60) for n in range(9)])
    assert asked >= 3 * HOUR
    assert str(told).startswith("failed: ")
    assert "连续 11 次" in str(told)
    assert (world.parts["source:paper"], well) == (None, MINUTE)
    count = world.metrics.registry.get_sample_value("yuqing_source_failures_total", {"source": "paper", "reason": "timeout"})
    assert count == 9


async def test_bad_items_are_put_aside_once_and_named(world: World) -> None:
    """However often a feed shows them; the good ones beside them are in."""
    bad = Bad("paper:2", InvalidMention(["id: is required"], b"{}"), "k")
    batch = Batch(cursor=b"", mentions=(mention("a"),), bad=(bad,))
    feeder = world.feeder(Scripted(batch, batch, batch))
    for _ in range(3):
        await feeder.step()

    assert await world.ids() == ["a"]
    assert len(await world.ids(DEAD)) == 1
    assert "paper:2: id: is required" in str(world.parts["source:paper"])


async def test_a_source_that_breaks_off_is_a_failure_with_its_items_in(world: World) -> None:
    """What it brought is taken, what is wrong is counted and named as long as it lasts, and it is looked at as often as ever."""
    broken = SourceFailed("malformed", "XML 有误")
    feeder = world.feeder(
        Scripted(Batch(cursor=b"1", mentions=(mention("a"),), failed=broken), Batch(cursor=b"2", failed=broken), Batch(cursor=b"3"))
    )
    waits = [await feeder.step() for _ in range(2)]
    told = world.parts["source:paper"]
    await feeder.step()

    assert await world.ids() == ["a"]
    assert (waits, told) == ([MINUTE, MINUTE], "malformed: XML 有误 (连续 2 次)")
    assert world.parts["source:paper"] is None
    assert world.metrics.registry.get_sample_value("yuqing_source_failures_total", {"source": "paper", "reason": "malformed"}) == 2


async def test_freshness_never_goes_back(world: World) -> None:
    """An older item that comes later, also in a new process, does not make the source look older than it is."""
    newer = mention("a", published_at=moment(NOW - SECOND))
    await world.feeder(Scripted(Batch(cursor=b"", mentions=(newer,)))).step()
    later = world.feeder(Scripted(Batch(cursor=b"", mentions=(mention("b"),))))
    await later._resume()
    await later.step()

    newest = world.metrics.registry.get_sample_value("yuqing_source_newest_item_timestamp_seconds", {"source": "paper"})
    assert newest == (NOW - SECOND) / SECOND


async def test_a_subject_that_nobody_watches_is_told_once(world: World) -> None:
    """The mention is in; the log hears of each name once, /readyz as long as nobody watches it."""
    trusted = replace(PAPER, trusted=True)
    looks = [Batch(cursor=b"", mentions=(mention(item, subjects=("某某", "乙")),)) for item in "abc"]
    watched = {"某某"}
    feeder = world.feeder(Scripted(*looks), trusted, watched)
    with structlog.testing.capture_logs() as logs:
        await feeder.step()
        await feeder.step()
        told = world.parts["source:paper"]
        watched.add("乙")
        await feeder.step()

    assert await world.ids() == ["a", "b", "c"]
    assert [line["subject"] for line in logs if line["event"] == "subject not watched"] == ["乙"]
    assert (told, world.parts["source:paper"]) == ("写了没有的监测主题: 乙", None)


async def test_only_a_trusted_source_names_subjects(world: World) -> None:
    """Not by claiming to be another source either."""
    claims = mention("a", subjects=("某某",))
    await world.feeder(Scripted(Batch(cursor=b"", mentions=(claims,)))).step()
    trusted = Source(name="paper", type="rss", url=Secret("https://x.cn"), every=MINUTE, trusted=True)
    await world.feeder(Scripted(Batch(cursor=b"", mentions=(mention("b", subjects=("某某",)),))), trusted).step()
    records = [one for partition in await world.bus.bounds(RAW) for one in await world.bus.read(RAW, partition, 0, 10)]
    found = {raw.mention.id: raw.mention for raw in (decode_raw(one.value) for one in records)}

    assert (found["a"].subjects, found["b"].subjects) == ((), ("某某",))
    assert found["a"].platform == "新闻"


def test_we_say_who_we_are(tmp_path: Path) -> None:
    """The version, and the public address where there is one."""
    settings = Settings(file=tmp_path, organisation="x", subjects=(), data=tmp_path)
    assert agent_of(settings).startswith("yuqing/")
    assert "+" not in agent_of(settings)
    assert agent_of(replace(settings, public_url="https://yq.example.cn")).endswith(" (+https://yq.example.cn)")
