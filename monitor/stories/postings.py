"""Postings: which texts have a term, newest first, in arrays: about 10 bytes an entry, and bounded scans."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable

from monitor.stories.node import Filed

_HALF = 16  # bits of a key that are kept; the others are those of its slot
_FIRST = 64  # slots of an empty table
_WHOLE = 1 << _HALF  # slots from which a slot tells the lower half of its keys
_CHAIN = 2  # entries a slot, when the table grows


class Postings:
    """A hash table of chains: the head of each is the newest entry. Entries are never taken out; the reader passes over the dead."""

    __slots__ = ("_first", "_heads", "_keys", "_mask", "_next", "_texts")

    def __init__(self) -> None:
        self._heads = array("I", bytes(4 * _FIRST))  # slot -> entry + 1, 0 for none
        self._mask = _FIRST - 1
        self._keys, self._next = array("I"), array("I")
        self._texts: list[Filed] = []
        self._first = array("I")  # of each text: its first entry

    def file(self, keys: Iterable[int], text: Filed) -> None:
        """Enter a text under 32-bit keys."""
        heads, mask, upper = self._heads, self._mask, self._upper
        held, nexts, first = self._keys, self._next, len(self._keys)
        self._texts.append(text)
        self._first.append(first)
        for entry, key in enumerate(keys, first + 1):
            slot = key & mask
            nexts.append(heads[slot])
            held.append(key >> upper)
            heads[slot] = entry
        if len(held) > _CHAIN * len(heads):
            self._grow()

    def gather(self, keys: Iterable[int], most: int, since: int, found: dict[int, list[Filed]]) -> None:
        """Add to what is `found` under each key the newest living texts here that were told no earlier, up to so many."""
        heads, mask, nexts, held, upper = self._heads, self._mask, self._next, self._keys, self._upper
        first, texts = self._first, self._texts
        for key in keys:
            entry, wanted = heads[key & mask], key >> upper
            while entry:
                entry -= 1
                if held[entry] == wanted:
                    text = texts[bisect_right(first, entry) - 1]
                    if not text.gone and text.at >= since:
                        under = found.setdefault(key, [])
                        if len(under) == most:
                            break
                        under.append(text)
                entry = nexts[entry]

    def texts(self) -> list[Filed]:
        """All there are, the dead among them."""
        return self._texts

    @property
    def _upper(self) -> int:
        """How many bits of a key need not be kept, for its slot tells them."""
        return _HALF if len(self._heads) >= _WHOLE else 0

    def alive(self) -> "Postings":
        """The same without the dead."""
        kept, whole = Postings(), self._whole()
        ends = [*self._first[1:], len(whole)]
        for text, start, end in zip(self._texts, self._first, ends, strict=True):
            if not text.gone:
                kept.file(whole[start:end], text)
        return kept

    def _grow(self) -> None:
        """Twice the slots."""
        whole = self._whole()
        self._heads = heads = array("I", bytes(8 * len(self._heads)))
        self._mask = mask = len(heads) - 1
        if len(heads) == _WHOLE:
            self._keys = array("H", [key >> _HALF for key in whole])
        for entry, key in enumerate(whole):
            slot = key & mask
            self._next[entry] = heads[slot]
            heads[slot] = entry + 1

    def _whole(self) -> "array[int]":
        """All of each entry's key."""
        if not self._upper:
            return self._keys
        whole, held, nexts = array("I", bytes(4 * len(self._keys))), self._keys, self._next
        for slot, head in enumerate(self._heads):
            lower, entry = slot & (_WHOLE - 1), head
            while entry:
                entry -= 1
                whole[entry] = held[entry] << _HALF | lower
                entry = nexts[entry]
        return whole
