"""
Sketches: a few shingles of a text, by which a near-copy is known when the text itself is no longer at hand.

The least shingles of a text are a fair sample of it; so are those of another up to the same bound, of both together. Of texts with no
more than `SKETCHED` the sample is the whole. So copies are told by the measure by which texts are compared while they are at hand.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from monitor.stories.shingles import ENOUGH, Shingled, resembles

SKETCHED = 16
_ENTRIES = 4  # of a sketch, under which it is found: of a copy, 0.3 ** 4 have none of them
_HOLDERS = 32  # of the sketches that share an entry only the newest are looked at
_CANDIDATES = 8
_BITS = 32

Sketch = bytes  # its least shingles, the least first, four bytes each; empty where there are too few. What follows them is passed over


def sketch(whole: frozenset[int]) -> Sketch:
    """The least of a text's shingles."""
    return cut(array("I", sorted(whole)).tobytes()) if len(whole) >= ENOUGH else b""


def cut(of: Sketch) -> Sketch:
    """A sketch, when the text that it is the beginning of is kept no longer."""
    return of[: SKETCHED * _BITS // 8]


def least(of: Sketch) -> bytes:
    """By which two sketches are taken for one: most copies have the same."""
    return of[:4]


def alike(words: Shingled, kept: Sketch) -> bool:
    """Whether a text resembles the one that the sketch was taken of, as far as it shows; the names of the subject tell nothing."""
    theirs = _values(kept)
    shared = len(words.own.intersection(theirs))
    if shared < ENOUGH:
        return False
    left = len(theirs) - len(words.whole.intersection(theirs)) + shared
    bound = theirs[-1] if len(theirs) == SKETCHED else 1 << _BITS
    return resembles(sum(one <= bound for one in words.own), left, shared)


def as_keys(sketches: Iterable[Sketch]) -> tuple[int, ...]:
    """Sketches among the keys of a story, whose upper half is never so small by intent: there it tells which sketch it is of."""
    return tuple(number << _BITS | value for number, one in enumerate(sketches, 1) for value in _values(one))


def parted(keys: Sequence[int], most: int) -> tuple[tuple[int, ...], tuple[Sketch, ...]]:
    """The other keys, and the at most so many sketches among them."""
    found: dict[int, list[int]] = {}
    others = []
    for key in keys:
        if 0 < key >> _BITS <= most:
            found.setdefault(key >> _BITS, []).append(key & ((1 << _BITS) - 1))
        else:
            others.append(key)
    return tuple(others), tuple(array("I", found[number]).tobytes() for number in sorted(found))


Holding = dict[int, str | tuple[str, ...]]  # the stories that hold a key; mostly it is one


class Sketches:
    """Stories by sketches of their texts."""

    def __init__(self) -> None:
        self._holders: Holding = {}

    def add(self, story: str, sketches: Iterable[Sketch]) -> None:
        """Let a story be found by its sketches."""
        for value in _entries(sketches):
            hold(self._holders, value, story)

    def keep(self, story: str, sketches: Iterable[Sketch], kept: Iterable[Sketch] = ()) -> None:
        """Of these it is found only by those of `kept` any more."""
        still = set(_entries(kept))
        for value in _entries(sketches):
            if value not in still:
                drop(self._holders, value, story)

    def near(self, words: Shingled, sketches: Mapping[str, tuple[Sketch, ...]]) -> list[str]:
        """The stories with a text that this one resembles, of those that share most entries with it."""
        holders = self._holders
        having = Counter(chain.from_iterable(holding(holders, value)[-_HOLDERS:] for value in words.own if value in holders))
        best = sorted(having, key=lambda story: (-having[story], story))[:_CANDIDATES]
        return [story for story in best if any(alike(words, one) for one in sketches[story])]


def holding(holders: Holding, key: int) -> tuple[str, ...]:
    """The stories that hold a key, in the order in which they came to."""
    found = holders.get(key, ())
    return (found,) if isinstance(found, str) else found


def hold(holders: Holding, key: int, story: str) -> None:
    """A story holds a key, too."""
    holders[key] = (*holding(holders, key), story) if key in holders else story


def drop(holders: Holding, key: int, story: str) -> None:
    """A story holds a key no more."""
    left = tuple(other for other in holding(holders, key) if other != story)
    if len(left) > 1:
        holders[key] = left
    elif left:
        holders[key] = left[0]
    else:
        del holders[key]


def _entries(sketches: Iterable[Sketch]) -> Iterator[int]:
    return iter(dict.fromkeys(value for one in sketches for value in _values(one)[:_ENTRIES]))


def _values(of: Sketch) -> Sequence[int]:
    return memoryview(of).cast("I")[:SKETCHED]
