"""Libraries as spreadsheets and back: the same libraries, no formula, every bad row named, nothing half-written."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from monitor.alert import Level
from monitor.clock import micros
from monitor.errors import ConfigError, UsageError
from monitor.scoring.library import CHINA
from monitor.scoring.library_file import Library, LibraryRule, read_library_file
from monitor.scoring.library_table import Unfit, bared, guarded, rows_of
from monitor.scoring.library_text import scalar, yaml_of
from monitor.scoring.rules import parse
from services.keywords.spreadsheet import read_libraries, write_csv, write_xlsx
from tests.unit.keywords.making import LIBRARY, Yuqing, file_of
from tests.unit.scoring.test_laws import RULES

ODD = ["=1+1", "-x", "'=x", "'", "@a", "\tb", "a\nb", ' "q" ', "，；,;", "#NAMED", "null", "_x0041_", "😀", "= ", "a: b", "- c", "1.0"]
WRITTEN = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=20)
NOTES = st.one_of(st.sampled_from(ODD), WRITTEN).filter(lambda text: bool(text.strip()))
FIRST, LAST = datetime(2000, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001 - hypothesis wants bounds without a zone
DAYS = st.dates(FIRST.date(), LAST.date()).map(lambda day: micros(datetime(day.year, day.month, day.day, tzinfo=CHINA)))
MOMENTS = st.one_of(st.none(), DAYS, st.datetimes(FIRST, LAST, timezones=st.just(UTC)).map(micros))
WEIGHTS = st.one_of(st.sampled_from([0.0, 0.3, 0.6, 1.0]), st.floats(0, 1))
ITEMS = st.builds(
    LibraryRule, RULES.filter(lambda rule: rule is not None and bool(rule.source.strip())), WEIGHTS, st.one_of(st.none(), NOTES),
    st.sampled_from([Level.NONE, Level.BLUE, Level.ORANGE]),
)  # fmt: skip
LIBRARIES = st.lists(
    st.builds(
        Library, NOTES, NOTES, WEIGHTS, st.lists(ITEMS, min_size=1, max_size=4, unique_by=lambda one: one.rule.source).map(tuple),
        st.one_of(st.none(), NOTES), MOMENTS, MOMENTS, st.just(False), st.one_of(st.none(), NOTES),
    ).filter(lambda one: one.valid_from is None or one.valid_until is None or one.valid_from < one.valid_until),
    min_size=1, max_size=3, unique_by=lambda library: library.name,
)  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@given(libraries=LIBRARIES)
@settings(max_examples=60, deadline=None)
def test_out_and_in_again_is_the_same(tmp_path_factory: pytest.TempPathFactory, kind: str, libraries: list[Library]) -> None:
    """Whatever the rules, names, notes and dates are: what was exported is imported as it was."""
    path = tmp_path_factory.mktemp("t") / f"t.{kind}"
    rows = list(rows_of(libraries, CHINA, []))
    (write_csv if kind == "csv" else write_xlsx)(path, rows)
    assert read_libraries(path, CHINA) == libraries


@given(LIBRARIES)
@settings(max_examples=100, deadline=None)
def test_the_yaml_that_is_written_is_read_as_the_same(libraries: list[Library]) -> None:
    """No problem in it, and nothing lost."""
    problems: list[object] = []
    assert read_library_file("", yaml_of(libraries, CHINA).encode(), CHINA, problems) == libraries  # type: ignore[arg-type]
    assert problems == []


@given(st.text())
def test_a_guarded_cell_is_no_formula_and_is_bared_again(cell: str) -> None:
    """Excel and LibreOffice see a text; we see what it was."""
    assert guarded(cell)[:1] not in {"=", "+", "-", "@", "\t", "\r"}
    assert bared(guarded(cell)) == cell


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
@settings(max_examples=150, deadline=None)
def test_a_scalar_is_read_as_written(text: str) -> None:
    """Whatever stands in a rule, quoting keeps it; what YAML cannot hold at all cannot come from a file either."""
    assume(not any(ord(sign) < 0x20 and sign not in "\t\n" for sign in text))
    root = yaml.compose(f"- {{rule: {scalar(text)}}}", Loader=yaml.SafeLoader)
    assert root is not None
    assert root.value[0].value[0][1].value == text


def test_no_cell_of_a_workbook_is_a_formula(yuqing: Yuqing, tmp_path: Path) -> None:
    """A rule `=和服` is text there, and so is a note `@某人`; weights are numbers."""
    library = file_of(tmp_path / "l.yaml", LIBRARY + "  - {rule: =和服, note: '@某人', weight: 0.7}\n")
    assert yuqing("export", library, "-o", tmp_path / "t.xlsx").code == 0
    rows = list(openpyxl.load_workbook(tmp_path / "t.xlsx").worksheets[0].iter_rows())
    assert {cell.data_type for row in rows for cell in row} == {"s", "n"}
    assert [rows[3][place].value for place in (2, 3, 4)] == [0.7, "'=和服", "'@某人"]


def test_a_csv_bears_the_mark_that_excel_wants(yuqing: Yuqing, tmp_path: Path) -> None:
    """UTF-8 with a byte-order mark, Chinese headings, the rule guarded."""
    assert yuqing("export", file_of(tmp_path / "l.yaml", LIBRARY), "-o", tmp_path / "t.csv").code == 0
    assert (tmp_path / "t.csv").read_bytes().startswith("\ufeff名称,类别,权重,规则,备注,负责人,起,止,floor".encode())


def test_without_names_the_configured_are_exported(yuqing: Yuqing, config: Path, tmp_path: Path) -> None:
    """With a configuration its own, without the shipped ones; an unknown name is told with the nearest."""
    file_of(tmp_path / "l.yaml", LIBRARY)
    config.write_text(config.read_text("utf-8") + "libraries: [l.yaml]\n", "utf-8")
    assert "1 个词库, 2 条规则" in yuqing("export", "-o", tmp_path / "a.csv", "--config", config).err
    assert "26 个词库" not in yuqing("export", "-o", tmp_path / "b.csv").err
    ran = yuqing("export", "自", "-o", tmp_path / "c.csv", "--config", config)
    assert (ran.code, "现有：自备" in ran.err, (tmp_path / "c.csv").exists()) == (2, True, False)


PEOPLES = """我们的词表,,,,,
词库,分类,weight,关键词,止,floor
甲,法人,0.5,=和服,2026/12/31,黄色
,,,,,
甲,法人,,红会|红十字,2026年12月31日,
"""


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8", "utf-8-sig"])
def test_tables_of_people_are_read(yuqing: Yuqing, tmp_path: Path, encoding: str) -> None:
    """GBK or UTF-8, a title above the heading, English or other headings, blank rows, dates as Excel writes them, colours by name."""
    table = tmp_path / "t.csv"
    table.write_bytes(PEOPLES.encode(encoding))
    assert yuqing("import", table, "-o", tmp_path / "l.yaml").code == 0
    (library,) = read_library_file("l", (tmp_path / "l.yaml").read_bytes(), CHINA, [])
    read = [(one.rule.source, one.weight, one.floor) for one in library.rules]
    assert read == [("=和服", 0.5, Level.YELLOW), ("红会|红十字", 0.5, Level.NONE)]
    assert library.valid_until == micros(datetime(2027, 1, 1, tzinfo=CHINA))


def test_dates_of_a_workbook_are_dates(tmp_path: Path) -> None:
    """A cell formatted as a date is the whole day in the zone; a number typed as a rule is its figures."""
    book = openpyxl.Workbook()
    book.worksheets[0].append(["名称", "类别", "权重", "规则", "起", "止"])
    book.worksheets[0].append(["甲", "法人", 0.5, 315, datetime(2026, 3, 1), datetime(2026, 3, 15)])  # noqa: DTZ001 - as a workbook has it
    book.save(tmp_path / "t.xlsx")
    (library,) = read_libraries(tmp_path / "t.xlsx", ZoneInfo("UTC"))
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    assert (library.valid_from, library.valid_until) == (micros(begin), micros(begin + timedelta(days=15)))
    assert library.rules[0].rule.source == "315"


BAD = """名称,类别,权重,规则,起,floor
甲,法人,2,红会,,
甲,法人,0.5,(红会,2026-99-01,紫
甲,,0.5,x,,
甲,法人,0.5,好人,,
甲,商业,0.5,坏人,,
甲,法人,0.5,好人,,
甲,法人,0.5,#NAME?,,
乙,法人,,没有权重,,
"""


def test_every_bad_row_is_named_at_once_and_nothing_is_written(yuqing: Yuqing, tmp_path: Path) -> None:
    """FILE:ROW, a line each; the file that was there stays."""
    table, library = file_of(tmp_path / "t.csv", BAD), file_of(tmp_path / "l.yaml", LIBRARY)
    ran = yuqing("import", table, "-o", library, "--force")
    assert (ran.code, ran.out, library.read_text("utf-8")) == (2, "", LIBRARY)
    rows = [line.removeprefix(f"{table}:").split(":")[0] for line in ran.err.splitlines()]
    assert rows == ["2", "3", "3", "3", "4", "6", "7", "8", "9"]
    assert not list(tmp_path.glob(".*"))


def test_what_cannot_be_in_a_cell_is_refused() -> None:
    """A control character, and a cell longer than Excel takes, before anything is written."""
    unfit: list[Unfit] = []
    rules = tuple(LibraryRule(parse("x"), 0.5, note) for note in ("a\x07", "b" * 40_000, "c"))
    list(rows_of([Library("甲", "c", 0.5, rules)], CHINA, unfit))
    assert ["控制字符" in unfit[0].why, "超过 32766 字" in unfit[1].why, len(unfit)] == [True, True, 2]


@pytest.mark.parametrize(("name", "data", "says"), [("t.csv", b"a,b\n1,2\n", "认不出表头"), ("t.xlsx", b"PK\x03\x04x", "不是有效的 XLSX")])
def test_what_is_no_table_of_rules_is_told(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    """By its first row."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises((UsageError, ConfigError), match=f"{name}:1: .*{says}"):
        read_libraries(tmp_path / name, CHINA)


def test_an_import_overwrites_only_when_told(yuqing: Yuqing, tmp_path: Path) -> None:
    """Without --force the file that is there stays."""
    library = file_of(tmp_path / "l.yaml", LIBRARY)
    yuqing("export", library, "-o", tmp_path / "t.csv")
    assert yuqing("import", tmp_path / "t.csv", "-o", library).code == 2
    assert library.read_text("utf-8") == LIBRARY
    assert yuqing("import", tmp_path / "t.csv", "-o", library, "--force").code == 0
    assert library.read_text("utf-8") == "name: 自备\ncategory: 法人\nweight: 0.3\nrules:\n  - 郭美美\n  - 慈善总会\n"


def test_what_cannot_be_exported_is_named_where_it_was_written(yuqing: Yuqing, tmp_path: Path) -> None:
    """FILE:LINE of the rule whose row a table cannot hold."""
    library = file_of(tmp_path / "l.yaml", LIBRARY.rstrip() + '\n  - "红\\a会"\n')
    ran = yuqing("export", library, "-o", tmp_path / "t.csv")
    line = library.read_text("utf-8").splitlines().index('  - "红\\a会"') + 1
    assert (ran.code, ran.err.startswith(f"{library}:{line}: ")) == (2, True)
    assert "控制字符" in ran.err


def test_a_formula_without_a_stored_value_is_called_one(yuqing: Yuqing, tmp_path: Path) -> None:
    """Not 缺少规则: the cell is not empty to whoever looks at it; what to do stands beside. An empty note is no formula."""
    book = openpyxl.Workbook()
    book.worksheets[0].append(["名称", "类别", "权重", "规则", "备注"])
    for more in (['="红"&"会"'], ["好人", "=A1"], ["坏人"]):
        book.worksheets[0].append(["甲", "法人", 0.5, *more])
    book.save(tmp_path / "t.xlsx")
    ran = yuqing("import", tmp_path / "t.xlsx", "-o", tmp_path / "l.yaml")
    lines = ran.err.splitlines()
    assert ran.code == 2
    assert [("2: 规则 是公式" in lines[0], "3: 备注 是公式" in lines[1], len(lines))] == [(True, True, 2)]
    assert "缺少" not in ran.err


TIMES = """名称,类别,权重,规则,起,止
甲,法人,0.5,红会,2026-03-02,2026-03-01
乙,法人,0.5,红会,2026-03-01,2026-03-01
"""


def test_a_row_whose_time_ends_before_it_begins_is_refused(yuqing: Yuqing, tmp_path: Path) -> None:
    """A library that can never be valid is a slip of the pen."""
    table = file_of(tmp_path / "t.csv", TIMES)
    ran = yuqing("import", table, "-o", tmp_path / "l.yaml")
    assert (ran.code, len(ran.err.splitlines()), "2: 起 不早于 止" in ran.err) == (2, 1, True)


def _workbook(path: Path, sheets: Mapping[str, Sequence[Sequence[object]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


HEADING: list[object] = ["名称", "类别", "权重", "规则"]


def test_sheets_that_are_no_tables_are_named_and_passed_over(yuqing: Yuqing, tmp_path: Path) -> None:
    """The empty Sheet2 of old Excel and a page of explanations, beside a sheet of rules."""
    explained: list[list[object]] = [["列", "说明"], ["名称", "词库的名称"]]
    rules: list[list[object]] = [HEADING, ["甲", "法人", 0.5, "红会"]]
    table = _workbook(tmp_path / "t.xlsx", {"说明": explained, "规则": rules, "Sheet2": []})
    ran = yuqing("import", table, "-o", tmp_path / "l.yaml")
    assert (ran.code, "1 个词库, 1 条规则" in ran.err) == (0, True)
    assert [line.split(":")[0] for line in ran.err.splitlines() if "没有收" in line] == [f"{table}[说明]", f"{table}[Sheet2]"]


def test_a_workbook_without_any_rules_is_refused(yuqing: Yuqing, tmp_path: Path) -> None:
    """Where no sheet is a table, and where one is meant to be: its heading lacks a column."""
    ran = yuqing("import", _workbook(tmp_path / "t.xlsx", {"Sheet1": [], "Sheet2": [["甲"]]}), "-o", tmp_path / "l.yaml")
    assert (ran.code, ran.err.count("t.xlsx:1: 认不出表头")) == (2, 1)
    wrong: list[list[object]] = [["名称", "类别", "规测"], ["乙", "法人", "好人"]]
    sheets = {"好": [HEADING, ["甲", "法人", 0.5, "红会"]], "错": wrong}
    ran = yuqing("import", _workbook(tmp_path / "u.xlsx", sheets), "-o", tmp_path / "l.yaml")
    assert (ran.code, "u.xlsx[错]:1: 认不出表头" in ran.err, (tmp_path / "l.yaml").exists()) == (2, True, False)


def test_a_mistake_in_one_of_several_sheets_names_the_sheet(yuqing: Yuqing, tmp_path: Path) -> None:
    """And the sheet of the row that it differs from; of a workbook of one sheet the file is enough."""
    one: list[list[object]] = [HEADING, ["甲", "法人", 0.5, "红会"]]
    table = _workbook(tmp_path / "t.xlsx", {"一": one, "二": [HEADING, ["甲", "法人", 9, "好人"], ["甲", "法人", 0.5, "红会"]]})
    ran = yuqing("import", table, "-o", tmp_path / "l.yaml")
    assert (ran.code, ran.err.startswith(f"{table}[二]:2: 权重")) == (2, True)
    assert f"{table}[二]:3: 规则与 {table}[一] 第 2 行相同" in ran.err
    ran = yuqing("import", _workbook(tmp_path / "u.xlsx", {"一": [*one, one[1]]}), "-o", tmp_path / "l.yaml")
    assert ran.err.startswith(f"{tmp_path}/u.xlsx:3: 规则与第 2 行相同")


def test_a_library_is_written_only_where_a_folder_would_read_it(yuqing: Yuqing, tmp_path: Path) -> None:
    """As .yaml: a .yml in a folder is not read."""
    table = _workbook(tmp_path / "t.xlsx", {"一": [HEADING, ["甲", "法人", 0.5, "红会"]]})
    for ran in (
        yuqing("import", table, "-o", tmp_path / "l.yml"),
        yuqing("accept", "红会", "--to", tmp_path / "l.yml", "--category", "法人"),
    ):
        assert (ran.code, "只读 *.yaml" in ran.err, (tmp_path / "l.yml").exists()) == (2, True, False)
