"""
The rule language: one rule a string, parsed into a tree of frozen nodes, words folded.

    rule  = any
    any   = all { ("|" or OR) all }
    all   = { "-" or NOT } near { ("+" or AND | "-" or NOT) near }      left to right
    near  = unit { (NEAR/n | BEFORE/n) unit }                            left to right, words and groups of words only
    unit  = [ field ":" ] part { "!" part }
    part  = word | "=" word | "~" word | "/" regular expression "/" | '"' text '"' | "(" any ")"

A rule never means silently less than its author wrote: what cannot be read is refused where it stands. Messages are for staff, in
Chinese, and say what to write instead.
"""

import re

import msgspec

from monitor.scoring.fold import fold
from monitor.scoring.patterns import check_pattern, folded_pattern
from monitor.scoring.rule_tokens import Kind, RuleError, Token, tokens
from monitor.scoring.rule_tree import AllOf, AnyOf, In, Near, Node, Not, Regex, Variant, Whole, Without, Word, fields, located, needs_a_word
from monitor.scoring.variants import bare

MAX_DEPTH = 50
MAX_NEAR = 20  # of a rule: each is asked of the places that the one before left, and a chain of them is as deep as it is long
_CLOSERS = frozenset({Kind.CLOSE, Kind.OR, Kind.END})
_ONE_WORD = re.compile(r"[\u4e00-\u9fffA-Za-z0-9]{1,100}")
_BETWEEN = frozenset({Kind.NEAR, Kind.BEFORE})

__all__ = ["Rule", "RuleError", "parse"]


class Rule(msgspec.Struct, frozen=True, gc=False):
    """A rule as written, and its tree."""

    source: str
    tree: Node


def parse(source: str) -> Rule:
    """The rule of a string; raises RuleError, and nothing else, with the column where it went wrong."""
    if _ONE_WORD.fullmatch(source):
        return Rule(source, Word(fold(source), source))  # most rules are nothing else
    return Rule(source, _Parser(tokens(source)).rule())


class _Parser:
    """Recursive descent over the tokens; the depth is bounded, so hostile nesting is an error and no stack overflow."""

    def __init__(self, stream: list[Token]) -> None:
        self._stream = stream
        self._next = 0
        self._depth = 0
        self._nears = 0

    def rule(self) -> Node:
        if self._stream[0].kind is Kind.END:
            raise RuleError(1, "规则是空的: 请至少写一个关键词")
        tree = self._any()
        last = self._stream[self._next]
        if last.kind is Kind.CLOSE:
            raise RuleError(last.column, "多了一个右括号: 删去它, 或补上左括号; 作文字用请写成 \\)")
        return tree

    def _any(self) -> Node:
        parts = [self._branch()]
        while self._take(Kind.OR):
            parts.append(self._branch())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _branch(self) -> Node:
        column = self._stream[self._next].column
        node = self._all()
        if not (self._depth or needs_a_word(node)):
            raise RuleError(column, "这一支只有排除词 (-), 会命中几乎所有内容: 请在前面加上要找的词, 如 银行-招聘")
        return node

    def _all(self) -> Node:
        parts = [self._operand()]
        while True:
            token = self._stream[self._next]
            if token.kind in _CLOSERS:
                return parts[0] if len(parts) == 1 else AllOf(tuple(parts))
            if token.kind is not Kind.NOT and not self._take(Kind.AND):
                raise RuleError(token.column, "这里缺少运算符: 请在两部分之间写 | + 或 -; 若是一个整体, 请全部放进同一对引号")
            parts.append(self._operand())

    def _operand(self) -> Node:
        negated = False
        while self._take(Kind.NOT):
            negated = not negated
        node = self._near()
        return _negated(node) if negated else node

    def _near(self) -> Node:
        start = self._stream[self._next]
        node = self._unit()
        while (operator := self._stream[self._next]).kind in _BETWEEN:
            self._nears += 1
            if self._nears > MAX_NEAR:
                raise RuleError(operator.column, f"一条规则里 NEAR 和 BEFORE 超过 {MAX_NEAR} 个: 请拆成几条规则")
            self._next += 1
            following = self._stream[self._next]
            right = self._unit()
            node = _beside(operator, (start, node), (following, right))
        return node

    def _unit(self) -> Node:
        """A part with its field and its exceptions: the field takes in the exceptions, too."""
        token = self._stream[self._next]
        named = self._take(Kind.FIELD)
        part = self._excepted()
        if not named:
            return part
        if next(fields(part), None):
            raise RuleError(token.column, f"字段里不能再写字段: 请把 {token.text}: 或里面的字段删去一个")
        return In(token.text, part)

    def _excepted(self) -> Node:
        start = self._stream[self._next]
        part = self._part()
        outer: list[Node] = []
        while self._take(Kind.WITHOUT):
            following = self._stream[self._next]
            if following.kind is Kind.FIELD:
                raise RuleError(following.column, "字段写在最前面: 请写成 title:A!B")
            outer.append(_placed(following, self._part()))
        return Without(_placed(start, part), tuple(dict.fromkeys(outer))) if outer else part

    def _part(self) -> Node:
        token = self._stream[self._next]
        if token.kind is Kind.OPEN:
            return self._group(token)
        self._next += 1
        if token.kind is Kind.WORD:
            return Word(_folded(token), token.text)
        if token.kind is Kind.WHOLE:
            word = self._stream[self._next]
            self._next += 1
            return Whole(_folded(word), word.text)
        if token.kind is Kind.VARIANT:
            return self._variant()
        if token.kind is Kind.REGEX:
            return _regex(token)
        raise RuleError(token.column, _missing(token, self._stream[self._next - 2]))

    def _variant(self) -> Variant:
        word = self._stream[self._next]
        self._next += 1
        text = _folded(word)
        if not bare(text):
            raise RuleError(word.column, "~词 里只有符号, 没有可以变写的字: 请写出字或字母")
        return Variant(text, word.text)

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

    def _take(self, kind: Kind) -> bool:
        taken = self._stream[self._next].kind is kind
        self._next += taken
        return taken


def _folded(token: Token) -> str:
    folded = fold(token.text)
    if not folded or folded.isspace():
        raise RuleError(token.column, "这个词是空的, 或只有看不见的字符: 请写出要找的词")
    return folded


def _regex(token: Token) -> Regex:
    pattern = folded_pattern(token.text)
    if wrong := check_pattern(pattern):
        raise RuleError(token.column, wrong)
    return Regex(pattern, token.text)


def _placed(token: Token, node: Node) -> Node:
    if not located(node):
        message = "NEAR, BEFORE 和 ! 的两边只能是词, 或用 | 连起来放进括号的几个词: 请把 + 和 - 写到外面, 字段写到最前面"
        raise RuleError(token.column, message)
    return node


def _beside(operator: Token, left: tuple[Token, Node], right: tuple[Token, Node]) -> Node:
    """Both parts in one field: a field of either is that of both."""
    named = [node.field for _, node in (left, right) if isinstance(node, In)]
    if len(set(named)) > 1:
        raise RuleError(operator.column, f"两边的字段不同 ({named[0]}, {named[1]}), 永远不会相邻: 请改用 +")
    parts = [_placed(token, node.part if isinstance(node, In) else node) for token, node in (left, right)]
    near = Near(parts[0], parts[1], int(operator.text), operator.kind is Kind.BEFORE)
    return In(named[0], near) if named else near


def _negated(node: Node) -> Node:
    return node.part if isinstance(node, Not) else Not(node)


def _missing(token: Token, before: Token) -> str:
    if token.kind is Kind.END:
        return f"规则到此中断, {_unfinished(before)}"
    if token.kind is Kind.CLOSE:
        return "括号里或右括号前缺少关键词: 请补上, 或删去这对括号"
    if token.kind is Kind.FIELD:
        return f"字段 {token.text}: 的位置不对: 字段只写一个, 写在词或括号之前"
    if token.kind in _BETWEEN:
        return f"{token.kind.name}/{token.text} 前面缺少关键词: 请补上, 或删去多余的运算符"
    return f"运算符 {token.text} 前面缺少关键词: 请补上, 或删去多余的运算符"


def _unfinished(token: Token) -> str:
    """What to do about that behind which nothing stands."""
    if token.kind is Kind.FIELD:
        return f"字段 {token.text}: 后面缺少关键词: 请补上, 或删去它; 作文字用请写成 {token.text}\\:"
    if token.kind in _BETWEEN:
        return f"{token.kind.name}/{token.text} 后面缺少关键词: 请补上, 或删去它; 作文字用请放进引号"
    kept = "放进引号" if token.text.isalpha() else f"写成 \\{token.text}"
    return f"{token.text} 后面缺少关键词: 请补上, 或删去它; 作文字用请{kept}"
