"""Rows of keyword rules as a CSV or XLSX file, written and read."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import tzinfo
from itertools import chain
from pathlib import Path

from monitor.collecting.headings import WITHIN
from monitor.collecting.reading import look_at
from monitor.collecting.sheets import sheets
from monitor.collecting.tables import ByReturns, Row, by_returns, csv_rows, delimiter_of
from monitor.errors import ConfigError, Problem, SourceFailed, UsageError, failed_zh
from monitor.scoring.library_file import Library
from monitor.scoring.library_table import COLUMNS, HEADINGS, NEEDED, UNSTORED, Rows, places_of
from services.keywords.formulas import Cells, formulas

SHEET = "词库"
_MOST_ROWS = 1_048_576  # of a sheet
_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_ESCAPED = re.compile(r"_x005F_(?=x[0-9A-Fa-f]{4}_)")
_HEADING = "、".join(HEADINGS[list(COLUMNS).index(column)] for column in NEEDED)
_NO_HEADING = f"认不出表头: 前 {WITHIN} 行里要有一行写着 {_HEADING}"
_NUMBERS = [place for place, column in enumerate(COLUMNS) if column.endswith("weight")]


def write_csv(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """With the mark by which Excel knows UTF-8."""
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows(chain([HEADINGS], rows))


def write_xlsx(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """Every cell a text but the weights; nothing in it is a formula."""
    from openpyxl import Workbook  # noqa: PLC0415 - half a second, and needed for one kind of file
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415

    if len(rows) >= _MOST_ROWS:
        raise UsageError(f"规则有 {len(rows)} 条, XLSX 一张表放不下: 请导出为 CSV")
    book = Workbook(write_only=True)
    with closing(book):
        sheet = book.create_sheet(SHEET)
        for row in chain([HEADINGS], rows):
            cells = [WriteOnlyCell(sheet, value=_escaped(cell) if cell else None) for cell in row]
            for cell in cells:
                cell.data_type = "s" if cell.value is not None else "n"
            for place in _NUMBERS if row is not HEADINGS else ():
                number = float(row[place])
                if float(f"{number:.15g}") == number:  # what a workbook holds exactly; another stays a text
                    cells[place].value = number
            sheet.append(cells)
        book.save(path)


def read_libraries(path: Path, zone: tzinfo, left: list[str] | None = None) -> list[Library]:
    """
    The libraries of a CSV (UTF-8 or GBK) or an XLSX. ConfigError with every row that is wrong; UsageError: it is no such file.

    `left` gets the names of the sheets that are no tables of rules: empty ones, or explanations, beside one that is.
    """
    problems: list[Problem] = []
    taken = Rows(str(path), zone, problems)
    read, passed = list[str](), list[str]()
    try:
        for sheet, rows in _tables(path):
            taken.file = f"{path}[{sheet}]" if sheet else str(path)
            (read if _take(rows, taken, formulas(path, sheet)) else passed).append(sheet)
    except SourceFailed as failed:
        raise UsageError(f"{path}:1: {failed}") from failed
    except OSError as error:
        raise UsageError(f"{path}: 打不开 ({failed_zh(error)}), 请检查路径和权限") from error
    libraries = taken.libraries()
    if not read:
        problems.append(Problem(str(path), 1, 0, _NO_HEADING))
    if problems:
        one = len(read) + len(passed) == 1
        raise ConfigError([replace(problem, file=str(path)) for problem in problems] if one else problems)
    if left is not None:
        left += passed
    if not libraries:
        raise UsageError(f"{path}:1: 没有读到规则: 表头要有 {_HEADING}, 其下每行一条规则")
    return libraries


def _tables(path: Path) -> Iterator[tuple[str, Iterator[Row]]]:
    look = look_at(path)
    if look.kind == "xlsx":
        yield from sheets(path, zipped=look.zipped)
        return
    if look.zipped:
        raise SourceFailed("malformed", "是 gzip 压缩文件: 请先解压")
    with path.open("rb") as stream:
        lines = ByReturns(stream) if by_returns(look.head) else stream
        yield "", csv_rows(lines, look.encoding, delimiter_of(look.head, look.encoding, {}), lambda: 0)


def _take(rows: Iterable[Row], taken: Rows, computed: Cells) -> bool:
    """
    The rows of one table; the first of the first rows that names what is needed is the heading. `computed`: cells of formulas.

    False: no row is like a heading. Where one is nearly, the table is meant, and wrong.
    """
    places: dict[str, int] = {}
    likeliest = 0
    for row in rows:
        if row.wrong:
            taken.tell(row.number, row.wrong)
        elif not places and row.number <= WITHIN:
            found = places_of(row.cells)
            likeliest = max(likeliest, len(found.keys() & set(NEEDED)))
            places = found if likeliest == len(NEEDED) else {}
        elif places and any(cell is not None and str(cell).strip() for cell in row.cells):
            values = {column: row.cells[at] for column, at in places.items() if at < len(row.cells)}
            values |= {column: UNSTORED for column, at in places.items() if values.get(column) is None and (row.number, at + 1) in computed}
            taken.take(row.number, {column: _bare(value) for column, value in values.items()})
    if likeliest > 1 and not places:
        taken.tell(1, _NO_HEADING)
    return likeliest > 1


def _escaped(cell: str) -> str:
    """What a workbook would take for an escape is escaped itself."""
    return _ESCAPE.sub("_x005F_", cell)


def _bare(value: object) -> object:
    return _ESCAPED.sub("_", value) if isinstance(value, str) else value
