"""Short texts laid side by side, so that what looks for words passes over many at once: a call costs more than a text."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SEPARATOR = "\n"
MOST = 16_384  # characters together, unless one text alone is longer: what is found in them is held at once


@dataclass(frozen=True, slots=True)
class Lot:
    """Some texts, a line's end between; `first`: the number of the first, `ends`: where each ends."""

    text: str
    first: int
    ends: Sequence[int]

    def owner(self, start: int) -> int:
        """The number of the text in which this place lies."""
        return self.first + bisect_right(self.ends, start)


def lots(texts: Sequence[str]) -> Iterator[Lot]:
    """The texts, in their order."""
    first, size, ends = 0, 0, list[int]()
    for number, text in enumerate(texts):
        if ends and size + len(text) > MOST:
            yield Lot(SEPARATOR.join(texts[first:number]), first, ends)
            first, size, ends = number, 0, []
        size += len(text) + len(SEPARATOR)
        ends.append(size)
    if ends:
        yield Lot(SEPARATOR.join(texts[first:]), first, ends)
