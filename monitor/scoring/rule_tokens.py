"""A rule's tokens: operators in both spellings, quotes, escapes, words with inner spaces; and what is refused as later syntax."""

import re
from dataclasses import dataclass
from enum import Enum, auto

from monitor.errors import UsageError

MAX_LENGTH = 65_536
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
    OR = auto()
    AND = auto()
    NOT = auto()
    OPEN = auto()
    CLOSE = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """One token and the column, from 1, at which it begins; a word's text has its quotes and backslashes removed."""

    kind: Kind
    text: str
    column: int


_SIGNS = {
    "|": Kind.OR, "｜": Kind.OR, "+": Kind.AND, "＋": Kind.AND, "-": Kind.NOT, "－": Kind.NOT,
    "(": Kind.OPEN, "（": Kind.OPEN, ")": Kind.CLOSE, "）": Kind.CLOSE,
}  # fmt: skip
_QUOTES = {'"': '"', "“": "”“", "”": "”“"}  # opening → what may close it: input methods often type two alike
_SPELLED = {"OR": Kind.OR, "AND": Kind.AND, "NOT": Kind.NOT}
_OPERATOR_WORD = re.compile(r"(OR|AND|NOT)(?=\s|$)")
_LATER_WORD = re.compile(r"(NEAR|BEFORE)/")
_FIELD = re.compile(rf"({'|'.join(FIELDS)}):(?!//)")


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
        while self._at < len(self._source):
            char = self._source[self._at]
            if char.isspace():
                self._at += 1
            elif char in _SIGNS:
                self._sign(char, _SIGNS[char])
            elif char in _QUOTES:
                self._quoted(_QUOTES[char])
            elif spelled := self._spelled():
                self._sign(spelled, _SPELLED[spelled])
            else:
                self._word()
        return self._out

    def _sign(self, text: str, kind: Kind) -> None:
        self._out.append(Token(kind, text, self._at + 1))
        self._at += len(text)

    def _spelled(self) -> str | None:
        """OR, AND or NOT standing alone here: a space or an operator before it, a space or the end after it."""
        before = self._source[self._at - 1 : self._at]
        if before and not before.isspace() and before not in _SIGNS and before not in _QUOTES:
            return None
        found = _OPERATOR_WORD.match(self._source, self._at)
        return found[1] if found else None

    def _quoted(self, closers: str) -> None:
        start = self._at
        pieces: list[str] = []
        self._at += 1
        while self._at < len(self._source):
            char = self._source[self._at]
            if char in closers:
                self._at += 1
                self._out.append(Token(Kind.WORD, "".join(pieces), start + 1))
                return
            pieces.append(self._literal())
        raise RuleError(start + 1, '引号没有配对: 请补上后一个引号; 作文字用请写成 \\"')

    def _word(self) -> None:
        start = self._at
        pieces: list[tuple[str, bool]] = []  # with whether a backslash made it ordinary
        self._refuse_prefix()
        while self._at < len(self._source):
            char = self._source[self._at]
            if char in _SIGNS or char in _QUOTES or (char.isspace() and self._operator_follows()):
                break
            if char == "!":
                raise RuleError(self._at + 1, "本版本还不支持 A!B: 请改用 A-B; 作文字用请写成 \\!")
            pieces.append((self._literal(), char == "\\"))
        while pieces and not pieces[-1][1] and pieces[-1][0].isspace():
            pieces.pop()
        self._out.append(Token(Kind.WORD, "".join(piece for piece, _ in pieces), start + 1))

    def _operator_follows(self) -> bool:
        """Whether the space here ends the word: a spelled operator comes after it."""
        after = self._at
        while after < len(self._source) and self._source[after].isspace():
            after += 1
        if found := _LATER_WORD.match(self._source, after):
            raise RuleError(after + 1, f"本版本还不支持 {found[1]}/n: 请改用 +; 作文字用请放进引号")
        return _OPERATOR_WORD.match(self._source, after) is not None

    def _literal(self) -> str:
        """The character here, or the one after a backslash."""
        if self._source[self._at] == "\\":
            self._at += 1
            if self._at == len(self._source):
                raise RuleError(self._at, "反斜杠后面没有字符: 请删去它, 或写成 \\\\")
        self._at += 1
        return self._source[self._at - 1]

    def _refuse_prefix(self) -> None:
        column = self._at + 1
        char = self._source[self._at]
        if char in "=~":
            name = "=词 (整词)" if char == "=" else "~词 (变体)"
            raise RuleError(column, f"本版本还不支持 {name}: 请去掉 {char}; 作文字用请写成 \\{char}")
        if char == "/" and self._source.find("/", self._at + 1) > 0:
            raise RuleError(column, "本版本还不支持 /正则/: 请改用关键词; 作文字用请放进引号")
        if found := _FIELD.match(self._source, self._at):
            raise RuleError(column, f"本版本还不支持按字段查找 {found[0]}: 请去掉它, 规则会查标题, 正文, 引用和字幕; 作文字用请放进引号")
        if found := _LATER_WORD.match(self._source, self._at):
            raise RuleError(column, f"本版本还不支持 {found[1]}/n: 请改用 +; 作文字用请放进引号")
