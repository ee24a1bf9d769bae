"""
Node: a living story as grouping sees it, or a mention that waits alone; and who holds a key.

A node is a function of the mentions that joined it, in stream order: of its keys the last `KEPT` that were used, of its texts the
first `TEXTS_A_DAY` of each of the last days. So a desk that joins them again has the same node, and a million copies weigh no more
than a few.
"""

from collections.abc import Callable
from itertools import chain, islice
from operator import itemgetter
from typing import Any

from monitor.clock import DAY
from monitor.stories.keys import key_of
from monitor.stories.sketch import Sketch, as_keys, cut, least

HORIZON = 7 * DAY
KEPT = 2_048
NAMED = 16
SKETCHES = 3  # different texts of a story by which copies of it are known for good, those told first
TEXTS_A_DAY = 8
_FEW = 8  # keys; most nodes have no more
KEY_ROOM = 100  # bytes that a key takes, about, with who holds it
FILED_ROOM = 600  # and a text beside its shingles and terms: mostly that it is found by some of them
DAYS = 3  # before today, in which a text may still find its like


class Node:
    """`story` "" waits alone; `touched`: the last time something joined, micros; `order`: of two, the lesser began first."""

    __slots__ = ("_keys", "_named", "_sketches", "filed", "founder", "order", "story", "told", "touched")

    def __init__(self, founder: bytes, story: str, touched: int, order: int) -> None:
        self.founder, self.story, self.touched, self.order = founder, story, touched, order
        self.told = 0  # the fingerprint of the founder's words, 0 for none
        self._keys: tuple[int, ...] | dict[int, int] | None = ()  # a few as key, when, key, when…: in a third of a dict's room
        self._named: tuple[int, ...] = ()  # the first that others named, and when: most are never named
        self._sketches: tuple[Any, ...] = ()  # of its first different texts, and when
        self.filed: tuple[Filed, ...] = ()

    @property
    def keys(self) -> dict[int, int]:
        """Its keys and when each was used last, in the order of use."""
        return _paired(self._few()) if not isinstance(self._keys, dict) else self._keys

    @keys.setter
    def keys(self, keys: dict[int, int]) -> None:
        self._keys = keys if len(keys) > _FEW else _flat(keys)

    @property
    def named(self) -> dict[int, int]:
        """The first that others named, and when."""
        return _paired(self._named)

    @named.setter
    def named(self, named: dict[int, int]) -> None:
        self._named = _flat(named)

    def _began(self) -> tuple[int, ...]:
        """The keys of its founder: what it is, and its words."""
        own = key_of(self.founder)
        return (own, self.told) if self.told else (own,)

    def begin(self, told: int) -> tuple[int, ...]:
        """It has the keys of its founder and no others yet, which need not be kept."""
        self.told, self._keys = told, None
        return self._began()

    def use(self, key: int, count: int) -> tuple[bool, int | None]:
        """A key is used just now: whether it is new here, and the one that is lost for it."""
        keys = self._keys
        if isinstance(keys, dict):
            new = keys.pop(key, None) is None
            keys[key] = count
            return new, self._lose(keys) if len(keys) > KEPT else None
        few = self._few()
        new = key not in few[::2]
        if not new:
            at = 2 * few[::2].index(key)
            few = few[:at] + few[at + 2 :]
        few = (*few, key, count)
        self._keys = few if len(few) <= 2 * _FEW else _paired(few)
        return new, None

    @staticmethod
    def _lose(keys: dict[int, int]) -> int:
        oldest = next(iter(keys))
        del keys[oldest]
        return oldest

    def _few(self) -> tuple[int, ...]:
        """Its keys while they are few; of most no more than how they began, which takes no room."""
        if isinstance(self._keys, tuple):
            return self._keys
        return _flat(dict.fromkeys(self._began(), self.order))

    @property
    def size(self) -> int:
        """How many bytes it takes, about, with all by which it is found: a function of the mentions that joined it, and of the day."""
        keys = len(self._keys if isinstance(self._keys, dict) else self._few()[::2])
        return KEY_ROOM * keys + sum(FILED_ROOM + len(filed.whole) + len(filed.terms) for filed in self.filed)

    def alive(self, now: int) -> bool:
        """Whether a mention at `now` may still join it."""
        return self.touched + HORIZON >= now

    def name(self, key: int, count: int) -> None:
        """Remember a key by which the story may be woken when it has settled."""
        if len(self._named) < 2 * NAMED and key not in self._named[::2]:
            self._named = (*self._named, key, count)

    @property
    def sketches(self) -> dict[Sketch, int]:
        """Of its first different texts, and when."""
        return dict(zip(self._sketches[::2], self._sketches[1::2], strict=True))

    @sketches.setter
    def sketches(self, sketches: dict[Sketch, int]) -> None:
        self._sketches = tuple(chain.from_iterable(sketches.items()))

    @property
    def sketched(self) -> bool:
        """Whether it has all the sketches it is to have."""
        return len(self._sketches) == 2 * SKETCHES

    def sketch(self, one: Sketch, count: int) -> None:
        """Remember a text, unless it is much like one that is remembered."""
        if one and all(least(one) != least(other) for other in self._sketches[::2]):
            self._sketches = (*self._sketches, one, count)

    def trim(self) -> None:
        """Keep no more of its texts than their sketches: they are filed no longer."""
        self._sketches = tuple(cut(one) if isinstance(one, bytes) else one for one in self._sketches)

    def resketch(self, gone: "Node") -> None:
        """Remember what one that had the texts of both would."""
        of_both = sorted((*self.sketches.items(), *gone.sketches.items()), key=itemgetter(1))
        self.sketches = gone.sketches = {}
        for one, count in of_both:
            if not self.sketched:
                self.sketch(one, count)
        self.trim()

    def wakers(self) -> tuple[int, ...]:
        """By what it may be woken: how it began, then what was named first, and sketches of its texts."""
        return (*tuple(dict.fromkeys((*self._began(), *self._named[::2])))[:NAMED], *as_keys(self.sketches))

    def room(self, day: int, told: int) -> bool:
        """Whether a text told on a day is to be filed: not the same twice, and few a day."""
        self.filed = tuple(filed for filed in self.filed if filed.day >= day - DAYS)
        # What the founder passed on is lost when an older node takes over: it stands in nobody's way
        today = [filed.told for filed in self.filed if filed.day == day and not filed.quoted]
        return len(today) < TEXTS_A_DAY and told not in today


class Filed:
    """
    One text of a node. `told`: its fingerprint; `quoted`: as the founder passed it on.

    `whole`, `terms`: the shingles and terms by which it is compared, two bytes each; `mass`: what all its terms tell.
    """

    __slots__ = ("at", "gone", "mass", "node", "order", "quoted", "terms", "told", "whole")

    def __init__(
        self, node: Node, order: int, at: int, *, told: int, quoted: bool, whole: bytes, terms: bytes, mass: int
    ) -> None:  # fmt: skip
        self.node, self.order, self.at, self.told, self.quoted = node, order, at, told, quoted
        self.whole, self.terms, self.mass = whole, terms, mass
        self.gone = False

    @property
    def day(self) -> int:
        """On which it was told."""
        return self.at // DAY


class Holders:
    """The nodes that have each key, the first to have it first; whether they live is asked, never when memory was swept."""

    def __init__(self) -> None:
        self._first: dict[int, Node] = {}
        self._later: dict[int, list[Node]] = {}

    def __len__(self) -> int:
        return len(self._first)

    def living(self, key: int, now: int) -> tuple[Node, ...]:
        """Who of them lives."""
        first = self._first.get(key)
        if first is None:
            return ()
        if key not in self._later:
            return (first,) if first.touched + HORIZON >= now else ()
        return tuple(node for node in (first, *self._later[key]) if node.alive(now))

    def begin(self, node: Node, told: int) -> None:
        """A new node has the keys of its founder, who names nobody."""
        for key in node.begin(told):
            self._enter(key, node)

    def use(self, key: int, node: Node, count: int) -> bool:
        """The node has the key, and has used it just now; what it has not used for long it loses. Whether it is new there."""
        new, lost = node.use(key, count)
        if new:
            self._enter(key, node)
        if lost is not None:
            self._leave(lost, node)
        return new

    def merge(self, into: Node, gone: Node) -> None:
        """What one has the other has from now on, as if it had always been its own."""
        for key in gone.keys:
            self._replace(key, gone, into)
        used, named = _both(into.keys, gone.keys, max), _both(into.named, gone.named, min)
        for key in list(used)[: max(0, len(used) - KEPT)]:
            del used[key]
            self._leave(key, into)
        into.keys, into.named = used, dict(islice(named.items(), NAMED))
        gone.keys, gone.named = {}, {}

    def drop(self, node: Node) -> None:
        """The node has no key any more."""
        for key in node.keys:
            self._leave(key, node)

    def _enter(self, key: int, node: Node) -> None:
        if self._first.setdefault(key, node) is not node:
            self._later.setdefault(key, []).append(node)

    def _leave(self, key: int, node: Node) -> None:
        self._set(key, [other for other in (self._first[key], *self._later.get(key, ())) if other is not node])

    def _replace(self, key: int, gone: Node, into: Node) -> None:
        holders = (self._first[key], *self._later.get(key, ()))
        self._set(key, list(dict.fromkeys(into if holder is gone else holder for holder in holders)))

    def _set(self, key: int, holders: list[Node]) -> None:
        self._first.pop(key)
        self._later.pop(key, None)
        if holders:
            self._first[key] = holders[0]
        if len(holders) > 1:
            self._later[key] = holders[1:]


def _paired(flat: tuple[int, ...]) -> dict[int, int]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _flat(pairs: dict[int, int]) -> tuple[int, ...]:
    return tuple(chain.from_iterable(pairs.items()))


def _both(mine: dict[int, int], theirs: dict[int, int], pick: Callable[[int, int], int]) -> dict[int, int]:
    """The keys of both in the order of their moments."""
    both = {key: pick(mine.get(key, at), theirs.get(key, at)) for key, at in (mine | theirs).items()}
    return dict(sorted(both.items(), key=itemgetter(1)))
