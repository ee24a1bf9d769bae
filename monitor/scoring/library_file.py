"""A keyword library: versioned rules with a category and a weight; and how its file is read, with FILE:LINE:COLUMN for every mistake."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, NoReturn, TypeVar

import msgspec
import yaml

from monitor.alert import Level
from monitor.clock import micros
from monitor.errors import Problem
from monitor.scoring.rules import Rule, RuleError, parse

T = TypeVar("T")
MAX_DEPTH = 10
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = "tag:yaml.org,2002:null"
_LIBRARY_KEYS = ("name", "note", "owner", "category", "weight", "floor", "valid_from", "valid_until", "rules")
_RULE_KEYS = ("rule", "weight", "floor", "note")
NEVER_VALID = "valid_from 不早于 valid_until, 这个词库永远不会有效: 请改正其中一个"
FLOORS = ("none", "blue", "yellow", "orange")


class LibraryRule(msgspec.Struct, frozen=True, gc=False):
    """One rule of a library; `weight` is how severe its hit is by itself, 0 to 1; `floor` the level its sensitive hit opens at."""

    rule: Rule
    weight: float
    note: str | None = None
    floor: Level = Level.NONE


@dataclass(frozen=True, slots=True)
class Library:
    """
    A named set of rules of one category.

    `shipped`: a risk library of ours, whose hits are added to every subject that hits. Valid where valid_from ≤ at < valid_until (micros).
    """

    name: str
    category: str
    weight: float
    rules: tuple[LibraryRule, ...]
    note: str | None = None
    valid_from: int | None = None
    valid_until: int | None = None
    shipped: bool = False
    owner: str | None = None
    file: str = ""

    def valid(self, at: int) -> bool:
        """Whether its rules count for something received at that moment."""
        return (self.valid_from is None or self.valid_from <= at) and (self.valid_until is None or at < self.valid_until)


def read_library_file(
    file: str,
    data: bytes,
    zone: tzinfo,
    problems: list[Problem],
    *,
    shipped: bool = False,
    seen: dict[str, str] | None = None,
) -> list[Library]:
    """The libraries of one file; mistakes are added to `problems`. `seen` holds the names of the files before it."""
    reader = _Reader(file, zone, problems, {} if seen is None else seen, shipped=shipped)
    root = reader.compose(data)
    return reader.libraries(root) if root is not None else []


class _Unreadable(Exception):
    """What stands at a place is not what should; already among the problems."""


class _Reader:
    def __init__(self, file: str, zone: tzinfo, problems: list[Problem], seen: dict[str, str], *, shipped: bool) -> None:
        self._file = file
        self._zone = zone
        self._problems = problems
        self._seen = seen
        self._shipped = shipped

    def compose(self, data: bytes) -> yaml.Node | None:
        """The node tree, or None where there is none to go on with."""
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self._tell(data.count(b"\n", 0, error.start) + 1, 0, "不是 UTF-8 编码: 请另存为 UTF-8")
            return None
        try:
            return self._checked(text)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._tell(mark.line + 1 if mark else 1, 0, f"不是合法的 YAML ({error.problem}): 请检查缩进, 冒号和引号")
        except yaml.YAMLError as error:
            line = text.count("\n", 0, getattr(error, "position", 0)) + 1
            self._tell(line, 0, "含有 YAML 不允许的控制字符: 请删去")
        except _Unreadable:
            pass
        return None

    def _checked(self, text: str) -> yaml.Node | None:
        """Composed only after a look at depth and aliases: composing recurses, and an alias bomb unfolds, without bound."""
        depth = 0
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.AliasEvent):
                self._refuse(event, "不支持 YAML 的别名 (*): 请把内容写出来")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                self._refuse(event, f"嵌套超过 {MAX_DEPTH} 层: 关键词库是 {{name, category, weight, rules}} 或它们的列表")
        root: yaml.Node | None = yaml.compose(text, Loader=_LOADER)
        if root is None:
            self._tell(1, 0, "文件是空的: 请写 name, category, weight, rules, 或删去这个文件")
        return root

    def libraries(self, root: yaml.Node) -> list[Library]:
        """Every library of the file that can be read."""
        nodes = root.value if isinstance(root, yaml.SequenceNode) else [root]
        if not nodes:
            self._tell(1, 0, "列表是空的: 请写至少一个关键词库, 或删去这个文件")
        return [library for node in nodes if (library := self._attempt(self._library, node))]

    def _library(self, node: yaml.Node) -> Library:
        fields = self._mapping(node, _LIBRARY_KEYS, required=("name", "category", "weight", "rules"))
        name = self._required(fields, "name", self._new_name)
        category = self._required(fields, "category", self._text)
        weight = self._required(fields, "weight", self._weight)
        since, until = self._validity(fields)
        note = self._optional(fields, "note", self._text)
        owner = self._optional(fields, "owner", self._text)
        floor = self._optional(fields, "floor", self._floor) or Level.NONE
        rules = self._required(fields, "rules", lambda listed: self._rules(listed, weight or 0.0, floor))
        if name is None or category is None or weight is None or rules is None:
            raise _Unreadable
        return Library(name, category, weight, rules, note, since, until, self._shipped, owner, self._file)

    def _validity(self, fields: dict[str, yaml.Node]) -> tuple[int | None, int | None]:
        since = self._optional(fields, "valid_from", lambda at: self._moment(at, "valid_from", later=timedelta()))
        until = self._optional(fields, "valid_until", lambda at: self._moment(at, "valid_until", later=timedelta(days=1)))
        if since is not None and until is not None and since >= until:
            self._point(fields["valid_from"], NEVER_VALID)
        return since, until

    def _rules(self, node: yaml.Node, weight: float, floor: Level) -> tuple[LibraryRule, ...]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self._refuse(node, "rules 应为列表, 至少一条规则, 每行一条, 以 - 开头")
        read = [self._attempt(lambda item: self._rule(item, weight, floor), item) for item in node.value]
        return tuple({rule.rule.source: rule for rule in read if rule}.values())

    def _rule(self, node: yaml.Node, weight: float, floor: Level) -> LibraryRule:
        if not isinstance(node, yaml.MappingNode):
            return LibraryRule(self._parsed(node), weight, floor=floor)
        fields = self._mapping(node, _RULE_KEYS, required=())
        own = self._optional(fields, "weight", self._weight)
        note = self._optional(fields, "note", self._text)
        opens = self._optional(fields, "floor", self._floor)
        if "rule" not in fields:
            self._no_rule(node, "缺少 rule: 请补上")
        return LibraryRule(self._parsed(fields["rule"]), weight if own is None else own, note, floor if opens is None else opens)

    def _parsed(self, node: yaml.Node) -> Rule:
        if not isinstance(node, yaml.ScalarNode) or node.tag == _NULL or not node.value.strip():
            self._no_rule(node, "规则是空的或不是一段文字: 请写上, 或删去这一行")
        source = str(node.value)
        try:
            return parse(source)
        except RuleError as error:
            line, column = place_of(node, error.column)
            self._tell(line, column, f"规则 {source[:40]!r}: {error.message}")
            raise _Unreadable from None

    def _no_rule(self, node: yaml.Node, message: str) -> NoReturn:
        """Told with its column, as every mistake of a rule."""
        self._tell(node.start_mark.line + 1, node.start_mark.column + 1, message)
        raise _Unreadable

    def _mapping(self, node: yaml.Node, allowed: tuple[str, ...], required: tuple[str, ...]) -> dict[str, yaml.Node]:
        """What stands under the keys; a required one that is missing has been told."""
        if not isinstance(node, yaml.MappingNode):
            self._refuse(node, f"这里应为一组键值: {', '.join(allowed)}")
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value not in allowed:
                self._point(key, f"不认识的键 {str(key.value)[:40]!r}: 可用的键是 {', '.join(allowed)}")
            elif key.value in fields:
                self._point(key, f"键 {key.value} 写了两次: 请删去一个")
            else:
                fields[key.value] = value
        for key_name in required:
            if key_name not in fields:
                self._point(node, f"缺少 {key_name}: 请补上")
        return fields

    def _new_name(self, node: yaml.Node) -> str:
        name = self._text(node)
        if name in self._seen:
            self._refuse(node, f"库名 {name[:40]!r} 已在 {self._seen[name]} 用过: 请改名, 或并入那个库")
        self._seen[name] = f"{self._file}:{node.start_mark.line + 1}"
        return name

    def _text(self, node: yaml.Node) -> str:
        """Any scalar as it was written: a rule 315 or NO is no number and no truth value."""
        if not isinstance(node, yaml.ScalarNode) or node.tag == _NULL or not node.value.strip():
            self._refuse(node, "这里应为一段文字, 不能为空")
        return str(node.value)

    def _weight(self, node: yaml.Node) -> float:
        try:
            weight = float(node.value) if isinstance(node, yaml.ScalarNode) else -1.0
        except ValueError:
            weight = -1.0
        if not 0.0 <= weight <= 1.0:
            self._refuse(node, "weight 应为 0 到 1 之间的数, 如 0.6")
        return weight

    def _floor(self, node: yaml.Node) -> Level:
        word = str(node.value)
        if word not in FLOORS:
            self._refuse(node, f"floor 应为 {', '.join(FLOORS)} 之一: 一条敏感信息命中即达此级")
        return Level.of(word)

    def _moment(self, node: yaml.Node, key: str, later: timedelta) -> int:
        """A date or a time; a plain date begins at its midnight, or `later` than that: the last valid day counts whole."""
        try:
            at = datetime.fromisoformat(str(node.value))
            if len(node.value) <= len("2026-01-01"):
                at = datetime.combine(date.fromisoformat(node.value), time()) + later
            return micros(at if at.tzinfo else at.replace(tzinfo=self._zone))
        except (ValueError, OverflowError):
            self._point(node, f"{key} 应为日期或时间, 如 2026-12-31 或 2026-12-31T18:00:00+08:00")
            raise _Unreadable from None

    def _required(self, fields: dict[str, yaml.Node], key: str, read: Callable[[yaml.Node], T]) -> T | None:
        """None, too, where it is missing, which has been told: one mistake must not hide the next."""
        return self._attempt(read, fields[key]) if key in fields else None

    def _optional(self, fields: dict[str, yaml.Node], key: str, read: Callable[[yaml.Node], T]) -> T | None:
        node = fields.get(key)
        return None if node is None or node.tag == _NULL else self._attempt(read, node)

    def _attempt(self, read: Callable[[yaml.Node], T], node: yaml.Node) -> T | None:
        """What can be read, else None."""
        try:
            return read(node)
        except _Unreadable:
            return None

    def _refuse(self, at: yaml.Node | yaml.Event, message: str) -> NoReturn:
        self._point(at, message)
        raise _Unreadable

    def _point(self, at: yaml.Node | yaml.Event, message: str) -> None:
        self._tell(at.start_mark.line + 1 if at.start_mark else 1, 0, message)

    def _tell(self, line: int, column: int, message: str) -> None:
        self._problems.append(Problem(self._file, line, column, message))


def place_of(node: yaml.Node, column: int) -> tuple[int, int]:
    """Where a rule's column stands in the file; its beginning where quoting or folding has moved the characters."""
    mark, end = node.start_mark, node.end_mark
    style = getattr(node, "style", None)
    quote = 1 if style in ("'", '"') else 0
    as_written = style not in ("|", ">") and mark.line == end.line and end.column - mark.column == len(node.value) + 2 * quote
    return mark.line + 1, mark.column + 1 + (quote + column - 1 if as_written else 0)
