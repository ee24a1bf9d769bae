"""
How far people agree with the model: the arithmetic of `yuqing sentiment report`, one mention and subject at a time.

Every sum is of integers, so the order in which mentions come changes nothing; what is kept grows with subjects, platforms and weeks,
never with mentions.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappush, heappushpop
from math import sqrt
from typing import NamedTuple, get_args

import msgspec

from monitor.escalation.effects import Judgement
from monitor.score import EmotionLabel, Sentiment, SentimentLabel

LABELS: tuple[SentimentLabel, ...] = get_args(SentimentLabel)
EMOTIONS: tuple[EmotionLabel, ...] = get_args(EmotionLabel)
BANDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)  # where each band of confidence begins
MISTAKES = 20
_WHOLE = 1_000_000  # of a probability, so that sums are of integers
_Z = 1.959964  # 95 % lie within so many standard deviations


class Opinion(msgspec.Struct, frozen=True, gc=False):
    """What the model says of one mention and subject, and a person over it; `published_at` in micros."""

    subject: str
    digest: bytes
    published_at: int
    sentiment: Sentiment
    emotion: EmotionLabel
    judged: Judgement | None = None

    @property
    def confidence(self) -> float:
        """How sure the model is of its own label."""
        return float(getattr(self.sentiment, self.sentiment.label))


class Place(NamedTuple):
    """Where a mention was said."""

    platform: str
    kind: str


class Mistake(NamedTuple):
    """A mention that a person calls otherwise than the model; the surer the model, the greater."""

    confidence: float
    published_at: int
    digest: bytes
    subject: str
    opinion: Opinion


def wilson(agreed: int, judged: int) -> tuple[float, float]:
    """Between which shares the true one lies, 95 times in 100; of none judged nothing is known."""
    if not judged:
        return 0.0, 1.0
    share, slack = agreed / judged, _Z * _Z / judged
    middle = (share + slack / 2) / (1 + slack)
    reach = _Z * sqrt(share * (1 - share) / judged + slack / judged / 4) / (1 + slack)
    # At the ends the bound is the share itself, which rounding must not pass
    return max(0.0, min(share, middle - reach)), min(1.0, max(share, middle + reach))


@dataclass(slots=True)
class Agreement:
    """How often people said what the model said, of those they said anything of."""

    judged: int = 0
    agreed: int = 0

    def add(self, *, agrees: bool) -> None:
        """One more."""
        self.judged += 1
        self.agreed += agrees

    @property
    def share(self) -> float | None:
        """The share that agree; None: nobody said anything."""
        return self.agreed / self.judged if self.judged else None

    @property
    def interval(self) -> tuple[float, float]:
        """Between which shares the true one lies."""
        return wilson(self.agreed, self.judged)


@dataclass(slots=True)
class Part:
    """
    Some of the mentions: of a subject, a week, a platform, a kind, a band of confidence, or all of them.

    `model`: its labels of all of them, judged or not; `people`: the labels given by people. `judged`: those on which people said
    anything, `irrelevant` those they called not about the subject.
    """

    model: Counter[str] = field(default_factory=Counter)
    people: Counter[str] = field(default_factory=Counter)
    agreement: Agreement = field(default_factory=Agreement)
    judged: int = 0
    irrelevant: int = 0
    _sure: int = 0

    @property
    def mentions(self) -> int:
        """How many there are in all."""
        return self.model.total()

    @property
    def confidence(self) -> float | None:
        """How sure the model was on average of those that people gave a label."""
        return self._sure / _WHOLE / self.agreement.judged if self.agreement.judged else None

    def seen(self, one: Opinion) -> None:
        """Count it among all."""
        self.model[one.sentiment.label] += 1

    def heard(self, one: Opinion, judged: Judgement) -> None:
        """Count what people said of it."""
        self.judged += 1
        self.irrelevant += judged.relevant is False
        if judged.label is not None:
            self.people[judged.label] += 1
            self.agreement.add(agrees=judged.label == one.sentiment.label)
            self._sure += round(one.confidence * _WHOLE)

    def shift(self, of: "Part") -> float:
        """How far the model's labels are spread otherwise than those of another part: 0 the same, 1 nothing in common."""
        if not self.mentions or not of.mentions:
            return 0.0
        return sum(abs(self.model[label] / self.mentions - of.model[label] / of.mentions) for label in LABELS) / 2


class Evaluation:
    """Everything counted; `week_of` names the week of a moment (micros), so that names sort by time."""

    def __init__(self, week_of: Callable[[int], str]) -> None:
        self._week_of = week_of
        self.all = Part()
        self.subjects: defaultdict[str, Part] = defaultdict(Part)
        self.weeks: defaultdict[str, Part] = defaultdict(Part)
        self.platforms: defaultdict[str, Part] = defaultdict(Part)
        self.kinds: defaultdict[str, Part] = defaultdict(Part)
        self.bands = [Part() for _ in BANDS]
        self.confusion: Counter[tuple[str, str]] = Counter()  # by what the model says and what people say
        self.emotions: Counter[tuple[str, str]] = Counter()
        self._mistakes: list[Mistake] = []

    def add(self, one: Opinion, place: Place | None = None) -> None:
        """One mention and subject. `place`: of a judged one, where it was said, while that is still known."""
        band = self.bands[bisect_right(BANDS, one.confidence) - 1]
        parts = (self.all, self.subjects[one.subject], self.weeks[self._week_of(one.published_at)], band)
        for part in parts:
            part.seen(one)
        if one.judged is None:
            return
        for part in (*parts, *((self.platforms[place.platform], self.kinds[place.kind]) if place else ())):
            part.heard(one, one.judged)
        self._compare(one, one.judged)

    def _compare(self, one: Opinion, judged: Judgement) -> None:
        if judged.emotion is not None:
            self.emotions[one.emotion, judged.emotion] += 1
        if judged.label is None:
            return
        self.confusion[one.sentiment.label, judged.label] += 1
        if judged.label != one.sentiment.label:
            mistake = Mistake(one.confidence, one.published_at, one.digest, one.subject, one)
            (heappush if len(self._mistakes) < MISTAKES else heappushpop)(self._mistakes, mistake)

    @property
    def mistakes(self) -> list[Mistake]:
        """The mentions people call otherwise, those the model was surest of first."""
        return sorted(self._mistakes, reverse=True)

    @property
    def felt(self) -> Agreement:
        """How often people felt the emotion that the model says."""
        return Agreement(self.emotions.total(), sum(self.emotions[label, label] for label in EMOTIONS))

    def found(self, label: str) -> Agreement:
        """Of those people give this label, how many the model gives it too."""
        return Agreement(sum(self.confusion[model, label] for model in LABELS), self.confusion[label, label])

    def trusted(self, label: str) -> Agreement:
        """Of those the model gives this label, how many people leave it: of those they judged."""
        return Agreement(sum(self.confusion[label, people] for people in LABELS), self.confusion[label, label])
