"""What a verb that only looks needs of a configuration: its posted subjects, its log, a bar on stderr."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from monitor.bus.base import Bus
from monitor.clock import SystemClock
from monitor.errors import UsageError
from monitor.logs import configure, secrets_of
from monitor.settings import Settings
from services.house import start_logging
from services.keeping.reload import settled
from services.wiring import bus_there, open_bus, open_store, store_there


async def with_posted(*settings: Settings) -> list[Settings]:
    """Each with the subjects that were posted to the service of the first."""
    base = settings[0]
    configure("error", secrets=secrets_of(base))
    if not store_there(base):
        return list(settings)
    log, store = start_logging(base, level="error"), await open_store(base)
    try:
        return [await settled(one, store, log) for one in settings]
    finally:
        await store.close()


@asynccontextmanager
async def log_of(settings: Settings) -> AsyncIterator[Bus]:
    """The log, to be read."""
    if not bus_there(settings):
        raise UsageError(f"数据目录 {settings.data} 里还没有日志: 先运行 yuqing run 或 yuqing replay")
    bus = open_bus(settings, SystemClock())
    await bus.start()
    try:
        yield bus
    finally:
        await bus.close()


def progress() -> Progress:
    """On stderr; silent where that is no terminal."""
    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
