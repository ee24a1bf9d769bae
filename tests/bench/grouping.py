"""
Grouping by itself: mentions a second on a real stream among many living nodes, and what a node weighs.

Run: python -m tests.bench.grouping [NODES…]    (the stream: ../shared/data/weibo-cascades-dev.jsonl.gz, seven subjects as one)
"""

import gc
import gzip
import json
import sys
import tracemalloc
from collections.abc import Iterator
from random import Random
from time import process_time

from msgspec.structs import replace

from monitor.border import parse
from monitor.clock import micros, moment
from monitor.mention import Mention
from monitor.scoring.fold import fold
from monitor.stories.grouping import Grouping
from monitor.stories.rarity import known
from tests.acceptance.making import SHARED_STREAM, SHARED_SUBJECTS

SIZES = (10_000, 100_000)
ROUNDS = 3  # the best counts: the machine has other work
WORDS_A_TEXT = 35


def made_texts(count: int, seed: int = 3) -> Iterator[str]:
    """Ordinary texts about nothing that really happened: common pairs of characters with now and then a rare one."""
    chance, pairs = Random(seed), sorted(known().items(), key=lambda pair: pair[1])
    words = [word for word, _ in pairs if not word.isascii()]
    for _ in range(count):
        yield "".join(words[int(len(words) * chance.random() ** 2)] for _ in range(chance.randint(10, 2 * WORDS_A_TEXT - 10)))


def filled(nodes: int, now: int) -> tuple[Grouping, int]:
    """A grouping in which so many texts live, and bytes a node."""
    known()  # the table is read once, whatever the nodes
    gc.collect()
    tracemalloc.start()
    grouping = Grouping(fold, SHARED_SUBJECTS)
    for number, text in enumerate(made_texts(nodes)):
        grouping.found(Mention(source="made", id=f"n{number}", text=text, published_at=moment(now)), f"s{number}", now)
    weight = tracemalloc.get_traced_memory()[0] // nodes
    tracemalloc.stop()
    return grouping, weight


def stream() -> list[Mention]:
    """The real stream."""
    with gzip.open(SHARED_STREAM) as lines:
        return [parse(line.rstrip(), 1 << 51) for line in lines]


def place(grouping: Grouping, mention: Mention, now: int) -> None:
    """As the desk does."""
    ties = grouping.find(mention, now)
    if ties is None:
        grouping.found(mention, mention.id, now)
        return
    home = ties.home
    for other in ties.also:
        older, younger = sorted((home, other), key=lambda node: node.order)
        grouping.merge(older, younger)
        home = older
    grouping.join(home, mention, now)


def pace(grouping: Grouping, mentions: list[Mention], now: int) -> float:
    """Mentions found and joined a second, as if all came at once: nothing dies meanwhile."""
    best = float("inf")
    for turn in range(ROUNDS):
        again = [replace(mention, source=f"weibo{turn}") for mention in mentions]
        started = process_time()
        for mention in again:
            place(grouping, mention, now)
        best = min(best, process_time() - started)
    return len(mentions) / best


def main() -> None:
    """Print one JSON object."""
    mentions = stream()
    now = micros(mentions[-1].published_at)
    out: dict[str, dict[str, float]] = {}
    for nodes in [int(size) for size in sys.argv[1:]] or SIZES:
        grouping, weight = filled(nodes, now)
        out[str(nodes)] = {"mentions_per_second": round(pace(grouping, mentions, now)), "bytes_per_node": weight}
    print(json.dumps(out))


if __name__ == "__main__":
    main()
