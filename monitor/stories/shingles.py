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

from monitor.stories.keys import key_of

WIDTH = 4
ENOUGH = 5  # fewer shingles than this and containment says nothing
SHORT = 12  # so short a text stands in many longer ones by chance: it is a copy only of one about as long
CONTAINED = 0.7
WORDED = ENOUGH + WIDTH - 1  # characters that make as many shingles
LONGEST = 600  # characters that are compared: what a long text tells stands at its beginning, and the time must be bounded
_BESIDE = 5  # shingles on either side of a name: of so many one is left when the word there is another
_SURELY = 0.85  # of both texts: copies, whatever the rest says
_ELSE = 2 * ENOUGH  # shingles: so much else is a complaint of its own, however long the header
_FRAME = 46  # shingles: what is longer is the text itself
_END = 2 * ENOUGH  # shingles at either end: half of them and more are the same words, though a name unknown to us stands there
_NONE: frozenset[int] = frozenset()
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
    """
    `whole`: all shingles of a text; `own`: those that touch no name, the same set if none does; `first`, `last`: those at its ends.

    `before`, `after`: those next to a name; after the last words there is nothing, then what stands before is both.
    """

    whole: frozenset[int]
    own: frozenset[int]
    before: frozenset[int]
    after: frozenset[int]
    first: Sequence[int]
    last: Sequence[int]


def shingles(words: str) -> frozenset[int]:
    """The 4-grams of bare words, as 32-bit sums."""
    return frozenset(_sums(words))


def shingled(words: str, names: Sequence[str]) -> Shingled:
    """The shingles of bare words, and those of them that touch none of the names."""
    sums = _sums(words)
    whole = frozenset(sums)
    touched = list(_touched(words[:LONGEST], names))
    first, last = sums[:_END], sums[-_END:]
    if not touched:
        return Shingled(whole, whole, _NONE, _NONE, first, last)
    before = [sums[max(0, start - _BESIDE) : start] for start, _ in touched]
    after = [sums[end : end + _BESIDE] or left for (_, end), left in zip(touched, before, strict=True)]
    for start, end in reversed(touched):
        del sums[start:end]
    return Shingled(whole, frozenset(sums), frozenset(chain.from_iterable(before)), frozenset(chain.from_iterable(after)), first, last)


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

    What recurs under texts that say different things of it, a header or a footer (a hotline, a disclaimer), is not what they tell. Where
    both say something else, they must share what follows the subject's name; where none is named, not only an end of the text.
    """
    longest = max(len(mine.whole), len(theirs))
    left = min(len(mine.whole), len(theirs)) - len(mine.whole.intersection(theirs))
    nearly = shared >= _SURELY * longest
    if not (mine.before or mine.after):
        return nearly or left < ENOUGH or not framed(mine, theirs)
    if not mine.after.isdisjoint(theirs):
        return True
    return (left < ENOUGH and not mine.before.isdisjoint(theirs)) or (nearly and left < _ELSE)


def framed(mine: Shingled, theirs: Collection[int]) -> bool:
    """Whether a text begins as another and ends otherwise, or ends as that and begins otherwise; and that says else, too."""
    shared = len(mine.whole.intersection(theirs))
    if shared > _FRAME or len(theirs) - shared < ENOUGH:
        return False
    begins, ends = len({*mine.first}.intersection(theirs)), len({*mine.last}.intersection(theirs))
    return min(begins, ends) < ENOUGH and max(begins, ends) >= _END - 1


def copies(mine: Shingled, theirs: Collection[int]) -> Literal["", "one", "both", "frame"]:
    """
    Whether a text and another are copies: `one` stands in the other, or `both` in each other; by all shingles of the other.

    `frame`: they would be, but what they share tells nothing.
    """
    whole, own = mine.whole, mine.own
    shared = len(own.intersection(theirs))
    # Of theirs we know those that touch a name only where we have them too.
    left = len(theirs) - len(whole.intersection(theirs)) + shared if own is not whole else len(theirs)
    if not contains(len(own), left, shared):
        return ""
    if not tells_of_it(mine, theirs, shared):
        return "frame"
    return "both" if resembles(len(own), left, shared) else "one"


def fingerprint(words: str) -> int:
    """The key of a text's bare words: equal for equal words."""
    return key_of(blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).digest())
