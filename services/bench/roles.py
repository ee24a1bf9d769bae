"""Roles as processes of a measurement, by settings that stand in no file."""

import asyncio
import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.context import SpawnProcess

from monitor.settings import Settings
from services.entry import SELDOM
from services.house import ROLES, run_roles
from services.keeping.presence import hold_embedded


@contextmanager
def running(settings: Settings, *roles: str) -> Iterator[SpawnProcess]:
    """A process with these roles (none: all), killed at the end."""
    process = get_context("spawn").Process(target=_process, args=(settings, roles), daemon=True)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def _process(settings: Settings, roles: Sequence[str]) -> None:
    """As `yuqing run`, without a word."""
    gc.set_threshold(*SELDOM)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    with hold_embedded(settings):
        asyncio.run(run_roles(settings, tuple(roles or ROLES), None))
