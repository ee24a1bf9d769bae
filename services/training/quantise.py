"""What was learnt as the small whole numbers that are shipped."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.scoring.sentiment.network import FIRST
from services.training.embeddings import Vectors, keys_of
from services.training.network import Net
from services.training.recipe import Linear, narrow
from services.training.table import Floats

TOP = 127
KNOWN = 24_000  # the commonest characters and pairs: those beyond are met too seldom to pay for their place
MAX_EXACT = 1 << 24

RIGHT = np.uint64(0xFFFFFFFF)

Arrays = dict[str, NDArray[Any]]


def quantised(matrix: Floats) -> tuple[NDArray[np.int8], float]:
    """Whole numbers up to 127 and what one of them is worth; scaled by the largest, none is cut off."""
    unit = float(np.abs(matrix).max()) / TOP
    return np.rint(matrix / np.float32(unit)).astype(np.int8), unit


def table_arrays(linear: Linear) -> Arrays:
    """A table for its file."""
    weights, unit = quantised(linear.weights)
    return {"weights": weights, "unit": np.array(unit), "bias": linear.bias.astype(np.float64)}


def network_arrays(net: Net, vectors: Vectors, texts: Sequence[str]) -> Arrays:
    """The network for its file; `texts` tell which characters and pairs are common."""
    keys = commonest(texts, vectors)
    left = keys >> np.uint64(32)
    # In training the pair of a text's beginning and its first character has that character's vector, as a pair's
    rows = narrow(vectors)[vectors.find(np.where(left == FIRST, keys & RIGHT, keys))]
    pair = left > 0
    inner, unit = quantised(np.where(pair[:, None], rows @ net.pair, rows @ net.single))
    units = np.abs(net.filters).max(axis=0) / TOP
    filters = np.rint(net.filters / units).astype(np.int8)
    worth = (units * np.float32(unit)).astype(np.float64)
    threshold = np.rint(-net.bias / worth)
    if np.abs(filters.astype(np.int64)).sum(axis=0).max() * 2 * TOP + np.abs(threshold).max() >= MAX_EXACT:
        raise ValueError("the network's sums would not be exact")
    head = net.tone.astype(np.float64) * np.tile(worth, 2)[:, None]
    bias = net.tone_bias - (np.tile(threshold, 2)[:, None] * head).sum(axis=0)
    return {"keys": keys, "vectors": inner, "filters": filters, "threshold": threshold.astype(np.float32), "head": head, "bias": bias}


def commonest(texts: Sequence[str], vectors: Vectors) -> NDArray[np.uint64]:
    """The known keys that stand oftenest in texts, commonest first."""
    singles, pairs, _, _ = keys_of(texts)
    begins = pairs >> np.uint64(32) == 0
    pairs[begins] |= np.uint64(FIRST) << np.uint64(32)
    unique, counts = np.unique(np.concatenate([singles, pairs]), return_counts=True)
    known = vectors.find(np.where(unique >> np.uint64(32) == FIRST, unique & RIGHT, unique)) < len(vectors.keys)
    unique, counts = unique[known], counts[known]
    return np.asarray(unique[np.argsort(-counts, kind="stable")[:KNOWN]], np.uint64)
