"""Postings: which texts have a term, newest first, in arrays: about 20 bytes an entry, and bounded scans."""

from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
_FIRST = 64  # slots of an empty table


class Postings(Generic[T]):
    """A hash table of chains: the head of each is the newest entry. Entries are never taken out; the reader passes over the dead."""

    __slots__ = ("_heads", "_keys", "_next", "_texts", "_which")

    def __init__(self) -> None:
        self._heads = array("I", bytes(4 * _FIRST))  # slot -> entry + 1, 0 for none
        self._keys, self._next, self._which = array("I"), array("I"), array("I")
        self._texts: list[T] = []

    def file(self, keys: Iterable[int], text: T) -> None:
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

    def newest(self, key: int, most: int, alive: Callable[[T], bool]) -> Iterator[T]:
        """The newest living texts under a key, at most so many."""
        entry = self._heads[key & (len(self._heads) - 1)]
        while entry and most:
            if self._keys[entry - 1] == key:
                text = self._texts[self._which[entry - 1]]
                if alive(text):
                    most -= 1
                    yield text
            entry = self._next[entry - 1]

    def texts(self) -> list[T]:
        """All there are, the dead among them."""
        return self._texts

    def _link(self, entry: int) -> None:
        slot = self._keys[entry] & (len(self._heads) - 1)
        self._next[entry] = self._heads[slot]
        self._heads[slot] = entry + 1

    def _grow(self) -> None:
        self._heads = array("I", bytes(8 * len(self._heads)))
        for entry in range(len(self._keys)):
            self._link(entry)
