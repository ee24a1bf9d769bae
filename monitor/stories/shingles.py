"""
Shingles: the character 4-grams of a text's bare words, by which copies know each other.

A foreign word of any length is as much as two characters, its first and its last: else a long name would be half of a headline.

Containment |A ∩ B| / min(|A|, |B|) >= 0.7 catches every pair of a spam template that SimHash misses on short text (research, peers 6).
"""

import re
from collections.abc import Collection, Iterator, Sequence
from hashlib import blake2b
from itertools import chain
from typing import Literal, NamedTuple
from zlib import crc32

WIDTH = 4
ENOUGH = 5  # fewer shingles than this and containment says nothing
SHORT = 12  # so short a text stands in many longer ones by chance: it is a copy only of one about as long
CONTAINED = 0.7
WORDED = ENOUGH + WIDTH - 1  # characters that make as many shingles
LONGEST = 600  # characters that are compared: what a long text tells stands at its beginning, and the time must be bounded
_BESIDE = 5  # shingles on either side of a name: of so many one is left when the word there is another
_SURELY = 0.85  # of both texts: copies, whatever the rest says
_UNIT = 4  # bytes of a character in UTF-32
_GRAM = _UNIT * WIDTH

_NOISE = re.compile(r"https?://[\w./?=&%#:~+-]+|@[\w·-]+|\[[^\[\]\s]{1,8}\]|[^\w@\[]+|[@\[_]|\d+")

_LETTERS = re.compile(r"[a-z]{3}")
_FOREIGN = re.compile(r"([a-z])[a-z]+([a-z])")


def bare(folded: str) -> str:
    """The own words of a folded text: without links, @names, [faces], blanks, punctuation and figures (templates vary them)."""
    return _NOISE.sub("", folded)


def brief(folded: str) -> str:
    """A folded text with each foreign word cut to two letters."""
    return _FOREIGN.sub(r"\1\2", folded) if _LETTERS.search(folded) else folded


class Shingled(NamedTuple):
    """`whole`: all shingles of a text; `own`: those that touch no name, the same set if none does; `beside`: those next to one."""

    whole: frozenset[int]
    own: frozenset[int]
    beside: frozenset[int]


def shingles(words: str) -> frozenset[int]:
    """The 4-grams of bare words, as 32-bit sums."""
    return frozenset(_sums(words))


def shingled(words: str, names: Sequence[str]) -> Shingled:
    """The shingles of bare words, and those of them that touch none of the names."""
    sums = _sums(words)
    whole = frozenset(sums)
    touched = list(_touched(words[:LONGEST], names))
    beside = frozenset(chain.from_iterable(sums[max(0, first - _BESIDE) : first] + sums[end : end + _BESIDE] for first, end in touched))
    for first, end in reversed(touched):
        del sums[first:end]
    return Shingled(whole, frozenset(sums) if touched else whole, beside)


def _sums(words: str) -> list[int]:
    data = words[:LONGEST].encode("utf-32-le", "surrogatepass")
    return [crc32(data[i : i + _GRAM]) for i in range(0, len(data) - _GRAM + 1, _UNIT)]


def _touched(words: str, names: Sequence[str]) -> Iterator[tuple[int, int]]:
    """From where to where 4-grams begin that touch a name; each place once."""
    free = 0
    for at, end in sorted((at, at + len(name)) for name in names for at in _places(words, name)):
        first = max(free, at - WIDTH + 1)
        if end > first:
            yield first, end
            free = end


def _places(words: str, name: str) -> Iterator[int]:
    at = words.find(name)
    while at >= 0:
        yield at
        at = words.find(name, at + len(name))


def contains(one: int, other: int, shared: int) -> bool:
    """Whether most of the shorter text stands in the longer: by how many shingles each has, and how many both."""
    shorter, longer = (one, other) if one < other else (other, one)
    return (shorter >= SHORT or longer <= 2 * shorter) and shared >= CONTAINED * shorter


def resembles(one: int, other: int, shared: int) -> bool:
    """Whether most of each text stands in the other, so that neither tells much that the other does not."""
    return shared >= CONTAINED * max(one, other)


def tells_of_it(mine: Shingled, theirs: Collection[int], shared: int) -> bool:
    """
    Whether what a text shares with another tells of the subject, or is nearly all of both.

    What recurs under texts that say different things of it (a footer, a hotline, a disclaimer) is not what they tell.
    """
    longest = max(len(mine.whole), len(theirs))
    return not mine.beside or shared >= _SURELY * longest or not mine.beside.isdisjoint(theirs)


def copies(mine: Shingled, theirs: Collection[int]) -> Literal["", "one", "both"]:
    """Whether a text and another are copies: `one` stands in the other, or `both` in each other; by all shingles of the other."""
    whole, own, _ = mine
    shared = len(own.intersection(theirs))
    # Of theirs we know those that touch a name only where we have them too.
    left = len(theirs) - len(whole.intersection(theirs)) + shared if own is not whole else len(theirs)
    if not contains(len(own), left, shared) or not tells_of_it(mine, theirs, shared):
        return ""
    return "both" if resembles(len(own), left, shared) else "one"


def fingerprint(words: str) -> int:
    """64 bits of a text's bare words: equal for equal words."""
    return int.from_bytes(blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
