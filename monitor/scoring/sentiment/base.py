"""What every sentiment model promises."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from monitor.score import Sentiment, SentimentLabel

LABELS: tuple[SentimentLabel, ...] = ("negative", "neutral", "positive")
DIGITS = 4
SPEECHLESS = Sentiment("neutral", 0.1, 0.8, 0.1)  # no words to judge by


@dataclass(frozen=True, slots=True)
class Utterance:
    """Somebody's words, folded and cleaned, and the tokens they were cut into."""

    text: str
    tokens: Sequence[str]


class SentimentModel(Protocol):
    """Judges words; stateless, and the same words get the same answer whatever stands beside them in the batch."""

    def classify(self, batch: Sequence[Utterance]) -> list[Sentiment]:
        """One Sentiment an utterance, in order."""
        ...


def softmax(negative: float, neutral: float, positive: float) -> Sentiment:
    """The Sentiment of three scores; its rounded probabilities add up to 1."""
    top = max(negative, neutral, positive)
    weights = [math.exp(score - top) for score in (negative, neutral, positive)]
    total = sum(weights)
    shares = [round(weight / total, DIGITS) for weight in weights]
    likeliest = weights.index(max(weights))
    shares[likeliest] = 0.0
    shares[likeliest] = round(1.0 - sum(shares), DIGITS)  # the largest takes what rounding left, and stays the largest
    return Sentiment(LABELS[likeliest], *shares)
