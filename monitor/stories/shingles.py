"""
Shingles: the character 4-grams of a text's bare words, by which copies know each other.

Containment |A ∩ B| / min(|A|, |B|) >= 0.7 catches every pair of a spam template that SimHash misses on short text (research, peers 6).
"""

import re
from hashlib import blake2b
from zlib import crc32

WIDTH = 4
ENOUGH = 5  # fewer shingles than this and containment says nothing
SHORT = 12  # so short a text stands in many longer ones by chance: it is a copy only of one about as long
CONTAINED = 0.7
WORDED = ENOUGH + WIDTH - 1  # characters that make as many shingles
LONGEST = 600  # characters that are compared: what a long text tells stands at its beginning, and the time must be bounded
_UNIT = 4  # bytes of a character in UTF-32
_GRAM = _UNIT * WIDTH

_NOISE = re.compile(r"https?://[\w./?=&%#:~+-]+|@[\w·-]+|\[[^\[\]\s]{1,8}\]|[^\w@\[]+|[@\[_]|\d+")


def bare(folded: str) -> str:
    """The own words of a folded text: without links, @names, [faces], blanks, punctuation and figures (templates vary them)."""
    return _NOISE.sub("", folded)


def shingles(words: str) -> frozenset[int]:
    """The 4-grams of bare words, as 32-bit sums."""
    data = words[:LONGEST].encode("utf-32-le", "surrogatepass")
    return frozenset(crc32(data[i : i + _GRAM]) for i in range(0, len(data) - _GRAM + 1, _UNIT))


def contains(one: int, other: int, shared: int) -> bool:
    """Whether most of the shorter text stands in the longer: by how many shingles each has, and how many both."""
    shorter, longer = (one, other) if one < other else (other, one)
    return (shorter >= SHORT or longer <= 2 * shorter) and shared >= CONTAINED * shorter


def resembles(one: int, other: int, shared: int) -> bool:
    """Whether most of each text stands in the other, so that neither tells much that the other does not."""
    return shared >= CONTAINED * max(one, other)


def fingerprint(words: str) -> int:
    """64 bits of a text's bare words: equal for equal words."""
    return int.from_bytes(blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
