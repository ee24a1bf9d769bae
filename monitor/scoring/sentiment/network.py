"""
`default`: the table, and for the texts it is unsure of a small network and the lexicon beside it.

The network's vectors and filters are whole numbers small enough for every sum to be exact in float32 (below 2^24), so BLAS may add
them in any order, on any machine, beside any other text: the answer is the same to the last bit. What each character and pair says to
each filter is worked out once, when the weights are loaded, and kept in 16 bits: to judge is then to look up and to add. What follows is
worked out text by text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from monitor.scoring.sentiment.base import Shares, softmax
from monitor.scoring.sentiment.grams import Codes, Grams, pair_buckets, single_buckets
from monitor.scoring.sentiment.rules import RulesModel, load_rules, voice
from monitor.scoring.sentiment.table import Scores, TableModel, load_table, read_weights, silenced

LONGEST = 140  # characters that the network reads: the table reads on, and the time must be bounded
CHUNK = 16  # texts at once: what is worked on stays in the cache
BITS = 18
FIRST = np.uint32(1)  # stands for what is before a text: 0 would make the pair of its first character that character's key
KNOWN_BELOW = np.uint64(32)
WINDOW = 3  # neighbouring slots a filter sees
LOUDEST = 5_000  # of what a character says to a filter: a window adds six of them, and 16 bits must hold the sum

BLOCK = 1_000  # vectors
WHOLE = np.iinfo(np.int16).min, np.iinfo(np.int16).max

Floats = NDArray[np.float32]
Said = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Network:
    """
    Filters over three neighbouring slots, the strongest and the mean answer of each, a head.

    `keys`: known characters and pairs; `said`: what each says to every filter from the right, the middle and the left of its window,
    the last row for what is not known.
    """

    keys: NDArray[np.uint64]
    rows: NDArray[np.int32]
    said: Said
    threshold: Said
    head: Scores
    bias: Scores

    @classmethod
    def of(cls, weights: Mapping[str, NDArray[Any]]) -> Self:
        """The network of the shipped whole numbers; a key's row is found by its bucket, the commoner key's where two share one."""
        keys = weights["keys"].astype(np.uint64)
        rows = np.full(1 << (BITS + 1), len(keys), np.int32)
        left, right = (keys >> KNOWN_BELOW).astype(np.uint32), keys.astype(np.uint32)
        buckets = np.where(left > 0, pair_buckets(left, right, BITS), single_buckets(right, BITS) + np.uint32(1 << BITS))
        rows[buckets[::-1]] = np.arange(len(keys), dtype=np.int32)[::-1]
        said, unit = whole(weights["vectors"].astype(np.float32), weights["filters"].astype(np.float32))
        threshold = np.clip(np.rint(weights["threshold"].astype(np.float64) / unit), *WHOLE).astype(np.int16)
        head, bias = weights["head"].astype(np.float64) * unit, weights["bias"].astype(np.float64)
        return cls(np.append(keys, np.uint64(0)), rows, said, threshold, head, bias)

    def scores(self, texts: Sequence[str]) -> Scores:
        """A row of scores a text."""
        pooled = np.concatenate([self._pooled(texts[first : first + CHUNK]) for first in range(0, len(texts), CHUNK)])
        # Not BLAS: its order of adding would depend on how many texts there are
        return np.stack([(pooled * column).sum(axis=1) for column in self.head.T], axis=1) + self.bias

    def _pooled(self, texts: Sequence[str]) -> Scores:
        grams = Grams.of(texts, LONGEST)
        answers = self._answers(grams.codes)
        ends = grams.starts + np.maximum(grams.sizes - 1, 1)  # a separator speaks for nobody
        pieces = [answers[start:end] for start, end in zip(grams.starts.tolist(), ends.tolist(), strict=True)]
        strongest = np.stack([piece.max(axis=0) for piece in pieces])
        sums = np.stack([piece.sum(axis=0, dtype=np.int32) for piece in pieces])
        return np.concatenate([strongest, sums / (ends - grams.starts)[:, None]], axis=1)

    def _answers(self, codes: Codes) -> Said:
        """What each filter answers to each slot between its neighbours."""
        said, width = self._slots(codes), len(self.threshold)
        answers = said[:, width : 2 * width].copy()
        answers[1:] += said[:-1, 2 * width :]
        answers[:-1] += said[1:, :width]
        return np.maximum(answers, self.threshold, out=answers)

    def _slots(self, codes: Codes) -> Said:
        """What each character and the pair it ends say together."""
        left, right = np.maximum(codes[:-1], FIRST), codes[1:]
        singles = self._found(single_buckets(right, BITS) + np.uint32(1 << BITS), right.astype(np.uint64))
        pairs = self._found(pair_buckets(left, right, BITS), (left.astype(np.uint64) << KNOWN_BELOW) | right)
        said = self.said.take(singles, axis=0)
        said += self.said.take(pairs, axis=0)
        return said

    def _found(self, buckets: Codes, keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        rows = self.rows.take(buckets)
        return np.where(self.keys.take(rows) == keys, rows, np.int32(len(self.keys) - 1))


def spoken(vectors: Floats, filters: Floats) -> Floats:
    """What each vector says to every filter where it is the right, the middle and the left one of the filter's window."""
    width = vectors.shape[1]
    return np.hstack([vectors @ filters[place * width : (place + 1) * width] for place in reversed(range(WINDOW))])


def whole(vectors: Floats, filters: Floats) -> tuple[Said, float]:
    """What the vectors say in 16 bits, a row of zeros after them, and what one is worth; block by block, to need little memory."""
    blocks = [vectors[first : first + BLOCK] for first in range(0, len(vectors), BLOCK)]
    unit = max([1.0, *(float(np.abs(spoken(block, filters)).max()) / LOUDEST for block in blocks)])
    said = np.zeros((len(vectors) + 1, WINDOW * filters.shape[1]), np.int16)
    for number, block in enumerate(blocks):
        said[number * BLOCK : number * BLOCK + len(block)] = np.rint(spoken(block, filters) / np.float32(unit))
    return said, unit


@dataclass(frozen=True, slots=True)
class Blend:
    """How voices are put together: below `gate` of the table's certainty all speak, each scaled, then shifted."""

    gate: float
    table: Scores
    network: Scores
    rules: Scores
    shift: Scores


class DefaultModel:
    """The table's shares where it is sure, those of table, network and lexicon together where it is not."""

    def __init__(self, table: TableModel, network: Network, rules: RulesModel, blend: Blend) -> None:
        self._table, self._network, self._rules, self._blend = table, network, rules, blend

    def probabilities(self, texts: Sequence[str]) -> Shares:
        """The protocol's."""
        if not texts:
            return np.zeros((0, len(self._blend.shift)))
        scores = self._table.scores(Grams.of(texts))
        shares = self._table.calibrated(scores)
        unsure = np.flatnonzero(shares.max(axis=1) < self._blend.gate)
        if len(unsure):
            shares[unsure] = softmax(self._together(scores[unsure], [texts[number] for number in unsure.tolist()]))
        return silenced(shares, texts)

    def _together(self, table: Scores, texts: Sequence[str]) -> Scores:
        blend = self._blend
        said = table * blend.table + self._network.scores(texts) * blend.network
        return np.asarray(said + voice(self._rules.leanings(texts)) * blend.rules + blend.shift, np.float64)


@cache
def load_default() -> DefaultModel:
    """The shipped weights, once a process: 20 MB beside the table."""
    weights = read_weights("network")
    table, network, rules, shift = (weights[name].astype(np.float64) for name in ("table", "network", "rules", "shift"))
    return DefaultModel(load_table(), Network.of(weights), load_rules(), Blend(float(weights["gate"]), table, network, rules, shift))
