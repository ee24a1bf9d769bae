"""
`scorer`: bytes in, bytes out, on one core, beside the naive loop over the same text. `scorer_single`: one mention at a time.

A trickle at night comes one by one, and nothing is shared between mentions but what the scorer remembers.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median, quantiles

import msgspec

from monitor.mention import Mention
from monitor.scoring.scorer import Scorer, build_scorer
from monitor.settings import Settings
from monitor.subject import Subject
from services.bench.figure import Figure, figure
from services.bench.naive import SAMPLE, Naive, shipped_words

BATCH = 256
KEYWORDS = 10_000
SINGLE = 5_000  # mentions scored one at a time


def measure_scorer(_folder: Path, lines: Sequence[bytes], names: Sequence[str], settings: Settings | None = None) -> dict[str, Figure]:
    """Both, with the sentiment model of the settings. Processor time, so that a busy neighbour counts for neither."""
    sentiment = settings.sentiment if settings else "default"
    subjects = [*map(_watched, names), _many(KEYWORDS)]
    decode = msgspec.json.Decoder(Mention).decode
    scorer = build_scorer(subjects, sentiment=sentiment)
    value = len(lines) / _seconds(lambda: _score(scorer, decode, lines))
    naive, chosen = Naive(names), lines[:: max(1, len(lines) // SAMPLE)]
    naively = [_seconds(lambda line=line: naive.score(line)) for line in chosen]  # type: ignore[misc]  # a default binds this line; mypy infers no such lambda
    single = build_scorer(subjects, sentiment=sentiment)
    alone = [_seconds(lambda line=line: _score(single, decode, [line])) for line in lines[:SINGLE]]  # type: ignore[misc]  # as above
    keywords, middle = KEYWORDS + len(shipped_words()), 1000 * median(alone)
    return {
        "scorer": figure(value, "mentions/s", len(chosen) / sum(naively), len(lines), keywords=keywords, sentiment=sentiment),
        "scorer_single": figure(
            _p99(alone), "ms", _p99(naively), len(alone), less_is_better=True, median=middle, keywords=keywords, sentiment=sentiment
        ),
    }


def _p99(seconds: Sequence[float]) -> float:
    """In milliseconds."""
    return 1000 * quantiles(seconds, n=100)[-1]


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


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return max(time.process_time() - started, 1e-9)
