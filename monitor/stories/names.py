"""
Names: what every mention of a subject says anyway. Two texts that share nothing else share nothing.

What is filed keeps the names, so that other names change nothing that others find; the text that looks for its like leaves them out.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple, Self

from monitor.stories.rarity import terms
from monitor.stories.shingles import bare, brief


class Names(NamedTuple):
    """The longest first: `words` as they stand in bare words, `runs` the terms of each in order."""

    words: tuple[str, ...]
    runs: tuple[list[str], ...]

    @classmethod
    def of(cls, names: Collection[str], fold: Callable[[str], str]) -> Self:
        """As they are written, by one who makes texts comparable."""
        folded = sorted({fold(name) for name in names if name}, key=lambda name: (-len(name), name))
        runs = [_between(terms(name)) for name in folded]
        words = dict.fromkeys(filter(None, (bare(brief(name)) for name in folded)))
        return cls(tuple(words), tuple(run for run in runs if run))

    def without(self, ordered: list[str]) -> list[str]:
        """The terms of a text, "" in place of those that touch a name; the same list if none does."""
        left = ordered
        for run in self.runs:
            for at in [at for at, term in enumerate(left) if term == run[0]] if run[0] in left else ():
                if left[at : at + len(run)] == run:
                    left = left.copy() if left is ordered else left
                    first, end = max(0, at - 1), min(len(left), at + len(run) + 1)
                    left[first:end] = [""] * (end - first)
        return left


def _between(ordered: list[str]) -> list[str]:
    """The terms from the first to the last that is one."""
    places = [at for at, term in enumerate(ordered) if term]
    return ordered[places[0] : places[-1] + 1] if places else []
