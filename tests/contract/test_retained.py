"""The retained raw log of a period, read in order: on every bus."""

from monitor.bus.base import RAW, Record, Taken
from monitor.clock import DAY, SECOND, ManualClock, moment
from monitor.mention import Mention, Raw, encode
from services.keywords.retained import raws_of, stretch
from tests.contract.conftest import START, BusMaker


def record(number: int, partition: int) -> Record:
    """A mention received so many seconds after the start."""
    at = START + number * SECOND
    mention = Mention(source="t", id=str(number), published_at=moment(at), text="x")
    return Record(key=b"", value=encode(Raw(received_at=at, mention=mention)), partition=partition)


async def test_a_period_is_read_whole_and_in_order(make_bus: BusMaker) -> None:
    """Two partitions as one stream by when it was received, in any batches; what cannot be read is passed over."""
    bus = await make_bus(partitions=2)
    for partition in (0, 1):
        await bus.append(RAW, [record(number, partition) for number in range(partition, 40, 2)])
    await bus.append(RAW, [Record(key=b"", value=b"{", partition=1)])
    found = await stretch(bus, 1)
    assert (found.total, found.lost, found.since > 0) == (41, False, True)
    for batch in (1, 7, 100):
        parts = [part async for part in raws_of(bus, found, START + DAY, batch)]
        assert [raw.mention.id for _, raws in parts for raw in raws] == list(map(str, range(40)))
        assert sum(read for read, _ in parts) == 41
        assert all(raw.as_if for _, raws in parts for raw in raws)


async def test_of_nothing_nothing_is_read(make_bus: BusMaker) -> None:
    """An empty log, and a period in which nothing came."""
    bus = await make_bus(partitions=2)
    assert (await stretch(bus, 1)).total == 0
    await bus.append(RAW, [record(1, 0)])
    found = await stretch(bus, 4 * START)
    assert (found.total, found.since) == (0, 0)
    assert [part async for part in raws_of(bus, found, START + DAY)] == []


async def test_what_is_no_longer_retained_is_known(make_bus: BusMaker, clock: ManualClock) -> None:
    """Of a period that begins before the oldest kept some is lost; of one that begins later nothing is. A broker expires by itself."""
    bus = await make_bus(partitions=1)
    if not bus.knows:
        return
    await bus.append(RAW, [record(1, 0)])
    clock.advance(5 * DAY)
    await bus.append(RAW, [record(2, 0)])
    await bus.take(Taken("scorer", RAW, {0: 2}))
    clock.advance(3 * DAY)
    await bus.expire(clock.now())
    assert [(await stretch(bus, START + days * DAY)).lost for days in (0, 6)] == [True, False]
    assert (await stretch(bus, START)).since == START + 5 * DAY
