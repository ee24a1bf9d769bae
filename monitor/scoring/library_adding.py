"""A rule added to the text of a library file: one line more, every comment and everything else as it was."""

from collections.abc import Sequence

import yaml

from monitor.errors import UsageError
from monitor.scoring.library_file import Library, LibraryRule
from monitor.scoring.library_text import item, scalar

_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def with_rule(text: str, library: Library, rule: LibraryRule) -> str:
    """The text of a right file, with the rule at the end of the library's list."""
    if text.startswith("\ufeff"):
        return f"\ufeff{with_rule(text[1:], library, rule)}"
    rules = _rules(yaml.compose(text, Loader=_LOADER), library.name)
    said, last = item(rule, library.weight), rules.value[-1]
    lines = text.splitlines(keepends=True)
    if rules.flow_style:
        at = int(last.end_mark.index)
        return f"{text[:at]}, {said}{text[at:]}"
    indent = " " * rules.start_mark.column
    line = _last_line(lines, last)
    before = "".join(lines[: line + 1])
    end = "" if before.endswith(("\n", "\r")) else "\n"
    return f"{before}{end}{indent}- {said}{_newline(text)}{''.join(lines[line + 1 :])}"


def new_library(name: str, category: str, weight: float, rule: LibraryRule) -> str:
    """The text of a library of one rule."""
    head = (f"name: {scalar(name)}", f"category: {scalar(category)}", f"weight: {weight!r}", "rules:")
    return "\n".join((*head, f"  - {item(rule, weight)}")) + "\n"


def chosen(libraries: Sequence[Library], category: str | None, file: str) -> Library:
    """Which library of a file is meant: the only one, else the only one of the category."""
    of = [one for one in libraries if category is None or one.category == category]
    if len(of) == 1:
        return of[0]
    there = "、".join(f"{one.name}（{one.category}）" for one in libraries)
    if not of:
        raise UsageError(f"{file} 里没有类别为 {category} 的词库, 有的是 {there}")
    raise UsageError(f"{file} 里有几个词库: {there}; 用 --category 说明加进哪一类, 或分成几个文件")


def _rules(root: yaml.Node | None, name: str) -> yaml.SequenceNode:
    for node in root.value if isinstance(root, yaml.SequenceNode) else filter(None, [root]):
        fields = {key.value: value for key, value in node.value}
        if fields["name"].value == name and isinstance(fields["rules"], yaml.SequenceNode):
            return fields["rules"]
    raise AssertionError("the library was read from this text")


def _last_line(lines: Sequence[str], last: yaml.Node) -> int:
    """The line on which the last rule ends; the end mark of a block may stand behind comments and empty lines."""
    line = min(last.end_mark.line, len(lines) - 1)
    if last.end_mark.column == 0 and line > last.start_mark.line:
        line -= 1
    while line > last.start_mark.line and (not lines[line].strip() or lines[line].lstrip().startswith("#")):
        line -= 1
    return line


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
