"""The linear part: one weight a class for every bucket of characters and pairs, learnt by AdaGrad over small batches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.scoring.sentiment.grams import Grams

BITS = 20
RATE = 0.15
BATCH = 256
EPOCHS = 3
NEVER = -30.0
NOBODYS = -1  # the domain of texts that are of none

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Bags:
    """Texts as bags of buckets: text i has buckets[starts[i]:starts[i + 1]]; `dense` are further features of each."""

    buckets: NDArray[np.uint32]
    starts: NDArray[np.int64]
    dense: Floats

    def __len__(self) -> int:
        return len(self.starts) - 1


def bags(texts: Sequence[str], dense: Floats | None = None, bits: int = BITS) -> Bags:
    """The buckets of texts, two a slot."""
    grams = Grams.of(texts)
    pairs = np.stack([grams.singles(bits), grams.pairs(bits)], axis=1).ravel()
    starts = np.append(grams.starts, len(grams.codes) - 1) * 2
    return Bags(pairs, starts, np.zeros((len(texts), 0), np.float32) if dense is None else dense)


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is to be learnt: the class of each text, how much it counts, and which classes its set knows at all."""

    labels: NDArray[np.int64]
    weights: Floats
    known: NDArray[np.bool_]


def softmax(logits: Floats) -> Floats:
    """Rows of probabilities."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)


def train(taught: Bags, lesson: Lesson, scales: Floats, seed: int = 1, epochs: int = EPOCHS) -> tuple[Floats, Floats]:
    """Weights of buckets and of dense features; `scales` makes a bucket's say greater or smaller."""
    classes = lesson.known.shape[1]
    weights, speeds = np.zeros((len(scales), classes), np.float32), np.full((len(scales), classes), 1e-6, np.float32)
    width = taught.dense.shape[1]
    dense, dense_speeds = np.zeros((width, classes), np.float32), np.full((width, classes), 1e-6, np.float32)
    dice = np.random.default_rng(seed)
    steps = epochs * (len(taught) // BATCH + 1)
    step = 0
    for _ in range(epochs):
        order = dice.permutation(len(taught))
        for first in range(0, len(order), BATCH):
            rate = np.float32(RATE * (1.0 - 0.9 * step / steps))
            step += 1
            chosen = order[first : first + BATCH]
            buckets, owners, values = _gathered(taught, chosen, scales)
            unique, inverse = np.unique(buckets, return_inverse=True)
            local = weights[unique]
            logits = _sums(local[inverse] * values[:, None], owners, len(chosen))
            if width:
                logits = logits + taught.dense[chosen] @ dense
            wrong = _wrong(logits, lesson, chosen)
            spread = wrong[owners] * values[:, None]
            slopes = np.stack([np.bincount(inverse, spread[:, k], len(unique)) for k in range(classes)], axis=1).astype(np.float32)
            speeds[unique] += slopes**2
            weights[unique] = local - rate * slopes / np.sqrt(speeds[unique])
            if width:
                slope = taught.dense[chosen].T @ wrong
                dense_speeds += slope**2
                dense -= rate * slope / np.sqrt(dense_speeds)
    return weights * scales[:, None], dense


def _wrong(logits: Floats, lesson: Lesson, chosen: NDArray[np.int64]) -> Floats:
    """How far each probability is off, weighed; a class the set does not know is not judged."""
    found = softmax(np.where(lesson.known[chosen], logits, np.float32(NEVER)))
    found[np.arange(len(chosen)), lesson.labels[chosen]] -= 1.0
    return found * lesson.weights[chosen, None] / np.float32(len(chosen)) * np.float32(len(chosen))


def _gathered(taught: Bags, chosen: NDArray[np.int64], scales: Floats) -> tuple[NDArray[np.uint32], NDArray[np.int64], Floats]:
    sizes = taught.starts[chosen + 1] - taught.starts[chosen]
    owners = np.repeat(np.arange(len(chosen)), sizes)
    places = np.arange(len(owners)) - np.repeat(np.cumsum(sizes) - sizes - taught.starts[chosen], sizes)
    buckets = taught.buckets[places]
    return buckets, owners, scales[buckets] / np.sqrt(sizes, dtype=np.float32)[owners]


def _sums(values: Floats, owners: NDArray[np.int64], count: int) -> Floats:
    return np.stack([np.bincount(owners, values[:, k], count) for k in range(values.shape[1])], axis=1).astype(np.float32)


def logits(weights: Floats, dense: Floats, judged: Bags) -> Floats:
    """The table's answer for texts."""
    sizes = np.diff(judged.starts)
    out = np.stack([np.add.reduceat(weights[:, k][judged.buckets], judged.starts[:-1]) for k in range(weights.shape[1])], axis=1)
    return np.asarray(out / np.sqrt(sizes)[:, None] + judged.dense @ dense, np.float32)


def agreement(taught: Bags, lesson: Lesson, domains: NDArray[np.int64], bits: int = BITS) -> Floats:
    """How much the domains agree on the tone of a bucket: |Σ w r| / Σ w |r|, r its log-odds there; known to one only: .3; to none: 1."""
    size = 1 << bits
    top, bottom, seen = np.zeros(size), np.zeros(size), np.zeros(size)
    owners = np.repeat(np.arange(len(taught)), np.diff(taught.starts))
    last = lesson.known.shape[1] - 1
    for domain in np.unique(domains[domains != NOBODYS]):
        counts = []
        for label in (0, last):
            mine = (domains == domain) & (lesson.labels == label)
            counts.append(np.bincount(taught.buckets[mine[owners]], minlength=size))
        met = counts[0] + counts[1]
        totals = [max(1, count.sum()) for count in counts]
        odds = np.log((counts[1] + 2.0) / (counts[0] + 2.0) * ((totals[0] + 2.0) / (totals[1] + 2.0)))
        weight = np.minimum(met, 50)
        top += weight * odds
        bottom += weight * np.abs(odds)
        seen += met > 0
    scales = np.where(bottom > 0, np.abs(top) / np.maximum(bottom, 1e-9), 0.3)
    scales = np.where(seen == 1, 0.3, np.maximum(scales, 0.05))
    return np.asarray(np.where(seen == 0, 1.0, scales), np.float32)
