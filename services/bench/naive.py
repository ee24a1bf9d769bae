"""
The simpler thing: what a user would write in an afternoon. json, jieba.lcut, keywords by `in`, SnowNLP; one mention after the other.

It has no memory of repeats, no batches, no durability and no decisions. It knows jieba as nobody else here may: it stands for others' code.
"""

import json
import warnings
from collections.abc import Sequence
from importlib import import_module
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from monitor.scoring.library import load_libraries
from monitor.scoring.rule_tree import words

KEYWORDS = 1_000
SAMPLE = 400


class Naive:
    """Bytes in, bytes out."""

    def __init__(self, names: Sequence[str], keywords: int = KEYWORDS) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._jieba: Any = import_module("jieba")
            self._snownlp: Any = import_module("snownlp")
        self._jieba.setLogLevel(100)
        with TemporaryDirectory(prefix="yuqing-bench-") as folder:
            self._jieba.dt.tmp_dir = folder  # it would leave a cache of its dictionary in the shared temporary folder
            self._jieba.initialize()
        self._snownlp.SnowNLP("预热").sentiments  # noqa: B018 - its model is read at the first use, which is not to be measured
        self._names = tuple(names)
        self._keywords = [*names, *shipped_words()][:keywords]

    def score(self, line: bytes) -> bytes:
        """One line of JSON with its words, its hits and its sentiment."""
        return json.dumps(self.judged(json.loads(line)), ensure_ascii=False).encode()

    def judged(self, mention: dict[str, Any]) -> dict[str, Any]:
        """What it says of one mention, in its own and its quoted words."""
        text = f"{mention.get('text') or ''} {mention.get('quoted') or ''}"
        return {
            "id": mention["id"],
            "words": len(self._jieba.lcut(text)),
            "subjects": [name for name in self._names if name in text],
            "hits": [keyword for keyword in self._keywords if keyword in text],
            "sentiment": self.tone(text),
        }

    def tone(self, text: str) -> float:
        """How positive a text is."""
        return float(self._snownlp.SnowNLP(text).sentiments) if text.strip() else 0.5


def shipped_words() -> list[str]:
    """Every word of the shipped libraries, each once."""
    libraries, _ = load_libraries([])
    return list(dict.fromkeys(word.text for library in libraries for rule in library.rules for word in words(rule.rule.tree)))


def naive_rate(lines: Sequence[bytes], names: Sequence[str], sample: int = SAMPLE) -> float:
    """Mentions a second of the naive loop over an even sample: over all it would take minutes."""
    naive = Naive(names)
    chosen = lines[:: max(1, len(lines) // sample)]
    started = perf_counter()
    for line in chosen:
        naive.score(line)
    return len(chosen) / (perf_counter() - started)
