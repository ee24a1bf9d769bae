"""`yuqing rescore --subject S --config F`: a subject over the retained raw log into the store, nobody is told."""

import asyncio
import os
import sys
import time
from pathlib import Path
from urllib.parse import quote

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from monitor.clock import SystemClock
from monitor.errors import Held, UsageError
from monitor.loading import load_settings
from monitor.logs import visible
from monitor.settings import Settings
from services.house import start_logging
from services.keeping.presence import hold_embedded
from services.keeping.reload import settled
from services.recording.rescore import Rescored, make_rescore, retained
from services.terminal.calling import KEY, running_service
from services.terminal.verb import Verb, config_option
from services.terminal.watched import check_watched
from services.wiring import bus_there, open_bus, open_store

_ASK_EVERY = 1.0  # seconds; a key may have a rate


@click.command(
    cls=Verb,
    help="用一个主题 (多半是新加的) 把留存的原始日志重新评一遍, 命中的入库, 可以查到; 不计入级别, 不通知任何人。\n\n"
    f"服务运行时由它在旁边慢慢做, 不耽误新来的信息 (有密钥时在环境变量 {KEY} 里给出 admin 的)。中断后再运行一次即可, 不会重复。\n\n"
    "例: yuqing rescore --subject 某某集团 --config yuqing.yaml\n\n"
    "之后用 GET /v1/mentions?subject=某某集团 查看。",
)
@config_option
@click.option("--subject", "name", required=True, metavar="主题", help="配置里或接口添加的监测主题")
def command(config: Path, name: str) -> None:
    """Rescore, and say what was found."""
    settings = load_settings(config, os.environ)
    if not bus_there(settings):
        raise UsageError(f"数据目录 {settings.data} 里还没有日志: 先运行 yuqing run 或 yuqing replay")
    try:
        with hold_embedded(settings):
            done = asyncio.run(_rescore(settings, name))
    except Held:
        done = _through_api(settings, name)
    click.echo(visible(f"补评完成: 原始信息 {done.looked} 条, 命中 {name} 的 {done.hit} 条, 新入库 {done.new} 条 (不计入级别, 未通知)"))


async def _rescore(settings: Settings, name: str) -> Rescored:
    """By ourselves: nobody else holds the folder."""
    log, clock = start_logging(settings, level="error"), SystemClock()
    bus, store = open_bus(settings, clock), await open_store(settings)
    try:
        await bus.start()
        settings = await settled(settings, store, log)
        check_watched([name], [subject.name for subject in settings.subjects])
        subject = next(subject for subject in settings.subjects if subject.name == name)
        rescore = await make_rescore(settings, subject, bus, store, clock)
        with _progress() as bar:
            task = bar.add_task("补评", total=await retained(bus))
            return await rescore.run(lambda done: bar.update(task, completed=done.looked))
    finally:
        await bus.close()
        await store.close()


def _through_api(settings: Settings, name: str) -> Rescored:
    """The service has the folder: it works, we watch."""
    with running_service(settings, "admin") as service, _progress() as bar:
        check_watched([name], service.subjects())
        path = f"/v1/subjects/{quote(name, safe='')}/rescore"
        run = service.ask("POST", path)
        click.echo("服务正在运行, 由它补评; 这里只看进度, 离开也会做完", err=True)
        task = bar.add_task("补评", total=run["total"])
        while run["state"] == "running":
            time.sleep(_ASK_EVERY)
            run = service.ask("GET", path)
            bar.update(task, total=run["total"], completed=run["looked"])
    if run["state"] == "failed":
        raise UsageError(f"补评没有做完 ({run['error']}): 已看 {run['looked']} 条, 再运行一次会做完, 不会重复")
    return Rescored(run["total"], run["looked"], run["hit"], run["new"])


def _progress() -> Progress:
    """On stderr; silent where that is no terminal."""
    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
