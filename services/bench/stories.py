"""
`stories_10k`, `stories_100k`: scored mentions a second through grouping and stepping on one core; `restart`: seconds to the next decision.

No store is in the first two, and so many stories live; the last is of a service killed among 10,000 live stories.

Baselines of the same run: each new text held against every text before it by 64-bit SimHash, which is how it is often done; and all of
the log decided again from its beginning.
"""

import asyncio
import gc
import os
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from random import Random
from time import perf_counter, process_time

import structlog
from prometheus_client import CollectorRegistry

from monitor.bus.base import SCORED
from monitor.clock import MINUTE, SECOND, SystemClock, micros, moment
from monitor.escalation.desk import Desk
from monitor.loading import load_settings
from monitor.mention import Mention, Scored
from monitor.metrics import Metrics
from monitor.score import Emotion, Score, Sentiment
from services.bench.figure import Figure, figure
from services.bench.replay import resident, write_config
from services.bench.stream import BEGIN, NAMES
from services.score import record_of
from services.wiring import desk_maker, make_escalator, open_bus, open_store

MEASURED = 20_000
RESTARTED = 10_000
_BATCH = 256
_PLAIN = 100  # new texts the baseline is given: it takes longer the more there are
_ILL, _CALM = Sentiment("negative", 0.9, 0.05, 0.05), Sentiment("neutral", 0.1, 0.8, 0.1)
_NONE = Emotion("none", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
START = micros(BEGIN)
_SIGNS = tuple(chr(sign) for sign in range(0x4E00, 0x5600))


def measure_stories(folder: Path, _lines: Sequence[bytes], _names: Sequence[str]) -> dict[str, Figure]:
    """Both sizes; of the larger also what the process holds."""
    folder.mkdir(parents=True)
    made = desk_maker(load_settings(write_config(folder, NAMES), os.environ))
    found: dict[str, Figure] = {}
    for name, stories in (("stories_10k", 10_000), ("stories_100k", 100_000)):
        before = resident(os.getpid())
        desk = filled(made(), stories)
        rate = MEASURED / _seconds(desk, stories, MEASURED)
        process = resident(os.getpid())
        found[name] = figure(
            rate, "mentions/s", _plain_rate(stories), MEASURED, stories=stories, mebibytes=process - before, process=process
        )
        del desk
        gc.collect()  # it knows itself: the next is to be measured alone
    return found


def measure_restart(folder: Path, _lines: Sequence[bytes], _names: Sequence[str]) -> dict[str, Figure]:
    """From a filled store; the baseline decides the same log from its first record."""
    folder.mkdir(parents=True)
    return {"restart": asyncio.run(_restart(write_config(folder, NAMES)))}


async def _restart(config: Path) -> Figure:
    settings, clock = load_settings(config, os.environ), SystemClock()
    bus, store = open_bus(settings, clock), await open_store(settings)
    await bus.start()
    try:
        first = [*_first(RESTARTED), *_spoken(RESTARTED, RESTARTED)]
        for start in range(0, len(first), 1_000):
            await bus.append(SCORED, [record_of(one) for one in first[start : start + 1_000]])
        log = structlog.wrap_logger(None, processors=[_silent])

        async def decided(upto: int) -> float:
            started = perf_counter()
            escalator = make_escalator(settings, bus, store, clock, Metrics(CollectorRegistry()), log, batch=1_000)
            while escalator.offset < upto:
                await escalator.advance()
            return perf_counter() - started

        baseline = await decided(len(first))
        (last,) = _spoken(RESTARTED, 1, again="again")
        await bus.append(SCORED, [record_of(last)])
        seconds = await decided(len(first) + 1)
        return figure(seconds, "s", baseline, len(first), less_is_better=True, stories=RESTARTED)
    finally:
        await store.close()
        await bus.close()


def filled(desk: Desk, stories: int) -> Desk:
    """A desk on which so many stories of two mentions live."""
    for number, one in enumerate(_first(stories)):
        observe(desk, one, number)
        if number % _BATCH == 0:  # what is decided is stored now and then
            desk.drain()
    desk.drain()
    return desk


def observe(desk: Desk, one: Scored, offset: int) -> None:
    """One new mention; nothing sleeps here that it could wake."""
    desk.lacks(one, None)
    desk.observe(one, offset, None)


def _seconds(desk: Desk, stories: int, count: int) -> float:
    """Processor time, so that a busy neighbour does not count; what makes the mentions does not count either."""
    spent, mentions = 0.0, _spoken(stories, count)
    for start in range(0, count, _BATCH):
        batch = list(islice(mentions, _BATCH))
        started = process_time()
        for number, one in enumerate(batch, start):
            observe(desk, one, 1_000_000 + number)
        desk.drain()
        spent += process_time() - started
    return max(spent, 1e-9)


def _first(stories: int) -> Iterator[Scored]:
    """Two mentions of each: a text, and a repost of it; all within an hour."""
    for number in range(stories):
        at, text = START + number * 60 * MINUTE // stories, made_text(number)
        yield said(f"p{number}", at, text, number)
        yield said(f"r{number}", at + SECOND, "转发微博", number, root=f"p{number}", quoted=text)


def made_text(number: int) -> str:
    """A text like no other."""
    drawn = Random(number)  # noqa: S311 - a measurement must be repeatable, not secret
    return f"{NAMES[number % len(NAMES)]}{''.join(drawn.choices(_SIGNS, k=30))}"


def _spoken(stories: int, count: int, again: str = "") -> Iterator[Scored]:
    """Reposts with a few words, of any of them, in the ten minutes after."""
    drawn = Random(7)  # noqa: S311 - a measurement must be repeatable, not secret
    for number in range(count):
        of = min(int(drawn.paretovariate(0.6)) - 1, stories - 1)
        at = START + 61 * MINUTE + number * 10 * MINUTE // count
        yield said(f"s{again}{number}", at, drawn.choice(("转发微博", "太可怕了", "等官方回应", f"说得好 {number}")), of, root=f"p{of}")


def said(
    item: str, at: int, text: str, story: int, *, root: str | None = None, quoted: str | None = None, ill: bool | None = None
) -> Scored:
    """One mention of a story, by an author of its own; of stories one in three is ill talk, if it is not said."""
    author = blake2b(item.encode(), digest_size=16).hexdigest()
    mention = Mention(
        source="bench", id=item, text=text, published_at=moment(at), author=author, root=root, quoted=quoted, platform="微博",
        kind="repost" if root else "post", followers=300, likes=3,
    )  # fmt: skip
    score = Score(
        subject=NAMES[story % len(NAMES)], hits=(), sentiment=_ILL if (story % 3 == 0 if ill is None else ill) else _CALM, severity=0.0
    )
    return Scored(received_at=at, mention=mention, score=score, emotion=_NONE)


def _plain_rate(stories: int) -> float:
    """Texts a second held against as many others."""
    known = min(stories, 1_000)
    seen = [_simhash(made_text(number)) for number in range(known)] * (stories // known)
    texts = [made_text(number) for number in range(_PLAIN)]
    started, near = process_time(), 0
    for text in texts:
        mine = _simhash(text)
        near += sum((mine ^ other).bit_count() <= 3 for other in seen)  # noqa: PLR2004 the usual distance
    return _PLAIN / max(process_time() - started, 1e-9)


def _simhash(text: str) -> int:
    weights = [0] * 64
    for i in range(len(text) - 1):
        mark = int.from_bytes(blake2b(text[i : i + 2].encode(), digest_size=8).digest(), "big")
        for bit in range(64):
            weights[bit] += 1 if mark >> bit & 1 else -1
    return sum(1 << bit for bit, weight in enumerate(weights) if weight > 0)


def _silent(_logger: object, _name: str, _event: object) -> str:
    raise structlog.DropEvent
