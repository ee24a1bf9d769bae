"""
Windows: what a story weighs in the last 10 minutes, hour and day, kept as running counts.

Only mentions that spread ill talk enter (sensitive ones, and those that pass sensitive words on); each author, platform and
outlet counts once a window. All sums are of ints, so that a rebuilt window equals one that lived, bit for bit.
"""

from bisect import insort
from collections import Counter
from math import log, log1p
from typing import TypeVar

from monitor.alert import ReasonCode
from monitor.clock import DAY, HOUR, MINUTE

SPANS = (10 * MINUTE, HOUR, DAY)
TEN, ONE_HOUR, ONE_DAY = range(3)
_MILLI = 1000
VIEWS_A_REACTION = 10
_SPENT = 256  # facts that left every window, before the list is cut
K = TypeVar("K")


class Fact:
    """One counted mention, as the windows see it. `at` in micros; `weight` in thousandths of ln(1 + reactions); `reach` as below."""

    __slots__ = ("at", "author", "digest", "kol", "media", "order", "outlet", "platform", "reach", "sensitive", "severity",
                 "voice", "weight")  # fmt: skip

    def __init__(
        self, *, at: int, order: int, digest: bytes, voice: int, author: int, platform: str, outlet: str | None,
        media: str | None, kol: int | None, severity: float, sensitive: bool, weight: int, reach: int = 0,
    ) -> None:  # fmt: skip
        self.at, self.order, self.digest, self.voice = at, order, digest, voice
        self.author, self.platform, self.outlet = author, platform, outlet
        self.media, self.kol, self.severity, self.sensitive, self.weight = media, kol, severity, sensitive, weight
        self.reach = reach

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
    """The three windows of one story. `advance(now)` first, then `indicators()`."""

    __slots__ = ("authors", "facts", "kol", "media", "outlets", "platforms", "reaches", "sensitive", "severities", "starts",
                 "voices", "weight")  # fmt: skip

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.starts = [0, 0, 0]
        self.authors: tuple[Counter[int], Counter[int], Counter[int]] = (Counter(), Counter(), Counter())
        self.platforms: Counter[str] = Counter()
        self.outlets: Counter[str] = Counter()
        self.media: Counter[str] = Counter()
        self.kol: Counter[int] = Counter()
        self.severities: Counter[float] = Counter()
        self.reaches: Counter[int] = Counter()
        self.voices: Counter[int] = Counter()
        self.sensitive = 0
        self.weight = 0

    def add(self, fact: Fact, now: int) -> None:
        """Count a fact in every window it is not already too old for at `now` (no earlier than the last advance)."""
        if fact.at <= now - DAY:
            return
        if not self.facts or self.facts[-1] < fact:
            self.facts.append(fact)
            place = len(self.facts) - 1
        else:
            insort(self.facts, fact)
            place = self.facts.index(fact)
        for i, span in enumerate(SPANS):
            if fact.at <= now - span:
                self.starts[i] += 1
            elif place < self.starts[i]:  # cannot be: what lies before a start is older than the window
                message = "a fact inside a window lies before its start"
                raise AssertionError(message)
            else:
                self._count(i, fact, 1)

    def remove(self, digest: bytes) -> Fact | None:
        """Take one fact out again (a mention that left for a story of its own)."""
        for place, fact in enumerate(self.facts):
            if fact.digest == digest:
                for i in range(3):
                    if place >= self.starts[i]:
                        self._count(i, fact, -1)
                    else:
                        self.starts[i] -= 1
                del self.facts[place]
                return fact
        return None

    def reweigh(self, digest: bytes, weight: int, reach: int = 0) -> bool:
        """Give a fact's reactions their newest weight and reach; False if it is in no window."""
        for place in range(len(self.facts) - 1, self.starts[ONE_DAY] - 1, -1):
            if self.facts[place].digest == digest:
                self.weight += weight - self.facts[place].weight
                self.facts[place].weight = weight
                bump(self.reaches, self.facts[place].reach, -1)
                bump(self.reaches, reach, 1)
                self.facts[place].reach = reach
                return True
        return False

    def counts(self, digest: bytes) -> bool:
        """Whether the fact is in the day's window."""
        facts = self.facts
        return any(facts[place].digest == digest for place in range(len(facts) - 1, self.starts[ONE_DAY] - 1, -1))

    def advance(self, now: int) -> None:
        """Let go of what is too old at `now`: a window of span s holds (now - s, now]."""
        facts = self.facts
        for i, span in enumerate(SPANS):
            limit, start = now - span, self.starts[i]
            while start < len(facts) and facts[start].at <= limit:
                self._count(i, facts[start], -1)
                start += 1
            self.starts[i] = start
        gone = self.starts[ONE_DAY]
        if gone > _SPENT or gone == len(facts):
            del facts[:gone]
            self.starts = [start - gone for start in self.starts]

    def next_expiry(self) -> int | None:
        """When the next fact leaves a window, micros; None when all are empty."""
        facts = self.facts
        return min((facts[start].at + SPANS[i] for i, start in enumerate(self.starts) if start < len(facts)), default=None)

    def _count(self, window: int, fact: Fact, by: int) -> None:
        bump(self.authors[window], fact.author, by)
        if window != ONE_DAY:
            return
        bump(self.platforms, fact.platform, by)
        bump(self.severities, fact.severity, by)
        bump(self.reaches, fact.reach, by)
        bump(self.voices, fact.voice, by)
        if fact.outlet is not None:
            bump(self.outlets, fact.outlet, by)
        if fact.media is not None:
            bump(self.media, fact.media, by)
        if fact.kol is not None:
            bump(self.kol, fact.kol, by)
        self.sensitive += by * fact.sensitive
        self.weight += by * fact.weight

    def indicators(self) -> dict[ReasonCode, float]:
        """The named indicators of this moment; all floats, as they come back from the wire."""
        ten, hour, day = (len(authors) for authors in self.authors)
        counted = {
            ReasonCode.SENSITIVE_24H: self.sensitive,
            ReasonCode.AUTHORS_10M: ten,
            ReasonCode.AUTHORS_1H: hour,
            ReasonCode.AUTHORS_24H: day,
            ReasonCode.PLATFORMS_24H: len(self.platforms),
            ReasonCode.OUTLETS_24H: len(self.outlets),
            ReasonCode.MEDIA_24H: len(self.media),
            ReasonCode.KOL_24H: len(self.kol),
            ReasonCode.SEVERITY_24H: max(self.severities, default=0.0),
            ReasonCode.REACH_24H: max(self.reaches, default=0),
            ReasonCode.GROWTH: round(hour / max(1.0, (day - hour) / 23), 2),
            ReasonCode.HEAT: self._heat(hour, day),
        }
        return {code: float(value) for code, value in counted.items()}

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


def bump(counter: Counter[K], key: K, by: int) -> None:
    """Count a key up or down; one at 0 is no longer there, so that `len` counts the distinct."""
    count = counter[key] + by
    if count:
        counter[key] = count
    else:
        del counter[key]
