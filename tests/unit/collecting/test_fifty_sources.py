"""Fifty feeds of one house, many of them broken: all good items once, nobody waits for the bad, each bad one is named."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

import psutil
import structlog
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from monitor.bus.base import RAW
from monitor.bus.sqlite import SqliteBus
from monitor.clock import SECOND, SystemClock
from monitor.mention import Mention, decode_raw
from monitor.metrics import Metrics
from monitor.settings import Retention, Secret, Settings, Source
from monitor.store.sessions import Store
from services.collect import Collecting
from tests.unit.collecting.serving import (
    LAUGHS,
    START,
    Answer,
    Request,
    Server,
    bomb,
    drips,
    endless,
    gives,
    hangs,
    remembered,
    reply,
    rss,
    serving,
    slow,
)

GOOD = 20
ITEMS = 5


@dataclass
class House:
    """What the sources of a test work on."""

    bus: SqliteBus
    store: Store
    metrics: Metrics
    parts: dict[str, str | None] = field(default_factory=dict)

    async def mentions(self) -> list[Mention]:
        """Everything on the log, in order."""
        found = []
        for partition, (low, _) in (await self.bus.bounds(RAW)).items():
            found += [decode_raw(record.value).mention for record in await self.bus.read(RAW, partition, low, 100_000)]
        return found

    async def holds(self, expected: set[tuple[str, str]]) -> bool:
        """Whether just these items are in."""
        return {(one.source, one.id) for one in await self.mentions()} == expected

    async def named(self, reasons: dict[str, str]) -> bool:
        """Whether each source has failed for its reason."""
        return all(self.failures(name, reason) for name, reason in reasons.items())

    async def told(self, names: list[str]) -> bool:
        """Whether something is wrong with each of these."""
        return all(self.parts.get(f"source:{name}") for name in names)

    async def asked(self, server: Server, times: int) -> bool:
        """Whether the server was asked so often, and all of a feed is in."""
        return len(server.requests) >= times and len(await self.mentions()) >= ITEMS

    def failures(self, source: str, reason: str) -> float:
        """How often a source failed so."""
        return self.metrics.registry.get_sample_value("yuqing_source_failures_total", {"source": source, "reason": reason}) or 0.0


async def comes(holds: Callable[[], Awaitable[bool]], within: float = 20) -> None:
    """Wait until something holds, at most so long: the test says what did not."""
    began = time.monotonic()
    while time.monotonic() - began < within:
        if await holds():
            return
        await asyncio.sleep(0.05)


@asynccontextmanager
async def house(folder: Path, names: list[str]) -> AsyncIterator[House]:
    """A log and a store in a folder, metrics that know the sources."""
    clock = SystemClock()
    bus = SqliteBus(folder, retention=Retention(), clock=clock)
    await bus.start()
    store = await Store.open("sqlite", folder)
    try:
        yield House(bus, store, Metrics(CollectorRegistry(), sources=names))
    finally:
        await store.close()
        await bus.close()


@asynccontextmanager
async def collecting(here: House, sources: list[Source], folder: Path, within: float = 2.0) -> AsyncIterator[None]:
    """The collect role at work within the block."""
    work = Collecting(here.bus, here.store, SystemClock(), here.metrics, structlog.get_logger(), here.parts, within=within)
    work.use(Settings(file=folder / "c.yaml", organisation="x", subjects=(), data=folder, sources=tuple(sources)))
    task = asyncio.create_task(work.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def source(base: str, name: str, every: int = SECOND) -> Source:
    """A feed of the server."""
    return Source(name=name, type="rss", url=Secret(f"{base}/{name}"), every=every)


async def throttled(_: Request, writer: asyncio.StreamWriter) -> None:
    """Comes again in an hour, please."""
    await reply(writer, status="429 Too Many Requests", retry_after="3600")


async def renamed(request: Request, writer: asyncio.StreamWriter) -> None:
    """The same articles under other ids each time."""
    await reply(writer, rss("renamed", ITEMS, guid=f"{request.number}-{{n}}"))


BAD: dict[str, tuple[Answer, str]] = {
    "hangs": (hangs, "timeout"),
    "hangs2": (hangs, "timeout"),
    "drips": (drips, "timeout"),
    "endless": (endless, "too_large"),
    "endless2": (endless, "too_large"),
    "gzip_bomb": (gives(bomb("gzip"), content_encoding="gzip"), "too_large"),
    "deflate_bomb": (gives(bomb("deflate"), content_encoding="deflate"), "too_large"),
    "brotli": (gives(b"\x0b\x02\x80x\x03", content_encoding="br"), "bad_encoding"),
    "torn_gzip": (gives(bomb("gzip")[:500], content_encoding="gzip"), "connection_lost"),
    "laughs": (gives(LAUGHS), "malformed"),
    "page": (gives(b"<!DOCTYPE html><html><body>404</body></html>"), "malformed"),
    "noise": (gives(bytes(range(256)) * 40), "malformed"),
    "empty": (gives(b""), "malformed"),
    "deep": (gives(b"<rss><channel>" + b"<a>" * 100_000), "malformed"),
    "to_loopback": (gives(b"", "301 Moved", location="http://127.0.0.1:9/feed"), "address_refused"),
    "to_private": (gives(b"", "302 Found", location="http://10.0.0.1/feed"), "address_refused"),
    "to_file": (gives(b"", "302 Found", location="file:///etc/passwd"), "bad_redirect"),
    "throttled": (throttled, "throttled"),
    "broken": (gives(b"oops", "500 Broken"), "server_error"),
    "gone": (gives(b"gone", "410 Gone"), "client_error"),
}  # fmt: skip
ODD: dict[str, bytes] = {
    "gbk_unsaid": rss("gbk_unsaid", ITEMS, encoding="gbk"),
    "gbk_said": rss("gbk_said", ITEMS, encoding="gbk", prolog="<?xml version='1.0' encoding='gb2312'?>"),
    "gbk_lied": rss("gbk_lied", ITEMS, encoding="gbk", prolog="<?xml version='1.0' encoding='utf-8'?>"),
    "cut": rss("cut", ITEMS)[:-9],
    "amp": rss("amp", ITEMS).replace("消息".encode(), b"R&D&nbsp;"),
    "control": rss("control", ITEMS).replace("消息".encode(), b"\x0b\x1f"),
}


def answers() -> dict[str, Answer]:
    """Every behaviour, fifty of them."""
    good = {f"good{n}": gives(rss(f"good{n}", ITEMS)) for n in range(GOOD)}
    late = {"late": slow(rss("late", ITEMS), 1.0), "known": remembered(rss("known", ITEMS)), "renamed": renamed}
    bad = {name: answer for name, (answer, _) in BAD.items()}
    odd = {name: gives(body) for name, body in ODD.items()}
    return {**good, **late, "future": gives(from_the_future()), **bad, **odd}


def from_the_future() -> bytes:
    """Good items, and one that says it is of next week."""
    items = rss("future", ITEMS, guid="now-{n}").partition(b"</title>")[2]
    return rss("future", 1, at=START + timedelta(days=7)).replace(b"</channel></rss>", items)


async def test_all_good_items_once_and_each_bad_source_is_named(tmp_path: Path) -> None:
    """Of fifty feeds the good ones are in within seconds, once, however often fetched; the bad are named with what is wrong."""
    behaviours = answers()
    assert len(behaviours) == 50
    before = psutil.Process().memory_info().rss
    async with serving(**behaviours) as server, house(tmp_path, list(behaviours)) as here:
        sources = [source(server.base, name) for name in behaviours]
        expected = {(name, f"{name}-{n}") for name in [*(f"good{n}" for n in range(GOOD)), "late", "known", *ODD] for n in range(ITEMS)}
        expected |= {("renamed", f"1-{n}") for n in range(ITEMS)} | {("future", f"now-{n}") for n in range(ITEMS)}
        began = time.monotonic()
        async with collecting(here, sources, tmp_path):
            await comes(lambda: here.holds(expected), 25)
            took = time.monotonic() - began
            await comes(lambda: here.named({name: reason for name, (_, reason) in BAD.items()}), 20)
            await asyncio.sleep(2.0)
            grown = psutil.Process().memory_info().rss - before

        found = [(one.source, one.id) for one in await here.mentions()]
        assert sorted(found) == sorted(expected)
        assert took < 20
        assert {name: reason for name, (_, reason) in BAD.items() if not here.failures(name, reason)} == {}
        assert server.asked["/throttled"] == 1
        assert server.asked["/good0"] > 1
        assert server.asked["/known"] > 1
        assert grown < 150 << 20


async def test_readyz_names_the_bad_ones_and_only_them(tmp_path: Path) -> None:
    """A part of each source: what is wrong with it, or nothing."""
    names = ["good0", "laughs", "throttled", "future"]
    behaviours = {name: answer for name, answer in answers().items() if name in names}
    async with serving(**behaviours) as server, house(tmp_path, names) as here:
        async with collecting(here, [source(server.base, name) for name in names], tmp_path):
            await comes(lambda: here.told(names[1:]))
            parts = dict(here.parts)
        assert parts["source:good0"] is None
        assert str(parts["source:laughs"]).startswith("malformed: ")
        assert str(parts["source:throttled"]).startswith("throttled: ")
        assert "1 条不合格" in str(parts["source:future"])
        assert here.parts == {}


async def test_other_settings_end_begin_and_keep_sources(tmp_path: Path) -> None:
    """A source that is gone is read no more, a new one at once, one that is the same is not disturbed."""
    async with serving(a=gives(rss("a")), b=gives(rss("b")), c=gives(rss("c"))) as server, house(tmp_path, ["a", "b", "c"]) as here:
        work = Collecting(here.bus, here.store, SystemClock(), here.metrics, structlog.get_logger(), here.parts)
        settings = Settings(file=tmp_path, organisation="x", subjects=(), data=tmp_path)
        hourly = {name: source(server.base, name, 3600 * SECOND) for name in "abc"}
        work.use(replace(settings, sources=(hourly["a"], hourly["b"])))
        task = asyncio.create_task(work.run())
        await comes(lambda: here.holds({(name, f"{name}-{n}") for name in "ab" for n in range(3)}))
        work.use(replace(settings, sources=(hourly["b"], hourly["c"])))
        await comes(lambda: here.holds({(name, f"{name}-{n}") for name in "abc" for n in range(3)}))
        parts = set(here.parts)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

        assert parts == {"source:b", "source:c"}
        assert dict(server.asked) == {"/a": 1, "/b": 1, "/c": 1}


async def test_of_two_processes_one_reads_a_source(tmp_path: Path) -> None:
    """On a store that they share; when the one stops the other begins, where it stood."""
    async with serving(a=remembered(rss("a", ITEMS))) as server, house(tmp_path, ["a"]) as here:
        here.store.shared = True
        settings = Settings(file=tmp_path, organisation="x", subjects=(), data=tmp_path)
        tasks: list[asyncio.Task[None]] = []
        for _ in range(2):
            work = Collecting(here.bus, here.store, SystemClock(), here.metrics, structlog.get_logger(), here.parts, renew=0.05)
            work.use(replace(settings, sources=(source(server.base, "a", 3600 * SECOND),)))
            tasks.append(asyncio.create_task(work.run()))
            await comes(partial(here.asked, server, 1))
            await asyncio.sleep(0.2)
        asked = len(server.requests)
        tasks[0].cancel()
        await comes(partial(here.asked, server, 2))
        tasks[1].cancel()
        await asyncio.wait(tasks)

        assert (asked, len(server.requests)) == (1, 2)
        assert server.requests[1].headers["if-none-match"] == '"one"'
        assert len(await here.mentions()) == ITEMS


async def test_a_process_that_starts_again_asks_only_for_what_is_new(tmp_path: Path) -> None:
    """The place of a source outlives the process: the ETag is asked with at once, freshness is told before anything is read."""
    async with serving(known=remembered(rss("known", ITEMS))) as server:
        for asked in (1, 2):
            async with house(tmp_path, ["known"]) as here, collecting(here, [source(server.base, "known", 3600 * SECOND)], tmp_path):
                await comes(partial(here.asked, server, asked))
                await asyncio.sleep(0.2)
                newest = here.metrics.registry.get_sample_value("yuqing_source_newest_item_timestamp_seconds", {"source": "known"})
                assert newest == (START + timedelta(minutes=ITEMS - 1)).timestamp()
        assert server.requests[1].headers["if-none-match"] == '"one"'
        assert server.requests[0].headers["user-agent"].startswith("yuqing/")
