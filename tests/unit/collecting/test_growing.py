"""A file that is being written: no line is split, however slowly it comes, and what is wrong in it stays told."""

import gzip
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.collecting.test_file import NOW, aged, csv_text, drained, file_of, line, row


@pytest.fixture
def work() -> Iterator[Executor]:
    """Where files are read."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32))
async def test_wherever_a_writer_pauses_every_line_comes_whole(tmp_path: Path, work: Executor, seed: int) -> None:
    """For a moment or for minutes, in a cell with a line end, in a letter of two bytes: nothing else than the lines is ever taken."""
    chance = Random(seed)
    table = chance.choice([True, False])
    path = tmp_path / ("a.csv" if table else "a.jsonl")
    text = csv_text([row(n) for n in range(12)]) if table else "".join(line(n) for n in range(12))
    data = text.encode(chance.choice(["utf-8", "gb18030"]))
    data = data.removesuffix(b"\n").removesuffix(b"\r") if chance.random() < 0.3 else data
    start = data.index(b"\n") + 1  # whose encoding it is, a heading or a line shows
    pauses = [*sorted(chance.sample(range(start, len(data)), 6)), len(data)]
    cursor, found = b"", []
    for end in pauses:
        path.write_bytes(data[:end])
        if end == len(data) or chance.random() < 0.6:
            aged(path)
        mentions, cursor, bad = await drained(file_of(path, work), cursor)
        assert bad == []
        found += mentions
    whole = {f"https://weibo.cn/{n}" if table else f"m{n}": f"第 {n} 条" for n in range(12)}

    assert {one.id for one in found} == set(whole)
    assert all(whole[one.id] in one.text for one in found)
    assert all(one.text.endswith("第二行") for one in found if table)


async def test_a_last_line_without_an_end_is_taken_once_when_nothing_comes(tmp_path: Path, work: Executor) -> None:
    """After a long while, and only as a mention; when its end and more do come, the more is all that is new."""
    path = tmp_path / "a.jsonl"
    path.write_text(line(0).strip(), "utf-8")
    at_once, cursor, _ = await drained(file_of(path, work))
    aged(path)
    first, cursor, _ = await drained(file_of(path, work), cursor)
    again, cursor, _ = await drained(file_of(path, work), cursor)
    path.write_text(line(0) + line(1) + line(2)[:30], "utf-8")
    more, cursor, bad = await drained(file_of(path, work), cursor)
    aged(path)
    waits = await file_of(path, work).collect(cursor, NOW)

    assert [[one.id for one in part] for part in (at_once, first, again)] == [[], ["m0"], []]
    assert ([one.id for one in more], bad) == (["m0", "m1"], [])
    assert (waits.mentions, waits.bad, waits.wrong.startswith("第 3 行没有写完")) == ((), (), True)


async def test_a_stray_quote_costs_its_row_and_half_a_cell_waits(tmp_path: Path, work: Executor) -> None:
    """Rows behind an open quote show that it is a slip; words behind it, that its cell is still being written."""
    rows = csv_text([row(n) for n in range(3)]).encode()
    path = tmp_path / "a.csv"
    path.write_bytes(rows + '"标题\n还没写完'.encode())
    aged(path)
    batch = await file_of(path, work).collect(b"", NOW)
    last = await file_of(path, work).collect(batch.cursor, NOW)
    slip = '"没有配对,x,2026-11-22 08:30:00,微博,a,b,1,2\r\n'
    plain = "标题7,正文,2026-11-22 08:30:00,微博,a,https://weibo.cn/7,1,2\r\n"
    (tmp_path / "b.csv").write_bytes(rows + (slip + plain).encode())
    aged(tmp_path / "b.csv")
    slipped, _, bad = await drained(file_of(tmp_path / "b.csv", work))

    assert (batch.bad, last.mentions, last.wrong) == ((), (), "第 5 行没有写完")
    assert [one.title for one in slipped] == ["标题0", "标题1", "标题2", "标题7"]
    assert bad == ["b.csv:5"]


@pytest.mark.parametrize("packed", [True, False])
async def test_what_was_wrong_stays_told(tmp_path: Path, work: Executor, packed: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    """Bad rows are counted as long as the file is the same, also by another process that goes on in it."""
    path = tmp_path / ("a.csv.gz" if packed else "a.csv")
    rows = [row(n) for n in range(20)]
    rows[2][2] = rows[17][2] = "昨天"
    data = csv_text(rows).encode()
    path.write_bytes(gzip.compress(data) if packed else data)
    _, cursor, bad = await drained(file_of(path, work))
    later = await file_of(path, work).collect(cursor, NOW)

    assert (len(bad), later.bad) == (2, ())
    assert later.wrong.startswith(f"2 条不合格, 如 {path}:19: published_at: 发布时间 不是能读懂的时间")
