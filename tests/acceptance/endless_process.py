"""`yuqing` of which a side task dies, and whose end then hangs. HOW (`task`, `thread`, `worker` or `loop`), then the command line."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from services import cli
from services.commands import run
from services.keeping.ending import run_bounded
from services.keeping.watchdog import Watchdog

SHORT = 2.0  # seconds
_kept: list[object] = []  # a task that nobody holds may be collected


async def _swallow() -> None:
    while True:
        try:
            await asyncio.sleep(3_600)
        except asyncio.CancelledError:
            continue


async def _task() -> None:
    _kept.append(asyncio.create_task(_swallow(), name="endless"))


async def _thread() -> None:
    threading.Thread(target=threading.Event().wait, name="endless").start()


async def _worker() -> None:
    _kept.append(asyncio.get_running_loop().run_in_executor(None, threading.Event().wait))


async def _loop() -> None:
    asyncio.get_running_loop().call_later(0.05, time.sleep, 3_600)


HOW: Mapping[str, Callable[[], Coroutine[Any, Any, None]]] = {"task": _task, "thread": _thread, "worker": _worker, "loop": _loop}


async def die(_: Watchdog) -> None:
    """What the side task does in place of its work."""
    await asyncio.sleep(1.0)
    await HOW[how]()
    raise RuntimeError("a fault")


if __name__ == "__main__":
    how = sys.argv.pop(1)
    # Ignored types: a real process is made to die here, by what it has in place of its own methods; its bounds are shortened
    Watchdog.run = die  # type: ignore[method-assign,assignment]
    run.run_bounded = partial(run_bounded, within=SHORT)  # type: ignore[attr-defined]
    cli.EXIT_WITHIN = SHORT  # type: ignore[attr-defined]
    cli.main()
