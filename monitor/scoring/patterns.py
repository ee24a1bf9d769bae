"""
Regular expressions of rules, by RE2: time grows with the text alone, whatever was written. The only place that knows re2.

They are asked of folded text, so what they say is folded as well; ASCII keeps its meaning as syntax and is compared without case.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Protocol

import re2

from monitor.scoring.fold import fold

MAX_LENGTH = 1_000
STEPS = 2_000  # of an expression as RE2 understands it: where its states are too many to be kept, a character costs all steps
STEPS_TOGETHER = 4 * STEPS
LONGEST = 64 * 1024  # characters that are looked at: no text is longer but for signs that fold to many
MEMORY = 4 * 1024 * 1024  # bytes, of one expression at most: its program and the states met
UTF8 = 4  # bytes of a character, at most
COMPILED = 4_096  # expressions kept ready


class Match(Protocol):
    """A place of a pattern."""

    def span(self) -> tuple[int, int]:
        """Its start and its end."""
        ...


class Pattern(Protocol):
    """An expression ready to be asked; `programsize`: its steps."""

    programsize: int

    def search(self, text: str | bytes) -> Match | None:
        """Its first place, of UTF-8 where bytes are given."""
        ...

    def finditer(self, text: str | bytes) -> Iterator[Match]:
        """Its places, from left to right, none overlapping; of UTF-8 where bytes are given."""
        ...


def folded_pattern(written: str) -> str:
    """An expression for folded text: what folds to a sign that means something in the syntax is escaped."""
    return "".join(char if char.isascii() else _folded(char) for char in written)


def check_pattern(pattern: str) -> str | None:
    """What is wrong with an expression, for staff; None where nothing is."""
    if len(pattern) > MAX_LENGTH:
        return f"正则超过 {MAX_LENGTH} 个字: 请拆成几条, 或改用关键词"
    try:
        ready = compiled(pattern)
    except re2.error as error:
        return f"正则写得不对 ({_reason(error)}): 请按 RE2 语法改正; 不支持反向引用 \\1 和前后查看 (?=…)"
    if ready.programsize > STEPS:
        return f"正则展开后有 {ready.programsize} 步, 至多 {STEPS}: 请缩小 {{…}} 里的次数 (.{{0,1000}} 可改用 NEAR/1000), 或拆成几条"
    return "正则能匹配空文字, 会命中所有内容: 请把 * 改成 +, 或写出必有的字" if ready.search("") is not None else None


@lru_cache(maxsize=COMPILED)
def compiled(pattern: str) -> Pattern:
    """The expression ready to be asked; raises re2.error."""
    options = re2.Options()
    options.case_sensitive = False
    options.never_capture = True
    options.log_errors = False
    options.max_mem = MEMORY
    ready: Pattern = re2.compile(pattern, options)
    return ready


class Together:
    """Some expressions asked as one, and each by itself only where that finds something."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._each = [compiled(pattern) for pattern in patterns]
        self._any: Pattern | None
        try:
            joined = compiled("|".join(f"(?:{pattern})" for pattern in patterns))
            self._any = joined if joined.programsize <= STEPS_TOGETHER else None
        except re2.error:  # together they are too large, or two groups of one name
            self._any = None

    def found(self, text: bytes) -> list[int]:
        """The numbers, in the order given, of those that find something in a folded text."""
        text = text[: UTF8 * LONGEST]
        if self._any is not None and self._any.search(text) is None:
            return []
        return [number for number, pattern in enumerate(self._each) if pattern.search(text)]


def found(pattern: str, text: str) -> Iterator[tuple[int, int]]:
    """Its places in a folded text; one without extent is none."""
    for match in compiled(pattern).finditer(text[:LONGEST]):
        start, end = match.span()
        if start < end:
            yield start, end


def counts(pattern: str, texts: Sequence[str]) -> list[int]:
    """How often it stands in each text. They are looked through as one, so it must not reach over a line's end."""
    encoded = [text.encode("utf-8", "replace") for text in texts]
    ends = list(accumulate(len(text) + 1 for text in encoded))
    counted = [0] * len(texts)
    for match in compiled(pattern).finditer(b"\n".join(encoded)):
        counted[bisect_right(ends, match.span()[0])] += 1
    return counted


def _folded(char: str) -> str:
    folded = fold(char)
    return "".join(part if part.isalnum() or not part.isascii() else f"\\{part}" for part in folded)


def _reason(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
