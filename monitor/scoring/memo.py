"""A bounded memory of what was worked out for a text: half of a stream repeats the words it passes on."""

from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")


class Memo(Generic[V]):
    """
    Remembers `work(text)` for the texts met lately, at most `characters` of them together, whatever the traffic is.

    Two generations: the young one grows to half the bound and then becomes the old one; a text met again moves to the young.
    That costs one dict look-up where a true LRU keeps a linked list in order.
    """

    def __init__(self, work: Callable[[str], V], characters: int) -> None:
        self._work = work
        self._half = characters // 2
        self._young: dict[str, V] = {}
        self._old: dict[str, V] = {}
        self._weight = 0

    def __call__(self, text: str) -> V:
        if text in self._young:
            return self._young[text]
        value = self._old[text] if text in self._old else self._work(text)
        self._keep(text, value)
        return value

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def _keep(self, text: str, value: V) -> None:
        weight = len(text) + 50  # what an entry costs besides its characters, roughly
        if weight > self._half:
            return
        if self._weight + weight > self._half:
            self._old, self._young, self._weight = self._young, {}, 0
        self._young[text] = value
        self._weight += weight
