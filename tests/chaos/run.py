"""One run of chaos: a town at work, blow after blow, then quiet; and what is found wrong with what came of it."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from rich.progress import Progress

from monitor.clock import HOUR
from monitor.notifying.notification import Notification
from monitor.store.sessions import ReadUnit
from tests.acceptance.processes import assert_clean, until
from tests.acceptance.receiving import CUT, TAKEN, Receiver
from tests.chaos import delivery, history
from tests.chaos.blows import Blow, drawn
from tests.chaos.disk import full_for, small_disk
from tests.chaos.pushing import Pusher
from tests.chaos.staff import Staff
from tests.chaos.talk import Talk
from tests.chaos.town import TOWNS, MakeTown, Town

UP_WITHIN = 120.0
REST_WITHIN = 240.0
PAUSE = 0.02  # seconds a receiver takes: long enough to be hit
DATA = "var"
FAULTS = ("clock", "down", "full")
_FAULTY = 0.3  # of all blows, for each of the other faults
_AFTER = {"start": 2.0, "work": 1.5, "message": 0.03, "push": 0.05, "act": 0.05}  # seconds within which a blow falls


@dataclass(frozen=True)
class Asked:
    """What to do: which bus, how many kills (or for how many minutes), how long the pauses, which other faults."""

    bus: str = "sqlite"
    kills: int = 20
    seed: int = 1
    minutes: float | None = None
    held: tuple[float, float] = (5.0, 15.0)
    faults: tuple[str, ...] = ()


@dataclass
class Verdict:
    """What was found wrong, and what there was that could have gone wrong."""

    wrong: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    blows: Counter[str] = field(default_factory=Counter)


class Answers:
    """How the receiver answers: mostly well; now and then 503, or by cutting the connection; nothing but that while it is down."""

    def __init__(self, seed: int) -> None:
        self.down = False
        self._drawn = Random(f"answers {seed}")

    def __call__(self) -> int:
        chance = self._drawn.random()
        if self.down:
            return CUT
        return 503 if chance < 0.02 else CUT if chance < 0.04 else TAKEN


class Run:
    """A town, and all that happens in it."""

    def __init__(self, asked: Asked, town: Town, receiver: Receiver, answers: Answers) -> None:
        self.asked, self.town, self.receiver, self._answers = asked, town, receiver, answers
        self.talk = Talk(asked.seed)
        self.pusher = Pusher(town.base, self.talk.batch, asked.seed, pause=0.1)
        self.staff = Staff(town.base, asked.seed)
        self.verdict = Verdict()
        self._drawn = Random(f"faults {asked.seed}")

    def live(self, step: Callable[[Blow], object]) -> None:
        """Work, and blows, until all is said; then quiet until all is decided and told."""
        for name in self.town.roles:
            self.town.start(name)
        self._await(self.town.ready)
        with self.pusher.at_work(), self.staff.at_work():
            until(lambda: self.receiver.arrivals, UP_WITHIN)
            end = time.monotonic() + 60 * self.asked.minutes if self.asked.minutes else None
            for blow in drawn(self.asked.seed, list(self.town.roles), self.asked.kills, self.asked.held):
                self._strike(blow)
                step(blow)
                if end and time.monotonic() > end:
                    break
            self._answers.down = False
            self._await(self.town.ready)
        self.town.set_clock(0)
        self._rest()
        self.verdict.wrong += self.staff.again()
        self._stop()
        for name, said in self.town.said():
            self._clean(name, said)

    def _strike(self, blow: Blow) -> None:
        if blow.moment != "start":
            self._await(self.town.ready)
            self._await_moment(blow)
        time.sleep(blow.share * _AFTER[blow.moment])
        self._fault()
        self.verdict.wrong += self.town.ended()
        self.verdict.blows[f"{blow.kind} {blow.moment}"] += 1
        if blow.kind == "hold":
            self.town.hold(blow.name, blow.held)
        else:
            self.town.kill(blow.name)
            self.town.start(blow.name)

    def _await_moment(self, blow: Blow) -> None:
        """Until something of that kind has just happened, or for two seconds."""
        counts: dict[str, Callable[[], int]] = {
            "message": lambda: len(self.receiver.arrivals), "push": lambda: self.pusher.sent, "act": lambda: self.staff.sent,
        }  # fmt: skip
        count = counts.get(blow.moment, lambda: 0)
        before, end = count(), time.monotonic() + 2.0
        while blow.moment in counts and count() == before and time.monotonic() < end:
            time.sleep(0.001)

    def _fault(self) -> None:
        """One of the other faults begins or ends, or is there for a while."""
        for fault in self.asked.faults:
            if self._drawn.random() < _FAULTY:
                self.verdict.blows[f"fault {fault}"] += 1
                self._befall(fault)

    def _befall(self, fault: str) -> None:
        if fault == "clock":
            self.town.set_clock(self._drawn.choice((-HOUR, 0, HOUR)))
        elif fault == "down":
            self._answers.down = not self._answers.down
        else:
            full_for(self.town.folder / DATA, self._drawn.random() * 4)

    def _await(self, holds: Callable[[], bool]) -> None:
        until(holds, UP_WITHIN)

    def _stop(self) -> None:
        """Rest, and ask all to stop; begun once more when a minute's tick came between the two."""
        for _ in range(3):
            self._rest()
            self.verdict.wrong += self.town.stop()
            if not asyncio.run(history.at_rest(self.town.config)):
                return
            for name in self.town.roles:
                self.town.start(name)

    def _rest(self) -> None:
        """Wait until all are at work and nothing is to be done any more."""
        left: list[str] = []

        def resting() -> bool:
            left[:] = [*asyncio.run(history.at_rest(self.town.config)), *self.town.ended(), *self.town.loading()]
            return not left

        try:
            until(resting, REST_WITHIN, every=1.0)
        except AssertionError:
            self.verdict.wrong += [f"never at rest: {one}" for one in left]

    def _clean(self, name: str, said: str) -> None:
        try:
            assert_clean(said)
        except AssertionError as error:
            self.verdict.wrong.append(f"{name} said: {str(error)[-3_000:]}")

    async def check(self) -> None:
        """Hold everything against everything."""
        taken = {item: subjects for item, subjects in self.talk.hits.items() if item in self.pusher.taken}
        async with history.opened(self.town.config) as (settings, bus, store):
            async with store.read() as unit:
                reading = history.Reading(bus, unit)
                stored, given, dead = await reading.stored(), await reading.acts(), await reading.dead()
                missing = await reading.missing(taken)
                rows = [row async for row in _outbox(unit)]
            again = await history.decided_again(settings, bus, given)
        acts = [act for some in given.values() for act in some]
        wrong = [*map(str, self.pusher.odd), *history.unlike(stored, again.history), *history.undone(self.staff.deeds, acts), *missing]
        wrong += [f"{dead} records were put aside as dead"] if dead else []
        arrivals = self.receiver.arrivals
        wrong += delivery.undelivered(rows, arrivals) + delivery.told_wrong(rows, stored)
        wrong += delivery.out_of_order(rows, arrivals) + delivery.untold(settings, again.changes, rows)
        wrong += delivery.too_often(self.town, rows, arrivals)
        self.verdict.wrong += wrong
        self.verdict.counts = {
            "mentions acknowledged": len(taken), "decided": len(stored.hits), "stories": len(stored.stories), "alerts": len(stored.alerts),
            "transitions": sum(map(len, stored.said.values())), "acts done": len(acts), "refused": len(self.staff.deeds) - len(acts),
            "messages": len({one.message for one in arrivals}), "repeated": delivery.repeats(arrivals),
        }  # fmt: skip
        self.verdict.wrong += [f"no {name} at all: that was not tested" for name in ("alerts", "acts done", "messages")
                               if not self.verdict.counts[name]]  # fmt: skip


async def _outbox(unit: ReadUnit) -> AsyncIterator[Notification]:
    cursor: str | None = None
    while True:
        page = await unit.outbox.page(limit=1_000, cursor=cursor)
        for row, _ in page.items:
            yield row
        if (cursor := page.next_cursor) is None:
            return


def run(asked: Asked, folder: Path, progress: Progress, make: MakeTown | None = None) -> Verdict:
    """Run it in a folder; what came of it. `make`: a town other than the bus's own."""
    answers = Answers(asked.seed)
    with ExitStack() as stack:
        receiver = stack.enter_context(Receiver(PAUSE, answers, punctual="clock" not in asked.faults))
        if "full" in asked.faults:
            stack.enter_context(small_disk(folder / DATA))
        town = stack.enter_context((make or TOWNS[asked.bus])(folder, receiver.url))
        here = Run(asked, town, receiver, answers)
        bar = progress.add_task(f"{asked.kills} kills", total=asked.kills)
        here.live(lambda blow: progress.advance(bar, blow.kind == "kill"))
        asyncio.run(here.check())
        return here.verdict
