"""A bounded memory of what was worked out for a text: half of a stream repeats the words it passes on."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
OVERHEAD = 50  # what an entry costs besides its characters, counted in characters


class Memo(Generic[K, V]):
    """
    Remembers what belongs to the texts met lately, at most `characters` of them together, whatever the traffic is.

    `weigh`: how many characters a key stands for.

    Two generations: the young one grows to half the bound and then becomes the old one; a text met again moves to the young.
    That costs one dict look-up where a true LRU keeps a linked list in order. What is forgotten is worked out again: the
    memory changes the speed of an answer, never the answer.
    """

    def __init__(self, characters: int, weigh: Callable[[Any], int] = len) -> None:
        self._half = characters // 2
        self._weigh = weigh
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}
        self._weight = 0

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

    def get(self, text: K) -> V | None:
        """What belongs to the text, or None when it is not remembered."""
        value = self._young.get(text)
        if value is None and (value := self._old.get(text)) is not None:
            self.put(text, value)
        return value

    def all(self, texts: Iterable[K], work_out: Callable[[list[K]], Sequence[V]]) -> dict[K, V]:
        """What belongs to each distinct text; what is not remembered is worked out together, for that is cheaper."""
        found: dict[K, V] = {}
        missing: dict[K, None] = {}
        for text in texts:
            if text in found or text in missing:
                continue
            value = self.get(text)
            if value is None:
                missing[text] = None
            else:
                found[text] = value
        for text, value in zip(missing, work_out(list(missing)) if missing else (), strict=True):
            self.put(text, value)
            found[text] = value
        return found

    def put(self, text: K, value: V) -> None:
        """Remember it, unless one text alone is past the bound."""
        weight = self._weigh(text) + OVERHEAD
        if weight > self._half:
            return
        if self._weight + weight > self._half:
            self._old, self._young, self._weight = self._young, {}, 0
        self._young[text] = value
        self._weight += weight
