"""A followed file: what is added is taken once, whatever kind it is of and whatever happens to it."""

import gzip
import json
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from monitor.border import FileDefaults
from monitor.clock import SystemClock, micros
from monitor.collecting.base import Batch
from monitor.collecting.file import File
from monitor.collecting.reading import read_file
from monitor.errors import SourceFailed, UsageError
from monitor.mention import Mention
from monitor.settings import Source
from tests.bench.files import with_shared_words

ZONE = ZoneInfo("Asia/Shanghai")
NOW = SystemClock().now()
DEFAULTS = FileDefaults("导出", ZONE)
HEADING = ["标题", "全文内容", "发布时间", "媒体类型", "来源网站", "原文链接", "转发数", "粉丝数"]


@pytest.fixture
def work() -> Iterator[Executor]:
    """Where files are read."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


def line(n: int) -> str:
    """A line of JSON."""
    return json.dumps({"id": f"m{n}", "text": f"第 {n} 条", "published_at": "2026-11-22 08:30:00"}, ensure_ascii=False) + "\n"


def row(n: int) -> list[object]:
    """A row of a vendor's export."""
    words = f"云杉集团, 第 {n} 条\n第二行"
    return [f"标题{n}", words, "2026-11-22 08:30:00", "微博", "新浪微博", f"https://weibo.cn/{n}?spm=x", "1.2万", 30]


def csv_text(rows: list[list[object]], sign: str = ",") -> str:
    """A CSV as Excel writes it."""
    table: list[list[object]] = [list(HEADING), *rows]
    quoted = ([str(cell).replace('"', '""') for cell in one] for one in table)
    return "".join(sign.join(f'"{cell}"' for cell in one) + "\r\n" for one in quoted)


def xlsx(path: Path, rows: list[list[object]]) -> Path:
    """A workbook."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("导出")
    for one in [HEADING, *rows]:
        sheet.append(one)
    book.save(path)
    return path


def aged(path: Path) -> None:
    """Nobody has written to it for more than a minute."""
    at = SystemClock().now() / 1e6 - 61
    os.utime(path, (at, at))


async def drained(file: File, cursor: bytes = b"") -> tuple[list[Mention], bytes, list[str]]:
    """Everything there is now, where we stand after it, and the places of bad ones."""
    mentions, bad = list[Mention](), list[str]()
    while True:
        batch: Batch = await file.collect(cursor, NOW)
        mentions += batch.mentions
        bad += [Path(one.place).name for one in batch.bad]
        cursor = batch.cursor
        if not batch.more:
            return mentions, cursor, bad


def file_of(path: Path, work: Executor, batch: int = 7, **columns: str) -> File:
    """A followed file, in small batches."""
    return File(Source(name="导出", type="file", path=str(path), columns=columns), ZONE, work, batch=batch)


async def test_what_is_added_is_taken_once(tmp_path: Path, work: Executor) -> None:
    """Line by line, also by another process that begins at the place kept; half a line waits for its other half."""
    path = tmp_path / "a.jsonl"
    path.write_text(line(0) + line(1), "utf-8")
    first, cursor, _ = await drained(file_of(path, work))
    with path.open("a", encoding="utf-8") as stream:
        stream.write(line(2) + line(3)[:20])
    second, cursor, _ = await drained(file_of(path, work), cursor)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(line(3)[20:])
    third, cursor, bad = await drained(file_of(path, work), cursor)
    nothing, _, _ = await drained(file_of(path, work), cursor)

    assert [[one.id for one in part] for part in (first, second, third, nothing)] == [["m0", "m1"], ["m2"], ["m3"], []]
    assert bad == []
    assert first[0].published_at == datetime(2026, 11, 22, 8, 30, tzinfo=ZONE)


async def test_a_rotated_file_is_finished_and_a_rewritten_one_begun_anew(tmp_path: Path, work: Executor) -> None:
    """What was added just before the rotation is taken under the file's new name; a new beginning is a new file."""
    path = tmp_path / "a.jsonl"
    path.write_text(line(0), "utf-8")
    file = file_of(path, work)
    _, cursor, _ = await drained(file)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(line(1))
    path.rename(tmp_path / "a.jsonl.1")
    path.write_text(line(2), "utf-8")
    rest, cursor, _ = await drained(file, cursor)
    more, cursor, _ = await drained(file, cursor)
    path.write_text(line(7) + line(8) + line(9), "utf-8")
    anew, _, _ = await drained(file, cursor)

    assert [one.id for one in rest + more] == ["m1", "m2"]
    assert [one.id for one in anew] == ["m7", "m8", "m9"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("sign", [",", "\t", ";", "|"])
async def test_a_csv_is_followed_in_whatever_encoding(tmp_path: Path, work: Executor, encoding: str, sign: str) -> None:
    """Cells with line ends in them, GBK without saying so, other signs between: every row once, over batches and restarts."""
    path = tmp_path / "a.csv"
    whole = csv_text([row(n) for n in range(40)], sign).encode(encoding)
    cursor, found = b"", []
    for end in (len(whole) // 3, len(whole) // 2 + 5, len(whole)):
        path.write_bytes(whole[:end])
        mentions, cursor, bad = await drained(file_of(path, work), cursor)
        found += mentions
        assert bad == []

    assert [one.title for one in found] == [f"标题{n}" for n in range(40)]
    assert found[3].id == "https://weibo.cn/3"
    assert (found[3].text, found[3].platform, found[3].outlet) == ("云杉集团, 第 3 条\n第二行", "微博", "新浪微博")
    assert (found[3].reposts, found[3].followers, found[3].source) == (12_000, 30, "导出")


async def test_bad_rows_are_named_and_the_rest_taken(tmp_path: Path, work: Executor) -> None:
    """By the number a spreadsheet shows; an open quote costs its own row only, formulas are words."""
    rows = [row(n) for n in range(6)]
    rows[1][2] = "昨天下午"
    rows[3][1] = '=cmd|"/c calc"!A1'
    path = tmp_path / "a.csv"
    lines = csv_text(rows).replace('"云杉集团, 第 5 条', '云杉集团, 第 5 条"').encode()
    broken = '"没有配对,x,2026-11-22 08:30:00,微博,a,b,1,2\r\n'.encode()
    path.write_bytes(lines + broken + csv_text([row(8)]).encode().split(b"\r\n", 1)[1])
    aged(path)
    mentions, _, bad = await drained(file_of(path, work))

    assert {"标题0", "标题2", "标题3", "标题4", "标题8"} <= {one.title for one in mentions}
    assert next(one.text for one in mentions if one.title == "标题3") == '=cmd|"/c calc"!A1'
    assert bad[0] == "a.csv:3"
    assert len(bad) >= 2


async def test_a_workbook_is_read_and_read_again_when_it_changes(tmp_path: Path, work: Executor) -> None:
    """Dates, numbers and formulas are what their cells show; a killed reading goes on at its row."""
    path = xlsx(tmp_path / "a.xlsx", [row(n) for n in range(20)])
    file = file_of(path, work)
    begun = await file.collect(b"", NOW)
    rest, cursor, bad = await drained(file_of(path, work), begun.cursor)
    again, cursor, _ = await drained(file_of(path, work), cursor)
    dates = [["标题", "正文", datetime(2026, 11, 22, 8, 30), "", "", "", 1, 2], ["x", "y", 46348.354166666664, "", "", "", 1, 2],  # noqa: DTZ001
             ["x", "y", "1795307400", "", "", "", 1, 2], ["x", "y", 1795307400000, "", "", "", 1, 2]]  # fmt: skip
    xlsx(path, [row(30), *dates])
    changed, _, _ = await drained(file_of(path, work), cursor)

    assert [one.title for one in [*begun.mentions, *rest]] == [f"标题{n}" for n in range(20)]
    assert (bad, again) == ([], [])
    assert changed[0].title == "标题30"
    assert {one.published_at.astimezone(UTC) for one in changed} == {datetime(2026, 11, 22, 0, 30, tzinfo=UTC)}


def test_shared_words_are_read_as_inline_ones(tmp_path: Path) -> None:
    """As Excel writes a workbook: the same mentions."""
    path = xlsx(tmp_path / "a.xlsx", [row(n) for n in range(20)])
    inline, shared = (list(read_file(file, NOW, DEFAULTS)) for file in (path, with_shared_words(path)))
    assert [one for _, one in inline if isinstance(one, Mention)] == [one for _, one in shared]
    assert len(shared) == 20


async def test_a_gzip_and_a_list_of_columns(tmp_path: Path, work: Executor) -> None:
    """Packed tables too; columns of one's own are the only ones read."""
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(csv_text([row(n) for n in range(9)]).encode("gb18030")))
    mentions, _, _ = await drained(file_of(path, work, text="全文内容", published_at="发布时间"))

    assert len(mentions) == 9
    assert (mentions[0].title, mentions[0].url) == (None, None)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"a,b\n1,2\n", "认不出表头"),
        (b"a,b\n1,2\n", "发布时间、发布日期.*columns"),
        (b"PK\x03\x04 broken", "不是有效的 XLSX"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "另存为 .xlsx"),
        ("标题,内容\n".encode("utf-16"), "另存为 UTF-8"),
    ],
)
async def test_what_is_no_table_of_ours_is_refused_in_words(tmp_path: Path, work: Executor, data: bytes, says: str) -> None:
    """A source fails with the reason; a replay is wrong use."""
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    with pytest.raises(SourceFailed, match=says):
        await file_of(path, work).collect(b"", NOW)
    with pytest.raises(UsageError, match=says):
        list(read_file(path, NOW, DEFAULTS))
    with pytest.raises(SourceFailed, match="不存在"):
        await file_of(tmp_path / "none", work).collect(b"", NOW)


def test_a_replay_reads_the_same_rows(tmp_path: Path) -> None:
    """From beginning to end, with the row of each; GBK lines of JSON, too."""
    rows = [row(n) for n in range(5)]
    rows[2][2] = None
    made = list(read_file(xlsx(tmp_path / "a.xlsx", rows), NOW, DEFAULTS))
    assert [number for number, _ in made] == [2, 3, 4, 5, 6]
    assert [number for number, one in made if not isinstance(one, Mention)] == [4]
    path = tmp_path / "a.jsonl"
    path.write_bytes(("oops\n" + line(0)).encode())
    assert [isinstance(one, Mention) for _, one in read_file(path, NOW, DEFAULTS)] == [False, True]
    path.write_bytes((line(0) + line(1)).encode("gb18030"))
    assert [one.text for _, one in read_file(path, NOW, DEFAULTS) if isinstance(one, Mention)] == ["第 0 条", "第 1 条"]


def test_a_time_too_far_ahead_is_refused_and_old_ones_are_not(tmp_path: Path) -> None:
    """An archive is read whole; tomorrow is possible, next week is not."""
    times = [datetime.now(UTC) + timedelta(days=days) for days in (-4000, 0.5, 7)]
    path = tmp_path / "a.csv"
    path.write_text(csv_text([["t", "x", at.isoformat(), "", "", "", 1, 1] for at in times]), "utf-8")
    made = [one for _, one in read_file(path, NOW, DEFAULTS)]
    assert [isinstance(one, Mention) for one in made] == [True, True, False]
    assert isinstance(made[0], Mention)
    assert micros(made[0].published_at) < NOW
