"""
The tree of a story: which mention answers or passes on which, made at once from all of them, in time and memory linear in their number.

A mention hangs under its parent; where we do not have that, under its root; where we have neither, under a place kept for the missing
original, so that five hundred reposts of a post we never saw are one branch, not five hundred. Cycles are cut at their earliest mention.
Nothing recurses: a chain may be ten thousand deep.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

_NONE = -1


class Leaf(NamedTuple):
    """What the tree needs of a mention: who it is (16 bytes), when it was said, and what it says it belongs to."""

    digest: bytes
    at: int
    root: bytes | None
    parent: bytes | None


class Place(NamedTuple):
    """A place in the tree. `present` False: an original that is named but not had; `at` is then that of its first child."""

    digest: bytes
    present: bool
    at: int
    children: int
    descendants: int

    @property
    def key(self) -> tuple[int, int, bytes]:
        """The order among brothers: the biggest first, then the earliest."""
        return (-self.descendants, self.at, self.digest)


class Tree:
    """The places of one story, by number: first the mentions, then the missing originals."""

    def __init__(self, leaves: Iterable[Leaf]) -> None:
        numbers: dict[bytes, int] = {}
        links: list[tuple[bytes | None, bytes | None]] = []
        self._at = array("q")
        for leaf in leaves:
            if leaf.digest not in numbers:
                numbers[leaf.digest] = len(links)
                links.append((leaf.parent, leaf.root))
                self._at.append(leaf.at)
        self.mentions = len(links)
        self._up = self._hung(numbers, links)
        self._digests = b"".join(numbers)
        _cut_cycles(self._up, self._at, self._digests)
        self._children, self._descendants = _counted(self._up, len(numbers))
        self._found = array("i", sorted(range(len(numbers)), key=list(numbers).__getitem__))
        self._order = self._brothers()
        self._starts = _starts(self._order, self._up, len(numbers))

    @property
    def missing(self) -> int:
        """How many originals are named that we do not have."""
        return len(self._at) - self.mentions

    @property
    def below_missing(self) -> int:
        """How many mentions hang below originals that are named and not had."""
        return sum(self._descendants[self.mentions :])

    @property
    def uppermost(self) -> int:
        """How many places hang under nothing."""
        return self._starts[1] - self._starts[0]

    def get(self, digest: bytes) -> Place | None:
        """The place of a mention, or of a missing original."""
        n = self._number(digest)
        return None if n == _NONE else self._place(n)

    def above(self, digest: bytes) -> Place | None:
        """What a mention hangs under; None: nothing."""
        n = self._number(digest)
        return None if n == _NONE or self._up[n] == _NONE else self._place(self._up[n])

    def top(self, digest: bytes) -> Place | None:
        """The uppermost mention that we have above this one, perhaps itself."""
        n = self._number(digest)
        if n == _NONE:
            return None
        while self._up[n] != _NONE and self._up[n] < self.mentions:
            n = self._up[n]
        return self._place(n)

    def below(self, under: bytes | None, limit: int, after: tuple[int, int, bytes] | None = None) -> list[Place]:
        """At most `limit` children of a place (None: the uppermost places), those that come after a key."""
        n = _NONE if under is None else self._number(under)
        if under is not None and n == _NONE:
            return []
        start, end = self._starts[n + 1], self._starts[n + 2]
        if after is not None:
            start = bisect_left(self._order, (after,), start, end, key=lambda m: (self._place(m).key,))
            start += start < end and self._place(self._order[start]).key == after
        return [self._place(self._order[i]) for i in range(start, min(end, start + limit))]

    def busiest(self, limit: int) -> list[Place]:
        """The mentions most answered and passed on, by the number of their own children."""
        had = sorted((n for n in range(self.mentions) if self._children[n]), key=self._children.__getitem__, reverse=True)
        least = self._children[had[:limit][-1]] if had else 0
        places = [self._place(n) for n in had if self._children[n] >= least]
        return sorted(places, key=lambda place: (-place.children, place.key))[:limit]

    def _hung(self, numbers: dict[bytes, int], links: list[tuple[bytes | None, bytes | None]]) -> "array[int]":
        """What each hangs under; missing originals get the next numbers."""
        up = array("i")
        for n, (parent, root) in enumerate(links):
            had = next((numbers[name] for name in (parent, root) if name in numbers and numbers[name] < self.mentions), _NONE)
            original = root or parent
            if had != _NONE or original is None:
                up.append(had if had != n else _NONE)
                continue
            if original not in numbers:
                numbers[original] = len(self._at)
                self._at.append(self._at[n])
            self._at[numbers[original]] = min(self._at[numbers[original]], self._at[n])
            up.append(numbers[original])
        up.extend([_NONE] * (len(self._at) - len(links)))
        return up

    def _brothers(self) -> "array[int]":
        """All places, those under the same one together, by their key: one stable sort a part of it, as each is a plain number."""
        order = list(self._found)
        order.sort(key=self._at.__getitem__)
        order.sort(key=self._descendants.__getitem__, reverse=True)
        order.sort(key=self._up.__getitem__)
        return array("i", order)

    def _digest(self, n: int) -> bytes:
        return self._digests[16 * n : 16 * n + 16]

    def _number(self, digest: bytes) -> int:
        i = bisect_left(self._found, digest, key=self._digest)
        return self._found[i] if i < len(self._found) and self._digest(self._found[i]) == digest else _NONE

    def _place(self, n: int) -> Place:
        return Place(self._digest(n), n < self.mentions, self._at[n], self._children[n], self._descendants[n])


def _cut_cycles(up: "array[int]", at: "array[int]", digests: bytes) -> None:
    """Whoever is earliest in a cycle hangs under nothing."""
    walked = array("i", [_NONE]) * len(up)
    for start in range(len(up)):
        n = start
        while n != _NONE and walked[n] == _NONE:
            walked[n] = start
            n = up[n]
        if n != _NONE and walked[n] == start:
            ring = [n]
            while up[ring[-1]] != n:
                ring.append(up[ring[-1]])
            up[min(ring, key=lambda m: (at[m], digests[16 * m : 16 * m + 16]))] = _NONE


def _counted(up: "array[int]", length: int) -> "tuple[array[int], array[int]]":
    """Children and descendants of each, from the leaves upwards."""
    children, descendants = array("i", bytes(4 * length)), array("i", bytes(4 * length))
    for above in up:
        if above != _NONE:
            children[above] += 1
    waiting = array("i", children)
    ready = [n for n in range(length) if not waiting[n]]
    while ready:
        n = ready.pop()
        above = up[n]
        if above != _NONE:
            descendants[above] += descendants[n] + 1
            waiting[above] -= 1
            if not waiting[above]:
                ready.append(above)
    return children, descendants


def _starts(order: "array[int]", up: "array[int]", length: int) -> "array[int]":
    """Where in the order the children of each place begin: of none at 0, of place n at n + 1; one more for the end."""
    starts = array("i", bytes(4 * (length + 2)))
    for n in order:
        starts[up[n] + 2] += 1
    for i in range(1, length + 2):
        starts[i] += starts[i - 1]
    return starts
