"""
The life of one process: what it holds is let go last-in first-out, within a bound, whatever else fails.

    life = Lifecycle(log)
    store = await Store.open(…)
    life.on_stop("store", store.close)          # registered at once, straight after the making
    life.side("notifier", notifier.run())       # runs beside; must not end by itself
    raise SystemExit(await life.run(until=work()))

A side task that dies, or returns, stops the process: half a service that looks alive is worse than none. The first SIGINT or
SIGTERM stops cleanly (exit 130 or 0), a second one aborts at once.
"""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from monitor.errors import Stuck, TooManyFailures, UsageError
from services.keeping.ending import FAILED, bounded

Step = Callable[[], Awaitable[None]]
INTERRUPTED = 130
EXITS = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: 0}  # of a service; work that has an end is interrupted by both
STOP_WITHIN = 4.0
_BLOCKED = 4.0  # seconds more for a teardown whose own bounds do not hold, as something blocks the loop


class Log(Protocol):
    """The two loudnesses a lifecycle speaks in."""

    def info(self, event: str | None = None, *args: Any, **kw: Any) -> Any:
        """Say what happened."""
        ...

    def error(self, event: str | None = None, *args: Any, **kw: Any) -> Any:
        """Say what went wrong."""
        ...


class Lifecycle:
    """Starts nothing by itself; `abort` is what a second signal does."""

    def __init__(self, log: Log, *, stop_within: float = STOP_WITHIN, abort: Callable[[int], object] = os._exit) -> None:
        self._log = log
        self._stop_within = stop_within
        self._abort = abort
        self._steps: list[tuple[str, Step]] = []
        self._stopping = asyncio.Event()
        self._code = 0
        self._signalled = False
        self._has_an_end = False
        self._mistake: UsageError | None = None

    @property
    def stopping(self) -> bool:
        """Whether the process has been told to stop."""
        return self._stopping.is_set()

    def on_stop(self, name: str, step: Step) -> None:
        """Register the teardown of what was just made."""
        self._steps.append((name, step))

    def side(self, name: str, work: Coroutine[Any, Any, object]) -> None:
        """Run `work` beside the rest until the stop; its end before that ends the process."""
        task: asyncio.Task[object] = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self.on_stop(name, lambda: _cancel(task))

    def stop(self, code: int = 0) -> None:
        """Ask for a clean stop; the first asker decides the exit code."""
        if not self._stopping.is_set():
            self._code = code
            self._stopping.set()

    async def run(self, until: Awaitable[object] | None = None) -> int:
        """
        Stay until `until` is done, a signal comes, `stop()` is called or a side task dies; then tear down and give the exit code.

        What `until` raised, or a UsageError of a side task (a port in use), is raised again after the teardown.
        """
        self._has_an_end = until is not None
        with self._signals():
            main = asyncio.ensure_future(until) if until is not None else None
            stop = asyncio.create_task(self._stopping.wait(), name="stop")
            try:
                await asyncio.wait([task for task in (main, stop) if task is not None], return_when=asyncio.FIRST_COMPLETED)
                if main is not None and main.done():
                    main.result()
            finally:
                self._stopping.set()
                await _cancel(stop)
                if main is not None and not main.done():
                    self.on_stop("main task", lambda: _cancel(main))
                await self.teardown()
        if self._mistake is not None:
            raise self._mistake
        return self._code

    async def teardown(self) -> None:
        """
        Let go of everything, the youngest first; also for a start that failed half-way. Safe to call twice.

        A step may use at most half of the time that is left, so a hanging one never takes all from those below it.
        """
        self._stopping.set()
        deadline = time.monotonic() + self._stop_within
        with bounded("teardown", self._stop_within + _BLOCKED, self._abort):
            while self._steps:
                name, step = self._steps.pop()
                left = max(deadline - time.monotonic(), 0.0)
                await self._let_go(name, step, left / 2 if self._steps else left)

    async def _let_go(self, name: str, step: Step, bound: float) -> None:
        # asyncio.wait, not timeout(): a step that swallows its cancellation must not hold the rest
        task = asyncio.ensure_future(_call(step))
        done, _ = await asyncio.wait([task], timeout=bound)
        if not done:
            task.cancel()
            self._log.error("teardown timed out", step=name, seconds=round(bound, 3))
        elif not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("teardown failed", step=name, error=f"{type(error).__name__}: {error}")

    def _ended(self, task: asyncio.Task[object]) -> None:
        if self.stopping:
            return
        if task.cancelled() or (error := task.exception()) is None:
            self._log.error("side task ended by itself", task=task.get_name())
        elif isinstance(error, TooManyFailures):  # the role has told more than its own traceback does
            self._log.error("role stopped: too many records fail", task=task.get_name(), why=str(error))
        elif isinstance(error, Stuck):
            self._log.error("role stopped: no progress", task=task.get_name(), why=str(error))
        else:
            self._log.error("side task died", task=task.get_name(), exc_info=error)
            self._mistake = error if isinstance(error, UsageError) else None
        self.stop(FAILED)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in EXITS:
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            yield
        finally:
            for number in EXITS:
                loop.remove_signal_handler(number)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._signalled:
            self._log.error("aborted by a second signal", signal=number.name)
            self._abort(128 + number)
        self._signalled = True
        self._log.info("stopping", signal=number.name)
        self.stop(INTERRUPTED if self._has_an_end else EXITS[number])


async def measure_lag(tell: Callable[[float], object], every: float = 0.5) -> None:
    """Tell again and again how late this event loop wakes a sleeper, in seconds; for a side task."""
    while True:
        due = time.monotonic() + every
        await asyncio.sleep(every)
        tell(max(time.monotonic() - due, 0.0))


async def _call(step: Step) -> None:
    await step()


async def _cancel(task: asyncio.Future[Any]) -> None:
    """Cancel and wait; what the task died of has been told elsewhere."""
    task.cancel()
    await asyncio.wait([task])
