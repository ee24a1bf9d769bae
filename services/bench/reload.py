"""
`reload`: how long scoring stands still while a library of 10,000 rules is written anew and taken up, under full load.

Batches of 64 are scored one after the other, without a rest, by what the service scores by; the pause is the longest stretch between
the ends of two of them while the new rules are read, built and changed over, the median of some reloads. The baseline does the same
work between two batches, as who reloads in place does. `hundred_k` is the pause with ten times the rules, `usual` the longest stretch
while nothing is taken up, `loop_lag` how late the event loop was at most.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median

import msgspec
from prometheus_client import CollectorRegistry

from monitor.clock import SystemClock, micros
from monitor.errors import YuqingError
from monitor.loading import load_settings
from monitor.mention import Mention, Raw
from monitor.metrics import Metrics
from monitor.settings import Settings
from monitor.store.sessions import Store
from services.bench.figure import Figure, figure
from services.bench.keywords import HUNDRED, TEN, names_as_rules
from services.house import start_logging
from services.keeping.reload import Reloader
from services.lifecycle import measure_lag
from services.score import Batch, Newest, patiently
from services.wiring import Scoring, make_score

BATCH = 64
RELOADS = 5
QUIET = 1.0  # seconds without a reload
_MS = 1_000


def measure_reload(folder: Path, lines: Sequence[bytes], names: Sequence[str]) -> dict[str, Figure]:
    """In milliseconds."""
    folder.mkdir(parents=True)
    raws = list(map(_raw, lines))
    config = folder / "c.yaml"
    subjects = "".join(f"  - {{name: {name}, rules: [{name}], libraries: [names]}}\n" for name in names)
    config.write_text(f"organisation: bench\nlibraries: [names.yaml]\nsubjects:\n{subjects}", "utf-8")
    ten, in_place, scored = asyncio.run(_measured(config, raws, names_as_rules(TEN), RELOADS))
    hundred, _, more = asyncio.run(_measured(config, raws, names_as_rules(HUNDRED), 1))
    told = {"usual": ten.usual * _MS, "loop_lag": ten.lag * _MS, "hundred_k": hundred.pause * _MS, "hundred_k_lag": hundred.lag * _MS}
    return {"reload": figure(ten.pause * _MS, "ms", in_place * _MS, scored + more, less_is_better=True, rules=TEN, **told)}


class Pauses(msgspec.Struct):
    """Seconds: the median of the longest stretches of the reloads, the longest without one, the latest the event loop was."""

    pause: float
    usual: float
    lag: float


def _raw(line: bytes) -> Raw:
    mention = msgspec.json.decode(line, type=Mention)
    return Raw(received_at=micros(mention.published_at), mention=mention)


async def _measured(config: Path, raws: Sequence[Raw], rules: Sequence[str], reloads: int) -> tuple[Pauses, float, int]:
    """The pauses, the seconds that the work takes in place, how many mentions were scored meanwhile."""
    write = partial(_write, config.parent / "names.yaml", rules)
    write(0)
    settings = load_settings(config, {})
    score = make_score(settings, b"bench")
    store = await Store.open("sqlite", config.parent)
    try:
        load = Load(score, raws)
        reloader = _reloader(settings, store, load.newest, score)
        pauses = await load.paused(reloader, write, reloads)
    finally:
        await store.close()
    write(reloads + 1)
    started = time.perf_counter()
    score.rebuilt(load_settings(config, {}))
    return pauses, time.perf_counter() - started, load.scored


def _write(file: Path, rules: Sequence[str], turn: int) -> None:
    listed = "\n".join(f"  - {rule}" for rule in rules)
    file.write_text(f"name: names\ncategory: 企业\nweight: 0.1\nrules:\n  - 第{turn}轮\n{listed}\n", "utf-8")


def _reloader(settings: Settings, store: Store, newest: Newest, score: Scoring) -> Reloader:
    reloader = Reloader(settings, settings, store, SystemClock(), Metrics(CollectorRegistry()), start_logging(settings, level="error"))

    def follow(new: Settings) -> Callable[[], None]:
        rebuilt = score.rebuilt(new)
        return lambda: newest.use(rebuilt)

    reloader.follow(follow)
    return reloader


class Load:
    """Scores without a rest, and remembers when each batch was done and that it was of one version."""

    def __init__(self, score: Scoring, raws: Sequence[Raw]) -> None:
        self.newest, self.scored = Newest(score), 0
        self._raws, self._ends, self._over = raws, list[float](), False

    async def paused(self, reloader: Reloader, write: Callable[[int], None], reloads: int) -> Pauses:
        """Under load: quiet first, then so many reloads, one after the other."""
        lags = [0.0]
        beside = [asyncio.create_task(self._score()), asyncio.create_task(measure_lag(lags.append, every=0.01))]
        usual = await self._longest(asyncio.sleep(QUIET))
        lags[:] = [0.0]
        pauses = []
        for turn in range(1, reloads + 1):
            await asyncio.to_thread(write, turn)
            pauses.append(await self._longest(_taken_up(reloader)))
        self._over = True
        await beside[0]
        beside[1].cancel()
        return Pauses(median(pauses), usual, max(lags))

    async def _longest(self, work: Awaitable[None]) -> float:
        """The longest stretch without the end of a batch while something is done."""
        began = len(self._ends)
        await work
        await asyncio.sleep(0.1)
        ends = self._ends[max(began - 1, 0) :]
        return max((after - before for before, after in pairwise(ends)), default=float("inf"))

    async def _score(self) -> None:
        start = 0
        while not self._over:
            raws = self._raws[start : start + BATCH]
            start = (start + BATCH) % len(self._raws)
            score = self.newest.score
            batch = Batch(raws)
            await patiently(batch, score)
            if batch.failed or len({one.score.version for one in batch.scored}) > 1:
                raise YuqingError("bench: a batch was not scored, or by two versions")
            self.scored += len(raws)
            self._ends.append(time.perf_counter())


async def _taken_up(reloader: Reloader) -> None:
    if problems := await reloader.reload("bench"):
        raise YuqingError("; ".join(problems))
