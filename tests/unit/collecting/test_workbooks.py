"""Workbooks and tables as people keep them: covers, titles, several sheets, wrong names."""

import gzip
import zipfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openpyxl
import pytest

from monitor.collecting.reading import named, read_file
from monitor.errors import InvalidMention, UsageError
from monitor.mention import Mention
from tests.unit.collecting.test_file import DEFAULTS, HEADING, NOW, csv_text, drained, file_of, row, xlsx

COVER: list[list[object]] = [["本文件由系统导出"], ["共 2 张表", "机密"]]
TITLE: list[list[object]] = [["某某系统导出 2026-11-22"], [None], ["负责人", "张三"]]


def book(path: Path, **sheets: Sequence[Sequence[object]]) -> Path:
    """A workbook of several sheets."""
    made = openpyxl.Workbook(write_only=True)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for one in rows:
            sheet.append(list(one))
    made.save(path)
    return path


def read(path: Path, columns: Mapping[str, str] | None = None) -> tuple[list[str], list[str]]:
    """The titles taken, and what is told, each with its place."""
    made = list(read_file(path, NOW, DEFAULTS, columns))
    bad = [f"{named(path.name, one)}:{number}: {one}" for number, one in made if isinstance(one, InvalidMention)]
    return [str(one.title) for _, one in made if isinstance(one, Mention)], bad


def test_every_sheet_with_a_heading_is_read(tmp_path: Path) -> None:
    """A bad row of the second names its sheet; a cover is left out and told, an empty sheet is nothing to tell."""
    second: list[list[object]] = [list(HEADING), row(1), row(2)]
    second[1][2] = "昨天"
    path = book(tmp_path / "a.xlsx", 封面=COVER, 微博=[list(HEADING), row(0)], 抖音=second, Sheet3=[], 汇总=[["平台", "数量"], ["微博", 1]])
    titles, bad = read(path)

    assert titles == ["标题0", "标题2"]
    assert [one.partition(": ")[0] for one in bad] == ["a.xlsx[抖音]:2", "a.xlsx[封面]:1", "a.xlsx[汇总]:1"]
    assert "没有收: 认不出表头" in bad[1]
    assert "平台、数量" in bad[2]


async def test_a_followed_workbook_tells_its_sheets(tmp_path: Path) -> None:
    """Over batches and restarts each row once, and the sheets that were left out as long as it is the same file."""
    first, second = [row(n) for n in range(9)], [row(n) for n in range(9, 20)]
    path = book(tmp_path / "a.xlsx", 微博=[list(HEADING), *first], 抖音=[list(HEADING), *second], 封面=COVER)
    with ThreadPoolExecutor(1) as work:
        begun = await file_of(path, work).collect(b"", NOW)
        rest, cursor, bad = await drained(file_of(path, work), begun.cursor)
        later = await file_of(path, work).collect(cursor, NOW)

    assert [one.title for one in (*begun.mentions, *rest)] == [f"标题{n}" for n in range(20)]
    assert (bad, later.bad) == (["a.xlsx[封面]:1"], ())
    assert later.wrong == "没有表头因而没有收的工作表: 封面"


def test_a_title_may_stand_above_the_heading(tmp_path: Path) -> None:
    """In a sheet and in a CSV, whatever parts its cells; row numbers stay those of the file."""
    rows = [row(0), row(1)]
    rows[1][2] = "昨天"
    sheet = read(book(tmp_path / "a.xlsx", 表=[*TITLE, list(HEADING), *rows]))
    for sign in ",\t;|":
        (tmp_path / "a.csv").write_text("某某系统, 导出, 2026-11-22, 共两条, 张三\n\n负责人\n" + csv_text(rows, sign), "utf-8")
        titles, bad = read(tmp_path / "a.csv")
        assert (titles, [one.partition(": ")[0] for one in bad]) == (["标题0"], ["a.csv:6"])

    assert (sheet[0], sheet[1][0].partition(": ")[0]) == (["标题0"], "a.xlsx:6")


def test_a_heading_that_is_not_found_is_told_with_what_was_looked_for(tmp_path: Path) -> None:
    """The likeliest row, the known names, and where to write others; with `columns`, which of them are not there."""
    path = book(tmp_path / "a.xlsx", 表=[*TITLE, ["名目", "时辰", "话"], ["a", "2026-11-22 08:30:00", "b"]], 封面=COVER)
    with pytest.raises(UsageError, match=r"名目、时辰、话; 找过 published_at: 发布时间、.*请在 columns 里写明"):
        read(path)
    with pytest.raises(UsageError, match=r"表头里没有 内文 这一列 \(columns 里写的\).*名目、时辰、话"):
        read(path, {"title": "名目", "published_at": "时辰", "text": "内文"})
    assert read(path, {"title": "名目", "published_at": "时辰", "text": "话"})[0] == ["a"]


def test_a_workbook_is_one_by_its_bytes(tmp_path: Path) -> None:
    """Under the name of the old kind, of a CSV, packed: the same rows."""
    plain = xlsx(tmp_path / "a.xlsx", [row(0)])
    for name in ("a.xls", "b.csv", "导出"):
        (tmp_path / name).write_bytes(plain.read_bytes())
    (tmp_path / "a.xlsx.gz").write_bytes(gzip.compress(plain.read_bytes()))

    assert all(read(tmp_path / name) == (["标题0"], []) for name in ("a.xlsx", "a.xls", "b.csv", "导出", "a.xlsx.gz"))


def test_what_is_no_workbook_is_refused_in_words(tmp_path: Path) -> None:
    """Another archive, one cut short, one that says what it is not: why and what to do, no name of a class."""
    plain = xlsx(tmp_path / "a.xlsx", [row(n) for n in range(50)]).read_bytes()
    for name, inside in (("zip.zip", "a.csv"), ("binary.xlsx", "xl/workbook.bin"), ("hollow.xlsx", "xl/workbook.xml")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(inside, "标题,正文\n")
    (tmp_path / "cut.xlsx").write_bytes(plain[:3000])
    (tmp_path / "cut.xlsx.gz").write_bytes(gzip.compress(plain)[:-40])
    (tmp_path / "broken.xlsx").write_bytes(bytes(3000))
    told = [("zip.zip", "请先解压"), ("binary.xlsx", "另存为 .xlsx"), ("hollow.xlsx", "已损坏"), ("cut.xlsx", "没有传完")]
    for name, words in [*told, ("cut.xlsx.gz", "gzip 文件已损坏"), ("broken.xlsx", "不是完好的 .xlsx")]:
        with pytest.raises(UsageError, match=words) as refused:
            read(tmp_path / name)
        assert "Error" not in str(refused.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
async def test_lines_that_end_in_cr_alone_are_lines(tmp_path: Path, encoding: str) -> None:
    """As a spreadsheet on a Mac writes them, cells with LF among them; whole, and followed while it grows."""
    path = tmp_path / "a.csv"
    data = csv_text([row(n) for n in range(30)]).replace("\r\n", "\r").encode(encoding)
    path.write_bytes(data)
    assert read(path) == ([f"标题{n}" for n in range(30)], [])
    cursor, found = b"", list[Mention]()
    with ThreadPoolExecutor(1) as work:
        for end in (len(data) // 3, len(data) // 2 + 3, len(data)):
            path.write_bytes(data[:end])
            mentions, cursor, bad = await drained(file_of(path, work), cursor)
            assert bad == []
            found += mentions

    assert [one.title for one in found] == [f"标题{n}" for n in range(30)]
    assert found[3].text.endswith("\n第二行")


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
async def test_a_cut_archive_is_read_as_far_as_it_goes(tmp_path: Path, encoding: str) -> None:
    """What could be unpacked is taken, whatever its encoding; that it is cut is told, and stays told of a source."""
    table, path = gzip.compress(csv_text([row(n) for n in range(200)]).encode(encoding)), tmp_path / "a.csv.gz"
    path.write_bytes(table[: len(table) // 2])
    titles, bad = read(path)
    with ThreadPoolExecutor(1) as work:
        found, cursor, _ = await drained(file_of(path, work))
        later = await file_of(path, work).collect(cursor, NOW)

    assert titles == [one.title for one in found] == [f"标题{n}" for n in range(len(titles))]
    assert 10 < len(titles) < 200
    assert (len(bad), "gzip 文件从这里起已损坏或不完整" in bad[0]) == (1, True)
    assert "1 条不合格" in later.wrong
    assert "gzip" in later.wrong
