"""
Happening: whether two texts of one subject tell the same in other words.

What both say is weighed by how rare it is (rarity.py), in general and among the living stories of this subject: a name, a place, a
large figure tells much, what half the subject talks about nothing. Words that stand together in the new text are one thing said, so
at least two rare things must be shared; and the longer ago it was told, the more of them.
"""

from collections.abc import Mapping, Sequence
from math import log

from monitor.clock import DAY
from monitor.stories.node import DAYS, Filed, Node
from monitor.stories.segments import Segment
from monitor.stories.telling import FILED_TERMS, Telling, mass, term_key, unpacked, weights

NEEDED = 14.0  # shared weight at the same moment
_LATER = 0.45  # by how much more of it at the end of the days
_SHARE = 0.3  # of the text that says less: below it what is shared counts less, above it more
_MOST_BY_SHARE = 1.1
_PHRASE = 8  # neighbouring pairs: words that run on for so long are more than a name
_RARE_THING = 4.0
_THINGS = 2
_COMMON = 32  # of the texts that share a term only the newest are looked at
_CANDIDATES = 8
_LIKELY = 6.0  # weight of rare terms that must be shared for a closer look
_PRIOR = 40  # stories as if there were so many more: a few stories say little of what is common
_MOST = 1_000  # and no more than so many, for of a common term no more than `_COMMON` texts were looked at

Having = dict[str, list[Filed]]


def same_happening(telling: Telling, segments: Sequence[Segment], now: int) -> Node | None:
    """The node that tells the same happening most clearly, the older one of equals; None if none does clearly enough."""
    found = weights(telling.sought)
    if mass(found) < NEEDED / 2:
        return None
    having, candidates = _look_up(found, segments, now)
    stories = min(sum(segment.living for segment in segments), _MOST) + _PRIOR
    best: tuple[float, int, Node] | None = None
    for filed in candidates:
        value = _likeness(telling.sought, _here(found, having, filed.node, stories), filed, mass(found))
        if value >= NEEDED * (1 + _LATER * max(0, now - filed.at) / (DAYS * DAY)):
            best = max(best or (0.0, 0, filed.node), (value, -filed.node.order, filed.node), key=lambda one: one[:2])
    return best[2] if best else None


def _look_up(found: Mapping[str, float], segments: Sequence[Segment], now: int) -> tuple[Having, list[Filed]]:
    """Which texts have each of the rarest terms, and those that share the most, if it can be enough."""
    having: Having = {}
    shared: dict[Filed, float] = {}
    for term in sorted(found, key=lambda term: -found[term])[:FILED_TERMS]:
        having[term] = _newest(term_key(term), segments, now - DAYS * DAY)
        for filed in having[term]:
            shared[filed] = shared.get(filed, 0.0) + found[term]
    likely = [filed for filed, value in shared.items() if value >= _LIKELY]
    return having, sorted(likely, key=lambda filed: (-shared[filed], filed.order))[:_CANDIDATES]


def _newest(key: int, segments: Sequence[Segment], since: int) -> list[Filed]:
    texts: list[Filed] = []
    for segment in segments:
        if len(texts) < _COMMON:
            texts += segment.terms.newest(key, _COMMON - len(texts), since)
    return texts


def _here(found: Mapping[str, float], having: Having, node: Node, stories: int) -> dict[str, float]:
    """What each term tells in this subject: little if many of its other stories say it too."""
    here = dict(found)
    for term, texts in having.items():
        others = len({filed.node for filed in texts if filed.node is not node})
        if others:
            here[term] = min(here[term], log(stories / others))
    return here


def _likeness(ordered: Sequence[str], here: Mapping[str, float], filed: Filed, whole: float) -> float:
    """The weight of what both say, by its share of the text that says less; nothing unless it is more than one thing."""
    theirs, things, total = unpacked(filed.terms), 0, 0.0
    run: list[float] = []
    left = dict(here)
    for term in (*ordered, ""):
        if term in left and term_key(term) in theirs:
            run.append(left.pop(term))
        elif run:
            most = max(run)
            total += (most + sum(run)) / 2
            things += (most >= _RARE_THING) * (1 + (len(run) >= _PHRASE))
            run = []
    share = total / max(1.0, min(whole, filed.mass))
    return total * min(_MOST_BY_SHARE, (share / _SHARE) ** 0.5) if things >= _THINGS else 0.0
