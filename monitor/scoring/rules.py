"""
The rule language: one rule a string, parsed into a tree of frozen nodes, words folded.

    rule    = any
    any     = all { ("|" or OR) all }
    all     = operand { ("+" or AND) operand | ("-" or NOT) operand }      left to right
    operand = { "-" or NOT } ( "(" any ")" | '"' text '"' | word )

Operators of a later release (NEAR, BEFORE, `A!B`, `=word`, `~word`, `field:`, `/re/`) are refused where they stand: a rule
never means silently less than its author wrote. Messages are for staff, in Chinese, and say what to write instead.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.scoring.fold import fold
from monitor.scoring.rule_tokens import Kind, RuleError, Token, tokens

MAX_DEPTH = 50
_CLOSERS = frozenset({Kind.CLOSE, Kind.OR, Kind.END})

__all__ = ["AllOf", "AnyOf", "Node", "Not", "Rule", "RuleError", "Word", "explain", "parse", "positive_words", "words"]


@dataclass(frozen=True, slots=True)
class Word:
    """A literal: found where its folded text stands; `written` is what the author wrote, operators and quotes removed."""

    text: str
    written: str


@dataclass(frozen=True, slots=True)
class Not:
    """True where its part is not."""

    part: "Node"


@dataclass(frozen=True, slots=True)
class AllOf:
    """True where every part is."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True where one part is."""

    parts: "tuple[Node, ...]"


Node = Word | Not | AllOf | AnyOf


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as written, and its tree."""

    source: str
    tree: Node


def parse(source: str) -> Rule:
    """The rule of a string; raises RuleError, and nothing else, with the column where it went wrong."""
    return Rule(source, _Parser(tokens(source)).rule())


class _Parser:
    """Recursive descent over the tokens; the depth is bounded, so hostile nesting is an error and no stack overflow."""

    def __init__(self, stream: list[Token]) -> None:
        self._stream = stream
        self._next = 0
        self._depth = 0

    def rule(self) -> Node:
        if self._peek().kind is Kind.END:
            raise RuleError(1, "规则是空的: 请至少写一个关键词")
        tree = self._any()
        last = self._peek()
        if last.kind is Kind.CLOSE:
            raise RuleError(last.column, "多了一个右括号: 删去它, 或补上左括号; 作文字用请写成 \\)")
        return tree

    def _any(self) -> Node:
        parts = [self._branch()]
        while self._take(Kind.OR):
            parts.append(self._branch())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _branch(self) -> Node:
        column = self._peek().column
        node = self._all()
        if not (self._depth or _needs_a_word(node)):
            raise RuleError(column, "这一支只有排除词 (-), 会命中几乎所有内容: 请在前面加上要找的词, 如 银行-招聘")
        return node

    def _all(self) -> Node:
        parts = [self._operand()]
        while True:
            token = self._peek()
            if token.kind in _CLOSERS:
                return parts[0] if len(parts) == 1 else AllOf(tuple(parts))
            if not self._take(Kind.AND) and token.kind is not Kind.NOT:
                raise RuleError(token.column, "这里缺少运算符: 请在两部分之间写 | + 或 -; 若是一个整体, 请全部放进同一对引号")
            parts.append(self._operand())

    def _operand(self) -> Node:
        negated = False
        while self._take(Kind.NOT):
            negated = not negated
        token = self._stream[self._next]
        if token.kind is Kind.OPEN:
            node = self._group(token)
        elif token.kind is Kind.WORD:
            self._next += 1
            node = _word(token)
        else:
            raise RuleError(token.column, _missing(token))
        return _negated(node) if negated else node

    def _group(self, opening: Token) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise RuleError(opening.column, f"括号嵌套超过 {MAX_DEPTH} 层: 请拆成几条规则")
        self._next += 1
        node = self._any()
        if not self._take(Kind.CLOSE):
            raise RuleError(opening.column, "左括号没有配对: 请补上右括号; 作文字用请写成 \\(")
        self._depth -= 1
        return node

    def _peek(self) -> Token:
        return self._stream[self._next]

    def _take(self, kind: Kind) -> bool:
        taken = self._stream[self._next].kind is kind
        self._next += taken
        return taken


def _word(token: Token) -> Word:
    folded = fold(token.text)
    if not folded.strip():
        raise RuleError(token.column, "这个词是空的, 或只有看不见的字符: 请写出要找的词")
    return Word(folded, token.text)


def _negated(node: Node) -> Node:
    return node.part if isinstance(node, Not) else Not(node)


def _missing(token: Token) -> str:
    if token.kind is Kind.END:
        return "规则到此中断, 运算符后面缺少关键词: 请补上, 或删去多余的运算符"
    if token.kind is Kind.CLOSE:
        return "括号里或右括号前缺少关键词: 请补上, 或删去这对括号"
    return f"运算符 {token.text} 前面缺少关键词: 请补上, 或删去多余的运算符"


def _needs_a_word(node: Node) -> bool:
    """Whether it can be true only where one of its words stands: what the matcher relies on to find it."""
    match node:
        case Word():
            return True
        case Not():
            return False
        case AllOf(parts):
            return any(map(_needs_a_word, parts))
        case AnyOf(parts):
            return all(map(_needs_a_word, parts))


def words(node: Node) -> Iterator[Word]:
    """Every word of the tree, in the order written."""
    match node:
        case Word():
            yield node
        case Not(part):
            yield from words(part)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from words(part)


def positive_words(node: Node) -> Iterator[Word]:
    """The words not under a NOT: one of them stands wherever the rule holds."""
    match node:
        case Word():
            yield node
        case Not():
            return
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from positive_words(part)


def explain(node: Node) -> str:
    """The rule in a Chinese sentence, for people who check what they wrote."""
    match node:
        case Word(written=written):
            return f"出现「{written}」"
        case Not(Word(written=written)):
            return f"不出现「{written}」"
        case Not(part):
            return f"并非 ({explain(part)})"
        case AllOf(parts):
            return ", 且".join(f"({explain(part)})" if isinstance(part, AnyOf) else explain(part) for part in parts)
        case AnyOf(parts):
            return ", 或".join(f"({explain(part)})" if isinstance(part, AllOf) else explain(part) for part in parts)
