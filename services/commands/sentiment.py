"""`yuqing sentiment report|export --config F`: the model beside what people say of the same mentions; also beside a running service."""

import asyncio
import os
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import msgspec

from monitor.clock import SystemClock, rfc3339
from monitor.errors import UsageError
from monitor.loading import load_settings
from monitor.logs import visible
from monitor.settings import Settings
from monitor.store.sessions import Store
from services.evaluation.counting import Evaluated, evaluate, wire
from services.evaluation.page import CAUTION, local, page
from services.evaluation.teaching import Lessons
from services.terminal.files import into
from services.terminal.paper import Paper, html, markdown, printed
from services.terminal.screen import screen
from services.terminal.since import since
from services.terminal.verb import Verb, config_option
from services.wiring import store_there

WORDS = ("report", "export")
_FORMS = {".md": markdown, ".html": html}


@click.command(
    cls=Verb,
    help="模型的判断与人的判断。report 把两者放在一起：一致率、谁错成了谁、逐周的漂移、把握可不可信、最有把握的错；"
    "export 把人判过的原文写成训练用的“标签⇥原文”，用不用由你。都只读，服务运行时也可以用。\n\n"
    "人的判断来自 POST /v1/mentions/score：写上 label 就算判过，与模型相同即是确认。\n\n"
    "例: yuqing sentiment report --since 4w --config yuqing.yaml\n\n"
    "例: yuqing sentiment report --subject 某某集团 -o 评价.html --config yuqing.yaml\n\n"
    "例: yuqing sentiment export -o 改判.tsv.gz --config yuqing.yaml",
)
@click.argument("word", metavar="report|export")
@config_option
@click.option("--subject", metavar="主题", help="只要这个监测主题的信息")
@click.option("--since", "start", metavar="时刻或时长", help="只要此后发布的信息：2026-11-22，带时区的时刻，或 7d、4w 之内")
@click.option("--json", "as_json", is_flag=True, help="report：一个 JSON 对象，供程序读取")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="文件", help="写到文件：report 为 .md 或 .html；export 以 .gz 结尾则压缩"
)
def command(word: str, config: Path, *, subject: str | None, start: str | None, as_json: bool, output: Path | None) -> None:
    """Do it."""
    _check(word, output, as_json=as_json)
    settings = load_settings(config, os.environ)
    begin = since(start, ZoneInfo(settings.timezone))
    if not store_there(settings):
        raise UsageError(f"数据目录 {settings.data} 里还没有数据: 先运行 yuqing run 或 yuqing replay")
    if word == "export":
        asyncio.run(_export(settings, subject, begin, output))
    else:
        found = asyncio.run(_evaluated(settings, subject, begin))
        _report(settings, found, subject, begin, output, as_json=as_json)


def _check(word: str, output: Path | None, *, as_json: bool) -> None:
    """What does not go together is told before anything is read."""
    if word not in WORDS:
        raise UsageError(f"没有 {visible(word)}: 请写 yuqing sentiment report 或 yuqing sentiment export")
    if word == "export" and as_json:
        raise UsageError("--json 只用于 report; export 写的是 标签⇥原文")
    if word == "report" and output and not as_json and output.suffix not in _FORMS:
        raise UsageError(f"{visible(str(output))}: 报告请写到 .md 或 .html; 要 JSON 请加 --json")


async def _evaluated(settings: Settings, subject: str | None, begin: int) -> Evaluated:
    store = await Store.open(settings.store, settings.data)
    try:
        return await evaluate(store, ZoneInfo(settings.timezone), subject=subject, since=begin)
    finally:
        await store.close()


def _report(settings: Settings, found: Evaluated, subject: str | None, begin: int, output: Path | None, *, as_json: bool) -> None:
    now, zone = SystemClock().now(), ZoneInfo(settings.timezone)
    if subject is not None and not found.evaluation.all.mentions:
        raise UsageError(f"库里没有主题 {visible(subject)} 的信息: 请检查名称, 以及 --since")
    if as_json:
        asked: dict[str, Any] = {
            "organisation": settings.organisation, "at": rfc3339(now), "timezone": settings.timezone, "subject": subject,
            "since": rfc3339(begin) if begin else None, "caution": CAUTION,
        }  # fmt: skip
        with into(output) as stream:
            stream.write(msgspec.json.encode(wire(found, asked)) + b"\n")
        return
    paper = page(found, (_about(settings, subject, begin, now),), zone)
    if output is None:
        _print(paper)
        return
    with into(output) as stream:
        stream.write(_FORMS[output.suffix](paper).encode())
    click.echo(f"写到 {visible(str(output))}", err=True)


def _print(paper: Paper) -> None:
    console = screen()
    for part in printed(paper, console.width):
        console.print(part)


def _about(settings: Settings, subject: str | None, begin: int, now: int) -> str:
    zone = ZoneInfo(settings.timezone)
    whose = f"主题 {subject}" if subject is not None else "全部主题"
    span = f"发布于 {local(begin, zone):%Y-%m-%d %H:%M} 以后" if begin else "库里的全部"
    return f"{settings.organisation}，{whose}，{span}，{local(now, zone):%Y-%m-%d %H:%M} ({settings.timezone}) 统计"


async def _export(settings: Settings, subject: str | None, begin: int, output: Path | None) -> None:
    store = await Store.open(settings.store, settings.data)
    try:
        async with store.read() as unit:
            lessons = Lessons(unit, subject, begin)
            await lessons.survey()
            if lessons.texts:
                about = _about(settings, subject, begin, SystemClock().now())
                with into(output) as stream:
                    stream.write(lessons.head(about))
                    async for line in lessons.lines():
                        stream.write(line)
    finally:
        await store.close()
    _tell(lessons, output)


def _tell(lessons: Lessons, output: Path | None) -> None:
    if not lessons.texts:
        raise UsageError("没有可写出的: 还没有人给出过 label, 或那些信息的原文都已过保存期")
    where = f": {output}" if output else ""
    left = [f"{lessons.torn} 段原文判得不一致, 没有写出"] * bool(lessons.torn)
    left += [f"{lessons.gone} 条的原文已过保存期或没有文字, 没有写出"] * bool(lessons.gone)
    click.echo(visible("; ".join([f"写出 {lessons.texts} 段原文{where}", *left])), err=True)
