"""
Variants of a word as people write it past filters: homophones, split and look-alike characters, signs and spaces in between.

Nothing is enumerated. Every character belongs to one class, that of its commonest syllable and tone; signs and spaces belong to
none. A text is spelled once in classes, where an automaton looks for the classes of a few neighbouring characters of each word
(`class_patterns`); where it finds them, `variant_places` compares character by character. So the classes may find too much, never
too little: a word's pattern holds the class of whatever may stand for its characters.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from importlib import resources
from itertools import product
from math import prod
from typing import NamedTuple

from monitor.scoring.fold import fold

MAX_GAP = 3  # signs or spaces between two characters
WINDOW = 3  # characters that are looked for together
MAX_PATTERNS = 64  # of one word
KEPT = 65_536  # words whose readings are kept ready
_FIRST_CLASS = 0x80  # two bytes of UTF-8 a class: half of what the characters themselves take
_PLANE = 0x10000


class Classes(dict[int, str]):
    """Code point of an original text → its classes; filled as characters are met, only the first plane is kept."""

    def __init__(self, classes: dict[str, str]) -> None:
        super().__init__()
        self._classes = classes

    def __missing__(self, code: int) -> str:
        spelled = "".join(map(self.of, fold(chr(code))))
        if code < _PLANE:
            self[code] = spelled
        return spelled

    def of(self, char: str) -> str:
        """The class of one folded character: a sign has none, a character without a syllable is its own."""
        known = self._classes.get(char)
        if known is not None:
            return known
        return "" if is_sign(char) else char


class Stands(NamedTuple):
    """What may stand for a character: characters, strings of several, and what either begins with."""

    single: frozenset[str]
    split: tuple[str, ...]
    first: frozenset[str]


class Table:
    """What may stand for what: the syllables, the splits and the look-alikes of the shipped files."""

    def __init__(self, readings: dict[str, list[str]], splits: dict[str, set[str]], alike: dict[str, set[str]]) -> None:
        self._readings = readings
        self._sounding: dict[str, set[str]] = defaultdict(set)
        for char, syllables in readings.items():
            for syllable in syllables:
                self._sounding[syllable].add(char)
        self._splits = splits
        self._alike = alike
        numbers = {syllable: chr(_FIRST_CLASS + number) for number, syllable in enumerate(sorted(self._sounding))}
        self.classes = Classes({char: numbers[syllables[0]] for char, syllables in readings.items()})

    @lru_cache(maxsize=KEPT)  # noqa: B019 - one table a process
    def standing_for(self, char: str) -> "Stands":
        """What may stand for a folded character, itself among it."""
        same = {other for syllable in self._readings.get(char, ()) for other in self._sounding[syllable]}
        single = frozenset({char} | same | self._alike.get(char, set()))
        split = tuple(sorted(self._splits.get(char, ())))
        return Stands(single, split, single | {parts[0] for parts in split})

    @lru_cache(maxsize=KEPT)  # noqa: B019 - one table a process
    def spelled(self, char: str) -> tuple[str, ...]:
        """How whatever may stand for a character is spelled in classes."""
        single, split, _ = self.standing_for(char)
        of = self.classes.of
        return tuple(sorted({of(other) for other in single} | {"".join(map(of, parts)) for parts in split}))


def is_sign(char: str) -> bool:
    """Whether it is neither letter nor figure: punctuation, a symbol, a space."""
    return not char.isalnum()


def bare(text: str) -> str:
    """A folded text without its signs and spaces."""
    return "".join(char for char in text if not is_sign(char))


def class_patterns(word: str) -> tuple[str, ...]:
    """Class strings, one of which stands wherever the word or a variant of it does: those of its most telling neighbours."""
    spelled = [table().spelled(char) for char in bare(word)]
    windows = [spelled[start : start + size] for size in range(1, WINDOW + 1) for start in range(len(spelled) - size + 1)]
    bounded = [window for window in windows if prod(map(len, window)) <= MAX_PATTERNS] or [spelled[:1]]
    chosen = min(bounded, key=lambda window: (-len(window), prod(map(len, window))))
    return tuple(sorted({"".join(choice) for choice in product(*chosen)}))


def in_classes(text: str) -> str:
    """An original text spelled in classes."""
    return text.translate(table().classes)


def variant_places(word: str, text: str) -> Iterator[tuple[int, int]]:
    """Where a folded word or a variant of it stands in a folded text, by start and end."""
    wanted = _wanted(word)
    first = wanted[0].first
    for start, char in enumerate(text):
        if char in first and _may_go_on(wanted, text, start + 1):
            for end in _ends(wanted, text, start):
                yield start, end


@lru_cache(maxsize=KEPT)
def _wanted(word: str) -> tuple[Stands, ...]:
    return tuple(table().standing_for(char) for char in word if not char.isspace())


def _may_go_on(wanted: Sequence[Stands], text: str, place: int) -> bool:
    """Whether it is worth while to compare: a look at the second character ends most tries, unless the first may be split."""
    if len(wanted) == 1 or wanted[0].split:
        return True
    following = text[place : place + 1]
    return following in wanted[1].first or is_sign(following)


def _ends(wanted: Sequence[Stands], text: str, start: int) -> list[int]:
    """Every place at which all wanted characters, begun at `start`, may be over."""
    ends = {start}
    for number, (single, split, first) in enumerate(wanted):
        begun = {begin for end in ends for begin in _begins(text, end)} if number else ends
        begun = {begin for begin in begun if text[begin : begin + 1] in first}
        ends = {begin + 1 for begin in begun if text[begin] in single}
        ends |= {end for begin in begun for parts in split for end in _split_ends(parts, text, begin)}
        if not ends:
            break
    return sorted(ends)


def _split_ends(parts: str, text: str, start: int) -> set[int]:
    ends = {start}
    for number, part in enumerate(parts):
        begun = {begin for end in ends for begin in _begins(text, end)} if number else ends
        ends = {begin + 1 for begin in begun if text.startswith(part, begin)}
    return ends


def _begins(text: str, end: int) -> Iterator[int]:
    """Where the next character may stand: here, or behind signs and spaces."""
    yield end
    for place in range(end, min(end + MAX_GAP, len(text))):
        if not is_sign(text[place]):
            return
        yield place + 1


@cache
def table() -> Table:
    """Read once, at the first rule with variants."""
    readings: dict[str, list[str]] = defaultdict(list)
    for syllable, main, other in _lines("syllables.tsv"):
        for char in main:
            readings[char].insert(0, syllable)
        for char in other:
            readings[char].append(syllable)
    splits: dict[str, set[str]] = defaultdict(set)
    alike: dict[str, set[str]] = defaultdict(set)
    for kind, char, written in _lines("variants.tsv"):
        if kind == "拆字":
            splits[char].add(fold(written))
        else:
            alike[char].add(written)
            alike[written].add(char)
    return Table(dict(readings), splits, alike)


def _lines(name: str) -> Iterator[list[str]]:
    for line in resources.files("keywords").joinpath(f"folding/{name}").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")
