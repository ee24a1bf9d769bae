"""How right answers are, class by class, each class counting the same whatever its share of the set."""

import numpy as np
from numpy.typing import NDArray

from services.training.calibrate import Scores, balanced, calibration_error
from services.training.corpus import NEGATIVE, NEUTRAL, POSITIVE

Labels = NDArray[np.int64]
FEWEST = 20  # texts of a class that is judged


def macro_f1(labels: Labels, found: Labels, classes: int) -> float:
    """Mean F1 over the classes a set has, its classes weighed equal."""
    weights = balanced(labels, classes)
    scores = []
    for kind in np.unique(labels).tolist():
        both = weights[(labels == kind) & (found == kind)].sum()
        scores.append(2 * both / (weights[labels == kind].sum() + weights[found == kind].sum()))
    return float(np.mean(scores))


def tone_figures(shares: Scores, tones: Labels) -> dict[str, float]:
    """Binary accuracy and negative recall where no neutral is asked for, macro-F1 of three classes where the set has them, ECE."""
    bad, good = tones == NEGATIVE, tones == POSITIVE
    figures: dict[str, float] = {}
    if bad.any() and good.any():
        recall = float((shares[bad, NEGATIVE] > shares[bad, POSITIVE]).mean())
        figures = {"binary": (recall + float((shares[good, POSITIVE] >= shares[good, NEGATIVE]).mean())) / 2, "negative_recall": recall}
    told = tones >= 0
    labels, judged = tones[told], shares[told]
    if (tones == NEUTRAL).any():
        figures["macro_f1"] = macro_f1(labels, judged.argmax(axis=1), 3)
    else:
        judged, labels = sides(shares, tones)
    figures["ece"] = calibration_error(judged, labels, balanced(labels, 3))
    return figures


def sides(shares: Scores, tones: Labels) -> tuple[Scores, Labels]:
    """Negative against positive alone, of the texts that are either."""
    told = (tones == NEGATIVE) | (tones == POSITIVE)
    judged = shares[told][:, [NEGATIVE, POSITIVE]]
    return judged / judged.sum(axis=1, keepdims=True), (tones[told] == POSITIVE).astype(np.int64)


def emotion_figures(shares: Scores, emotions: Labels) -> dict[str, float]:
    """Macro-F1 over the emotions a set has often enough; what it does not have is not offered. Empty where it has none."""
    counts = np.bincount(emotions[emotions >= 0], minlength=shares.shape[1])
    told = (emotions >= 0) & (counts >= FEWEST)[np.maximum(emotions, 0)]
    if not told.any():
        return {}
    offered = np.where(counts >= FEWEST, shares, -1.0)[told]
    return {"macro_f1": macro_f1(emotions[told], offered.argmax(axis=1), shares.shape[1])}
