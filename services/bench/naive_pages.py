"""Pages of alerts the plain way: SQL by hand with OFFSET, in this process without a server."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from time import perf_counter

import asyncpg

from monitor.settings import Settings
from monitor.store.embedded import FILE
from monitor.store.sessions import EMBEDDED
from services.bench.years import Asked, plain


async def plain_seconds(settings: Settings, asked: Sequence[Asked], alerts: int) -> list[float]:
    """Seconds of each page, of the store of the settings."""
    return await _server(settings.store, asked, alerts) if settings.store != EMBEDDED else _embedded(settings, asked, alerts)


def _embedded(settings: Settings, asked: Sequence[Asked], alerts: int) -> list[float]:
    found: list[float] = []
    with closing(sqlite3.connect(settings.data / FILE)) as base:
        for question in asked:
            started = perf_counter()
            [json.loads(body) for (body,) in base.execute(*plain(question, alerts, "?"))]
            found.append(perf_counter() - started)
    return found


async def _server(url: str, asked: Sequence[Asked], alerts: int) -> list[float]:
    found: list[float] = []
    base = await asyncpg.connect(dsn=url, statement_cache_size=0)
    try:
        for question in asked:
            started = perf_counter()
            query, values = plain(question, alerts, "${n}")
            [json.loads(body) for (body,) in await base.fetch(query, *values)]
            found.append(perf_counter() - started)
    finally:
        await base.close()
    return found
