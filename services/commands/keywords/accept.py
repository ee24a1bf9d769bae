"""`yuqing keywords accept WORD --to FILE`: a word that somebody chose goes into a library file, with where it came from."""

import asyncio
import os
from dataclasses import replace
from datetime import datetime, tzinfo
from getpass import getuser
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from monitor.clock import SystemClock, moment
from monitor.errors import ConfigError, Problem, UsageError
from monitor.loading import load_settings
from monitor.logs import visible
from monitor.scoring.library import CHINA, Library, library_bytes
from monitor.scoring.library_adding import chosen, new_library, with_rule
from monitor.scoring.library_file import LibraryRule, read_library_file
from monitor.scoring.rules import RuleError, parse
from monitor.settings import Settings
from services.commands.keywords.suggest import window_of
from services.keywords.log import with_posted
from services.keywords.rising import counted
from services.keywords.writing import replace_file
from services.terminal.verb import Verb
from services.terminal.watched import check_watched
from services.wiring import open_store, store_there

_WEIGHT = 0.3
_SPECIAL = frozenset('|+-()"!=~/:\\｜＋－（）“”！＝～／：')


@click.command(
    "accept",
    cls=Verb,
    help="把一个词写进词库文件的末尾，附上来历：哪个主题、哪天、前后多少人用、谁收的。文件里的注释、次序和写法一概不动；"
    "写之前先检查，不对就不写。文件不存在时新建一个（要写 --category）。\n\n"
    "例: yuqing keywords accept 毒奶粉 --to keywords/自备.yaml --subject 某某乳业 --config yuqing.yaml\n\n"
    "例: yuqing keywords accept '毒奶粉+(某某|乳业)' --as rule --to keywords/自备.yaml --weight 0.6",
)
@click.argument("word", metavar="词")
@click.option("--to", "to", required=True, type=click.Path(path_type=Path), metavar="文件", help="词库文件（YAML）")
@click.option(
    "--as", "kind", type=click.Choice(["word", "rule"]), default="word", metavar="word|rule",
    help="word（默认）：一律是文字；rule：按规则写入，其中的 | + - 等是运算符",
)  # fmt: skip
@click.option("--category", metavar="类别", help="文件里有几个词库时加进哪一类；新建时的类别")
@click.option("--weight", type=click.FloatRange(0, 1), metavar="权重", help=f"与词库不同的权重；新建时默认 {_WEIGHT}")
@click.option("--subject", metavar="主题", help="来自哪个监测主题：连同前后的人数记下（要有 --config）")
@click.option("--config", metavar="文件", type=click.Path(path_type=Path), help="配置文件（YAML）")
@click.option("--since", default="7d", metavar="时长", help="同 suggest，默认 7d")
@click.option("--against", default="4w", metavar="时长", help="同 suggest，默认 4w")
@click.option("--until", metavar="时刻", help="同 suggest")
@click.option("--by", metavar="姓名", help="谁收的，默认是登录名")
def command(
    word: str, to: Path, kind: str, category: str | None, weight: float | None, subject: str | None, config: Path | None,
    since: str, against: str, until: str | None, by: str | None,
) -> None:  # fmt: skip
    """Write it."""
    if word.splitlines() != [word] or not word.strip():
        raise UsageError("词里不能有换行: 一次收一个词" if word.strip() else "词是空的: 请写出要收的词")
    if subject and not config:
        raise UsageError("写了 --subject 就要写 --config: 来历里的人数从那里数")
    settings = load_settings(config, os.environ) if config else None
    zone = ZoneInfo(settings.timezone) if settings else CHINA
    source = word if kind == "rule" else quoted(word)
    told = asyncio.run(_origin(settings, subject, word, (since, against, until))) if settings and subject else ""
    day = moment(SystemClock().now()).astimezone(zone)
    note = _note(told, day, by or getuser())
    before = _read(to, zone) if to.exists() else None
    if before is None and category is None:
        raise UsageError(f"{visible(str(to))} 还没有: 用 --category 写明类别, 新建这个词库")
    if before is None and to.suffix != ".yaml":
        raise UsageError(f"{visible(str(to))}: 词库文件要以 .yaml 结尾, 词库文件夹里只读 *.yaml")
    _write(to, _added(before, to, source, category, weight, note), zone, before[1] if before else [])
    click.echo(visible(f"已写进 {to}: {source}（{note}）"), err=True)


def quoted(word: str) -> str:
    """A word as a rule that means nothing but its characters."""
    plain = not (_SPECIAL & set(word)) and word == word.strip() and not any(f" {one} " in word for one in ("AND", "OR", "NOT"))
    return word if plain and " " not in word else '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


async def _origin(settings: Settings, subject: str, word: str, span: tuple[str, str, str | None]) -> str:
    """How many used it, now and before."""
    if not store_there(settings):
        raise UsageError(f"数据目录 {settings.data} 里还没有数据: 先运行 yuqing run 或 yuqing replay, 或去掉 --subject")
    (settings,) = await with_posted(settings)
    check_watched([subject], [one.name for one in settings.subjects])
    store = await open_store(settings)
    try:
        counts = await counted(store, subject, word, window_of(settings, *span))
    finally:
        await store.close()
    return f"{subject}: 近 {span[0]} {counts['now']} 人 {counts['now_texts']} 段, 之前 {span[1]} {counts['before']} 人; "


def _note(told: str, day: datetime, by: str) -> str:
    return f"{told}{day:%Y-%m-%d} {by} 收"


def _read(path: Path, zone: tzinfo) -> tuple[str, list[Library]]:
    problems: list[Problem] = []
    data = library_bytes(path, problems)
    libraries = read_library_file(str(path), data, zone, problems) if data is not None else []
    if problems or data is None:
        raise ConfigError(problems)
    return data.decode("utf-8"), libraries


def _added(
    before: tuple[str, list[Library]] | None, path: Path, source: str, category: str | None, weight: float | None, note: str
) -> str:
    try:
        rule = parse(source)
    except RuleError as error:
        raise UsageError(f"{visible(source)} 第 {error.column} 个字符处: {error.message}") from None
    if before is None:
        own = _WEIGHT if weight is None else weight
        return new_library(path.stem, str(category), own, LibraryRule(rule, own, note))
    library = chosen(before[1], category, visible(str(path)))
    if any(one.rule.source == source for one in library.rules):
        raise UsageError(f"{visible(str(path))} 的词库 {library.name} 里已经有 {visible(source)}")
    return with_rule(before[0], library, LibraryRule(rule, library.weight if weight is None else weight, note))


def _write(path: Path, text: str, zone: tzinfo, before: list[Library]) -> None:
    """Only what is read as all there was and one rule more takes the place of the file."""
    data = text.encode()
    problems: list[Problem] = []
    after = read_library_file(str(path), data, zone, problems)
    if problems:
        raise ConfigError(problems)
    if sum(len(one.rules) for one in after) != sum(len(one.rules) for one in before) + 1 or not all(map(_kept, before, after)):
        raise UsageError(f"{visible(str(path))}: 这个文件的写法加不进去, 没有改动; 请用编辑器加上")
    replace_file(path, lambda part: part.write_bytes(data))


def _kept(before: Library, after: Library) -> bool:
    return replace(after, rules=after.rules[: len(before.rules)]) == before
