"""`sentiment`: each model alone, 256 texts at a time on one core, beside SnowNLP with its own segmenter on the same texts."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from monitor.mention import Mention
from monitor.scoring.sentiment.base import SentimentModel
from monitor.scoring.sentiment.models import LOADERS, load_model
from monitor.scoring.words import Reader
from services.bench.figure import Figure, figure
from services.bench.naive import Naive

BATCH = 256
TEXTS = 8_192  # of the quick models; of the others as many as fit into a second or two
SLOW = {"snownlp": 2_048, "lexicon": 4_096}
BASELINE = 60
ROUNDS = 3


def measure_sentiment(_folder: Path, lines: Sequence[bytes], names: Sequence[str]) -> dict[str, Figure]:
    """Processor time, so that a busy neighbour counts for neither; the best of some rounds."""
    reader, decode = Reader(), msgspec.json.Decoder(Mention).decode
    texts = [said for line in lines[:TEXTS] if (said := reader.read(decode(line)).spoken)]
    rates = {name: _rate(load_model(name), texts[: SLOW.get(name, TEXTS)]) for name in LOADERS}
    naive, chosen = Naive(names, 0), texts[:BASELINE]
    baseline = len(chosen) / _seconds(lambda: [naive.tone(text) for text in chosen])
    more: dict[str, Any] = {"characters": sum(map(len, texts)) / max(1, len(texts)), **rates}
    return {"sentiment": figure(rates["default"], "texts/s", baseline, len(texts), **more)}


def _rate(model: SentimentModel, texts: Sequence[str]) -> float:
    model.probabilities(texts[:BATCH])
    batches = [texts[first : first + BATCH] for first in range(0, len(texts), BATCH)]
    return len(texts) / min(_seconds(lambda: [model.probabilities(batch) for batch in batches]) for _ in range(ROUNDS))


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return max(time.process_time() - started, 1e-9)
