"""The whole recipe: from labelled sets and vectors to a table, an emotion table and a network."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.scoring.sentiment.grams import pair_buckets, single_buckets
from services.training import network, table
from services.training.corpus import Rows
from services.training.embeddings import Vectors, keys_of
from services.training.lessons import TONES, Taught, taught
from services.training.network import Net, Slots
from services.training.table import Floats, Lesson, agreement, bags

DENSE, SINGLES_SHARE = 0.3, 0.5  # how much the vectors say beside the buckets, and characters beside pairs
EMOTION_BITS = 18
NET_WIDTH = 128  # of the vectors' dimensions, those the network sees
NET_LONGEST = 140
BLOCK = 2_000


@dataclass(frozen=True, slots=True)
class Linear:
    """A table with the dense part folded in."""

    weights: Floats
    bias: Floats

    def scores(self, texts: Sequence[str]) -> Floats:
        """Its answer before rounding and calibration."""
        judged = bags(texts, bits=len(self.weights).bit_length() - 1)
        return table.logits(self.weights, np.zeros((0, len(self.bias)), np.float32), judged) + self.bias


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the recipe makes."""

    tone: Linear
    emotion: Linear
    net: Net


def learn(sets: Sequence[Rows], vectors: Vectors, seed: int = 1) -> Learnt:
    """Everything, from these sets alone."""
    lessons = taught(sets)
    tone = linear(lessons, lessons.tones, vectors, table.BITS, seed)
    emotion = linear(lessons, lessons.emotions, vectors, EMOTION_BITS, seed)
    net = network.train(slots(lessons.texts, vectors), narrow(vectors), lessons.tones, lessons.emotions, seed)
    return Learnt(tone, emotion, net)


def linear(lessons: Taught, lesson: Lesson, vectors: Vectors, bits: int, seed: int) -> Linear:
    """One table for one lesson; texts that teach nothing are left out."""
    telling = np.flatnonzero(lesson.weights > 0)
    texts = [lessons.texts[number] for number in telling.tolist()]
    lesson = Lesson(lesson.labels[telling], lesson.weights[telling], lesson.known[telling])
    raw = dense(texts, vectors)
    mean = raw.mean(axis=0)
    taken = bags(texts, (DENSE * (raw - mean)).astype(np.float32), bits)
    scales = agreement(taken, lesson, lessons.domains[telling], bits) if lesson.known.shape[1] == TONES else plain(bits)
    weights, dense_weights = table.train(taken, lesson, scales, seed)
    return folded(weights, dense_weights * np.float32(DENSE), mean, vectors)


def plain(bits: int) -> Floats:
    """Every bucket with the same say."""
    return np.ones(1 << bits, np.float32)


def dense(texts: Sequence[str], vectors: Vectors) -> Floats:
    """The vectors of a text's pairs and characters, added up."""
    out = np.empty((len(texts), vectors.vectors.shape[1]), np.float32)
    padded = np.vstack([vectors.vectors, np.zeros((1, vectors.vectors.shape[1]), np.float32)])
    for first in range(0, len(texts), BLOCK):
        singles, pairs, starts, sizes = keys_of(texts[first : first + BLOCK])
        added = padded[vectors.find(pairs)] + np.float32(SINGLES_SHARE) * padded[vectors.find(singles)]
        out[first : first + BLOCK] = np.add.reduceat(added, starts, axis=0) / np.sqrt(2 * sizes, dtype=np.float32)[:, None]
    return out


def folded(weights: Floats, dense_weights: Floats, mean: Floats, vectors: Vectors) -> Linear:
    """The dense part added to the buckets of its pairs and characters: the table then says both at the price of one."""
    bits = len(weights).bit_length() - 1
    left, right = (vectors.keys >> np.uint64(32)).astype(np.uint32), vectors.keys.astype(np.uint32)
    buckets = np.where(left > 0, pair_buckets(left, right, bits), single_buckets(right, bits))
    said = vectors.vectors @ dense_weights * np.where(left > 0, 1.0, SINGLES_SHARE).astype(np.float32)[:, None]
    whole = weights.copy()
    np.add.at(whole, buckets, said)
    # A text's first character is its own pair: as a key, none on the left and the character are one
    np.add.at(whole, pair_buckets(np.zeros_like(right[left == 0]), right[left == 0], bits), said[left == 0] / np.float32(SINGLES_SHARE))
    return Linear(whole, -(mean @ dense_weights))


def narrow(vectors: Vectors) -> Floats:
    """The vectors as the network sees them, with a row of zeros for what is unknown."""
    cut = vectors.vectors[:, :NET_WIDTH]
    return np.vstack([cut, np.zeros((1, cut.shape[1]), np.float32)])


def slots(texts: Sequence[str], vectors: Vectors) -> Slots:
    """The rows of the vectors for each slot of the texts' beginnings."""
    singles, pairs, starts, sizes = keys_of([text[:NET_LONGEST] for text in texts])
    return Slots(_narrowed(vectors.find(singles)), _narrowed(vectors.find(pairs)), starts, sizes)


def _narrowed(places: NDArray[np.int64]) -> NDArray[np.int32]:
    return places.astype(np.int32)


def net_scores(learnt: Learnt, texts: Sequence[str], vectors: Vectors) -> tuple[Floats, Floats]:
    """The network's scores of tone and emotion."""
    return network.judge(learnt.net, narrow(vectors), slots(texts, vectors))
