"""
Shingles: the character 4-grams of a text's bare words, by which copies know each other.

Containment |A ∩ B| / min(|A|, |B|) >= 0.7 catches every pair of a spam template that SimHash misses on short text (research, peers 6).
"""

import re
from collections.abc import Callable
from hashlib import blake2b
from zlib import crc32

WIDTH = 4
ENOUGH = 5  # fewer shingles than this and containment says nothing
SHORT = 12  # so short a text stands in many longer ones by chance: it is a copy only of one about as long
CONTAINED = 0.7
WORDED = ENOUGH + WIDTH - 1  # characters that make as many shingles
_SAMPLED_FROM = 64

_NOISE = re.compile(r"https?://[\w./?=&%#:~+-]+|@[\w·-]+|\[[^\[\]\s]{1,8}\]|[^\w@\[]+|[@\[_]|\d+")


def bare(text: str, fold: Callable[[str], str]) -> str:
    """The text's own words: folded, without links, @names, [faces], blanks, punctuation and figures (templates vary them)."""
    return _NOISE.sub("", fold(text))


def shingles(words: str) -> frozenset[int]:
    """The 4-grams of bare words, as 32-bit sums."""
    return frozenset(crc32(words[i : i + WIDTH].encode("utf-8", "surrogatepass")) for i in range(len(words) - WIDTH + 1))


def sampled(whole: frozenset[int]) -> list[int]:
    """Under which shingles a text is filed: all of a short one, about half of a long one."""
    return list(whole) if len(whole) < _SAMPLED_FROM else [shingle for shingle in whole if not shingle & 1]


def contains(one: frozenset[int], other: frozenset[int]) -> bool:
    """Whether most of the shorter text stands in the longer."""
    shorter, longer = sorted((len(one), len(other)))
    return (shorter >= SHORT or longer <= 2 * shorter) and len(one & other) >= CONTAINED * shorter


def fingerprint(words: str) -> int:
    """64 bits of a text's bare words: equal for equal words."""
    return int.from_bytes(blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
