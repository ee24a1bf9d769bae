"""
Folding: the one spelling in which rules and texts are compared.

Each character by itself: compatibility decomposition (full → half width, ligatures), marks and invisible characters dropped,
case folded, traditional → simplified. Because no character looks at its neighbours, every place in the folded text leads
back to one character of the original.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib import resources

INVISIBLE = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # Hangul fillers and the empty Braille cell: no format signs by category
DROPPED = frozenset({"Mn", "Me", "Cf"})  # marks, enclosing marks, and format signs: zero-width, bidi, soft hyphen, tags
EMOJI_MODIFIERS = range(0x1F3FB, 0x1F400)
REPLACEMENT = "\ufffd"  # what a lone surrogate becomes: nothing behind us takes one
_PLANE = 0x10000
_ONE = chr(1)
_ODD = re.compile(f"[^{_ONE}]")  # folds to none, or to more than one


def fold(text: str) -> str:
    """The text as rules see it; folding twice changes nothing more."""
    if text.isascii():
        return text.lower()
    return text.translate(_table())


def origins(text: str) -> Sequence[int]:
    """For each character of the folded text the index in `text` it came from."""
    sizes = "" if text.isascii() else text.translate(_sizes())
    if sizes.count(_ONE) == len(sizes):
        return range(len(text))
    places, done = list[int](), 0
    for odd in _ODD.finditer(sizes):
        place = odd.start()
        places += range(done, place)
        places += [place] * ord(odd[0])
        done = place + 1
    places += range(done, len(text))
    return places


def original_span(places: Sequence[int], start: int, end: int) -> tuple[int, int]:
    """The span of the original text behind the folded span [start, end), which must not be empty."""
    return places[start], places[end - 1] + 1


class _Table(dict[int, str]):
    """Code point → folded string, filled as characters are met; only the first plane is kept, so its size is bounded."""

    def __init__(self, simplified: dict[str, str]) -> None:
        super().__init__()
        self._simplified = simplified

    def __missing__(self, code: int) -> str:
        folded = self._settle(chr(code))
        if code < _PLANE:
            self[code] = folded
        return folded

    def _settle(self, piece: str) -> str:
        """Fold again until nothing changes: a decomposition can hold a capital, a simplified form a compatibility one."""
        while (folded := "".join(map(self._step, piece))) != piece:
            piece = folded
        return piece

    def _step(self, char: str) -> str:
        kept = "".join(self._simplified.get(part, part) for part in unicodedata.normalize("NFKD", char) if not _dropped(part))
        return kept.casefold()


class _Sizes(dict[int, str]):
    """Code point → the character whose number is the length of what it folds to; bounded as the table is."""

    def __missing__(self, code: int) -> str:
        size = chr(len(_table()[code]))
        if code < _PLANE:
            self[code] = size
        return size


def _dropped(char: str) -> bool:
    return unicodedata.category(char) in DROPPED or unicodedata.combining(char) != 0 or char in INVISIBLE or ord(char) in EMOJI_MODIFIERS


@cache
def _table() -> _Table:
    """Read once, at the first text that is not ASCII."""
    simplified = {chr(code): REPLACEMENT for code in range(0xD800, 0xE000)}
    for line in resources.files("keywords").joinpath("folding/traditional.tsv").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            traditional, _, plain = line.partition("\t")
            simplified[traditional] = plain
    return _Table(simplified)


@cache
def _sizes() -> _Sizes:
    return _Sizes()
