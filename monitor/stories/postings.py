"""Postings: which texts have a term, newest first, in arrays: about 20 bytes an entry, and bounded scans."""

from array import array
from collections.abc import Iterable

from monitor.stories.node import Filed

_FIRST = 64  # slots of an empty table


class Postings:
    """A hash table of chains: the head of each is the newest entry. Entries are never taken out; the reader passes over the dead."""

    __slots__ = ("_heads", "_keys", "_mask", "_next", "_texts", "_which")

    def __init__(self) -> None:
        self._heads = array("I", bytes(4 * _FIRST))  # slot -> entry + 1, 0 for none
        self._mask = _FIRST - 1
        self._keys, self._next, self._which = array("I"), array("I"), array("I")
        self._texts: list[Filed] = []

    def file(self, keys: Iterable[int], text: Filed) -> None:
        """Enter a text under 32-bit keys."""
        self._texts.append(text)
        which = len(self._texts) - 1
        for key in keys:
            self._keys.append(key)
            self._which.append(which)
            self._next.append(0)
            self._link(len(self._keys) - 1)
        if len(self._keys) > len(self._heads):
            self._grow()

    def gather(self, keys: Iterable[int], most: int, since: int, found: dict[int, list[Filed]]) -> None:
        """Add to what is `found` under each key the newest living texts here that were told no earlier, up to so many."""
        heads, mask, nexts, held, which, texts = self._heads, self._mask, self._next, self._keys, self._which, self._texts
        for key in keys:
            entry = heads[key & mask]
            while entry:
                entry -= 1
                if held[entry] == key:
                    text = texts[which[entry]]
                    if not text.gone and text.at >= since:
                        under = found.setdefault(key, [])
                        if len(under) == most:
                            break
                        under.append(text)
                entry = nexts[entry]

    def texts(self) -> list[Filed]:
        """All there are, the dead among them."""
        return self._texts

    def _link(self, entry: int) -> None:
        slot = self._keys[entry] & self._mask
        self._next[entry] = self._heads[slot]
        self._heads[slot] = entry + 1

    def _grow(self) -> None:
        self._heads = array("I", bytes(8 * len(self._heads)))
        self._mask = len(self._heads) - 1
        for entry in range(len(self._keys)):
            self._link(entry)
