"""
Heavy loads of stories: what they cost in time and memory, quarter by quarter, so that what grows with the traffic shows.

Run: python -m tests.bench.heavy copies|large|many [COUNT [LIVE]]    (each in a process of its own: memory is what the process holds)

`copies`: that many accounts post one text within a day (1,000,000). `large`: a story of that many mentions, one in four of them ill
(200,000). `many`: that many new stories of two mentions, 10,000 an hour (240,000); at the end old ones are spoken of again.
"""

import gc
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from monitor.clock import DAY, HOUR, SECOND
from monitor.escalation.desk import Desk
from monitor.escalation.effects import Effects, NewHit, StoryRow
from monitor.escalation.settling import LIVE
from monitor.loading import load_settings
from monitor.mention import Scored
from monitor.scoring.fold import fold
from monitor.stories.rarity import known
from services.bench.replay import resident, write_config
from services.bench.stories import START, made_text, observe, said
from services.bench.stream import NAMES
from services.entry import SELDOM
from services.wiring import desk_maker

HOURLY = 10_000
COUNTS = {"copies": 1_000_000, "large": 200_000, "many": 24 * HOURLY}
_BATCH = 256
_SAMPLED = 1_000  # of so many stories one is spoken of again
_OLD = "某地红十字会的捐款去向被网友质疑, 官方回应称将公布明细, 至今没有公布"


def copies(count: int) -> Iterator[Scored]:
    """One text, each time by another account."""
    for number in range(count):
        yield said(f"c{number}", START + number * DAY // count, f"{NAMES[0]}{_OLD}", 0)


def large(count: int) -> Iterator[Scored]:
    """A post and what passes it on."""
    yield said("p0", START, f"{NAMES[0]}{_OLD}", 0)
    for number in range(1, count):
        at = START + number * 3 * DAY // count
        yield said(f"l{number}", at, f"说得好 {number}", 0, root="p0", quoted=f"{NAMES[0]}{_OLD}", ill=number % 4 == 0)


def many(count: int) -> Iterator[Scored]:
    """New stories, each a post and a repost of it, a third of them ill."""
    for number in range(count):
        at, text = START + number * HOUR // HOURLY, made_text(number)
        yield said(f"p{number}", at, text, number)
        yield said(f"r{number}", at + SECOND // 10, "转发微博", number, root=f"p{number}", quoted=text)


class Kept:
    """Of what is decided: the rows and hits of a few stories, as a store would give them back."""

    def __init__(self) -> None:
        self.rows: dict[str, StoryRow] = {}
        self.hits: dict[str, list[NewHit]] = {}

    def keep(self, effects: Effects) -> None:
        """Remember the sampled ones."""
        for hit in effects.hits:
            if hit.story.startswith("s") and hit.scored.mention.id[1:].isdigit() and not int(hit.scored.mention.id[1:]) % _SAMPLED:
                self.hits.setdefault(hit.story, []).append(hit)
        for key, row in effects.stories.items():
            if key in self.hits:
                self.rows[key] = row


def woken(desk: Desk, kept: Kept, count: int, now: int) -> dict[str, int]:
    """How many of the sampled stories had settled, and how many of these a late repost wakes."""
    found = {"asleep": 0, "woken": 0}
    for offset, number in enumerate(range(0, count, _SAMPLED)):
        late = said(f"late{number}", now, "转发微博", number, root=f"p{number}", quoted=made_text(number))
        key = desk.lacks(late, None)
        if key and key in kept.rows:
            desk.drain()
            desk.recall(kept.rows[key], 1 << 40 | offset)
            for hit in kept.hits[key]:
                desk.take(hit)
            desk.ready()
        row = next((row for story, row in kept.rows.items() if kept.hits[story][0].scored.mention.id == f"r{number}"), None)
        asleep = row is not None and not row.live
        found["asleep"] += asleep
        found["woken"] += asleep and key is not None
        desk.observe(late, 1 << 40 | offset, None)
    return found


def run(stream: Callable[[int], Iterator[Scored]], count: int, live: int) -> dict[str, object]:
    """The stream through a desk; processor time, so that a busy neighbour does not count."""
    with TemporaryDirectory() as folder:
        made = desk_maker(load_settings(write_config(Path(folder), NAMES), os.environ))()
    desk = Desk(made.subjects, made.policies, fold, live=live)
    known()
    kept, before = Kept(), resident(os.getpid())
    rates, held, quarter, spent, done, batch = list[int](), list[int](), max(1, count // 4), 0.0, 0, list[Scored]()
    total, mark, at = 0, 0, START

    def decide() -> None:
        nonlocal spent, total, at
        started = process_time()
        for one in batch:
            observe(desk, one, total)
            total += 1
        effects = desk.drain()
        spent, at = spent + process_time() - started, batch[-1].received_at
        kept.keep(effects)
        batch.clear()

    for one in stream(count):
        batch.append(one)
        done += one.mention.id[0] != "r"
        if len(batch) == _BATCH or done % quarter == 0:
            decide()
        if done // quarter > len(rates):
            rates.append(round((total - mark) / max(spent, 1e-9)))
            held.append(round(resident(os.getpid()) - before))
            mark, spent = total, 0.0
    if batch:
        decide()
    out: dict[str, object] = {"mentions": total, "mentions_per_second": rates, "mebibytes": held}
    return out | (woken(desk, kept, count, at) if stream is many else {})


def main() -> None:
    """Print one JSON object."""
    gc.set_threshold(*SELDOM)
    name = sys.argv[1]
    count = int(sys.argv[2]) if sys.argv[2:] else COUNTS[name]
    live = int(sys.argv[3]) if sys.argv[3:] else LIVE
    print(json.dumps({name: run({"copies": copies, "large": large, "many": many}[name], count, live)}))


if __name__ == "__main__":
    main()
