"""`yuqing export --alert ID --config FILE [-o FILE]`: the mentions and acts of an alert's story as a file that can be replayed."""

import asyncio
import os
from collections import Counter
from pathlib import Path
from typing import IO

import click

from monitor.alert import Alert
from monitor.errors import UsageError
from monitor.loading import load_settings
from monitor.logs import visible
from monitor.settings import Settings
from monitor.store.sessions import ReadUnit, Store
from services.recording.case import Case
from services.terminal.files import into
from services.terminal.verb import Verb, config_option
from services.wiring import store_there


@click.command(
    cls=Verb,
    help="把一个预警所属事件的全部信息和人工处置写成 JSON Lines, 用 replay 或 backtest 重放得到同样的预警。账号仍是化名; "
    '信息在前, 处置是其后的 {"act": …} 行, 每行的 taken 是当时收到的时刻和先后。'
    "并入了别的预警的, 写出合并后的整个事件。服务运行时也可以用。\n\n"
    "例: yuqing export --alert a5a0c3f0b2d7e4c11aa08-001 --config yuqing.yaml -o 案例.jsonl.gz",
)
@click.option("--alert", required=True, metavar="编号", help="预警的编号")
@config_option
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="文件", help="写到哪里, 以 .gz 结尾则压缩; 不写则写到标准输出")
def command(alert: str, config: Path, output: Path | None) -> None:
    """Write it."""
    settings = load_settings(config, os.environ)
    if not store_there(settings):
        raise UsageError(f"数据目录 {settings.data} 里还没有数据: 先运行 yuqing run 或 yuqing replay")
    written = asyncio.run(_export(settings, alert, output))
    where = f": {output}" if output else ""
    told = f"写出 {written['mentions']} 条信息, {written['observations']} 次后来的互动数, {written['acts']} 项处置{where}"
    click.echo(visible(told), err=True)


async def _export(settings: Settings, asked: str, output: Path | None) -> Counter[str]:
    store = await Store.open(settings.store, settings.data)
    try:
        async with store.read() as unit:
            alert = await _found(unit, asked)
            case = Case(unit, alert)
            with into(output) as stream:
                written = await _write(case, alert, stream)
    finally:
        await store.close()
    if alert.merged_into:
        click.echo(visible(f"预警 {alert.id} 已并入 {alert.merged_into}: 写出的是合并后的整个事件"), err=True)
    if case.missing:
        click.echo(f"{case.missing} 条信息的原文已过保存期, 没有写出: 重放得到的级别会与当时不同", err=True)
    return written


async def _found(unit: ReadUnit, asked: str) -> Alert:
    alert = await unit.alerts.get(asked)
    if alert is not None:
        return alert
    if await unit.stories.get(asked):
        raise UsageError(f"{visible(asked)} 是事件的编号: 请给出它的预警的编号, 用 yuqing story {visible(asked)} --json 查看")
    raise UsageError(f"没有编号为 {visible(asked)} 的预警: 用 yuqing alerts --json 查看编号")


async def _write(case: Case, alert: Alert, stream: IO[bytes]) -> Counter[str]:
    """Write the lines, from the first mention on. UsageError: there is none any more."""
    written = Counter[str]()
    async for kind, line in case.lines():
        if kind != "mentions" and not written:
            break
        stream.write(line + b"\n")
        written[kind] += 1
    if not written:
        raise UsageError(f"预警 {alert.id} 的信息原文都已过保存期, 没有可写出的: 预警本身用 yuqing alerts --json 查看")
    return written
