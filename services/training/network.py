"""
The small network: filters three characters wide over vectors of characters and pairs, and two heads, tone and emotion.

The vectors are frozen but for a projection; the heads see the strongest and the mean answer of each filter. Adam over small batches,
slopes by hand: numpy is all it needs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.training.table import Lesson, softmax

INNER, FILTERS = 64, 128
BATCH, EPOCHS = 256, 3
RATE, DECAY_FIRST, DECAY_SECOND, TINY = 2e-3, 0.9, 0.999, 1e-8
TOKEN_DROPOUT, HEAD_DROPOUT, SMOOTHING = 0.1, 0.4, 0.1
EMOTION_SHARE = 0.5
CLIP = 5.0
NEVER = np.float32(-30.0)

Floats = NDArray[np.float32]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Slots:
    """Texts as slots: rows of the vectors of each character and the pair it ends; the last slot of a text is its separator."""

    singles: NDArray[np.int32]
    pairs: NDArray[np.int32]
    starts: Places
    sizes: Places

    def batch(self, chosen: Places) -> "Slots":
        """Some texts, side by side."""
        sizes = self.sizes[chosen]
        starts = np.cumsum(sizes) - sizes
        places = np.arange(sizes.sum()) + np.repeat(self.starts[chosen] - starts, sizes)
        return Slots(self.singles[places], self.pairs[places], starts, sizes)


@dataclass(slots=True)
class Net:
    """What is trained."""

    single: Floats
    pair: Floats
    filters: Floats
    bias: Floats
    tone: Floats
    tone_bias: Floats
    emotion: Floats
    emotion_bias: Floats

    def parts(self) -> list[Floats]:
        """Every array, in a fixed order."""
        return [getattr(self, name) for name in self.__slots__]


def fresh(width: int, dice: np.random.Generator) -> Net:
    """Random weights."""

    def scaled(rows: int, columns: int) -> Floats:
        return dice.standard_normal((rows, columns), dtype=np.float32) * np.float32(np.sqrt(1.0 / rows))

    zeros = [np.zeros(size, np.float32) for size in (FILTERS, 3, 7)]
    return Net(scaled(width, INNER), scaled(width, INNER), scaled(3 * INNER, FILTERS) * np.float32(1.4), zeros[0],
               scaled(2 * FILTERS, 3), zeros[1], scaled(2 * FILTERS, 7), zeros[2])  # fmt: skip


@dataclass(slots=True)
class Pass:
    """One way forward, with what the way back needs."""

    single: Floats
    pair: Floats
    windows: Floats
    answers: Floats
    owners: Places
    strongest: Floats
    shape: Floats
    pooled: Floats


def forward(net: Net, vectors: Floats, slots: Slots, keep: Floats | None = None) -> Pass:
    """Pooled answers of a batch; `keep`: what dropout leaves of each slot."""
    single, pair = vectors[slots.singles], vectors[slots.pairs]
    if keep is not None:
        single, pair = single * keep[:, :1], pair * keep[:, 1:]
    inner = single @ net.single + pair @ net.pair
    windows = np.zeros((len(inner), 3 * INNER), np.float32)
    windows[1:, :INNER] = inner[:-1]
    windows[:, INNER : 2 * INNER] = inner
    windows[:-1, 2 * INNER :] = inner[1:]
    answers = np.maximum(windows @ net.filters + net.bias, 0.0)
    owners = np.repeat(np.arange(len(slots.sizes)), slots.sizes)
    answers[slots.starts + slots.sizes - 1] *= slots.sizes[:, None] == 1  # a separator speaks for nobody but an empty text
    strongest = np.maximum.reduceat(answers, slots.starts, axis=0)
    shape = (1.0 / np.maximum(slots.sizes - 1, 1)).astype(np.float32)[:, None]
    mean = np.add.reduceat(answers, slots.starts, axis=0) * shape
    return Pass(single, pair, windows, answers, owners, strongest, shape, np.concatenate([strongest, mean], axis=1))


def backward(net: Net, way: Pass, tone: Floats, emotion: Floats, mask: Floats) -> list[Floats]:
    """The slopes of every part, in the order of Net.parts; `tone`, `emotion`: how far each answer is off."""
    head = way.pooled * mask
    pooled = (tone @ net.tone.T + emotion @ net.emotion.T) * mask
    answers = (way.answers == way.strongest[way.owners]) * pooled[:, :FILTERS][way.owners]
    answers += (pooled[:, FILTERS:] * way.shape)[way.owners]
    answers *= way.answers > 0
    windows = answers @ net.filters.T
    inner = windows[:, INNER : 2 * INNER].copy()
    inner[:-1] += windows[1:, :INNER]
    inner[1:] += windows[:-1, 2 * INNER :]
    return [way.single.T @ inner, way.pair.T @ inner, way.windows.T @ answers, answers.sum(axis=0),
            head.T @ tone, tone.sum(axis=0), head.T @ emotion, emotion.sum(axis=0)]  # fmt: skip


def train(slots: Slots, vectors: Floats, tones: Lesson, emotions: Lesson, seed: int = 1, epochs: int = EPOCHS) -> Net:
    """A network that has seen every text `epochs` times; an empty row of `known` teaches nothing."""
    dice = np.random.default_rng(seed)
    net = fresh(vectors.shape[1], dice)
    first, second = [np.zeros_like(part) for part in net.parts()], [np.zeros_like(part) for part in net.parts()]
    steps = epochs * -(-len(slots.sizes) // BATCH)
    step = 0
    for _ in range(epochs):
        order = dice.permutation(len(slots.sizes))
        for start in range(0, len(order), BATCH):
            chosen = np.sort(order[start : start + BATCH])
            slopes = _slopes(net, vectors, slots.batch(chosen), (tones, emotions), chosen, dice)
            step += 1
            _adam(net, slopes, first, second, step, RATE * (1.0 - step / (steps + 1)))
    return net


def _slopes(
    net: Net, vectors: Floats, slots: Slots, lessons: tuple[Lesson, Lesson], chosen: Places, dice: np.random.Generator
) -> list[Floats]:
    keep = (dice.random((len(slots.singles), 2), np.float32) >= TOKEN_DROPOUT).astype(np.float32)
    way = forward(net, vectors, slots, keep)
    mask = (dice.random(way.pooled.shape, np.float32) >= HEAD_DROPOUT).astype(np.float32) / np.float32(1.0 - HEAD_DROPOUT)
    head = way.pooled * mask
    tone = wrong(head @ net.tone + net.tone_bias, lessons[0], chosen)
    emotion = wrong(head @ net.emotion + net.emotion_bias, lessons[1], chosen) * np.float32(EMOTION_SHARE)
    return backward(net, way, tone, emotion, mask)


def wrong(logits: Floats, lesson: Lesson, chosen: Places) -> Floats:
    """How far probabilities are off the smoothed truth, weighed; classes unknown to a set are not judged."""
    known = lesson.known[chosen]
    found = softmax(np.where(known, logits, NEVER))
    truth = known * np.float32(SMOOTHING) / np.maximum(known.sum(axis=1, keepdims=True), 1).astype(np.float32)
    truth[np.arange(len(chosen)), lesson.labels[chosen]] += np.float32(1.0 - SMOOTHING)
    return np.asarray((found - truth) * (lesson.weights[chosen] / np.float32(len(chosen)))[:, None], np.float32)


def _adam(net: Net, slopes: list[Floats], first: list[Floats], second: list[Floats], step: int, rate: float) -> None:
    size = float(np.sqrt(sum(float((slope**2).sum()) for slope in slopes)))
    shrink = np.float32(min(1.0, CLIP / max(size, 1e-9)))
    for place, (part, slope) in enumerate(zip(net.parts(), slopes, strict=True)):
        first[place] = np.float32(DECAY_FIRST) * first[place] + np.float32(1 - DECAY_FIRST) * slope * shrink
        second[place] = np.float32(DECAY_SECOND) * second[place] + np.float32(1 - DECAY_SECOND) * (slope * shrink) ** 2
        fair = np.sqrt(second[place] / np.float32(1 - DECAY_SECOND**step)) + np.float32(TINY)
        np.subtract(part, np.float32(rate / (1 - DECAY_FIRST**step)) * first[place] / fair, out=part)


def judge(net: Net, vectors: Floats, slots: Slots) -> tuple[Floats, Floats]:
    """Logits of tone and emotion."""
    tones, emotions = [], []
    for start in range(0, len(slots.sizes), BATCH):
        pooled = forward(net, vectors, slots.batch(np.arange(start, min(start + BATCH, len(slots.sizes))))).pooled
        tones.append(pooled @ net.tone + net.tone_bias)
        emotions.append(pooled @ net.emotion + net.emotion_bias)
    return np.concatenate(tones), np.concatenate(emotions)
