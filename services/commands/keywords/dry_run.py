"""`yuqing keywords dry-run NEW --config F`: what other rules would have made of the retained log. Nothing is written, nobody is told."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import msgspec

from monitor.clock import SystemClock, rfc3339
from monitor.loading import load_settings
from monitor.scoring.scorer import build_scorer
from monitor.settings import Settings
from services.keywords.candidate import configuration, in_force, with_libraries
from services.keywords.differing import shown
from services.keywords.log import progress, with_posted
from services.keywords.periods import span_of
from services.keywords.retained import stretch
from services.keywords.trial import Trial
from services.terminal.verb import Verb, config_option
from services.wiring import log_of


@click.command(
    "dry-run",
    cls=Verb,
    help="新规则上线之前，在留存的原始日志（不只是当时命中的）上把现在的规则和新规则各判断一遍，比较：每条规则多出（原先没命中主题）、少掉（不再命中主题）的信息和例子，"
    "别的规则也命中的另计，改写过的规则和它原来的样子比；"
    "每个主题的合计，预警会多出、少掉哪些，级别怎样变。只读：不写任何东西，不通知任何人。\n\n"
    "“新”是一个词库文件或文件夹：里面的词库顶替现用的同名词库（内置的不能顶替，同名的是添加），其余的另外加上，"
    "由写了它名字的主题使用，或用 --subject 指明给谁用；也可以是一份改过的配置文件（只取其中的主题、词库、策略和名单）。\n\n"
    "两边都从空白开始判断，人工处置不计；日志只留存 retention.raw 那么久，已经没有的会说明。服务运行时也可以用。\n\n"
    "例: yuqing keywords dry-run 新词库.yaml --since 7d --config yuqing.yaml\n\n"
    "例: yuqing keywords dry-run 新词库.yaml --subject 红十字会 --config yuqing.yaml --json",
)
@click.argument("new", metavar="新", type=click.Path(path_type=Path))
@config_option
@click.option("--since", default="7d", metavar="时长", help="最近多久入库的，如 24h、7d、4w，默认 7d")
@click.option("--subject", "subjects", multiple=True, metavar="主题", help="新词库试给这个主题用，可写多次")
@click.option("--json", "as_json", is_flag=True, help="一个 JSON 对象，供程序读取")
def command(new: Path, config: Path, since: str, subjects: tuple[str, ...], *, as_json: bool) -> None:
    """Compare, and print what differs."""
    settings = load_settings(config, os.environ)
    now = SystemClock().now()
    report = asyncio.run(_compare(settings, new, subjects, now, now - span_of(since, "--since")))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
        sys.stdout.buffer.flush()
        return
    for line in shown(report, ZoneInfo(settings.timezone)):
        click.echo(line)


async def _compare(settings: Settings, new: Path, subjects: tuple[str, ...], now: int, since: int) -> dict[str, Any]:
    changed = configuration(new)
    async with log_of(settings) as bus:
        old_settings, new_settings = await with_posted(settings, changed or settings)
        old = in_force(old_settings)
        tried = in_force(new_settings) if changed else with_libraries(old, new, subjects)
        trial = Trial(old, tried, await asyncio.to_thread(build_scorer, ()))
        found = await stretch(bus, since)
        with progress() as bar:
            task = bar.add_task("试算", total=found.total)
            await trial.run(bus, found, now, lambda read: bar.advance(task, read))
    first = rfc3339(found.since) if found.since else None
    period = {"since": rfc3339(since), "until": rfc3339(now), "retained_since": first, "lost": found.lost, "records": found.total}
    return period | trial.report()
