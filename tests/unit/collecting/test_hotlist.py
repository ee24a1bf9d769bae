"""Hot lists: what a title's later looks bring, followed, asked or replayed."""

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.clock import SECOND, SystemClock, micros
from monitor.collecting import hotlist
from monitor.collecting.hotlist import Hotlist, read_looks
from monitor.collecting.opening import open_collector
from monitor.collecting.recording import Recording
from monitor.errors import InvalidMention, UsageError
from monitor.mention import Mention, Raw
from monitor.settings import Secret, Source
from tests.unit.collecting.serving import gives, serving

ZONE = ZoneInfo("Asia/Shanghai")
NOW = SystemClock().now() // SECOND * SECOND
NONE: Mapping[str, str] = MappingProxyType({})
AT = datetime(2026, 11, 20, 0, 30, tzinfo=UTC)

Look = dict[str, object]
Seen = tuple[str, float, int | None, float | None]


@pytest.fixture
def work() -> Iterator[Executor]:
    """Where files are read."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


def look(minute: float, rank: object, title: str = "云杉上榜", **more: object) -> Look:
    """One title at one moment."""
    return {"at": (AT + timedelta(minutes=minute)).isoformat(), "list": "榜", "rank": rank, "title": title} | more


def written(path: Path, looks: Sequence[Look]) -> Path:
    """A file of looks."""
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in looks), "utf-8")
    return path


def told(mentions: Sequence[Mention]) -> list[Seen]:
    """Title, minute of the look, rank and heat of each."""
    return [(str(one.title), (one.seen - micros(AT)) / 60_000_000, one.rank, one.heat) for one in mentions]


async def followed(path: Path, work: Executor, *parts: Sequence[Look]) -> list[Mention]:
    """What a collector gives of a file to which each part is added before it looks again."""
    collector = Hotlist(Source(name="热搜", type="hotlist", path=str(path)), None, ZONE, work)
    cursor, found, lines = b"", list[Mention](), list[Look]()
    for part in parts:
        lines += part
        written(path, lines)
        batch = await collector.collect(cursor, NOW)
        cursor = batch.cursor
        found += batch.mentions
    await collector.close()
    return found


def recorded(*paths: Path, bad: list[str] | None = None, columns: Mapping[str, str] = NONE) -> list[Raw]:
    """The stream of some files of facts."""
    source = Source(name="热搜", type="hotlist", columns=dict(columns))
    lines = [] if bad is None else bad

    def on_bad(name: str, row: int, why: InvalidMention) -> None:
        lines.append(f"{Path(name).name}:{row}: {why}")

    with Recording(NOW) as recording:
        for path in paths:
            recording.add_looks(path, on_bad, lambda _: None, source, ZONE, lambda one: one)
        return [raw for block in recording.blocks() for raw in block.raws]


async def test_a_later_look_brings_rank_and_heat_of_its_moment(work: Executor, tmp_path: Path) -> None:
    """It is an observation of the same mention; one that finds both as they were, or comes from before the last, is left out."""
    first = [look(0, 5, heat=10), look(1, 5, heat=10), look(2, 3, heat=10), look(2, 4, heat=10), look(1, 9)]
    later = [look(1.5, 1), look(3, 3, heat=10), look(4, 3, heat=12.5), look(5, None), look(5, 7, "别的")]
    found = await followed(tmp_path / "hot.jsonl", work, first, later)

    assert told(found) == [
        ("云杉上榜", 0, 5, 10), ("云杉上榜", 2, 3, 10), ("云杉上榜", 4, 3, 12.5), ("云杉上榜", 5, None, None), ("别的", 5, 7, None),
    ]  # fmt: skip
    assert {one.id for one in found} == {"榜 云杉上榜", "榜 别的"}
    assert [one.published_at for one in found[:4]] == [AT] * 4
    assert {one.kind for one in found} == {"hotlist"}


async def test_an_asked_list_that_stands_still_is_told_once(work: Executor) -> None:
    """However often it is asked; a rank that moves is told alone."""
    answers = [[("甲", 1), ("乙", 2)], [("甲", 1), ("乙", 2)], [("甲", 1), ("乙", 3)]]
    found = []
    async with serving() as server:
        source = Source(
            name="热搜", type="hotlist", url=Secret(f"{server.base}/hot"), columns={"title": "name", "rank": "pos", "heat": "hot"}
        )
        collector = open_collector(source, ZONE, "yuqing/test", work)
        assert collector is not None
        for minute, answer in enumerate(answers):
            body = json.dumps({"data": [{"name": name, "pos": rank, "hot": "12.3万"} for name, rank in answer]})
            server.answers["/hot"] = gives(body.encode())
            batch = await collector.collect(b"", NOW + minute * SECOND)
            found.append([(one.title, one.rank, one.heat, (one.seen - NOW) // SECOND) for one in batch.mentions])
        await collector.close()

    assert found == [[("甲", 1, 123_000, 0), ("乙", 2, 123_000, 0)], [], [("乙", 3, 123_000, 2)]]


async def test_of_many_titles_those_not_seen_for_longest_are_forgotten(
    work: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is remembered is bounded; a forgotten title is told again, which the log knows for a later look."""
    monkeypatch.setattr(hotlist, "_REMEMBERED", 2)
    parts = [[look(0, 1, "a"), look(0, 2, "b")], [look(1, 1, "a"), look(1, 2, "c")], [look(2, 1, "a"), look(2, 2, "b")]]
    found = await followed(tmp_path / "hot.jsonl", work, *parts)

    assert [(title, minute) for title, minute, *_ in told(found)] == [("a", 0), ("b", 0), ("c", 1), ("b", 2)]


def test_a_bad_look_is_told_by_its_line(tmp_path: Path) -> None:
    """A rank or heat that is none, a missing moment or title, a broken line; numbers as words are numbers. The others are taken."""
    ranks: list[object] = [0, -1, 1.5, "第一", True, [1], 2**60]
    looks = [look(0, rank, f"r{n}") for n, rank in enumerate(ranks)] + [look(0, 1, "h1", heat=-1), look(0, 1, "h2", heat="很热")]
    looks += [look(0, 1, "at") | {"at": None}, look(0, 1, ""), look(0, 1, "at") | {"at": "昨天"}]
    good = [look(0, "7", "g1", heat="1,234"), look(0, None, "g2", heat=0), look(0, "-", "g3", heat="2.5亿"), look(0, 2.0, "g4", heat=0.5)]
    path, bad = written(tmp_path / "hot.jsonl", looks), list[str]()
    with path.open("a", encoding="utf-8") as stream:
        stream.write("{oops\n[1]\n" + "".join(json.dumps(one) + "\n" for one in good))
    raws = recorded(path, bad=bad)

    assert [(raw.mention.title, raw.mention.rank, raw.mention.heat) for raw in raws] == [
        ("g1", 7, 1234), ("g2", None, 0), ("g3", None, 250_000_000), ("g4", 2, 0.5)]  # fmt: skip
    fields = ["rank"] * 7 + ["heat"] * 2 + ["published_at", "text", "published_at", "object", "object"]
    assert [one.split(": ")[:2] for one in bad] == [[f"hot.jsonl:{n}", field] for n, field in enumerate(fields, 1)]


def test_a_bad_look_keeps_its_bytes(tmp_path: Path) -> None:
    """Whoever buries a bad line gets it whole."""
    path = written(tmp_path / "hot.jsonl", [look(0, 0)])
    (made,) = [made for _, made in read_looks(path, Source(name="热搜", type="hotlist"), ZONE, NOW)]

    assert isinstance(made, InvalidMention)
    assert made.raw == path.read_bytes()


def test_files_of_facts(tmp_path: Path) -> None:
    """Packed or in GBK they are read alike, a damaged one to where it breaks; columns are obeyed; a table or a missing file is refused."""
    path, bad = written(tmp_path / "hot.jsonl", [look(n, n % 5 + 1) for n in range(400)]), list[str]()
    (tmp_path / "hot.jsonl.gz").write_bytes(gzip.compress(path.read_bytes()))
    (tmp_path / "gbk.jsonl").write_bytes(path.read_text("utf-8").encode("gbk"))
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(path.read_bytes())[:-30])
    written(tmp_path / "own.jsonl", [{"t": one["at"], "where": {"n": one["rank"]}, "title": one["title"], "l": "榜"} for one in
                                     (look(n, n % 5 + 1) for n in range(400))])  # fmt: skip
    (tmp_path / "table.csv").write_text("标题,发布时间\na,2026-11-20 08:00:00\n", "utf-8")

    whole = recorded(path)
    assert len(whole) == 400
    assert recorded(tmp_path / "hot.jsonl.gz") == recorded(tmp_path / "gbk.jsonl") == whole
    assert recorded(tmp_path / "cut.jsonl.gz", bad=bad) == whole[: len(recorded(tmp_path / "cut.jsonl.gz"))]
    assert ["gzip 文件从这里起已损坏或不完整" in one for one in bad] == [True]
    assert recorded(tmp_path / "own.jsonl", columns={"at": "t", "rank": "where.n", "title": "title", "list": "l"}) == whole
    for wrong in ("table.csv", "none.jsonl"):
        with pytest.raises(UsageError, match=wrong):
            recorded(tmp_path / wrong)


def some_looks(chance: Random) -> list[Look]:
    """Looks at few titles, many of which find nothing new, some of them on two lists at one moment."""
    minutes = [chance.randint(0, 12) for _ in range(chance.randint(1, 50))]
    return [look(m, chance.randint(1, 3), chance.choice("ab"), list=chance.choice("xy"), url=f"https://x.cn/{chance.choice('ab')}")
            for m in minutes]  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32))
async def test_a_replay_takes_what_a_follower_takes(work: Executor, tmp_path: Path, seed: int) -> None:
    """The same looks, whatever the order of the lines, their repeats, and the files they are in."""
    chance = Random(seed)
    looks = some_looks(chance)
    again = looks + chance.sample(looks, len(looks) // 2)
    chance.shuffle(again)
    cut = chance.randint(0, len(again))
    parts = [part for part in (again[:cut], again[cut:]) if part]
    stream = recorded(*(written(tmp_path / f"{n}.jsonl", part) for n, part in enumerate(parts)))
    live = await followed(tmp_path / "hot.jsonl", work, looks)

    assert [(raw.received_at, raw.mention.id, raw.mention.rank) for raw in stream] == sorted(
        (one.seen, one.id, one.rank or 0) for one in live
    )
