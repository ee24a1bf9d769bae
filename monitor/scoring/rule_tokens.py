"""A rule's tokens: operators in both spellings, fields, quotes, escapes, regular expressions, words with inner spaces."""

import re
from enum import Enum, auto
from typing import NamedTuple

from monitor.errors import UsageError

MAX_LENGTH = 65_536
MAX_DISTANCE = 10_000
FIELDS = ("title", "text", "quoted", "author", "source", "region", "topic", "platform", "outlet", "url", "kind")


class RuleError(UsageError):
    """A rule that cannot be read: `column` counts from 1 within the rule, `message` says what to do."""

    def __init__(self, column: int, message: str) -> None:
        self.column = column
        self.message = message
        super().__init__(f"第 {column} 列: {message}")


class Kind(Enum):
    """What a token is."""

    WORD = auto()
    WHOLE = auto()  # the sign = before a word
    VARIANT = auto()  # the sign ~ before a word
    REGEX = auto()
    FIELD = auto()
    WITHOUT = auto()
    NEAR = auto()
    BEFORE = auto()
    OR = auto()
    AND = auto()
    NOT = auto()
    OPEN = auto()
    CLOSE = auto()
    END = auto()


class Token(NamedTuple):
    """
    One token and the column, from 1, at which it begins.

    `text` is the sign as written; of a word without its quotes and backslashes, of a regular expression without its slashes, of
    NEAR and BEFORE the number, of a field its name.
    """

    kind: Kind
    text: str
    column: int


_SIGNS = {
    "|": Kind.OR, "｜": Kind.OR, "+": Kind.AND, "＋": Kind.AND, "-": Kind.NOT, "－": Kind.NOT, "!": Kind.WITHOUT,
    "(": Kind.OPEN, "（": Kind.OPEN, ")": Kind.CLOSE, "）": Kind.CLOSE,
}  # fmt: skip
_QUOTES = {'"': '"', "“": "”“", "”": "”“"}  # opening → what may close it: input methods often type two alike
_PREFIXES = {"=": Kind.WHOLE, "~": Kind.VARIANT}
_SPELLED = {"OR": Kind.OR, "AND": Kind.AND, "NOT": Kind.NOT, "NEAR": Kind.NEAR, "BEFORE": Kind.BEFORE}
_PLACED = frozenset({Kind.NEAR, Kind.BEFORE})
_SPECIAL = re.escape("".join({**_SIGNS, **_QUOTES}) + "\\")
_PLAIN = re.compile(rf"[^{_SPECIAL}\s]+")
_SPACE = re.compile(r"\s+")
_OPERATOR = re.compile(r"(?:(OR|AND|NOT)|(NEAR|BEFORE)(?:/(\S*))?)(?=\s|$)")
_FIELD = re.compile(rf"({'|'.join(FIELDS)}):(?!//)")
_DISTANCE = re.compile(r"[0-9]{1,5}")
_PREFIXED = re.compile(rf"[^{re.escape(''.join(_SIGNS))}=~/\s]")  # what = and ~ stand right before
_REGEX = re.compile(r"/((?:[^/\\]|\\.)+)/", re.DOTALL)


def tokens(source: str) -> list[Token]:
    """The tokens of a rule, END last; raises RuleError."""
    if len(source) > MAX_LENGTH:
        raise RuleError(1, f"规则超过 {MAX_LENGTH} 个字: 请拆成几条")
    return [*_Scanner(source).scan(), Token(Kind.END, "", len(source) + 1)]


class _Scanner:
    """Walks the rule once; `_word` gathers the pieces of an unquoted word until an operator ends it."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._out: list[Token] = []

    def scan(self) -> list[Token]:
        source = self._source
        while self._at < len(source):
            char = source[self._at]
            if char in _SIGNS:
                self._add(_SIGNS[char], char)
            elif char in _QUOTES:
                self._quoted(_QUOTES[char])
            elif char.isspace():
                self._at += 1
            elif not (char.isascii() and self._special(char)):
                self._word()
        return self._out

    def _add(self, kind: Kind, text: str, length: int = 0) -> None:
        self._out.append(Token(kind, text, self._at + 1))
        self._at += length or len(text)

    def _special(self, char: str) -> bool:
        """Take what means something only where a word may begin: prefixes, regular expressions, fields, spelled operators."""
        if char in _PREFIXES:
            self._prefix(char)
        elif char == "/":
            self._regex()
        elif found := _FIELD.match(self._source, self._at):
            self._add(Kind.FIELD, found[1], len(found[0]))
        elif self._stands_alone() and (found := _OPERATOR.match(self._source, self._at)):
            self._spelled(found)
        else:
            return False
        return True

    def _prefix(self, char: str) -> None:
        if not _PREFIXED.match(self._source, self._at + 1) or _FIELD.match(self._source, self._at + 1):
            name = "整词" if char == "=" else "变体"
            message = f"{char} ({name}) 后面要紧跟一个词: 字段写在 {char} 之前, 括号里的词各写各的 {char}; 作文字用请写成 \\{char}"
            raise RuleError(self._at + 1, message)
        self._add(_PREFIXES[char], char)
        if self._source[self._at] not in _QUOTES:
            self._word()

    def _regex(self) -> None:
        found = _REGEX.match(self._source, self._at)
        if found is None:
            raise RuleError(self._at + 1, "正则没有结尾的 /, 或是空的: 请写成 /…/; 作文字用请写成 \\/")
        self._add(Kind.REGEX, found[1], len(found[0]))

    def _stands_alone(self) -> bool:
        """Whether a spelled operator may begin here: after a space, an operator or a quote."""
        before = self._source[self._at - 1 : self._at]
        return not before or before.isspace() or before in _SIGNS or before in _QUOTES

    def _spelled(self, found: re.Match[str]) -> None:
        kind = _SPELLED[found[1] or found[2]]
        if kind in _PLACED:
            distance = found[3] or ""
            if not _DISTANCE.fullmatch(distance) or int(distance) > MAX_DISTANCE:
                name = found[2]
                raise RuleError(self._at + 1, f"{name} 要写明相隔几个字 (0 到 {MAX_DISTANCE}), 如 A {name}/20 B; 作文字用请放进引号")
            self._add(kind, distance, len(found[0]))
        else:
            self._add(kind, found[0])

    def _quoted(self, closers: str) -> None:
        start = self._at
        pieces: list[str] = []
        self._at += 1
        while self._at < len(self._source):
            if self._source[self._at] in closers:
                self._at += 1
                self._out.append(Token(Kind.WORD, "".join(pieces), start + 1))
                return
            pieces.append(self._literal())
        raise RuleError(start + 1, '引号没有配对: 请补上后一个引号; 作文字用请写成 \\"')

    def _word(self) -> None:
        """A word up to the operator behind it; spaces at its end are no part of it unless a backslash stands before them."""
        source, start = self._source, self._at
        pieces: list[str] = []
        while self._at < len(source):
            if run := _PLAIN.match(source, self._at):
                pieces.append(run[0])
                self._at = run.end()
            elif source[self._at] == "\\":
                pieces.append(self._literal())
            elif (gap := _SPACE.match(source, self._at)) and not self._ends(gap.end()):
                pieces.append(gap[0])
                self._at = gap.end()
            else:
                break
        self._out.append(Token(Kind.WORD, "".join(pieces), start + 1))

    def _ends(self, after: int) -> bool:
        """Whether a word is over behind the spaces up to `after`: by the end, a sign, a quote or a spelled operator."""
        following = self._source[after : after + 1]
        return not following or following in _SIGNS or following in _QUOTES or _OPERATOR.match(self._source, after) is not None

    def _literal(self) -> str:
        """The character here, or the one after a backslash."""
        if self._source[self._at] == "\\":
            self._at += 1
            if self._at == len(self._source):
                raise RuleError(self._at, "反斜杠后面没有字符: 请删去它, 或写成 \\\\")
        self._at += 1
        return self._source[self._at - 1]
