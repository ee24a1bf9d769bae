"""
`segment`: cutting what mentions say and pass on into words, by jieba-rs, beside jieba itself over the same texts.

Both take turns; processor time counts, and each is judged by its quickest turn, so a busy neighbour disturbs them alike. Every text
is cut as often as it comes: no memory helps either.
"""

import time
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import msgspec

from monitor.scoring.fold import fold
from monitor.scoring.segment import FAST, PLAIN, Segmenter, load_segmenter
from services.bench.figure import Figure, figure

SLICES, SLICE = 20, 500  # mentions


def measure_segment(_folder: Path, lines: Sequence[bytes], _names: Sequence[str]) -> dict[str, Figure]:
    """Mentions a second of each, and how far their words have the same borders."""
    step = max(1, len(lines) // (SLICES * SLICE))
    mentions = [_texts(line) for line in lines[::step]][: SLICES * SLICE]
    fast, plain = load_segmenter(FAST), load_segmenter(PLAIN)
    turns = [mentions[start : start + SLICE] for start in range(0, len(mentions), SLICE)]
    rates = [(_rate(fast, turn), _rate(plain, turn)) for turn in turns]
    value, baseline = map(max, zip(*rates, strict=True))
    return {"segment": figure(value, "mentions/s", baseline, len(mentions), boundary_f1=_agreement(fast, plain, mentions))}


def _texts(line: bytes) -> list[str]:
    """What is said and what is passed on."""
    said = msgspec.json.decode(line)
    return [fold(text) for text in (said.get("text"), said.get("quoted")) if text]


def _rate(segmenter: Segmenter, mentions: Sequence[Sequence[str]]) -> float:
    started = time.process_time()
    for texts in mentions:
        for text in texts:
            segmenter.cut(text)
    return len(mentions) / max(time.process_time() - started, 1e-9)


def _agreement(one: Segmenter, other: Segmenter, mentions: Sequence[Sequence[str]]) -> float:
    """F1 of the borders between words, over every text once."""
    both = either = 0
    for text in {text for texts in mentions for text in texts}:
        mine, yours = (set(accumulate(map(len, segmenter.cut(text)))) for segmenter in (one, other))
        both, either = both + len(mine & yours), either + len(mine) + len(yours)
    return 2 * both / either
