"""`yuqing rescore --subject S --config F`: a subject over the retained raw log into the store, nobody is told."""

import asyncio
import os
import sys
from pathlib import Path

import click
from msgspec.structs import replace
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from monitor.bus.base import Bus
from monitor.clock import SystemClock
from monitor.errors import Held, UsageError
from monitor.loading import load_settings
from monitor.logs import visible
from monitor.section import hint
from monitor.settings import Settings
from monitor.store.sessions import Store
from monitor.subject import Subject
from services.house import start_logging
from services.presence import hold
from services.reload import settled
from services.rescore import Rescore, Rescored
from services.verb import Verb, config_option
from services.wiring import make_score, open_bus, open_store, pseudonym_key


@click.command(
    cls=Verb,
    help="用一个主题 (多半是新加的) 把留存的原始日志重新评一遍, 命中的入库, 可以查到; 不计入级别, 不通知任何人。服务运行时不能用。\n\n"
    "例: yuqing rescore --subject 某某集团 --config yuqing.yaml\n\n"
    "之后用 GET /v1/mentions?subject=某某集团 查看。",
)
@config_option
@click.option("--subject", "name", required=True, metavar="主题", help="配置里或接口添加的监测主题")
def command(config: Path, name: str) -> None:
    """Rescore, and say what was found."""
    settings = load_settings(config, os.environ)
    if not (settings.data / "bus.db").exists():
        raise UsageError(f"数据目录 {settings.data} 里还没有日志: 先运行 yuqing run 或 yuqing replay")
    try:
        with hold(settings.data):
            done = asyncio.run(_rescore(settings, name))
    except Held as error:
        raise Held(f"{error}。补评要独占数据目录, 请先停止服务") from error
    click.echo(visible(f"补评完成: 原始信息 {done.looked} 条, 命中 {name} 的 {done.hit} 条, 新入库 {done.new} 条 (不计入级别, 未通知)"))


async def _rescore(settings: Settings, name: str) -> Rescored:
    log = start_logging(settings, level="error")
    bus, store = open_bus(settings, SystemClock()), await open_store(settings)
    try:
        await bus.start()
        settings = await settled(settings, store, log)
        return await _run(settings, _subject(settings, name), bus, store)
    finally:
        await bus.close()
        await store.close()


async def _run(settings: Settings, subject: Subject, bus: Bus, store: Store) -> Rescored:
    score = make_score(replace(settings, subjects=(subject,)), await pseudonym_key(settings, store))
    rescore = Rescore(bus, store, score, subject.name, SystemClock())
    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("补评", total=await rescore.length())
        return await rescore.run(lambda count: bar.advance(task, count))


def _subject(settings: Settings, name: str) -> Subject:
    found = next((subject for subject in settings.subjects if subject.name == name), None)
    if found is None:
        raise UsageError(f"没有名为 {name} 的监测主题，{hint(name, [subject.name for subject in settings.subjects])}")
    return found
