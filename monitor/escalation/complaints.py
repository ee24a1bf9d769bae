"""The largest complaints among mentions that belong together in nothing else: what a residual story's alert names."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain, combinations
from operator import add

import msgspec

from monitor.stories.title import shown

NAMED = 3
_COLON, _BETWEEN = ": ", "; "
_ALIKE = 0.2  # Jaccard of character pairs, from which two mentions complain of the same
_COMMON = 0.5  # a pair in more of the mentions than this share is the subject's name, or talk: it says nothing
_FEW = 4  # of so few mentions any pair may be in most


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """One mention: its place in the log, how far it was heard, what it would be called, its words."""

    digest: bytes
    order: int
    far: int
    title: str
    words: str


def largest(complaints: Sequence[Complaint]) -> list[Complaint]:
    """
    At most three that stand for the largest groups, the largest first; none like another named before.

    A group is those whose words are like the one named; of equal groups the farthest heard goes first, then the earliest.
    """
    pairs = _telling(complaints)
    alike = [[False] * len(pairs) for _ in pairs]
    for n, m in combinations(range(len(pairs)), 2):
        alike[n][m] = alike[m][n] = _alike(pairs[n], pairs[m])
    ranked = sorted(range(len(complaints)), key=lambda n: (-sum(alike[n]), -complaints[n].far, complaints[n].order))
    named: list[int] = []
    for n in ranked:
        if len(named) < NAMED and not any(alike[n][other] for other in named):
            named.append(n)
    return [complaints[n] for n in named]


def headed(title: str, complaints: Sequence[Complaint], room: int) -> str:
    """The title with those complaints behind it in `room` characters; each gets the same share of it, and what shorter ones leave."""
    left = room - len(title) - len(_COLON) - len(_BETWEEN) * (len(complaints) - 1)
    cut: dict[bytes, str] = {}
    for n, one in enumerate(sorted(complaints, key=lambda one: len(one.title))):
        cut[one.digest] = shown(one.title, left // (len(complaints) - n))
        left -= len(cut[one.digest])
    return title + _COLON + _BETWEEN.join(cut[one.digest] for one in complaints) if complaints else title


def _telling(complaints: Sequence[Complaint]) -> list[frozenset[str]]:
    """The character pairs of each, without those that most have."""
    pairs = [frozenset(map(add, one.words, one.words[1:])) for one in complaints]
    if len(pairs) < _FEW:
        return pairs
    shared = Counter(chain.from_iterable(pairs))
    common = {pair for pair, count in shared.items() if count > _COMMON * len(pairs)}
    return [one - common for one in pairs]


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    shared = len(one & other)
    return shared > _ALIKE * (len(one) + len(other) - shared)
