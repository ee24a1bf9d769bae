"""Which texts are near-copies of others: a set held out is only unseen if its texts' copies are held out too."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.scoring.sentiment.grams import Grams
from services.training.corpus import bare

WIDTH = 4  # characters of a shingle
HASHES, BAND = 12, 2
ALIKE = 0.6  # shared shingles of all: from here on it is the same text, retouched

Marks = NDArray[np.uint64]


def near_copies(texts: Sequence[str], others: Sequence[str]) -> NDArray[np.bool_]:
    """Whether each text is a near-copy of one of the others."""
    mine, theirs = [bare(text) for text in texts], [bare(text) for text in others]
    exact = set(theirs)
    found = np.array([text in exact for text in mine], bool)
    bands, other_bands = _bands(mine), _bands(theirs)
    for band in range(bands.shape[1]):
        order = np.argsort(other_bands[:, band], kind="stable")
        ranked = other_bands[order, band]
        first, last = np.searchsorted(ranked, bands[:, band]), np.searchsorted(ranked, bands[:, band], "right")
        for number in np.flatnonzero((first < last) & ~found).tolist():
            rivals = order[first[number] : min(last[number], first[number] + 20)]
            found[number] = any(_alike(mine[number], theirs[rival]) for rival in rivals.tolist())
    return found


def _bands(texts: Sequence[str]) -> Marks:
    """Least hashes of each text's shingles, mixed by twos; equal bands are a hint that texts are alike."""
    grams = Grams.of(texts)
    codes = np.concatenate([grams.codes, np.zeros(WIDTH, np.uint32)]).astype(np.uint64)
    shingles = np.zeros(len(grams.codes) - 1, np.uint64)
    for offset in range(WIDTH):
        shingles = (shingles ^ codes[1 + offset : 1 + offset + len(shingles)]) * np.uint64(0x9E3779B97F4A7C15)
        shingles ^= shingles >> np.uint64(29)
    owners = np.repeat(np.arange(len(texts)), grams.sizes)
    places = np.arange(len(shingles)) - grams.starts[owners]
    whole = places <= np.maximum(grams.sizes[owners] - 1 - WIDTH, 0)  # no shingle reaches into the next text
    dice = np.random.default_rng(7)
    factors = dice.integers(1, 1 << 62, HASHES).astype(np.uint64) * np.uint64(2) + np.uint64(1)
    most = np.iinfo(np.uint64).max
    hashes = (np.where(whole, (shingles * factor) ^ (shingles >> np.uint64(31)), most) for factor in factors)
    least = [np.minimum.reduceat(one, grams.starts) for one in hashes]
    return np.stack([least[k] * np.uint64(31) + least[k + 1] for k in range(0, HASHES, BAND)], axis=1)


def _alike(first: str, second: str) -> bool:
    one, two = _shingles(first), _shingles(second)
    return len(one & two) >= ALIKE * len(one | two)


def _shingles(text: str) -> set[str]:
    return {text[place : place + WIDTH] for place in range(max(1, len(text) - WIDTH + 1))}
