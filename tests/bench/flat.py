"""
Whether the memory of each process stays flat while mentions are pushed, acted on and told for some minutes, nobody killed.

    python -m tests.bench.flat [--bus sqlite|kafka] [--minutes 10] [--seed 1]

Prints one JSON object: of each process its memory (MB) once it is warm (the median of the second fifth of the time) and at the end (of
the last), and the mentions a second. Exit code 1 when one has grown by more than a tenth and by more than 20 MB.

Who decides keeps what it counts for a day, about 1 KB of a mention: of that so much may come on top as was pushed meanwhile.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.acceptance.processes import until
from tests.acceptance.receiving import Receiver
from tests.chaos.pushing import Pusher
from tests.chaos.staff import Staff
from tests.chaos.talk import Talk
from tests.chaos.town import TOWNS, Town

EVERY = 2.0
PAUSE = 0.02  # seconds between two pushes
GROWN, BY = 1.1, 20.0
KEPT = 0.002  # MB of a mention, at most, of who decides
DECIDING = ("escalate", "service")
Weights = Sequence[dict[str, float]]


def main(arguments: Sequence[str]) -> int:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.flat", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--bus", choices=sorted(TOWNS), default="sqlite")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="yuqing-flat-") as folder, working(asked.bus, Path(folder), asked.seed) as (town, pusher):
        began, before = time.monotonic(), len(pusher.taken)
        seen = list(weighed(town, asked.minutes * 60))
        pushed, seconds = len(pusher.taken) - before, time.monotonic() - began
    found = judged(seen, KEPT * pushed)
    print(json.dumps(found | {"mentions a second": round(pushed / seconds, 1)}, ensure_ascii=False))
    return int(any(one["grown"] for one in found.values()))


@contextmanager
def working(bus: str, folder: Path, seed: int) -> Iterator[tuple[Town, Pusher]]:
    """A town at work, and who pushes to it."""
    with Receiver() as receiver, TOWNS[bus](folder, receiver.url) as town:
        for name in town.roles:
            town.start(name)
        until(town.ready, 180)
        pusher = Pusher(town.base, Talk(seed).batch, seed, PAUSE)
        with pusher.at_work(), Staff(town.base, seed).at_work():
            until(lambda: receiver.arrivals, 120)
            yield town, pusher


def weighed(town: Town, seconds: float) -> Iterator[dict[str, float]]:
    """What each process weighs, again and again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield town.weights()
        time.sleep(min(EVERY, max(0.0, end - time.monotonic())))


def judged(seen: Weights, kept: float) -> dict[str, dict[str, float]]:
    """Of each process what it weighed when it was warm, at the end and at most; and whether that is growth (1) or not (0)."""
    fifth = max(1, len(seen) // 5)
    found = {}
    for name in seen[0]:
        warm, end = (median(one[name] for one in part) for part in (seen[fifth : 2 * fifth] or seen, seen[-fifth:]))
        by = BY + kept if name.startswith(DECIDING) else BY
        grown = end > warm * GROWN and end - warm > by
        most = max(one[name] for one in seen)
        found[name] = {"warm": round(warm, 1), "end": round(end, 1), "most": round(most, 1), "grown": float(grown)}
    return found


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
