"""What the repositories share: pages with their cursors, chunks under the variable limit, texts that can be stored at all."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")
CHUNK = 500  # values in one IN list: well under the 999 variables of old SQLite builds
LARGEST = 2**63 - 1


class Page(NamedTuple, Generic[T]):
    """One page of a list; `next_cursor` None: it is the last."""

    items: list[T]
    next_cursor: str | None


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The values in lists of at most `size`."""
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk


def findable(*texts: str) -> bool:
    """Whether every text can be in a database at all: one with a lone surrogate or a NUL is nowhere, and is not asked for."""
    return not any("\0" in text or (not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text)) for text in texts)


Part = int | str | bytes
_LETTERS = "abcdefghijklmnop"
_FROM_HEX, _TO_HEX = str.maketrans("0123456789abcdef", _LETTERS), str.maketrans(_LETTERS, "0123456789abcdef")


def _letters(first: int, last: int) -> str:
    return f"(?:{'|'.join(letter + letter.upper() for letter in _LETTERS[first : last + 1])})"


_ANY = _letters(0, 15)
_PATTERNS: dict[type, str] = {
    int: f"{_letters(0, 7)}{_ANY}{{15}}",
    str: f"(?:{_letters(2, 7)}{_ANY}){{1,200}}",
    bytes: f"{_ANY}{{32}}",
}


class Cursors:
    """
    The cursors of one kind of list: after which sorting key to go on.

    A key is of ints from 0 below 2^63, texts of 1 to 200 printable ASCII signs, and digests of 16 bytes. Four bits are a letter and
    the same letter in upper case: a slip of the hand is seen, and still a regular expression says what a cursor is. Whatever matches
    it is a place in the list, so /openapi.json can promise that it is taken; no secret hangs on it.
    """

    def __init__(self, kind: str, *types: type) -> None:
        self._kind, self._types = kind, types
        self.pattern = "^" + "-".join((kind, *(_PATTERNS[of] for of in types))) + "$"  # read alike by Python, Rust and ECMAScript

    def after(self, *key: Part) -> str:
        """The cursor after the row with this sorting key."""
        return "-".join((self._kind, *map(_spelled, key)))

    def key(self, cursor: str) -> list[Any]:
        """The sorting key in a cursor; ValueError for one that is not of this list."""
        if not re.fullmatch(self.pattern, cursor):
            raise ValueError("this cursor was not given by us, or belongs to another list")
        return [_read(part, of) for of, part in zip(self._types, cursor.split("-")[1:], strict=True)]


def _spelled(part: Part) -> str:
    plain = part.to_bytes(8) if isinstance(part, int) else part.encode("ascii") if isinstance(part, str) else part
    return "".join(letter + letter.upper() for letter in plain.hex().translate(_FROM_HEX))


def _read(part: str, of: type) -> Part:
    plain = bytes.fromhex(part[::2].translate(_TO_HEX))
    return int.from_bytes(plain) if of is int else plain.decode("ascii") if of is str else plain
