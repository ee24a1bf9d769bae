"""
YAML with the place of every value, for messages that say FILE:LINE.

Only plain data is read: no tag is ever executed, a file is at most 1 MiB, aliases cannot blow it up, `${NAME}` in a string is
an environment variable. What is wrong is collected, not raised, so that a user sees every mistake at once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import yaml
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.reader import ReaderError

from monitor.errors import Problem, failed_zh
from monitor.logs import visible
from monitor.plain_files import NotPlain, read_plain

MAX_BYTES = 1 << 20
MAX_ITEMS = 100_000
MAX_DEPTH = 50
LONGEST_SHOWN = 60

_TAG = "tag:yaml.org,2002:"
_SCALARS = frozenset(_TAG + name for name in ("str", "int", "float", "bool", "null", "timestamp", "value"))
_VARIABLE = re.compile(r"\$\{([^{}\n]*)(\}?)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# C0 but tab and newlines, DEL, C1, and lone surrogates, which only an escape in quotes can make
_CONTROL = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

Value: TypeAlias = "str | int | float | bool | dict[str, Item] | list[Item] | None"


@dataclass(frozen=True, slots=True)
class Item:
    """
    A value and where it begins, counted from 1; `key_line` is where its key stands, in a mapping.

    `filled`: an environment variable is part of it, so its look says nothing about the type that was meant.
    """

    value: Value
    line: int
    column: int
    key_line: int = 0
    quoted: bool = False
    filled: bool = False


@dataclass(frozen=True)
class Report:
    """One file under examination: its name as the user gave it, the folder its paths are relative to, what was found wrong."""

    name: str
    folder: Path
    environ: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)

    def say(self, line: int, message: str, column: int = 0) -> None:
        """Note a mistake."""
        self.problems.append(Problem(self.name, line, column, message))


def show(value: object) -> str:
    """A user's value as it stands in a message: short, on one line, nothing invisible."""
    text = visible(value if isinstance(value, str) else str(value)).replace("\n", "\\n")
    return f"“{text[:LONGEST_SHOWN]}{'…' if len(text) > LONGEST_SHOWN else ''}”"


def read_items(file: Path, report: Report) -> Item | None:
    """The file's root, or None when it cannot be read at all; every mistake is noted in the report."""
    text = _text(file, report)
    if text is None:
        return None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except RecursionError:
        report.say(1, f"嵌套过深：最多 {MAX_DEPTH} 层，请检查括号和缩进")
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        report.say(line, f"含有不可见的控制字符 U+{int(error.character):04X}，请删去")
    except yaml.MarkedYAMLError as error:
        report.say(*_broken(error))
    else:
        return _Builder(report).build(root) if root is not None else Item(None, 1, 1)
    return None


def item_of(value: object, report: Report) -> Item:
    """The item of a value that was never YAML, such as a posted JSON: all on line 1, no variable in it."""
    if isinstance(value, dict):
        return Item({str(key): item_of(one, report) for key, one in value.items()}, 1, 1, 1)
    if isinstance(value, list):
        return Item([item_of(one, report) for one in value], 1, 1, 1)
    if isinstance(value, str) and (control := _CONTROL.search(value)):
        report.say(1, f"文字里含有控制字符 U+{ord(control[0]):04X}，请删去")
    return Item(value if isinstance(value, (str, int, float, bool)) else None, 1, 1, 1)


def _text(file: Path, report: Report) -> str | None:
    try:
        data = read_plain(file, MAX_BYTES)
    except FileNotFoundError:
        report.say(1, "文件不存在，请检查路径")
    except IsADirectoryError:
        report.say(1, "这是一个文件夹，请给出其中的 YAML 文件")
    except NotPlain as error:
        report.say(1, f"{error.strerror}，请检查路径")
    except (OSError, ValueError) as error:
        report.say(1, f"文件读不了（{visible(failed_zh(error))}），请检查路径和权限")
    else:
        return _decoded(data, report)
    return None


def _decoded(data: bytes, report: Report) -> str | None:
    if len(data) > MAX_BYTES:
        report.say(1, f"文件超过 {MAX_BYTES // 1024} KiB，配置文件不应这么大，请检查是否给错了文件")
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        report.say(line, "不是 UTF-8 编码（可能是 GBK 或 UTF-16），请另存为 UTF-8")
        return None


def _broken(error: yaml.MarkedYAMLError) -> tuple[int, str, int]:
    """Where the YAML is broken and what to do; an opening that is never closed is told at the opening."""
    problem = str(error.problem or error.context or "")
    mark = error.problem_mark or error.context_mark
    opening = error.context_mark if "flow" in str(error.context) else None
    if error.context_mark is not None and ("end" in problem or (opening and mark and mark.column == 0)):
        mark = error.context_mark  # what begins at the margin is the next key, not a part of what was opened
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 0)
    if "'\\t'" in problem:
        return line, "此处是制表符（Tab），YAML 只能用空格缩进，请换成空格", column
    if "mapping values are not allowed" in problem:
        return line, "此处的冒号有歧义：值里含“: ”要加引号，或上一行缩进不对", column
    if "cannot start any token" in problem:
        return line, "此处的符号不能作开头（YAML 保留），请给这个值加引号", column
    if "undefined alias" in problem:
        return line, "引用了没有定义的锚点（*名称），值以 * 开头时请加引号", column
    if "another document" in str(error.context) + problem:
        return line, "一个文件只能有一份配置，请删去多余的 ---", column
    unclosed = f"，第 {opening.line + 1} 行的括号可能没有闭合" if opening else ""
    return line, f"YAML 写法有误，请检查引号、括号和缩进{unclosed}（{visible(problem)}）", column


class _Builder:
    """Turns YAML's nodes into items, and refuses what is not plain data."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._left = MAX_ITEMS
        self._constructor = SafeConstructor()

    def build(self, node: yaml.Node) -> Item | None:
        item = self._item(node, 0, 0)
        if self._left < 0:
            # told once, whatever the aliases repeat
            self._report.say(1, f"内容过多（超过 {MAX_ITEMS} 项，可能是 *别名 层层重复），请直接写出内容")
            return None
        return item

    def _item(self, node: yaml.Node, depth: int, key_line: int) -> Item:
        self._left -= 1
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        value: Value = None
        if depth > MAX_DEPTH:
            if self._left >= 0:
                self._report.say(line, f"嵌套过深：最多 {MAX_DEPTH} 层，请检查括号、缩进和 *别名")
                self._left = min(self._left, MAX_DEPTH)  # an alias that contains itself is told once, not a thousand times
        elif self._left < 0:
            pass
        elif isinstance(node, yaml.ScalarNode):
            return self._scalar(node, key_line)
        elif node.tag not in {_TAG + "map", _TAG + "seq"}:
            self._report.say(line, f"不支持 YAML 标签 {show(node.tag)}，请删去", column)
        elif isinstance(node, yaml.MappingNode):
            value = self._mapping(node, depth)
        elif isinstance(node, yaml.SequenceNode):
            value = [self._item(child, depth + 1, 0) for child in node.value]
        return Item(value, line, column, key_line)

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Item]:
        items: dict[str, Item] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag == _TAG + "merge":
                self._report.say(line, "键必须是一个词，也不支持 << 合并，请把内容写全")
                continue
            item = self._item(value, depth + 1, line)
            if key.value in items:
                self._report.say(line, f"键 {show(key.value)} 重复（第 {items[key.value].key_line} 行已有），请只留一个")
            else:
                items[key.value] = item
        return items

    def _scalar(self, node: yaml.ScalarNode, key_line: int) -> Item:
        line, column, quoted = node.start_mark.line + 1, node.start_mark.column + 1, node.style in {"'", '"'}
        value: Value = node.value
        if node.tag not in _SCALARS:
            self._report.say(line, f"不支持 YAML 标签 {show(node.tag)}，请删去，或给以 ! 开头的值加引号", column)
            value = None
        elif node.tag in {_TAG + "int", _TAG + "float", _TAG + "bool", _TAG + "null"}:
            value = self._constructed(node)
        text = self._filled(node.value, line, column) if isinstance(value, str) else node.value
        return Item(text if isinstance(value, str) else value, line, column, key_line, quoted, filled=text != node.value)

    def _constructed(self, node: yaml.ScalarNode) -> Value:
        try:
            value = self._constructor.construct_object(node)
        except (ConstructorError, ValueError, OverflowError):
            self._report.say(node.start_mark.line + 1, f"{show(node.value)} 不是有效的数值；若是文字请加引号")
            return None
        return value if isinstance(value, (bool, int, float)) else None

    def _filled(self, text: str, line: int, column: int) -> str:
        """The text with its `${NAME}`s replaced; a value from the environment is never looked at again."""
        if control := _CONTROL.search(text):
            self._report.say(line, f"文字里含有控制字符 U+{ord(control[0]):04X}，请删去", column)
        return _VARIABLE.sub(lambda match: self._variable(match, line), text) if "${" in text else text

    def _variable(self, match: re.Match[str], line: int) -> str:
        name, closed = match.groups()
        if not closed or not _NAME.fullmatch(name):
            self._report.say(line, f"{show(match[0])} 不是环境变量的写法，请写成 ${{NAME}}（字母、数字、下划线）")
            return ""
        if name not in self._report.environ:
            self._report.say(line, f"环境变量 {name} 没有设置，请先设置它再启动")
        return self._report.environ.get(name, "")
