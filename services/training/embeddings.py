"""
Vectors of characters and pairs from texts without labels: what stands in like company lies close together.

PPMI of each against the commonest pairs two to six places away (nearer ones overlap with it), then a randomised SVD.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.scoring.sentiment.grams import Grams

RAREST = 25  # times a pair or character must stand in the texts
PAIRS, SINGLES, CONTEXTS = 60_000, 5_000, 12_000
OFFSETS = (2, 3, 4, 5, 6)
FLATTEN = 0.75  # exponent of the contexts' counts: rare company is not to be overrated
POWER_STEPS, SPARE = 2, 20
BLOCK = 5_000_000
LONGEST = 400

Floats = NDArray[np.float32]
Keys = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Vectors:
    """Sorted keys (pairs by both code points, then none for the left) and a vector each."""

    keys: Keys
    vectors: Floats

    def find(self, keys: Keys) -> NDArray[np.int64]:
        """The row of each key; the last row, of zeros, where there is none."""
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, places, len(self.keys))


def keys_of(texts: Sequence[str]) -> tuple[Keys, Keys, NDArray[np.int64], NDArray[np.int64]]:
    """Each slot's character and pair, and where texts start and how many slots they have."""
    grams = Grams.of(texts, LONGEST)
    codes = grams.codes.astype(np.uint64)
    return codes[1:], (codes[:-1] << np.uint64(32)) | codes[1:], grams.starts, grams.sizes


def learn(texts: Sequence[str], width: int, seed: int = 1) -> Vectors:
    """Vectors of the commonest pairs and characters of texts."""
    singles, pairs, _, sizes = keys_of(texts)
    texts_of = np.repeat(np.arange(len(sizes)), sizes)
    inner = (pairs >> np.uint64(32) != 0) & (singles != 0)
    common, context_keys = _commonest(pairs[inner], PAIRS), _commonest(pairs[inner], CONTEXTS)
    keys = np.unique(np.concatenate([common, _commonest(singles[singles != 0], SINGLES)]))
    contexts = _rows(context_keys, pairs)
    counts = np.zeros((len(keys), len(context_keys)), np.float32)
    for rows in (_rows(keys, pairs), _rows(keys, singles)):
        _count(counts, rows, contexts, texts_of)
    _ppmi(counts)
    return Vectors(keys, _svd(counts, width, seed))


def _commonest(keys: Keys, most: int) -> Keys:
    unique, counts = np.unique(keys, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:most]
    return np.sort(unique[order[counts[order] >= RAREST]])


def _rows(sorted_keys: Keys, keys: Keys) -> NDArray[np.int32]:
    places = np.minimum(np.searchsorted(sorted_keys, keys), len(sorted_keys) - 1)
    return np.where(sorted_keys[places] == keys, places, -1).astype(np.int32)


def _count(counts: Floats, rows: NDArray[np.int32], contexts: NDArray[np.int32], texts_of: NDArray[np.int64]) -> None:
    flat = counts.reshape(-1)
    for offset in OFFSETS:
        for first, second in ((rows[:-offset], contexts[offset:]), (rows[offset:], contexts[:-offset])):
            near = (first >= 0) & (second >= 0) & (texts_of[:-offset] == texts_of[offset:])
            places = first[near].astype(np.int64) * counts.shape[1] + second[near]
            for start in range(0, len(places), BLOCK):
                np.add.at(flat, places[start : start + BLOCK], np.float32(1.0))


def _ppmi(counts: Floats) -> None:
    """In place: ln of how much oftener than by chance, not below zero."""
    rows = counts.sum(axis=1)
    flat = counts.sum(axis=0) ** FLATTEN
    shares = (flat / flat.sum()).astype(np.float32)
    for start in range(0, len(counts), 2_000):
        block = counts[start : start + 2_000]
        expected = np.maximum(rows[start : start + 2_000, None], 1.0) * shares
        np.log(np.maximum(block / expected, 1.0), out=block)


def _svd(matrix: Floats, width: int, seed: int) -> Floats:
    dice = np.random.default_rng(seed)
    basis = matrix @ dice.standard_normal((matrix.shape[1], width + SPARE), dtype=np.float32)
    for _ in range(POWER_STEPS):
        basis = np.linalg.qr(basis)[0]
        basis = matrix @ np.linalg.qr(matrix.T @ basis)[0]
    basis = np.linalg.qr(basis)[0]
    left, sizes, _ = np.linalg.svd(basis.T @ matrix, full_matrices=False)
    vectors = (basis @ left[:, :width]) * np.sqrt(sizes[:width])
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.sqrt(np.maximum(norms, 1e-6)), np.float32)
