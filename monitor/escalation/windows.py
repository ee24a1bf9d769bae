"""
Windows: what a story weighs in the last 10 minutes, hour and day, kept as running counts.

Only mentions that spread ill talk enter (sensitive ones, and those that pass sensitive words on); each author, platform and
outlet counts once a window. All sums are of ints, so that a rebuilt window equals one that lived, bit for bit.

Windows are of when it was said. Growth alone also asks when we heard: what a source brings hours late is as new to us as what is said now.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import MutableMapping, Sequence
from functools import lru_cache
from math import log, log1p
from operator import attrgetter
from typing import NamedTuple, Self, TypeVar

from monitor.alert import Level, ReasonCode
from monitor.clock import DAY, HOUR, MINUTE

SPANS = (10 * MINUTE, HOUR, DAY)
LATE = range(HOUR, 23 * HOUR)  # heard so long after it was said: such a fact is new for an hour, all of it within the day's window
TEN, ONE_HOUR, ONE_DAY = range(3)
_MILLI = 1000
VIEWS_A_REACTION = 10
MOST = 250_000  # facts of one story: about 130 MB; of a day with more the latest count, as many as ever decide a level and many more
_SPENT = 256  # facts that left every window, or are beyond MOST, before the list is cut
_FEW = 12  # facts that are counted when asked: running counts of so few take more room, and more time, than they save
_SHARED = 2_048  # of what many facts have in common, so many are remembered
_HEARD = attrgetter("heard", "order")
_AT = attrgetter("at")
_ALL = (0, 0, 0)
K = TypeVar("K")


class Lift(NamedTuple):
    """The floor of a rule that hit a sensitive mention; of two as high the one whose rule sorts last is told."""

    level: Level
    rule: str


class Said(NamedTuple):
    """What the facts of many mentions have in common."""

    platform: str
    media: str | None
    kol: int | None
    severity: float
    sensitive: bool
    lift: Lift | None


# A day may hold hundreds of thousands of facts, and of these there are few: one of each is kept. A cache changes no answer.
_said = lru_cache(_SHARED)(Said)


@lru_cache(_SHARED)
def _name(outlet: str | None) -> str | None:
    return outlet


class Fact:
    """One counted mention, as the windows see it. `at`, `heard` in micros; `weight` in thousandths of ln(1 + reactions)."""

    __slots__ = ("at", "author", "digest", "heard", "order", "outlet", "reach", "said", "voice", "weight")

    def __init__(
        self, *, at: int, heard: int, order: int, digest: bytes, voice: int, author: int, platform: str, outlet: str | None,
        media: str | None, kol: int | None, severity: float, sensitive: bool, weight: int, reach: int = 0, lift: Lift | None = None,
    ) -> None:  # fmt: skip
        self.at, self.heard = at, at if heard == at else heard
        self.order, self.digest, self.voice, self.author = order, digest, voice, author
        self.outlet, self.said = _name(outlet), _said(platform, media, kol, severity, sensitive, lift)
        self.weight, self.reach = weight, reach

    @property
    def late(self) -> bool:
        """Whether it was said long before we heard of it."""
        return self.heard - self.at in LATE

    def __lt__(self, other: "Fact") -> bool:
        return (self.at, self.order) < (other.at, other.order)


def reaction_weight(engagement: int, views: int) -> int:
    """What reactions weigh: ln, so that one viral post does not dwarf all else; a view a tenth of a reaction. Thousandths."""
    return round(_MILLI * (log1p(engagement) + log1p(views / VIEWS_A_REACTION)))


def reach(engagement: int, views: int) -> int:
    """
    How many one mention reached: its views, a reaction for ten of them. Two digits are kept, so that few figures are ever told apart.

    Levels look at the farthest single mention, never at a sum: a thousand little-seen ones are no more than one.
    """
    far = views + VIEWS_A_REACTION * engagement
    unit: int = 10 ** max(len(str(far)) - 2, 0)
    return far // unit * unit


class Windows:
    """
    The three windows of one story. `advance(now)` first, then `indicators()`.

    Most stories are small: those are counted when asked, and what is empty is one thing for all of them.
    """

    __slots__ = ("_late", "_tally", "facts", "starts")

    def __init__(self) -> None:
        self.facts: list[Fact] | tuple[()] = ()
        self.starts = _ALL  # the first fact of each window
        self._late: list[Fact] | tuple[()] = ()  # those heard late within the last hour, in that order
        self._tally: Tally | None = None

    def add(self, fact: Fact, now: int) -> None:
        """Count a fact in every window it is not already too old for at `now` (no earlier than the last advance)."""
        if fact.at <= now - DAY:
            return
        place = self._place(fact)
        for i, span in enumerate(SPANS):
            if fact.at <= now - span:
                self._start(i, self.starts[i] + 1)
            elif place < self.starts[i]:  # cannot be: what lies before a start is older than the window
                message = "a fact inside a window lies before its start"
                raise AssertionError(message)
            else:
                self._count(i, fact, 1)
        if fact.late and fact.heard > now - HOUR:
            self._late = self._late or []
            insort(self._late, fact, key=_HEARD)
            if self._tally:
                bump(self._tally.fresh, fact.author, 1)
        if self._tally is None and len(self.facts) > _FEW:
            self._tally = Tally(self.facts, self.starts, self._late)

    def within(self, now: int) -> int:
        """How many facts are in the day's window at `now`, however far these have advanced."""
        return len(self.facts) - bisect_right(self.facts, now - DAY, key=_AT)

    def spill(self, most: int | None = None) -> list[bytes]:
        """Let go of the oldest where there are more than MOST, or than `most`; returns whose facts they were."""
        many = len(self.facts) - self.starts[ONE_DAY] - (MOST if most is None else most)
        if many <= (_SPENT if most is None else 0):
            return []
        end = self.starts[ONE_DAY] + many
        spilled = list(self.facts[self.starts[ONE_DAY] : end])
        for i in range(3):
            for fact in self.facts[self.starts[i] : end]:
                self._count(i, fact, -1)
            self._start(i, max(self.starts[i], end))
        late = set(spilled).intersection(self._late)
        for fact in late:
            self._forget_late(fact)
        self._cut(end)
        return [fact.digest for fact in spilled]

    def remove(self, digest: bytes) -> Fact | None:
        """Take one fact out again (a mention that left for a story of its own)."""
        fact = self._find(digest)
        if fact is None:
            return None
        place = bisect_left(self.facts, fact)
        for i in range(3):
            if place < self.starts[i]:
                self._start(i, self.starts[i] - 1)
            else:
                self._count(i, fact, -1)
        if self.facts:
            del self.facts[place]
        if fact.late and fact in self._late:
            self._forget_late(fact)
        return fact

    def unite(self, other: Self, now: int) -> list[bytes]:
        """Take over another story's facts; a voice that both have counts once, as first heard. Returns whose facts were dropped."""
        self.advance(now)
        other.advance(now)
        both = sorted([*self.facts[self.starts[ONE_DAY] :], *other.facts[other.starts[ONE_DAY] :]])
        self.facts, self.starts, self._late, self._tally = (), _ALL, (), None
        heard: set[int] = set()
        dropped: list[bytes] = []
        for fact in both:
            if fact.voice in heard:
                dropped.append(fact.digest)
            else:
                heard.add(fact.voice)
                self.add(fact, now)
        return dropped

    def reweigh(self, digest: bytes, weight: int, reach: int = 0) -> bool:
        """Give a fact's reactions their newest weight and reach; False if it is in no window."""
        fact = self._find(digest)
        if fact is None or not self._in_day(fact):
            return False
        if self._tally:
            self._tally.reweigh(fact, weight, reach)
        fact.weight, fact.reach = weight, reach
        return True

    def counts(self, digest: bytes) -> bool:
        """Whether the fact is in the day's window."""
        fact = self._find(digest)
        return fact is not None and self._in_day(fact)

    def heard(self, voice: int) -> bool:
        """Whether this voice is in the day's window already."""
        if self._tally:
            return voice in self._tally.voices
        return any(fact.voice == voice for fact in self.facts[self.starts[ONE_DAY] :])

    def advance(self, now: int) -> None:
        """Let go of what is too old at `now`: a window of span s holds (now - s, now]."""
        facts = self.facts
        if not facts:
            return
        for i, span in enumerate(SPANS):
            limit, start = now - span, self.starts[i]
            if start == len(facts) or facts[start].at > limit:
                continue
            while start < len(facts) and facts[start].at <= limit:
                self._count(i, facts[start], -1)
                start += 1
            self._start(i, start)
        if self._late:
            self._let_go(now - HOUR)
        gone = self.starts[ONE_DAY]
        if gone > _SPENT or gone == len(facts):
            self._cut(gone)

    def _let_go(self, limit: int) -> None:
        """What was heard late is news no longer."""
        news = bisect_right(self._late, limit, key=lambda fact: fact.heard)
        if self._tally:
            for fact in self._late[:news]:
                bump(self._tally.fresh, fact.author, -1)
        if news == len(self._late):
            self._late = ()
        elif self._late:
            del self._late[:news]

    def _cut(self, gone: int) -> None:
        ten, hour, day = self.starts
        self.starts = (ten - gone, hour - gone, day - gone)
        if gone == len(self.facts):
            self.facts = ()
        elif self.facts:
            del self.facts[:gone]
        if len(self.facts) <= _FEW // 2:
            self._tally = None

    def next_expiry(self) -> int | None:
        """When the next fact leaves a window, micros; None when all are empty."""
        facts = self.facts
        leaving = [facts[start].at + SPANS[i] for i, start in enumerate(self.starts) if start < len(facts)]
        return min(leaving + [fact.heard + HOUR for fact in self._late[:1]], default=None)

    def indicators(self) -> dict[ReasonCode, float]:
        """The named indicators of this moment; all floats, as they come back from the wire."""
        if not self.facts:
            return dict(_SILENCE)
        return (self._tally or Tally(self.facts, self.starts, self._late)).indicators()

    @property
    def lift(self) -> Lift | None:
        """The highest floor of a rule in the day's window."""
        if self._tally:
            return max(self._tally.lifts, default=None)
        return max((fact.said.lift for fact in self.facts[self.starts[ONE_DAY] :] if fact.said.lift), default=None)

    def _count(self, window: int, fact: Fact, by: int) -> None:
        if self._tally:
            self._tally.count(window, fact, by)

    def _forget_late(self, fact: Fact) -> None:
        if self._late:
            self._late.remove(fact)
        if self._tally:
            bump(self._tally.fresh, fact.author, -1)

    def _place(self, fact: Fact) -> int:
        """Put a fact among the others, in their order; where."""
        facts = self.facts
        if not facts:
            self.facts = [fact]
        elif facts[-1] < fact:
            facts.append(fact)
        else:
            place = bisect_left(facts, fact)
            facts.insert(place, fact)
            return place
        return len(self.facts) - 1

    def _start(self, window: int, start: int) -> None:
        ten, hour, day = self.starts
        self.starts = (start if window == TEN else ten, start if window == ONE_HOUR else hour, start if window == ONE_DAY else day)

    def _find(self, digest: bytes) -> Fact | None:
        if self._tally:
            return self._tally.by_digest.get(digest)
        return next((fact for fact in self.facts if fact.digest == digest), None)

    def _in_day(self, fact: Fact) -> bool:
        start = self.starts[ONE_DAY]
        return start < len(self.facts) and not fact < self.facts[start]


class Tally:
    """Running counts of the three windows over these facts. `fresh`: who spoke in the last hour, or was heard late in it."""

    __slots__ = ("authors", "by_digest", "fresh", "kol", "lifts", "media", "outlets", "platforms", "reaches", "sensitive", "severities",
                 "voices", "weight")  # fmt: skip

    def __init__(self, facts: Sequence[Fact], starts: Sequence[int], late: Sequence[Fact]) -> None:
        self.by_digest: dict[bytes, Fact] = {}
        self.authors: tuple[dict[int, int], dict[int, int], dict[int, int]] = ({}, {}, {})
        self.fresh: dict[int, int] = {}
        self.platforms: dict[str, int] = {}
        self.outlets: dict[str, int] = {}
        self.media: dict[str, int] = {}
        self.kol: dict[int, int] = {}
        self.severities: dict[float, int] = {}
        self.lifts: dict[Lift, int] = {}
        self.reaches: dict[int, int] = {}
        self.voices: dict[int, int] = {}
        self.sensitive = 0
        self.weight = 0
        for window, start in enumerate(starts):
            for fact in facts[start:] if start else facts:
                self.count(window, fact, 1)
        for fact in late:
            bump(self.fresh, fact.author, 1)

    def count(self, window: int, fact: Fact, by: int) -> None:
        """Let a fact enter (1) or leave (-1) a window."""
        bump(self.authors[window], fact.author, by)
        if window == ONE_HOUR:
            bump(self.fresh, fact.author, by)
        if window != ONE_DAY:
            return
        if by > 0:
            self.by_digest[fact.digest] = fact
        else:
            self.by_digest.pop(fact.digest, None)
        said = fact.said
        bump(self.platforms, said.platform, by)
        bump(self.severities, said.severity, by)
        bump(self.reaches, fact.reach, by)
        bump(self.voices, fact.voice, by)
        if fact.outlet is not None:
            bump(self.outlets, fact.outlet, by)
        if said.lift is not None:
            bump(self.lifts, said.lift, by)
        if said.media is not None:
            bump(self.media, said.media, by)
        if said.kol is not None:
            bump(self.kol, said.kol, by)
        self.sensitive += by * said.sensitive
        self.weight += by * fact.weight

    def reweigh(self, fact: Fact, weight: int, reach: int) -> None:
        """A fact of the day's window is about to have other reactions."""
        self.weight += weight - fact.weight
        bump(self.reaches, fact.reach, -1)
        bump(self.reaches, reach, 1)

    def indicators(self) -> dict[ReasonCode, float]:
        """The named indicators."""
        ten, hour, day = (len(authors) for authors in self.authors)
        fresh = len(self.fresh)
        return {
            ReasonCode.SENSITIVE_24H: float(self.sensitive),
            ReasonCode.AUTHORS_10M: float(ten),
            ReasonCode.AUTHORS_1H: float(hour),
            ReasonCode.AUTHORS_24H: float(day),
            ReasonCode.PLATFORMS_24H: float(len(self.platforms)),
            ReasonCode.OUTLETS_24H: float(len(self.outlets)),
            ReasonCode.MEDIA_24H: float(len(self.media)),
            ReasonCode.KOL_24H: float(len(self.kol)),
            ReasonCode.SEVERITY_24H: float(max(self.severities, default=0.0)),
            ReasonCode.REACH_24H: float(max(self.reaches, default=0)),
            ReasonCode.GROWTH: float(round(fresh / max(1.0, (day - fresh) / 23), 2)),
            ReasonCode.HEAT: self._heat(hour, day),
        }

    def _heat(self, hour: int, day: int) -> float:
        """
        发酵指数, 0..100: x / (x + 20) of a sum of logarithms, so that each doubling adds alike and noise cannot run away.

        Weights follow the common form of published indices (ln(1+x) a counter, media and platforms over plain authors).
        """
        if not day:
            return 0.0
        x = 2 * log1p(day) + 3 * log1p(hour) + log1p(self.weight / _MILLI)
        x += 3 * log1p(len(self.media)) + 2 * log1p(len(self.kol)) + 3 * log(max(1, len(self.platforms)))
        return round(100 * x / (x + 20), 1)


def bump(counter: MutableMapping[K, int], key: K, by: int) -> None:
    """Count a key up or down; one at 0 is no longer there, so that `len` counts the distinct."""
    count = counter.get(key, 0) + by
    if count:
        counter[key] = count
    else:
        del counter[key]


_SILENCE = Tally((), (0, 0, 0), ()).indicators()
