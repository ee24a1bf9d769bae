"""
Hashed characters and pairs of characters: the features of our own models, worked out over a whole batch at once.

The texts are laid side by side with a separator after each, as code points in one array. A slot is a character; it has two buckets, its
own and that of the pair it ends, so the pairs at a text's beginning and end are known as such. No text looks at its neighbour, and the
separator's slot belongs to the text before it: even an empty text has one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LONGEST = 4_000  # characters that are read: the tone of a text is set long before, and the time must be bounded
SEPARATOR = "\0"
SINGLE, LEFT, RIGHT = np.uint32(2_654_435_761), np.uint32(2_246_822_519), np.uint32(3_266_489_917)
WORD = 32

Codes = NDArray[np.uint32]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Grams:
    """`codes` begins with a separator; text i has the slots [starts[i], starts[i] + sizes[i]) of codes[1:]."""

    codes: Codes
    starts: Places
    sizes: Places

    @classmethod
    def of(cls, texts: Sequence[str], longest: int = LONGEST) -> "Grams":
        """The slots of texts, their ends cut off."""
        cut = [text[:longest] for text in texts]
        joined = SEPARATOR + SEPARATOR.join(cut) + SEPARATOR
        codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        sizes = np.fromiter(map(len, cut), np.int64, len(cut)) + 1
        return cls(codes, np.cumsum(sizes) - sizes, sizes)

    def singles(self, bits: int) -> Codes:
        """The bucket of each slot's character."""
        return single_buckets(self.codes[1:], bits)

    def pairs(self, bits: int) -> Codes:
        """The bucket of the pair each slot ends."""
        return pair_buckets(self.codes[:-1], self.codes[1:], bits)


def single_buckets(codes: Codes, bits: int) -> Codes:
    """The bucket of each character."""
    return (codes * SINGLE) >> np.uint32(WORD - bits)


def pair_buckets(left: Codes, right: Codes, bits: int) -> Codes:
    """The bucket of each pair."""
    mixed = (left * LEFT) ^ (right * RIGHT)
    return np.asarray(((mixed ^ (mixed >> np.uint32(15))) * SINGLE) >> np.uint32(WORD - bits), np.uint32)
