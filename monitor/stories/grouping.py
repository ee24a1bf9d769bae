"""
Grouping: to which story of its subject a mention belongs.

In this order: the cascade it says it is part of (root, parent, or an earlier one that named it), the same words (quoted or
its own), words most of which stand in the other (containment of shingles), else nowhere: it waits alone in the residual story
(散点), and founds a story once a second one joins it.

Everything here is decided by what is alive at `now` (HORIZON since the last mention), never by when memory was swept: so a desk
rebuilt from stored mentions groups as one that never stopped.
"""

from collections.abc import Callable, Iterable

from monitor.clock import DAY
from monitor.mention import Mention, identity
from monitor.stories.shingles import ENOUGH, WORDED, bare, contains, fingerprint, sampled, shingles

HORIZON = 7 * DAY
_TEXTS_A_STORY = 16
_COMMON = 64  # a shingle in more living texts than this tells nothing
_CANDIDATES = 8


class Node:
    """A living story, or a mention that waits alone (`story` ""). `touched`: the last time something joined, micros."""

    __slots__ = ("filed", "founder", "keys", "order", "story", "texts", "touched")

    def __init__(self, founder: bytes, story: str, touched: int, order: int) -> None:
        self.founder, self.story, self.touched, self.order = founder, story, touched, order
        self.keys: list[int] = []
        self.filed: list[Filed] = []
        self.texts: set[str] = set()

    def alive(self, now: int) -> bool:
        """Whether a mention at `now` may still join it."""
        return self.touched + HORIZON >= now


class Filed:
    """One distinct text of a node, by its shingles."""

    __slots__ = ("node", "whole")

    def __init__(self, node: Node, whole: frozenset[int]) -> None:
        self.node, self.whole = node, whole


class Grouping:
    """The living nodes of one subject. `fold` makes texts comparable (monitor/scoring/fold.py)."""

    def __init__(self, fold: Callable[[str], str]) -> None:
        self._fold = fold
        self._nodes: dict[bytes, Node] = {}
        self._by_key: dict[int, Node] = {}
        self._also: dict[int, list[Node]] = {}  # later holders of a key, should the first one die before them
        self._by_shingle: dict[int, list[Filed]] = {}
        self._order = 0

    def find(self, mention: Mention, now: int) -> Node | None:
        """The living node the mention belongs to, or None."""
        for key in self._links(mention):
            node = self._holder(key, now)
            if node:
                return node
        for text in self._texts(mention):
            node = self._like(bare(text, self._fold), now)
            if node:
                return node
        return None

    def node(self, founder: bytes) -> Node | None:
        """The node that began with this mention, if it is not forgotten."""
        return self._nodes.get(founder)

    def join(self, node: Node, mention: Mention, now: int) -> None:
        """Make the mention part of a node, so that what links to it or repeats it finds the node."""
        node.touched = max(node.touched, now)
        for key in self._links(mention):
            self._file_key(key, node)
        for text in self._texts(mention):
            if text not in node.texts and len(node.texts) < _TEXTS_A_STORY:
                node.texts.add(text)
                self._file_text(node, bare(text, self._fold))

    def found(self, mention: Mention, story: str, now: int) -> Node:
        """A new node with this mention as its first; `story` "" for one that waits alone."""
        self._order += 1
        node = Node(mention.digest, story, now, self._order)
        self._nodes[node.founder] = node
        self.join(node, mention, now)
        return node

    def sweep(self, now: int) -> list[Node]:
        """Forget the nodes no longer alive; returns them. Changes no answer of `find`."""
        gone = [node for node in self._nodes.values() if not node.alive(now)]
        for node in gone:
            del self._nodes[node.founder]
            for key in node.keys:
                self._unfile_key(key, node)
            for filed in node.filed:
                self._unfile(filed)
        return gone

    def _links(self, mention: Mention) -> Iterable[int]:
        """Keys of the cascade: what it is, and what it says it belongs to."""
        names = (mention.root, mention.parent, mention.id)
        return [_key(mention.source, name) for name in names if name]

    def _texts(self, mention: Mention) -> list[str]:
        """By which words it may be a copy: those it passes on if any, else its own (a repost's few words are no copy's)."""
        if mention.quoted:
            return [mention.quoted]
        own = f"{mention.title} {mention.text}" if mention.title else mention.text
        return [own] if own else []

    def _holder(self, key: int, now: int) -> Node | None:
        """The first living node that has the key."""
        node = self._by_key.get(key)
        if node is None or node.alive(now):
            return node
        return next((other for other in self._also.get(key, ()) if other.alive(now)), None)

    def _file_key(self, key: int, node: Node) -> None:
        holder = self._by_key.get(key)
        if holder is node:
            return
        if holder is None:
            self._by_key[key] = node
        else:
            others = self._also.setdefault(key, [])
            if node in others:
                return
            others.append(node)
        node.keys.append(key)

    def _unfile_key(self, key: int, node: Node) -> None:
        others = self._also.pop(key, [])
        if self._by_key.get(key) is node:
            del self._by_key[key]
        left = [other for other in others if other is not node]
        if left and key not in self._by_key:
            self._by_key[key] = left.pop(0)
        if left:
            self._also[key] = left

    def _file_text(self, node: Node, words: str) -> None:
        if len(words) >= WORDED:
            self._file_key(fingerprint(words), node)
        whole = shingles(words)
        if len(whole) >= ENOUGH:
            filed = Filed(node, whole)
            node.filed.append(filed)
            for shingle in sampled(whole):
                self._by_shingle.setdefault(shingle, []).append(filed)

    def _unfile(self, filed: Filed) -> None:
        for shingle in sampled(filed.whole):
            bucket = self._by_shingle[shingle]
            bucket.remove(filed)
            if not bucket:
                del self._by_shingle[shingle]

    def _like(self, words: str, now: int) -> Node | None:
        """The node that has these words, or most of them; of several the one that began first."""
        node = self._holder(fingerprint(words), now) if len(words) >= WORDED else None
        if node:
            return node
        whole = shingles(words)
        if len(whole) < ENOUGH:
            return None
        alike = [filed.node for filed in self._candidates(whole, now) if contains(whole, filed.whole)]
        return min(alike, key=lambda node: node.order, default=None)

    def _candidates(self, whole: frozenset[int], now: int) -> list[Filed]:
        """The filed texts that share the most shingles with this one; a function of the living alone."""
        shared: dict[Filed, int] = {}
        for shingle in whole:
            bucket = self._by_shingle.get(shingle)
            if bucket:
                living = [filed for filed in bucket if filed.node.alive(now)]
                for filed in living if len(living) <= _COMMON else ():
                    shared[filed] = shared.get(filed, 0) + 1
        return sorted(shared, key=lambda filed: (-shared[filed], filed.node.order))[:_CANDIDATES]


def _key(source: str, item: str) -> int:
    return int.from_bytes(identity(source, item)[:8], "big")
