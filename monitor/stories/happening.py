"""
Happening: whether two texts of one subject tell the same in other words.

What both say is weighed by how rare it is (rarity.py), in general and among the living stories of this subject: a name, a place, a
large figure tells much, what half the subject talks about nothing. Words that stand together in the new text are one thing said, so
at least two rare things must be shared; and the longer ago it was told, the more of them.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from math import inf, log

from monitor.clock import DAY
from monitor.stories.node import DAYS, Filed, Node
from monitor.stories.plain import KIND
from monitor.stories.segments import Segment
from monitor.stories.shingles import framed, tells_of_it
from monitor.stories.telling import FILED_TERMS, Telling, Termed, against, mass, unpacked

NEEDED = 13.0  # shared weight at the same moment
_SOLE = 12.0  # if what tells most of it is said in no other story of the subject, and nothing speaks against it
_LATER = 0.45  # by how much more of it at the end of the days
_SHARE = 0.3  # of the text that says less: below it what is shared counts less, above it more
_MOST_BY_SHARE = 1.1
_RUN = 1.5  # what words that run on may tell, by the rarest of them
_AGAINST = 0.5  # by how much more is needed for each kind of figure that differs
_MOST_AGAINST = 2
_RARE_THING = 4.0
_THINGS = 2
_BLOCK = 6  # terms that run on across stops: more than two facts side by side; a footer, a template or a quote, which is one thing
_ALL = 0.7  # of what the lesser text tells: so much in one block is the text itself
_ROUNDED = 1e-6  # by which two sums of the same may differ
_COMMON = 32  # of the texts that share a term only the newest are looked at
_CANDIDATES = 8
_LIKELY = 8.0  # weight of rare terms that must be shared for a closer look
_PRIOR = 40  # stories as if there were so many more: a few stories say little of what is common
_FEW = 2  # other stories that say a thing: they may be this happening, told again before it was known for one
_MOST = 1_000  # and no more than so many, for of a common term no more than `_COMMON` texts were looked at

Having = dict[str, list[Filed]]
Block = list[list[str]]  # runs of terms, with nothing between them but stops and what tells nothing


def same_happening(telling: Telling, segments: Sequence[Segment], now: int, others: Collection[Node] = ()) -> Node | None:
    """The node that tells the same happening most clearly, but for `others`, the older of equals; None if none does clearly."""
    termed = telling.words.termed
    found = termed.seeking
    whole = mass(found)
    if whole < NEEDED / 2:
        return None
    told = _by_key(termed)
    having, candidates = _look_up(termed, segments, now)
    stories = min(sum(segment.living for segment in segments), _MOST) + _PRIOR
    best: tuple[float, int, Node] | None = None
    for filed in (one for one in candidates if one.node not in others):
        terms = frozenset(unpacked(filed.terms))
        differ = min(against(termed.marks, terms), _MOST_AGAINST)
        needed = (NEEDED if differ else _SOLE) * (1 + _LATER * max(0, now - filed.at) / (DAYS * DAY)) * (1 + _AGAINST * differ)
        theirs = told.keys() & terms
        if _by_share(sum(map(told.__getitem__, theirs)), filed, whole) < needed - _ROUNDED:
            continue  # not even if all of it counted
        shared, all_of_it = _shared(termed, theirs), _all_of_it(telling, filed, whole, differ)
        value = _likeness(shared, found, filed, whole, all_of_it)
        if value >= needed:  # as it is in general; in this subject it may be less
            value = _likeness(shared, _here(shared, found, having, filed.node, stories), filed, whole, all_of_it)
            needed *= 1.0 if differ or _sole(shared, found, having) else NEEDED / _SOLE
        if value >= needed:
            best = max(best or (0.0, 0, filed.node), (value, -filed.node.order, filed.node), key=lambda one: one[:2])
    return best[2] if best else None


def _all_of_it(telling: Telling, filed: Filed, whole: float, differ: int) -> float:
    """How much one block must tell to be the text itself; 0 if it is only what both begin or end with, which tells nothing."""
    mine, theirs = telling.words.shingled, frozenset(unpacked(filed.whole))
    if not tells_of_it(mine, theirs, len(mine.whole & theirs)):
        return 0.0 if framed(mine, theirs) else inf
    return inf if differ else _ALL * min(whole, filed.mass)


def _look_up(termed: Termed, segments: Sequence[Segment], now: int) -> tuple[Having, list[Filed]]:
    """Which texts have each of the rarest terms, and those that share the most, if it can be enough."""
    found, sums = termed.seeking, termed.keys
    rarest = sorted(found, key=found.__getitem__, reverse=True)[:FILED_TERMS]
    under: dict[int, list[Filed]] = {}
    for segment in segments:
        segment.terms.gather(dict.fromkeys(map(sums.__getitem__, rarest)), _COMMON, now - DAYS * DAY, under)
    having = {term: under.get(sums[term], []) for term in rarest}
    shared: dict[Filed, float] = {}
    for term, texts in having.items():
        for filed in texts:
            shared[filed] = shared.get(filed, 0.0) + found[term]
    likely = [filed for filed, value in shared.items() if value >= _LIKELY]
    return having, sorted(likely, key=lambda filed: (-shared[filed], filed.order))[:_CANDIDATES]


def _by_key(termed: Termed) -> dict[int, float]:
    """What each key tells: all of its terms together."""
    told: dict[int, float] = {}
    for term, value in termed.seeking.items():
        told[termed.keys[term]] = told.get(termed.keys[term], 0.0) + value
    return told


def _here(shared: list[Block], found: Mapping[str, float], having: Having, node: Node, stories: int) -> dict[str, float]:
    """What each shared term tells in this subject: little if many of its other stories say it too, not if one or two do."""
    here: dict[str, float] = {}
    for term in chain.from_iterable(chain.from_iterable(shared)):
        others = len({filed.node for filed in having.get(term, ()) if filed.node is not node})
        here[term] = min(found[term], log(stories / others)) if others > _FEW else found[term]
    return here


def _sole(shared: list[Block], found: Mapping[str, float], having: Having) -> bool:
    """Whether what tells most of the shared, but for the kind of happening, stands in one story alone."""
    names = [term for term in chain.from_iterable(chain.from_iterable(shared)) if term[0] != KIND]
    most = max(names, key=found.__getitem__, default="")
    return len({filed.node for filed in having.get(most, ())}) == 1


def _shared(termed: Termed, theirs: Collection[int]) -> list[Block]:
    """The terms that both have, each once, in runs of those that stand together, and these in blocks; of the kinds of happening one."""
    seen = set[str]()
    blocks: list[Block] = [[[]]]
    for term in termed.sought:
        key = termed.keys.get(term)
        if key in theirs and (name := KIND if term[0] == KIND else term) not in seen:
            seen.add(name)
            blocks[-1][-1].append(term)
        elif key is not None and key not in theirs:
            blocks.append([[]])
        else:
            blocks[-1].append([])
    return [runs for block in blocks if (runs := [run for run in block if run])]


def _likeness(shared: list[Block], here: Mapping[str, float], filed: Filed, whole: float, all_of_it: float) -> float:
    """The weight of what both say, by its share of the text that says less; nothing unless it is more than one thing."""
    things, total = 0, 0.0
    for block in shared:
        weight, more = _told(block, here, all_of_it)
        things, total = things + more, total + weight
    return _by_share(total, filed, whole) if things >= _THINGS else 0.0


def _told(block: Block, here: Mapping[str, float], all_of_it: float) -> tuple[float, int]:
    """What a block tells, and of how many things: of one if it runs on for long, and is not all that the lesser text says."""
    values = [[here[term] for term in run] for run in block]
    most = [max(told) for told in values]
    weights = [min(_RUN * high, (high + sum(told)) / 2) for high, told in zip(most, values, strict=True)]
    things = sum(high >= _RARE_THING for high in most)
    if sum(map(len, block)) < _BLOCK or sum(map(sum, values)) / 2 >= all_of_it > 0:
        return sum(weights), things
    if not all_of_it:
        return 0.0, 0
    return min(sum(weights), _RUN * max(most)), min(things, 1)


def _by_share(total: float, filed: Filed, whole: float) -> float:
    """What is shared, by its share of the text that says less."""
    share = total / max(1.0, min(whole, filed.mass))
    by_share: float = (share / _SHARE) ** 0.5
    return total * min(_MOST_BY_SHARE, by_share)
