"""What is right in a rule but probably not meant, for `check`."""

import re
from collections.abc import Iterator
from itertools import islice

from monitor.scoring.patterns import compiled
from monitor.scoring.rule_tokens import FIELDS, Kind, tokens
from monitor.scoring.rule_tree import Node, Regex, Variant, Without, Word, atoms, parts_of
from monitor.scoring.rules import Rule

ENOUGH = 5  # of one rule: who wrote it sees what is wrong with the rest, too
_SHOWN = 80  # characters of a rule
_ANYTHING = ("的", "a", "1")  # what finds each of them finds every text
_SPELLED = re.compile(r"\s((?i:near|before)/[0-9]+)\s")
_FULL_WIDTH = re.compile(rf"({'|'.join(FIELDS)})：")
_END = re.compile(r"[A-Za-z0-9]+$")
_BEGIN = re.compile(r"[A-Za-z0-9]+")


def hints_of(rule: Rule) -> Iterator[str]:
    """A line each, about one rule that can be read, with its beginning."""
    shown = rule.source if len(rule.source) <= _SHOWN else f"{rule.source[:_SHOWN]}…"
    yield from (f"规则 {shown}：{said}" for said in islice(_of_rule(rule), ENOUGH))


def _of_rule(rule: Rule) -> Iterator[str]:
    yield from _of_signs(rule.source)
    for atom in atoms(rule.tree):
        if isinstance(atom, Word):
            yield from _of_word(atom)
        elif isinstance(atom, Variant) and len(atom.text) == 1:
            yield f"~{atom.written} 只有一个字，所有同音字都会命中；请写成词"
        elif isinstance(atom, Regex) and all(compiled(atom.pattern).search(text) for text in _ANYTHING):
            yield f"正则 /{atom.written}/ 几乎命中所有内容；请写出必有的字"
    yield from _of_exceptions(rule.tree)


def _of_signs(source: str) -> Iterator[str]:
    """A minus within what looks like one name: COVID-19 is COVID without 19."""
    for token in tokens(source):
        if token.kind is Kind.NOT and len(token.text) == 1:
            before, after = _END.search(source[: token.column - 1]), _BEGIN.match(source, token.column)
            if before and after:
                one, other = before[0], after[0]
                yield f"{one}{token.text}{other} 会读作有 {one} 而没有 {other}；若是一个词，请写成 {one}\\-{other}"


def _of_word(word: Word) -> Iterator[str]:
    if found := _SPELLED.search(word.written):
        yield f"“{word.written}”里的 {found[1]} 会当作文字；作运算符请用大写 {found[1].upper()}"
    if found := _FULL_WIDTH.match(word.written):
        yield f"“{word.written}”的冒号是全角，会当作文字；按字段查找请写成 {found[1]}:"


def _of_exceptions(node: Node) -> Iterator[str]:
    if isinstance(node, Without) and isinstance(node.part, Word):
        for outer in node.outer:
            if isinstance(outer, Word) and node.part.text not in outer.text:
                yield f"{node.part.written}!{outer.written} 里，后者不含前者，不起作用；要排除整条信息请用 -"
            elif isinstance(outer, Word) and node.part.text == outer.text:
                yield f"{node.part.written}!{outer.written} 两边相同，永远不会命中"
    for part in parts_of(node):
        yield from _of_exceptions(part)
