"""`yuqing export --alert ID --config FILE [-o FILE]`: the mentions and acts of an alert's story as a file that can be replayed."""

import asyncio
import gzip
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import click

from monitor.errors import UsageError
from monitor.loading import load_settings
from monitor.logs import visible
from monitor.settings import Settings
from monitor.store.sessions import ReadUnit, Store
from services.recorded import acts_of, line_of, lines_of
from services.tracing import story_of
from services.verb import Verb, config_option

STORE_FILE = "store.db"


@click.command(
    cls=Verb,
    help="把一个预警所属事件的全部信息和人工处置写成 JSON Lines, 可以用 replay 或 backtest 重放。账号仍是化名; "
    '信息在前, 处置是其后的 {"act": …} 行。服务运行时也可以用。\n\n'
    "例: yuqing export --alert a5a0c3f0b2d7e4c11aa08-001 --config yuqing.yaml -o 案例.jsonl.gz",
)
@click.option("--alert", required=True, metavar="编号", help="预警的编号")
@config_option
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="文件", help="写到哪里, 以 .gz 结尾则压缩; 不写则写到标准输出")
def command(alert: str, config: Path, output: Path | None) -> None:
    """Write it."""
    settings = load_settings(config, os.environ)
    if not (settings.data / STORE_FILE).exists():
        raise UsageError(f"数据目录 {settings.data} 里还没有数据: 先运行 yuqing run 或 yuqing replay")
    written = asyncio.run(_export(settings, alert, output))
    where = f": {output}" if output else ""
    told = f"写出 {written['mentions']} 条信息, {written['observations']} 次后来的互动数, {written['acts']} 项处置{where}"
    click.echo(visible(told), err=True)


async def _export(settings: Settings, alert: str, output: Path | None) -> Counter[str]:
    store = await Store.open(settings.store, settings.data)
    written = Counter[str]()
    try:
        async with store.read() as unit:
            found = await unit.alerts.get(alert)
            if found is None:
                raise UsageError(f"没有编号为 {visible(alert)} 的预警: 用 yuqing alerts --json 查看编号")
            with _opened(output) as stream:
                async for kind, line in _lines(unit, await story_of(unit, found)):
                    stream.write(line + b"\n")
                    written[kind] += 1
    finally:
        await store.close()
    return written


async def _lines(unit: ReadUnit, story: str) -> AsyncIterator[tuple[str, bytes]]:
    acts = await acts_of(unit, story)
    elsewhere = {digest for act in acts for digest in act.mentions}
    async for told in unit.spread.of_story(story):
        elsewhere.discard(told.digest)
        for kind, line in lines_of(told):
            yield kind, line
    # What somebody took out of the story was in it until then
    for told in (await unit.spread.told(sorted(elsewhere))).values():
        for kind, line in lines_of(told):
            yield kind, line
    for act in acts:
        yield "acts", line_of(act)


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[bytes]]:
    """Where the lines go; a file appears under its name only when it is whole."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = output.with_name(f".{output.name}.part")
    try:
        with gzip.GzipFile(part, "wb", mtime=0) if output.suffix == ".gz" else part.open("wb") as stream:
            yield cast("IO[bytes]", stream)
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
