"""Scores into shares that mean what they say: a scale for each voice and a shift for each class, learnt from texts held out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.scoring.sentiment.base import Shares, softmax

STEPS, RATE = 200, 0.08
BINS = 15
NEVER = -30.0

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Held:
    """Texts held out: the scores of each voice, the truth, which classes the set knows, and how much each text counts."""

    voices: Scores  # (voice, text, class)
    labels: NDArray[np.int64]
    known: NDArray[np.bool_]
    weights: Scores


@dataclass(frozen=True, slots=True)
class Calibration:
    """A scale a voice and class, and a shift a class."""

    scales: Scores
    shift: Scores

    def shares(self, voices: Scores) -> Shares:
        """Calibrated shares."""
        return softmax(self.scores(voices))

    def scores(self, voices: Scores) -> Scores:
        """Before the softmax."""
        return np.asarray(np.einsum("vnk,v->nk", voices, self.scales) + self.shift, np.float64)


def fit(held: Held) -> Calibration:
    """The least log loss, by Adam over all texts at once; its few numbers are soon found."""
    voices, _, classes = held.voices.shape
    values = np.concatenate([np.full(voices, 1.0 / voices), np.zeros(classes)])
    mean, square = np.zeros_like(values), np.zeros_like(values)
    for step in range(1, STEPS + 1):
        slope = _slope(Calibration(values[:voices], values[voices:]), held)
        mean = 0.9 * mean + 0.1 * slope
        square = 0.99 * square + 0.01 * slope**2
        values = values - RATE * (1 - step / (STEPS + 1)) * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-9)
    shift = values[voices:] - values[voices:].mean()
    return Calibration(values[:voices], shift)


def _slope(tried: Calibration, held: Held) -> Scores:
    wrong = softmax(np.where(held.known, tried.scores(held.voices), NEVER))
    wrong[np.arange(len(wrong)), held.labels] -= 1.0
    wrong *= (held.weights / held.weights.sum())[:, None]
    return np.concatenate([(held.voices * wrong).sum(axis=(1, 2)), wrong.sum(axis=0)])


def balanced(labels: NDArray[np.int64], classes: int) -> Scores:
    """Weights that make every class of a set count the same, and every set."""
    counts = np.bincount(labels, minlength=classes)
    return np.asarray(1.0 / counts[labels] / max(1, (counts > 0).sum()), np.float64)


def joined(parts: Sequence[Held]) -> Held:
    """Several sets as one."""
    return Held(
        np.concatenate([part.voices for part in parts], axis=1),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.known for part in parts]),
        np.concatenate([part.weights for part in parts]),
    )


def calibration_error(shares: Scores, labels: NDArray[np.int64], weights: Scores) -> float:
    """ECE: how far the surest class's share is off how often it is right, over bins of that share."""
    sure, right = shares.max(axis=1), shares.argmax(axis=1) == labels
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights * (right - sure), BINS)
    return float(np.abs(gaps).sum() / weights.sum())
