"""The spread of a story: who, where, how fast; in bounded lists."""

from array import array
from typing import Any

import pytest

from monitor.clock import DAY, HOUR, MINUTE, SECOND
from monitor.stories.spread import BUCKETS, TOP, Carried, Spread, doubling_seconds, series
from tests.unit.escalation.making import START


def carried(item: int, at: int, *, platform: str | None = "微博", outlet: str | None = None, region: str | None = None,
            name: str | None = None, role: str | None = None, reach: int = 0, kind: str = "post") -> Carried:  # fmt: skip
    """One mention of a story."""
    return Carried(item.to_bytes(16, "big"), at, kind, "weibo", platform, outlet, region, name, role, reach // 10, reach, None, None)


def spread(*mentions: Carried) -> Spread:
    """The spread of these."""
    found = Spread()
    for one in mentions:
        found.add(one)
    return found


def told(found: Spread) -> dict[str, Any]:
    """As it is told."""
    return found.wire()


def names(of: list[dict[str, object]]) -> list[object]:
    """The names in a list."""
    return [one["name"] for one in of]


def test_places_are_told_in_the_order_of_arrival() -> None:
    """Platforms, outlets and regions with their first moment and their count; a source stands for an unnamed platform."""
    arrived = spread(
        carried(1, START, platform=None, region="北京"), carried(2, START + HOUR, platform="新闻", outlet="晚报"),
        carried(3, START + HOUR, platform=None, region="上海"),
    )  # fmt: skip
    found = told(arrived)

    assert found["platforms"] == [
        {"name": "weibo", "first_at": "2026-03-02T08:00:00Z", "mentions": 2, "reach": 0},
        {"name": "新闻", "first_at": "2026-03-02T09:00:00Z", "mentions": 1, "reach": 0},
    ]  # fmt: skip
    assert names(found["regions"]) == ["北京", "上海"]
    assert found["totals"]["outlets"] == {"names": 1, "mentions": 1}
    assert found["outlets"][0]["platform"] == "新闻"


def test_carriers_are_media_and_readable_accounts() -> None:
    """Media by outlet or name, KOL by name, the farthest heard first; nobody else is named."""
    found = spread(
        carried(1, START, role="media", outlet="晚报", reach=5), carried(2, START, role="media", name="日报", reach=500),
        carried(3, START, role="kol", name="大V", reach=7), carried(4, START, reach=9_000),
    )  # fmt: skip

    assert names(told(found)["media"]) == ["日报", "晚报"]
    assert names(told(found)["kol"]) == ["大V"]
    assert [far for _, far in found.farthest] == [9_000, 500, 7, 5]


def test_every_list_is_bounded() -> None:
    """Ten are told of ten thousand outlets, and how many there are."""
    found = spread(*(carried(n, START + n, outlet=f"账号{n}", reach=n) for n in range(12_000)))

    assert len(told(found)["outlets"]) == TOP
    assert told(found)["totals"]["outlets"] == {"names": 10_000, "mentions": 12_000}
    assert [far for _, far in found.farthest] == list(range(11_999, 11_989, -1))


def test_nothing_spreads_nowhere() -> None:
    """A story without stored mentions has an empty spread."""
    assert (Spread().wire()["first_at"], Spread().wire()["series"], Spread().wire()["doubling_seconds"]) == (None, None, None)


@pytest.mark.parametrize(
    ("minutes", "doubling"),
    [
        ([0, 10, 20, 30, 40, 50, 55, 59], 29 * 60),  # eight by the 59th minute, four by the 30th
        ([0, 600, 601, 602, 603], 3 * 60),  # five by the 603rd, two by the 600th: a lone early one does not slow it
        ([0, 1, 2], None),
        ([0, 0, 0, 0, 0], None),
        ([0, 1, 2, 3, 3_000, 6_000], 2 * 60),  # what comes after the busiest hour no longer grows
        ([], None),
    ],
)
def test_doubling_time_is_that_of_its_growth(minutes: list[int], doubling: float | None) -> None:
    """From half as many to as many as there were at the end of the busiest hour."""
    times = array("q", [START + minute * MINUTE for minute in minutes])

    assert doubling_seconds(times) == doubling


def test_the_series_is_bounded() -> None:
    """Hours while those are few; longer stretches of a story that lasted years; every mention is in it once."""
    hours = series(array("q", [START, START + MINUTE, START + 3 * HOUR]))
    years = series(array("q", [START, START + 3_000 * DAY]))

    assert hours == {"from": "2026-03-02T08:00:00Z", "seconds": 3_600, "counts": [2, 0, 0, 1]}
    assert years is not None
    counts = years["counts"]
    assert isinstance(counts, list)
    assert (sum(counts), len(counts) <= BUCKETS) == (2, True)
    assert years["seconds"] == 512 * HOUR // SECOND
