"""
`fast`: one table of weights for hashed characters and pairs.

A bucket's weights for three classes lie in one 64-bit number, a lane each, so that one addition adds all three; they are whole numbers,
so a sum is the same in whatever order and company it is taken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from monitor.plain_files import open_plain
from monitor.scoring.sentiment.base import SPEECHLESS_ROW, Shares, softmax
from monitor.scoring.sentiment.grams import Grams

LANES = 3
MATRIX = 2  # dimensions
LANE = 21  # bits: 8,000 buckets of at most 255 fit
SHIFT = 128  # makes every weight positive, so that no lane borrows from the next
MASK = np.int64((1 << LANE) - 1)

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Table:
    """Weights of 2^bits buckets, in units of `unit`; any number of classes."""

    packed: tuple[NDArray[np.int64], ...]  # three classes each
    bits: int
    unit: float
    bias: Scores

    @classmethod
    def of(cls, weights: NDArray[np.int8], unit: float, bias: Scores) -> Self:
        """The table of a matrix of buckets and classes."""
        classes = weights.shape[1]
        raised = weights.astype(np.int64) + SHIFT
        lanes = [raised[:, first : first + LANES] for first in range(0, classes, LANES)]
        packed = tuple(np.asarray(sum(part[:, k] << (LANE * k) for k in range(part.shape[1])), np.int64) for part in lanes)
        return cls(packed, len(weights).bit_length() - 1, unit, bias)

    def scores(self, grams: Grams) -> Scores:
        """A row of scores a text: the mean of its buckets' weights, times the root of their number."""
        singles, pairs = grams.singles(self.bits), grams.pairs(self.bits)
        count = (2 * grams.sizes)[:, None]
        columns = []
        for packed in self.packed:
            sums = np.add.reduceat(packed.take(singles) + packed.take(pairs), grams.starts)
            columns += [(sums >> (LANE * k)) & MASK for k in range(LANES)]
        totals = np.stack(columns[: len(self.bias)], axis=1) - SHIFT * count
        return np.asarray(totals * self.unit / np.sqrt(count) + self.bias, np.float64)


class TableModel:
    """Calibrated shares by the table alone."""

    def __init__(self, table: Table, scale: Scores, shift: Scores) -> None:
        self._table = table
        self._scale, self._shift = scale, shift

    def probabilities(self, texts: Sequence[str]) -> Shares:
        """The protocol's."""
        if not texts:
            return np.zeros((0, LANES))
        return silenced(self.calibrated(self.scores(Grams.of(texts))), texts)

    def scores(self, grams: Grams) -> Scores:
        """Before calibration."""
        return self._table.scores(grams)

    def calibrated(self, scores: Scores) -> Shares:
        """Scores as shares that mean what they say."""
        return softmax(scores * self._scale + self._shift)


def silenced(shares: Shares, texts: Sequence[str]) -> Shares:
    """Where there are no words there is no tone."""
    shares[[number for number, text in enumerate(texts) if not text.strip()]] = SPEECHLESS_ROW
    return shares


def read_weights(name: str) -> dict[str, NDArray[Any]]:
    """The arrays of a shipped file of weights."""
    with resources.files("monitor.scoring.sentiment").joinpath(f"weights/{name}.npz").open("rb") as file, np.load(file) as arrays:
        return dict(arrays)


def table_model(weights: Mapping[str, NDArray[Any]]) -> TableModel:
    """The model of a file's arrays; ValueError where one is missing or misshapen."""
    try:
        matrix, unit = weights["weights"].astype(np.int8), float(weights["unit"])
        bias, scale, shift = (weights[name].astype(np.float64) for name in ("bias", "scale", "shift"))
    except KeyError as missing:
        raise ValueError(f"no array {missing}") from None
    if matrix.ndim != MATRIX or matrix.shape[1] != LANES or matrix.shape[0].bit_count() != 1 or bias.shape != (LANES,):
        raise ValueError(f"not a table of three classes: {matrix.shape}")
    return TableModel(Table.of(matrix, unit, bias), scale, shift)


def read_table(path: Path) -> TableModel:
    """The model of a file of one's own; ValueError where it is none."""
    try:
        with open_plain(path) as file, np.lib.npyio.NpzFile(file, allow_pickle=False) as arrays:
            return table_model(dict(arrays))
    except (OSError, EOFError, BadZipFile) as broken:
        raise ValueError(str(broken)) from broken


@cache
def load_table() -> TableModel:
    """The shipped weights, once a process: 8 MB."""
    return table_model(read_weights("table"))
