"""
The scorer against what a user would write, in one run: `python tests/bench/scoring.py FILE.jsonl[.gz] [BASELINE_SAMPLE]` prints JSON.

Baseline: json + jieba.lcut + keywords by `in` + SnowNLP over own and quoted text, on a sample, since it does some 40 a second.
Both read bytes and write bytes, with the same keywords: every word of the shipped libraries.
"""

import gzip
import json
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from monitor.mention import Mention
from monitor.scoring.library import load_libraries
from monitor.scoring.rules import words
from monitor.scoring.scorer import build_scorer
from monitor.subject import Subject

NAMES = ("红十字", "家乐福", "可口可乐", "华为", "百度", "航空", "银行")
BATCH = 256
SAMPLE = 400


def main(path: str, sample: int = SAMPLE) -> dict[str, Any]:
    """The figure of contract 8's form."""
    lines = _lines(Path(path))
    every = max(1, len(lines) // sample)
    value = len(lines) / _seconds(_ours(), lines)
    baseline = len(lines[::every]) / _seconds(_naive(), lines[::every])
    figures = {"value": value, "unit": "mentions/s", "baseline": baseline, "ratio": value / baseline, "mentions": len(lines)}
    return {"scorer": {name: round(figure, 1) if isinstance(figure, float) else figure for name, figure in figures.items()}}


def _lines(path: Path) -> list[bytes]:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines()


def _seconds(work: Callable[[Sequence[bytes]], int], lines: Sequence[bytes]) -> float:
    started = time.process_time()
    work(lines)
    return time.process_time() - started


def _ours() -> Callable[[Sequence[bytes]], int]:
    scorer = build_scorer([Subject(name=name, rules=(name,)) for name in NAMES])
    decode, encode = msgspec.json.Decoder(Mention).decode, msgspec.json.Encoder().encode

    def work(lines: Sequence[bytes]) -> int:
        size = 0
        for start in range(0, len(lines), BATCH):
            answers = scorer.score([decode(line) for line in lines[start : start + BATCH]])
            size += sum(len(encode(answer)) for answer in answers)
        return size

    return work


def _naive() -> Callable[[Sequence[bytes]], int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        jieba, snownlp = import_module("jieba"), import_module("snownlp")
    jieba.setLogLevel(100)
    jieba.initialize()
    libraries, _ = load_libraries([])
    keywords = [*NAMES, *{word.text for library in libraries for rule in library.rules for word in words(rule.rule.tree)}]

    def work(lines: Sequence[bytes]) -> int:
        size = 0
        for line in lines:
            mention = json.loads(line)
            text = f"{mention['text']} {mention['quoted']}"
            answer = {
                "id": mention["id"],
                "words": len(jieba.lcut(text)),
                "hits": [keyword for keyword in keywords if keyword in text],
                "sentiment": snownlp.SnowNLP(text).sentiments,
            }
            size += len(json.dumps(answer, ensure_ascii=False).encode())
        return size

    return work


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], *map(int, sys.argv[2:3]))))
