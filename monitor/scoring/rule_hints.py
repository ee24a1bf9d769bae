"""What is right in a rule but probably not meant, for `check`: signs in `word_hints.py`, here what the whole comes to."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice, pairwise
from typing import NamedTuple, get_args

from monitor.mention import Kind as Kinds
from monitor.scoring.patterns import compiled
from monitor.scoring.rule_tokens import Kind, Token, tokens
from monitor.scoring.rule_tree import AllOf, AnyOf, Atom, In, Node, Not, Regex, Variant, Without, Word, atoms, parts_of
from monitor.scoring.rules import Rule
from monitor.scoring.word_hints import of_word, plain

ENOUGH = 5  # of one rule: who wrote it sees what is wrong with the rest, too
_SHOWN = 80  # characters of a rule
_ANYTHING = ("的", "a", "1")  # what finds each of them finds every text
_END = re.compile(r"[A-Za-z0-9]+$")
_BEGIN = re.compile(r"[A-Za-z0-9]+")
_WORDS = frozenset({Kind.WORD, Kind.REGEX})
_PREFIXES = frozenset({Kind.WHOLE, Kind.VARIANT})
_KINDS: tuple[str, ...] = get_args(Kinds)
_START = Token(Kind.END, "", 0)
_BEGUN = _PREFIXES | {Kind.FIELD}


class Hint(NamedTuple):
    """One, with the column of the rule (from 1) at which it looks."""

    column: int
    said: str


def hints_of(rule: Rule) -> Iterator[Hint]:
    """Those on one rule that can be read, each with its beginning."""
    shown = rule.source if len(rule.source) <= _SHOWN else f"{rule.source[:_SHOWN]}…"
    found = dict.fromkeys(_of_rule(rule))
    yield from (Hint(column, f"规则 {shown}：{said}") for column, said in islice(found, ENOUGH))


def _of_rule(rule: Rule) -> Iterator[Hint]:
    if plain(rule.source):  # one word, as most are
        return
    read = tokens(rule.source)
    yield from _of_minus(rule.source, read)
    for before, token in pairwise((_START, *read)):
        if token.kind is Kind.WORD:
            yield from (Hint(*found) for found in of_word(rule.source, token, prefixed=before.kind in _BEGUN))
    places = _Places(read)
    for atom in atoms(rule.tree):
        if said := _of_atom(atom):
            yield Hint(places.of(atom), said)
    for node in _nodes(rule.tree):
        if isinstance(node, Without):
            yield from _of_exceptions(node, places)
        elif isinstance(node, AllOf):
            yield from _of_exclusions(node, places)
        elif isinstance(node, In) and node.field == "kind":
            yield from _of_kinds(node, places)


def column_of(rule: Rule, atom: Atom) -> int:
    """The column of a rule, from 1, where an atom of it first stands."""
    return _Places(tokens(rule.source)).of(atom)


class _Places:
    """Where what stands in a tree was written: the tree itself does not say."""

    def __init__(self, read: Sequence[Token]) -> None:
        self._columns: dict[str, int] = {}
        for before, token in pairwise((_START, *read)):
            if token.kind in _WORDS:
                self._columns.setdefault(token.text, before.column if before.kind in _PREFIXES else token.column)

    def of(self, atom: Atom) -> int:
        """The column where an atom like this first stands."""
        return self._columns.get(atom.written, 1)


def _of_minus(source: str, read: Sequence[Token]) -> Iterator[Hint]:
    """A minus within what looks like one name: COVID-19 is COVID without 19."""
    for token in read:
        if token.kind is Kind.NOT and len(token.text) == 1:
            before, after = _END.search(source[: token.column - 1]), _BEGIN.match(source, token.column)
            if before and after:
                one, other = before[0], after[0]
                said = f"{one}{token.text}{other} 会读作有 {one} 而没有 {other}；若是一个词，请写成 {one}\\-{other}"
                yield Hint(token.column - len(one), said)


def _of_atom(atom: Atom) -> str:
    if isinstance(atom, Variant) and len(atom.text) == 1:
        return f"~{atom.written} 只有一个字，所有同音字都会命中；请写成词"
    if isinstance(atom, Regex) and all(compiled(atom.pattern).search(text) for text in _ANYTHING):
        return f"正则 /{atom.written}/ 几乎命中所有内容；请写出必有的字"
    return ""


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for part in parts_of(node):
        yield from _nodes(part)


def _of_exceptions(node: Without, places: _Places) -> Iterator[Hint]:
    part = node.part
    for outer in node.outer if isinstance(part, Word) else ():
        if isinstance(part, Word) and isinstance(outer, Word) and part.text not in outer.text:
            said = f"{part.written}!{outer.written} 里，后者不含前者，不起作用；要排除整条信息请用 -"
            yield Hint(places.of(part), said)
        elif isinstance(part, Word) and isinstance(outer, Word) and part.text == outer.text:
            yield Hint(places.of(part), f"{part.written}!{outer.written} 两边相同，永远不会命中")


def _of_exclusions(node: AllOf, places: _Places) -> Iterator[Hint]:
    """A word that must be there, and something that is there with it and must not."""
    parts = list(chain.from_iterable(part.parts if isinstance(part, AllOf) else (part,) for part in node.parts))
    within = [part.part if isinstance(part, In) else part for part in parts]
    wanted = [part for part in within if isinstance(part, Word)]
    unwanted = [part.part for part in parts if isinstance(part, Not)]
    for word in chain.from_iterable(one.parts if isinstance(one, AnyOf) else (one,) for one in unwanted):
        for one in wanted if isinstance(word, Word) else ():
            if isinstance(word, Word) and _always_with(word.text, one.text):
                said = f"{one.written}-{word.written} 永远不会命中：有“{one.written}”就有“{word.written}”；要除去一部分出现处请用 !"
                yield Hint(places.of(one), said)


def _of_kinds(node: In, places: _Places) -> Iterator[Hint]:
    """A kind that there is not: nothing is ever of it."""
    for atom in atoms(node.part):
        if not isinstance(atom, Regex) and atom.text not in _KINDS:
            meant = "" if atom.written.isascii() else "；按平台找请写 platform:"
            yield Hint(places.of(atom), f"没有 {atom.written} 这种类型，永远不会命中；kind 是 {' '.join(_KINDS)} 之一{meant}")


def _always_with(inner: str, text: str) -> bool:
    """Whether a word stands wherever another does; at an ASCII end that depends on what is beside it."""
    return inner == text or (inner in text and not (inner[0].isascii() or inner[-1].isascii()))
