"""The intake: what is acknowledged is durable, stamped, completed and counted."""

from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from monitor.bus.base import RAW, Taken
from monitor.bus.sqlite import SqliteBus
from monitor.clock import HOUR, ManualClock, micros, moment
from monitor.errors import BusFull, InvalidMention, StoreUnavailable
from monitor.mention import Mention, Raw, decode_raw
from monitor.metrics import Metrics
from monitor.settings import Retention, Source
from monitor.store.sessions import Store
from services.intake import Intake, Receipt, Rejected, known_in

NOW = 1_790_000_000_000_000
SAID = moment(NOW - HOUR)


def mention(item: str = "1", source: str = "weibo", **changes: object) -> Mention:
    """A small mention."""
    return replace(Mention(source=source, id=item, text="字", published_at=SAID), **changes)


@pytest.fixture
def clock() -> ManualClock:
    """The wall clock."""
    return ManualClock(NOW)


@pytest.fixture
async def bus(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteBus]:
    """A log of two partitions that may hold a hundred records."""
    bus = SqliteBus(tmp_path, retention=Retention(), clock=clock, partitions=2, max_backlog=100)
    await bus.start()
    yield bus
    await bus.close()


@pytest.fixture
def metrics() -> Metrics:
    """Metrics that know one source."""
    return Metrics(CollectorRegistry(), sources=["paper"])


@pytest.fixture
def intake(bus: SqliteBus, clock: ManualClock, metrics: Metrics) -> Intake:
    """An intake that knows a newspaper and trusts its desk."""
    paper = Source(name="paper", type="push", platform="新闻", media=True)
    return Intake(bus, clock, metrics, [paper, Source(name="desk", type="push", trusted=True)])


async def stored(bus: SqliteBus) -> list[Raw]:
    """Everything on the log, by id."""
    raws = [decode_raw(record.value) for partition in (0, 1) for record in await bus.read(RAW, partition, 0, 1_000)]
    return sorted(raws, key=lambda raw: raw.mention.id)


async def test_what_is_acknowledged_is_on_the_log_with_our_stamp(intake: Intake, bus: SqliteBus) -> None:
    """A mention carries the moment we took it, which is also when it was collected if nobody says otherwise."""
    receipt = await intake.take([mention("1"), mention("2", collected_at=SAID)], staff=False)

    assert receipt == Receipt(accepted=2)
    assert await stored(bus) == [
        Raw(received_at=NOW, mention=mention("1", collected_at=moment(NOW))),
        Raw(received_at=NOW, mention=mention("2", collected_at=SAID)),
    ]


async def test_the_four_counts_add_up_to_what_was_sent(intake: Intake) -> None:
    """Accepted, duplicate, updated and rejected are told apart, rejected ones by their place."""
    bad = InvalidMention(["text: must be a string", "id: is required"])

    receipt = await intake.take([mention("1"), bad, mention("1"), mention("1", seen_at=moment(NOW)), bad, mention("2")], staff=False)

    errors = ("text: must be a string", "id: is required")
    assert receipt == Receipt(accepted=2, duplicate=1, updated=1, rejected=(Rejected(1, errors), Rejected(4, errors)))
    assert receipt.sent == 6


async def test_only_a_later_look_is_an_update(intake: Intake, bus: SqliteBus) -> None:
    """Sent again with the same or an earlier seen_at it changes nothing."""
    await intake.take([mention(seen_at=moment(NOW))], staff=False)

    again = await intake.take([mention(seen_at=moment(NOW)), mention(seen_at=SAID), mention()], staff=False)

    assert again == Receipt(duplicate=3)
    assert len(await stored(bus)) == 1


async def test_what_the_store_knows_is_not_appended_again(bus: SqliteBus, clock: ManualClock, metrics: Metrics) -> None:
    """Where the bus does not know identities: known ones are duplicates, later looks updates, within one push as well."""
    asked: list[int] = []

    async def known(digests: Collection[bytes]) -> dict[bytes, int]:
        asked.append(len(digests))
        return {mention("1").digest: 0, mention("2").digest: micros(SAID)}

    intake = Intake(bus, clock, metrics, known=known)
    items = [mention("1"), mention("1", seen_at=SAID), mention("2", seen_at=SAID), mention("3"), mention("3"), mention("3", seen_at=SAID)]
    receipt = await intake.take(items, staff=False)

    assert receipt == Receipt(accepted=1, duplicate=3, updated=2)
    assert asked == [6]
    assert [(raw.mention.id, raw.mention.seen_at) for raw in await stored(bus)] == [("1", SAID), ("3", None), ("3", SAID)]


async def test_a_store_that_does_not_answer_knows_nothing() -> None:
    """Then all is taken in, at once: it is known again when it is decided."""

    class Away:
        """A store nobody reaches."""

        def read(self) -> AbstractAsyncContextManager[None]:
            """Never."""
            raise StoreUnavailable("gone")

    assert await known_in(cast("Store", Away()), [b"x" * 16]) == {}


async def test_a_configured_source_fills_what_the_mention_leaves_open(intake: Intake, bus: SqliteBus) -> None:
    """Platform and media come from the settings, never over the mention's own word."""
    await intake.take([mention("1", "paper"), mention("2", "paper", platform="微博", media=False), mention("3")], staff=False)

    assert [(raw.mention.platform, raw.mention.media) for raw in await stored(bus)] == [("新闻", True), ("微博", False), (None, None)]


async def test_subjects_by_hand_are_for_staff_and_trusted_sources(intake: Intake, bus: SqliteBus) -> None:
    """Anybody else's are dropped, not the mention."""
    named = ("红十字会",)
    sent = [mention("1", subjects=named), mention("2", "desk", subjects=named), mention("3", "paper", subjects=named)]
    await intake.take(sent, staff=False)
    await intake.take([mention("4", subjects=named)], staff=True)

    assert [bool(raw.mention.subjects) for raw in await stored(bus)] == [False, True, False, True]


async def test_a_full_bus_is_told_and_nothing_is_kept(intake: Intake, bus: SqliteBus) -> None:
    """BusFull passes up; after a consumer has taken more, the same push goes through."""
    await intake.take([mention(str(number)) for number in range(100)], staff=False)

    with pytest.raises(BusFull):
        await intake.take([mention("more")], staff=False)

    await bus.take(Taken("score", RAW, {partition: end for partition, (_, end) in (await bus.bounds(RAW)).items()}))
    assert await intake.take([mention("more")], staff=False) == Receipt(accepted=1)


async def test_ingestion_is_counted_under_closed_labels(intake: Intake, metrics: Metrics) -> None:
    """A source that is not configured shares the label other; the newest item never moves back, nor ahead of now."""
    await intake.take([mention("1", "paper"), mention("1"), mention("2", "x" * 50), InvalidMention(["no"])], staff=False)
    await intake.take([mention("2", "paper", published_at=moment(NOW - 2 * HOUR))], staff=False)
    await intake.take([mention("3", published_at=moment(NOW + 2 * HOUR))], staff=False)

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"yuqing_{name}", labels)

    assert value("mentions_ingested_total", source="paper", outcome="accepted") == 2
    assert value("mentions_ingested_total", source="other", outcome="accepted") == 3
    assert value("mentions_ingested_total", source="other", outcome="rejected") == 1
    assert value("source_newest_item_timestamp_seconds", source="paper") == (NOW - HOUR) / 1e6
    assert value("source_newest_item_timestamp_seconds", source="other") == NOW / 1e6
