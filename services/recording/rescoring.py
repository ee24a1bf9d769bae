"""
Rescoring beside a running service: one subject at a time, in small portions with rests between them, so that what arrives goes first.

It decides nothing and moves no position: the escalator does not see it. A run that was cut off is run again and goes on to the end.
"""

import asyncio
from typing import Literal

import msgspec
from structlog.stdlib import BoundLogger

from monitor.bus.base import Bus
from monitor.clock import Clock
from monitor.errors import YuqingError
from monitor.settings import Settings
from monitor.store.sessions import Store
from monitor.subject import Subject
from services.keeping.reload import Entry, audit
from services.recording.rescore import Rescored, make_rescore, retained

PACE = 1.0  # half of one core at most
REMEMBERED = 100  # runs whose end can still be asked for
OURS = "an error of our own; the log says more"


class AlreadyRuns(YuqingError):
    """One at a time: which one, and how far it is."""


class Run(msgspec.Struct):
    """One rescoring: who asked for it, how far it is, how it ended. Moments in micros."""

    subject: str
    actor: str
    by: str | None
    started_at: int
    state: Literal["running", "done", "failed"] = "running"
    total: int = 0
    looked: int = 0
    hit: int = 0
    new: int = 0
    ended_at: int | None = None
    error: str | None = None

    def follow(self, done: Rescored) -> None:
        """It has come so far."""
        self.total, self.looked, self.hit, self.new = done


class Rescoring:
    """Starts runs, and knows the newest of each subject."""

    def __init__(self, bus: Bus, store: Store, clock: Clock, log: BoundLogger) -> None:
        self._bus, self._store, self._clock, self._log = bus, store, clock, log
        self._runs: dict[str, Run] = {}
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def start(self, settings: Settings, subject: Subject, actor: str, by: str | None) -> Run:
        """Begin, by the settings in force now; AlreadyRuns while another goes on. Who asked is written down first."""
        async with self._turn:
            if (goes_on := next((run for run in self._runs.values() if run.state == "running"), None)) is not None:
                raise AlreadyRuns(f"正在补评 {goes_on.subject}（已看 {goes_on.looked} / {goes_on.total} 条），完成后再试")
            run = Run(subject.name, actor, by, self._clock.now(), total=await retained(self._bus))
            entry = Entry(at=run.started_at, actor=actor, action="rescore", subject=subject.name, by=by)
            async with self._store.write() as unit:
                await audit(unit, entry)
            self._log.info("audit", **msgspec.to_builtins(entry))
            self._remember(run)
            self._task = asyncio.create_task(self._work(run, settings, subject), name="rescore")
            return run

    def newest(self, subject: str) -> Run | None:
        """The newest run of a subject since this process started."""
        return self._runs.get(subject)

    async def close(self) -> None:
        """Let go of what goes on; what it stored so far stays."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _remember(self, run: Run) -> None:
        self._runs.pop(run.subject, None)
        self._runs[run.subject] = run
        while len(self._runs) > REMEMBERED:
            del self._runs[next(iter(self._runs))]

    async def _work(self, run: Run, settings: Settings, subject: Subject) -> None:
        try:
            rescore = await make_rescore(settings, subject, self._bus, self._store, self._clock, pace=PACE)
            await rescore.run(run.follow)
            run.state = "done"
        except YuqingError as error:
            run.state, run.error = "failed", str(error)
        except Exception:  # noqa: BLE001 - whatever it is, the service goes on
            self._log.exception("rescoring failed", subject=run.subject)
            run.state, run.error = "failed", OURS
        finally:
            run.ended_at = self._clock.now()
        self._log.info("rescored", subject=run.subject, state=run.state, looked=run.looked, hit=run.hit, new=run.new, error=run.error)
