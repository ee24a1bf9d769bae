"""`scorer`: bytes in, bytes out, on one core, beside the naive loop over the same text."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from monitor.mention import Mention
from monitor.scoring.scorer import Scorer, build_scorer
from monitor.subject import Subject
from services.bench.figure import Figure, figure
from services.bench.naive import SAMPLE, Naive, shipped_words

BATCH = 256
KEYWORDS = 10_000


def measure_scorer(_folder: Path, lines: Sequence[bytes], names: Sequence[str]) -> dict[str, Figure]:
    """Processor time, so that a busy neighbour counts for neither."""
    scorer = build_scorer([*map(_watched, names), _many(KEYWORDS)])
    decode = msgspec.json.Decoder(Mention).decode
    value = len(lines) / _seconds(lambda: _score(scorer, decode, lines))
    naive, chosen = Naive(names), lines[:: max(1, len(lines) // SAMPLE)]
    baseline = len(chosen) / _seconds(lambda: sum(len(naive.score(line)) for line in chosen))
    return {"scorer": figure(value, "mentions/s", baseline, len(lines), keywords=KEYWORDS + len(shipped_words()))}


def _watched(name: str) -> Subject:
    return Subject(name=name, rules=(name,))


def _many(count: int) -> Subject:
    """A subject with so many keywords of its own, none of which is said."""
    return Subject(name="keywords", rules=tuple(f"甲{number}号乙" for number in range(count)))


def _score(scorer: Scorer, decode: Callable[[bytes], Mention], lines: Sequence[bytes]) -> int:
    size, encode = 0, msgspec.json.Encoder().encode
    for start in range(0, len(lines), BATCH):
        size += sum(len(encode(answer)) for answer in scorer.score([decode(line) for line in lines[start : start + BATCH]]))
    return size


def _seconds(work: Callable[[], int]) -> float:
    started = time.process_time()
    work()
    return max(time.process_time() - started, 1e-9)
