"""The end of a process is bounded."""

import asyncio
import threading
import time

from structlog.testing import capture_logs

from services.keeping.ending import FAILED, bounded, run_bounded


async def _seven() -> int:
    return 7


def test_an_end_in_time_is_left_alone() -> None:
    """What ends in time gives its own code, and nobody waits any longer to end the process."""
    given: list[int] = []
    before = threading.active_count()
    assert run_bounded(_seven(), within=0.1, abort=given.append) == 7
    time.sleep(0.2)
    assert not given
    assert threading.active_count() <= before


def test_a_task_that_swallows_its_cancellation_is_not_waited_for() -> None:
    """The process is ended as failed, with a line that says which stretch hung, though the loop itself still waits for the task."""
    given: list[int] = []
    released = threading.Event()

    async def stubborn() -> None:
        while not released.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue

    async def work() -> int:
        given.append(id(asyncio.create_task(stubborn())))
        await asyncio.sleep(0.02)
        return 0

    def abort(code: int) -> None:
        given.append(code)
        released.set()

    with capture_logs() as told:
        assert run_bounded(work(), within=0.1, abort=abort) == 0
    assert given[1:] == [FAILED]
    assert [(line["event"], line["stretch"]) for line in told] == [("the end took too long: aborted", "loop")]


def test_a_blocked_thread_is_seen_from_outside() -> None:
    """What blocks the very thread that ends is seen too: the bound is kept by another."""
    given: list[int] = []
    began = time.monotonic()
    with bounded("teardown", 0.1, given.append):
        time.sleep(0.4)
    assert given == [FAILED]
    assert time.monotonic() - began < 5
