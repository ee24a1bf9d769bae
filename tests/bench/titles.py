"""
How right the stories of short texts are: real hot-search titles, each said about one subject, all within one hour.

Run: python -m tests.bench.titles [NAME…]    (needs ../shared; NAME: subjects that every title begins with, each by itself)

B-cubed precision and recall over titles. Truth: titles.tsv beside this file (digests and labels, no texts): pairs that a looser grouping
put together, judged by hand; a pair that only another grouping finds counts as wrong, so precision is never flattered.
"""

import gzip
import json
import sys
from collections import Counter
from hashlib import blake2b
from pathlib import Path
from random import Random

from monitor.clock import micros
from services.bench.stream import BEGIN
from tests.acceptance.making import ROOT
from tests.grouped import stories

HOT_LIST = ROOT.parent / "shared" / "data" / "hot-list-daily.tsv.gz"
LABELS = Path(__file__).with_name("titles.tsv")
NAMES = ("云杉超市", "中国航空集团", "Angelababy", "华为")
FIRST = 9_000  # those before may be learned from
JUDGED = 5_000


def titles() -> list[str]:
    """The distinct titles in order of time."""
    with gzip.open(HOT_LIST, "rt") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines]
    return list(dict.fromkeys(title for _, title, _ in rows))


def judged() -> list[str]:
    """Those that are told, in an order of chance."""
    told = titles()[FIRST:]
    Random(1).shuffle(told)
    return told[:JUDGED]


def truth(told: list[str]) -> list[str]:
    """The happening of each."""
    rows = (line.split("\t") for line in LABELS.read_text("utf-8").splitlines() if not line.startswith("#"))
    labels = dict(rows)
    digests = (blake2b(title.encode(), digest_size=6).hexdigest() for title in told)
    return [labels.get(digest, digest) for digest in digests]


def report(name: str) -> dict[str, float]:
    """Precision and recall, and how many stories have company."""
    told = judged()
    found, right = stories((name,), ((f"{name}{title}", micros(BEGIN)) for title in told)), truth(told)
    both, ours, theirs = Counter(zip(found, right, strict=True)), Counter(found), Counter(right)
    precision = sum(count * count / ours[story] for (story, _), count in both.items()) / len(told)
    company = sum(theirs[label] > 1 for label in right)
    recall = sum(count * count / theirs[label] for (_, label), count in both.items() if theirs[label] > 1) / company
    mixed = sum(n > 1 for n in Counter(story for story, _ in both).values())
    return {
        "precision": round(precision, 4),
        "recall of what has company": round(recall, 4),
        "stories": sum(n > 1 for n in ours.values()),
        "mixed": mixed,
    }


def main() -> None:
    """Print one JSON object."""
    print(json.dumps({name: report(name) for name in sys.argv[1:] or NAMES}, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
