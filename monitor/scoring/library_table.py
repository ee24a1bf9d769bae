"""
Keyword libraries as rows of a spreadsheet, a rule a row, and back: what was written out is read as the same libraries.

A spreadsheet takes a cell that begins with = + - @ for a formula, and rules begin so (`=和服`). Such a cell is guarded by an apostrophe
on the way out and bared on the way in. Rows are written by people: each that is wrong is named, all of them at once.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from types import MappingProxyType
from typing import NamedTuple

from monitor.alert import Level
from monitor.clock import micros, moment
from monitor.errors import Problem
from monitor.scoring.library_file import FLOORS, Library, LibraryRule
from monitor.scoring.rules import Rule, RuleError, parse

LONGEST_CELL = 32_767  # characters: what Excel takes
# Column -> the headings under which it may stand, the first is written
COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "name": ("名称", "词库", "library"), "category": ("类别", "分类"), "weight": ("权重",), "rule": ("规则", "关键词", "keyword"),
        "note": ("备注", "说明"), "owner": ("负责人",), "valid_from": ("起", "有效期起"), "valid_until": ("止", "有效期止"),
        "floor": ("首条即报",), "library_weight": ("词库权重",), "library_note": ("词库备注",),
    }
)  # fmt: skip
HEADINGS = tuple("floor" if column == "floor" else names[0] for column, names in COLUMNS.items())
NEEDED = ("name", "category", "rule")
_CALLED = {"weight": "library_weight", "note": "library_note"}  # a library's own, where a rule has one, too
_GUARDED = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_CONTROL = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_DATE = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?")
_BROKEN = re.compile(r"#(?:NAME|REF|VALUE|N/A|DIV/0|NULL|NUM)[?!]?")
_SHOWN = 40
UNSTORED = object()  # a cell that is a formula of which the file holds no value


def guarded(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if _GUARDED.match(cell) else cell


def bared(cell: str) -> str:
    """The cell as it was meant."""
    return cell[1:] if cell.startswith("'") and _GUARDED.match(cell, 1) else cell


class Unfit(NamedTuple):
    """A rule of a library that no row can hold, and why."""

    library: Library
    rule: LibraryRule
    why: str


def rows_of(libraries: Iterable[Library], zone: tzinfo, unfit: list[Unfit]) -> Iterator[tuple[str, ...]]:
    """A row a rule, guarded, in the order of COLUMNS; what no cell can hold is told. Every library has a rule."""
    for library in libraries:
        since, until = day_of(library.valid_from, zone, days=0), day_of(library.valid_until, zone, days=1)
        for one in library.rules:
            row = (
                library.name, library.category, repr(one.weight), one.rule.source, one.note or "", library.owner or "", since, until,
                one.floor.word if one.floor else "", repr(library.weight), library.note or "",
            )  # fmt: skip
            if fault := next(filter(None, map(_fault, row)), ""):
                unfit.append(Unfit(library, one, f"规则 {one.rule.source[:_SHOWN]!r} 这一行{fault}, 不能写进表格: 请改好再导出"))
            yield tuple(map(guarded, row))


def _fault(cell: str) -> str:
    if len(cell) >= LONGEST_CELL:
        return f"有一格超过 {LONGEST_CELL - 1} 字"
    return "含有控制字符" if _CONTROL.search(cell) else ""


def day_of(at: int | None, zone: tzinfo, *, days: int) -> str:
    """The date that begins then, or that ends so many days before; a moment that is no midnight as it is."""
    if at is None:
        return ""
    try:
        local = moment(at).astimezone(zone)
        day = local.date() - timedelta(days=days)
        return day.isoformat() if _midnight(day, zone, days) == at else local.isoformat()
    except OverflowError:
        return moment(at).isoformat()


def _midnight(day: date, zone: tzinfo, days: int) -> int:
    return micros(datetime.combine(day + timedelta(days=days), time(), zone))


def places_of(cells: Sequence[object]) -> dict[str, int]:
    """Where each column stands by a row of headings; those it does not know are passed over."""
    named = {str(cell).strip().lower(): place for place, cell in reversed(list(enumerate(cells))) if cell is not None}
    return {column: named[one] for column, names in COLUMNS.items() for one in reversed((*names, column)) if one in named}


class Of(NamedTuple):
    """What a row says of its library."""

    category: str
    owner: str | None
    valid_from: int | None
    valid_until: int | None
    weight: float | None
    note: str | None


class Entry(NamedTuple):
    """One row as read; `weight` None: its library's."""

    file: str
    number: int
    name: str
    of: Of
    rule: Rule
    weight: float | None
    note: str | None
    floor: Level


class Rows:
    """Takes rows, gives libraries; `problems` gets whatever is wrong, by row."""

    def __init__(self, file: str, zone: tzinfo, problems: list[Problem]) -> None:
        self.file, self._zone, self._problems = file, zone, problems  # a workbook's sheets are files to it
        self._entries: dict[str, list[Entry]] = {}
        self._unread: set[str] = set()  # libraries of which a row is wrong: what they lack it may say

    def take(self, number: int, values: Mapping[str, object]) -> None:
        """One row, its cells by their columns."""
        row = _Row(values, self._zone)
        entry = row.entry(self.file, number)
        for wrong in row.wrong:
            self.tell(number, wrong)
        if entry is None:
            self._unread.add(str(values.get("name")))
        else:
            self._entries.setdefault(entry.name, []).append(entry)

    def tell(self, number: int, message: str, file: str = "") -> None:
        """What is wrong with a row, of the table at hand unless another is named."""
        self._problems.append(Problem(file or self.file, number, 0, message))

    def libraries(self) -> list[Library]:
        """The libraries of all rows, in the order in which they first stand."""
        return [self._library(name, entries) for name, entries in self._entries.items()]

    def _library(self, name: str, entries: Sequence[Entry]) -> Library:
        first, seen = entries[0], dict[str, Entry]()
        for entry in entries:
            if entry.of != first.of:
                differing = _differing(entry.of, first.of)
                said = f"词库 {name[:_SHOWN]} 的{differing}与{_row_of(first, entry)}不同: 同一个词库各行要相同"
                self.tell(entry.number, said, entry.file)
            if (before := seen.setdefault(entry.rule.source, entry)) is not entry:
                self.tell(entry.number, f"规则与{_row_of(before, entry)}相同: 请删去一行", entry.file)
        weight = self._weight(name, entries)
        rules = tuple(LibraryRule(one.rule, weight if one.weight is None else one.weight, one.note, one.floor) for one in entries)
        of = first.of
        return Library(name, of.category, weight, rules, of.note, of.valid_from, of.valid_until, owner=of.owner)

    def _weight(self, name: str, entries: Sequence[Entry]) -> float:
        """What the library says, else what most of its rules do."""
        of = entries[0].of
        common = Counter([one.weight for one in entries if one.weight is not None]).most_common(1)
        if of.weight is None and not common and name not in self._unread:
            self.tell(entries[0].number, f"词库 {name[:_SHOWN]} 没有权重: 请填 0 到 1 之间的数", entries[0].file)
        return of.weight if of.weight is not None else common[0][0] if common else 0.0


def _row_of(one: Entry, beside: Entry) -> str:
    """Which row one is, to whoever looks at another."""
    return f"第 {one.number} 行" if one.file == beside.file else f" {one.file} 第 {one.number} 行"


def _differing(one: Of, other: Of) -> str:
    return "、".join(_heading(_CALLED.get(name, name)) for name in Of._fields if getattr(one, name) != getattr(other, name))


class _Row:
    """One row, read cell by cell: one mistake must not hide the next."""

    def __init__(self, values: Mapping[str, object], zone: tzinfo) -> None:
        self._values, self._zone = values, zone
        self.wrong: list[str] = []

    def entry(self, file: str, number: int) -> Entry | None:
        name, category = self._required("name"), self._required("category")
        rule, weight, floor = self._rule(), self._weight("weight"), self._floor()
        since, until = self._moment("valid_from", days=0), self._moment("valid_until", days=1)
        if since is not None and until is not None and since >= until:
            self.wrong.append(f"{_heading('valid_from')} 不早于 {_heading('valid_until')}, 这个词库永远不会有效: 请改正其中一个")
        of = Of(category, self._text("owner"), since, until, self._weight("library_weight"), self._text("library_note"))
        return None if self.wrong or rule is None else Entry(file, number, name, of, rule, weight, self._text("note"), floor)

    def _text(self, column: str) -> str | None:
        """What the cell says; None for an empty one."""
        value = self._values.get(column)
        if value is UNSTORED:
            self.wrong.append(f"{_heading(column)} 是公式, 文件里没有存它的值: 请用 Excel 或 WPS 打开后保存, 或复制后“粘贴为数值”, 再导入")
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        said = bared(str(value)) if value is not None else ""
        if _BROKEN.fullmatch(said.strip()):
            self.wrong.append(f"{_heading(column)} 被当成了公式 ({said.strip()}): 请在格子开头加一个单引号 ' 再写")
            return None
        return said if said.strip() else None

    def _required(self, column: str) -> str:
        said = self._text(column)
        if said is None and not self.wrong:
            self.wrong.append(f"缺少{_heading(column)}: 请补上")
        return said or ""

    def _rule(self) -> Rule | None:
        said = self._text("rule")
        if said is None:
            self.wrong += [] if self.wrong else ["缺少规则: 请补上, 或删去这一行"]
            return None
        try:
            return parse(said)
        except RuleError as error:
            self.wrong.append(f"规则 {said[:_SHOWN]!r} 第 {error.column} 个字符处: {error.message}")
            return None

    def _weight(self, column: str) -> float | None:
        said = self._text(column)
        if said is None:
            return None
        try:
            weight = float(said)
        except ValueError:
            weight = -1.0
        if not 0.0 <= weight <= 1.0:
            self.wrong.append(f"{_heading(column)} {said[:_SHOWN]!r} 应为 0 到 1 之间的数, 如 0.6")
        return weight

    def _floor(self) -> Level:
        said = (self._text("floor") or "none").strip()
        word = next((one for one in FLOORS if said.lower().removesuffix("色") in {one, Level.of(one).zh}), None)
        if word is None:
            self.wrong.append(f"floor {said[:_SHOWN]!r} 应为 {', '.join(FLOORS)} 之一, 或空着")
        return Level.of(word or "none")

    def _moment(self, column: str, *, days: int) -> int | None:
        """A date from its midnight, or to its end; a time as it is."""
        value = self._values.get(column)
        said = value if isinstance(value, (date, datetime)) else self._text(column)
        if said is None:
            return None
        try:
            return _at(said, self._zone, days)
        except (ValueError, OverflowError):
            self.wrong.append(f"{_heading(column)} {str(said)[:_SHOWN]!r} 应为日期或时间, 如 2026-12-31")
            return None


def _at(said: str | date, zone: tzinfo, days: int) -> int:
    if isinstance(said, str):
        if found := _DATE.fullmatch(said.strip()):
            said = date(*map(int, found.groups()))
        else:
            said = datetime.fromisoformat(said.strip().replace("/", "-"))
    if isinstance(said, datetime):
        if said.tzinfo or said.time() != time():
            return micros(said if said.tzinfo else said.replace(tzinfo=zone))
        said = said.date()
    return _midnight(said, zone, days)


def _heading(column: str) -> str:
    return HEADINGS[list(COLUMNS).index(column)]
