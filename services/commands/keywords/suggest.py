"""`yuqing keywords suggest --subject S --config F`: new words that rise among a subject's mentions and stand in no rule."""

import asyncio
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import msgspec

from monitor.clock import SystemClock, micros
from monitor.errors import UsageError
from monitor.loading import load_settings
from monitor.logs import visible
from monitor.settings import Settings
from services.keywords.candidate import in_force
from services.keywords.log import progress, with_posted
from services.keywords.periods import span_of
from services.keywords.rising import Window, literals, suggest
from services.terminal.verb import Verb, config_option
from services.terminal.watched import check_watched
from services.wiring import open_store, store_there

subject_option = click.option("--subject", required=True, metavar="主题", help="在哪个监测主题的信息里找")


@click.command(
    "suggest",
    cls=Verb,
    help="在一个主题入库的信息里找新冒出来、还没有规则的词和短语：最近一段（--since）用的人明显多于之前（--against），"
    "字与字连得紧（互信息），左右都能接别的字（分支熵）。按作者和不同的文字计数，同一段文字传多少遍都算一次；"
    "已在任何规则里的词、虚词和套话不列。每个词给出前后的人数和三个例子；要用哪个，由人 accept，从不自动加。\n\n"
    "例: yuqing keywords suggest --subject 红十字会 --config yuqing.yaml\n\n"
    "例: yuqing keywords suggest --subject 红十字会 --since 24h --against 2w --limit 50 --config yuqing.yaml --json",
)
@subject_option
@config_option
@click.option("--since", default="7d", metavar="时长", help="最近多久发布的，默认 7d")
@click.option("--against", default="4w", metavar="时长", help="与再往前多久相比，默认 4w")
@click.option("--until", metavar="时刻", help="“最近”到哪一刻为止，默认现在；看旧数据时用，如 2026-11-22")
@click.option("--limit", type=click.IntRange(1, 1_000), default=30, metavar="N", help="最多几个，默认 30")
@click.option("--json", "as_json", is_flag=True, help="一个 JSON 对象，供程序读取")
def command(subject: str, config: Path, since: str, against: str, until: str | None, limit: int, *, as_json: bool) -> None:
    """Print them."""
    settings = load_settings(config, os.environ)
    found = asyncio.run(_suggest(settings, subject, window_of(settings, since, against, until), limit))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
        sys.stdout.buffer.flush()
        return
    for line in shown(found):
        click.echo(line)


def window_of(settings: Settings, since: str, against: str, until: str | None) -> Window:
    """The stretches meant."""
    end = _moment(until, ZoneInfo(settings.timezone)) if until else SystemClock().now()
    begin = end - span_of(since, "--since")
    return Window(begin - span_of(against, "--against"), begin, end)


def _moment(text: str, zone: ZoneInfo) -> int:
    try:
        at = datetime.fromisoformat(text)
        return micros(at if at.tzinfo else at.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        raise UsageError(f"--until {visible(text[:40])}: 请写成 2026-11-22 或 2026-11-22T08:00:00+08:00") from None


async def _suggest(settings: Settings, subject: str, window: Window, limit: int) -> dict[str, Any]:
    if not store_there(settings):
        raise UsageError(f"数据目录 {settings.data} 里还没有数据: 先运行 yuqing run 或 yuqing replay")
    (settings,) = await with_posted(settings)
    check_watched([subject], [one.name for one in settings.subjects])
    known = literals(settings.subjects, in_force(settings).libraries)
    store = await open_store(settings)
    try:
        with progress() as bar:
            task = bar.add_task("读取", total=None)
            return await suggest(store, subject, window, known, limit, lambda count: bar.advance(task, count))
    finally:
        await store.close()


def shown(found: dict[str, Any]) -> Iterator[str]:
    """For a person, line by line."""
    sampled = f"（文字太多，只看了其中 1/{found['one_of']}）" if found["one_of"] > 1 else ""
    yield (
        f"{visible(found['subject'])}：最近 {found['mentions']} 条，不同的文字 {found['texts']} 段；"
        f"之前 {found['mentions_before']} 条，{found['texts_before']} 段{sampled}"
    )
    if not found["mentions_before"]:
        yield "之前没有信息可比：下面按用的人数排列"
    for one in found["words"]:
        times = f"，{one['times']:g} 倍" if found["mentions_before"] else ""
        now, before = one["now"], one["before"]
        yield (
            f"{visible(one['word'])}  现在 {now['authors']} 人 {now['texts']} 段，之前 {before['authors']} 人 {before['texts']} 段{times}"
            f"（显著 {one['significance']:g}，凝固 {one['cohesion']:g}，自由 {one['freedom']:g}）"
        )
        for each in one["examples"]:
            yield f"    {visible(each['source'])}/{visible(each['id'])}：{visible(each['text'])}"
    if not found["words"]:
        yield "没有找到新词"
