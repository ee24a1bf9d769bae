"""What every sentiment model promises, and how its numbers become the words of the house."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.score import Sentiment, SentimentLabel

LABELS: tuple[SentimentLabel, ...] = ("negative", "neutral", "positive")
DIGITS = 4
SPEECHLESS = Sentiment("neutral", 0.1, 0.8, 0.1)  # no words to judge by
SPEECHLESS_ROW = (SPEECHLESS.negative, SPEECHLESS.neutral, SPEECHLESS.positive)

Shares = NDArray[np.float64]


class SentimentModel(Protocol):
    """Judges words; stateless, and the same words get the same answer whatever stands beside them in the batch."""

    def probabilities(self, texts: Sequence[str]) -> Shares:
        """A row a text, folded and cleaned: negative, neutral, positive, which add up to 1."""
        ...


def softmax(scores: NDArray[np.floating]) -> Shares:
    """Rows of finite scores as rows of probabilities."""
    raised = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float64)


def rounded(shares: Shares) -> Shares:
    """Shares in few digits that still add up to 1: the largest takes what rounding left, and stays the largest."""
    cut = np.round(shares, DIGITS)
    rows, likeliest = np.arange(len(cut)), shares.argmax(axis=1)
    cut[rows, likeliest] = 0.0
    cut[rows, likeliest] = np.round(1.0 - cut.sum(axis=1), DIGITS)
    return cut


def as_sentiments(shares: Shares) -> list[Sentiment]:
    """Each row with its likeliest label."""
    labels = [LABELS[place] for place in shares.argmax(axis=1).tolist()]
    return [Sentiment(label, *row) for label, row in zip(labels, rounded(shares).tolist(), strict=True)]
