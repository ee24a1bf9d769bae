"""The life of a process: order, bounds, side tasks and signals."""

import asyncio
import os
import signal
import time
from typing import Any

import pytest

from monitor.errors import UsageError
from services.lifecycle import Lifecycle, measure_lag


class Journal:
    """A log that remembers."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def info(self, event: str | None = None, *_: Any, **fields: Any) -> None:
        """Keep it."""
        self.lines.append(("info", event or "", fields))

    def error(self, event: str | None = None, *_: Any, **fields: Any) -> None:
        """Keep it."""
        self.lines.append(("error", event or "", fields))

    def errors(self) -> list[tuple[str, str | None]]:
        """What went wrong, with the name of the step or task."""
        return [(event, fields.get("step") or fields.get("task")) for loud, event, fields in self.lines if loud == "error"]


@pytest.fixture
def journal() -> Journal:
    """An empty log."""
    return Journal()


@pytest.fixture
async def life(journal: Journal) -> Lifecycle:
    """A life that aborts nothing."""
    return Lifecycle(journal, abort=lambda code: journal.info("abort", code=code))


async def _forever() -> None:
    await asyncio.Event().wait()


async def _die(error: Exception) -> None:
    await asyncio.sleep(0)
    raise error


async def test_teardown_is_last_in_first_out(life: Lifecycle, journal: Journal) -> None:
    """What was made last is let go first, and the code of a finished job is 0."""
    order: list[str] = []

    def step(name: str) -> None:
        async def let_go() -> None:
            order.append(name)

        life.on_stop(name, let_go)

    for name in ("store", "bus", "server"):
        step(name)
    assert await life.run(until=asyncio.sleep(0)) == 0
    assert order == ["server", "bus", "store"]
    assert not journal.errors()


async def test_failing_step_is_named_and_stops_nothing(life: Lifecycle, journal: Journal) -> None:
    """A teardown that raises is told by name; those below it are still let go."""
    gone: list[str] = []

    async def store() -> None:
        gone.append("store")

    life.on_stop("store", store)
    life.on_stop("bus", lambda: _die(RuntimeError("boom")))
    assert await life.run(until=asyncio.sleep(0)) == 0
    assert gone == ["store"]
    assert journal.errors() == [("teardown failed", "bus")]


async def test_hanging_step_is_bounded_and_leaves_time_for_the_rest(journal: Journal) -> None:
    """A step that never ends, even one that swallows its cancellation, takes at most half; the next one still runs whole."""
    life = Lifecycle(journal, stop_within=0.4)
    gone: list[str] = []
    released = asyncio.Event()

    async def store() -> None:
        await asyncio.sleep(0.05)
        gone.append("store")

    async def stubborn() -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    life.on_stop("store", store)
    life.on_stop("stubborn", stubborn)
    began = time.monotonic()
    await life.run(until=asyncio.sleep(0))
    released.set()
    assert time.monotonic() - began < 1.0
    assert gone == ["store"]
    assert journal.errors() == [("teardown timed out", "stubborn")]


async def test_dead_side_task_stops_the_process(life: Lifecycle, journal: Journal) -> None:
    """A side task that dies ends the run with a non-zero code and its name in the log."""
    life.side("healthy", _forever())
    life.side("notifier", _die(ValueError("bad")))
    assert await asyncio.wait_for(life.run(until=_forever()), 2) == 1
    assert journal.errors() == [("side task died", "notifier")]


async def test_side_task_may_not_return(life: Lifecycle, journal: Journal) -> None:
    """A side task that just ends is as bad as a dead one."""
    life.side("ticker", asyncio.sleep(0))
    assert await asyncio.wait_for(life.run(), 2) == 1
    assert journal.errors() == [("side task ended by itself", "ticker")]


async def test_usage_error_of_a_side_task_reaches_the_user(life: Lifecycle) -> None:
    """A port in use is the user's to mend: it is raised again after the teardown."""
    gone: list[str] = []

    async def store() -> None:
        gone.append("store")

    life.on_stop("store", store)
    life.side("server", _die(UsageError("端口 8000 已被占用")))
    with pytest.raises(UsageError, match="8000"):
        await asyncio.wait_for(life.run(), 2)
    assert gone == ["store"]


async def test_failure_of_the_work_is_raised_after_the_teardown(life: Lifecycle) -> None:
    """What the job itself raised is not swallowed, and nothing stays open behind it."""
    gone: list[str] = []

    async def store() -> None:
        gone.append("store")

    life.on_stop("store", store)
    with pytest.raises(KeyError):
        await life.run(until=_die(KeyError("x")))
    assert gone == ["store"]


async def test_side_tasks_end_with_the_process(life: Lifecycle, journal: Journal) -> None:
    """A stop cancels every side task, also one made a moment ago, and that is no failure; a second stop finds nothing."""
    ended: list[str] = []

    async def work() -> None:
        try:
            await _forever()
        finally:
            ended.append("work")

    life.side("work", work())
    await asyncio.sleep(0)
    life.side("young", work())
    await life.teardown()
    await life.teardown()
    assert ended == ["work", "work"]
    assert not journal.errors()


@pytest.mark.parametrize("unfinished", [False, True])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
async def test_first_signal_stops_cleanly(life: Lifecycle, number: signal.Signals, code: int, *, unfinished: bool) -> None:
    """Ctrl-C ends a service with 130, a supervisor's TERM with 0, both after the whole teardown; work that has an end is interrupted."""
    gone: list[str] = []

    async def store() -> None:
        gone.append("store")

    life.on_stop("store", store)
    code = 130 if unfinished else code
    asyncio.get_running_loop().call_later(0.02, os.kill, os.getpid(), number)
    assert await asyncio.wait_for(life.run(until=_forever() if unfinished else None), 2) == code
    assert gone == ["store"]


async def test_second_signal_aborts_at_once(life: Lifecycle, journal: Journal) -> None:
    """Whoever presses Ctrl-C twice does not wait for a slow teardown; one pressed once does."""

    async def slow() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0.05)

    life.on_stop("slow", slow)
    asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), signal.SIGINT)
    assert await asyncio.wait_for(life.run(until=_forever()), 2) == 130
    assert ("info", "abort", {"code": 130}) in journal.lines


async def test_signal_while_a_finished_job_tears_down_does_not_abort(life: Lifecycle, journal: Journal) -> None:
    """The first signal is never an abort, also when the stop is already under way."""

    async def slow() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.02)

    life.on_stop("slow", slow)
    assert await life.run(until=asyncio.sleep(0)) == 0
    assert not journal.errors()


async def test_lag_of_the_loop_is_measured() -> None:
    """A callback that blocks the loop shows as lag."""
    told: list[float] = []
    measuring = asyncio.create_task(measure_lag(told.append, every=0.01))
    await asyncio.sleep(0.005)
    time.sleep(0.1)  # noqa: ASYNC251 blocking the loop is the point
    await asyncio.sleep(0.02)
    measuring.cancel()
    assert max(told) > 0.05
