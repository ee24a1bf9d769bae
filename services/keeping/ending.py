"""
The end of a process is bounded, whatever hangs: a task that swallows its cancellation, a thread that never returns, a blocked loop.

Half a service that looks alive is worse than none, and one that does not end keeps its data folder from the next. So a thread of its
own waits beside each stretch of the end, and ends the process with a line in the log when the stretch takes too long.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import structlog

FAILED = 1
CLOSE_WITHIN = 15.0  # seconds for the tasks and threads of a loop, once everything has been let go of: a model may still be loading
EXIT_WITHIN = 10.0  # seconds for the threads that Python itself waits for
_SAY_WITHIN = 1.0
Abort = Callable[[int], object]


def run_bounded(work: Coroutine[Any, Any, int], *, within: float = CLOSE_WITHIN, abort: Abort = os._exit) -> int:
    """As asyncio.run, which waits for ever for tasks that will not be cancelled, and for the threads of its executor."""
    runner = asyncio.Runner()
    try:
        return runner.run(work)
    finally:
        with bounded("loop", within, abort):
            runner.close()


@contextmanager
def bounded(stretch: str, within: float, abort: Abort = os._exit) -> Iterator[None]:
    """End the process when this takes longer."""
    timer = end_within(stretch, within, abort)
    try:
        yield
    finally:
        timer.cancel()


def end_within(stretch: str, within: float, abort: Abort = os._exit) -> threading.Timer:
    """End the process in so many seconds, unless it has ended by then or the timer is cancelled."""
    timer = threading.Timer(within, _give_up, (stretch, within, threading.get_ident(), abort))
    timer.daemon = True
    timer.start()
    return timer


def _give_up(stretch: str, within: float, whose: int, abort: Abort) -> None:
    """Said by another thread: what hangs may be the writing of the log itself."""
    frame = sys._current_frames().get(whose)  # noqa: SLF001 - where it hangs is what whoever reads the line wants to know
    fields = {
        "stretch": stretch, "seconds": within, "at": f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else None,
        "threads": sorted(one.name for one in threading.enumerate() if not one.daemon),
    }  # fmt: skip
    teller = threading.Thread(target=structlog.get_logger().error, args=("the end took too long: aborted",), kwargs=fields, daemon=True)
    teller.start()
    teller.join(_SAY_WITHIN)
    abort(FAILED)
