"""What a verb that only looks needs of a configuration: its posted subjects, a bar on stderr."""

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from monitor.logs import configure, secrets_of
from monitor.settings import Settings
from services.house import start_logging
from services.keeping.reload import settled
from services.wiring import open_store, store_there


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


def progress() -> Progress:
    """On stderr; silent where that is no terminal."""
    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
