"""`yuqing sources [try NAME|URL] --config F`: the configured sources; one of them fetched once, to see what it would bring."""

import asyncio
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import click
import msgspec
from msgspec.structs import replace

from monitor.clock import MINUTE, SECOND, SystemClock
from monitor.collecting.base import Batch
from monitor.collecting.opening import open_collector
from monitor.entries import address_fault
from monitor.errors import SourceFailed, UsageError
from monitor.loading import load_settings
from monitor.logs import visible
from monitor.mention import Mention, Raw
from monitor.settings import Secret, Settings, Source, SourceType
from services.collect import agent_of
from services.intake import complete
from services.terminal.screen import screen, table
from services.terminal.verb import Verb, config_option
from services.terminal.watched import there_are
from services.wiring import make_score

_SHOWN = 200
_LIST = "（是榜单则写 hotlist，试读时加 --type hotlist）"
_ANY_KEY = b"try"  # pseudonyms are neither shown nor kept here


@click.command(
    cls=Verb,
    help="列出配置的信源；try 立即读取其中一个（或一个网址）一次，列出会收进的信息、命中的主题和异样之处，什么也不保存。\n\n"
    "例: yuqing sources --config yuqing.yaml\n\n"
    "例: yuqing sources try 晚报 --config yuqing.yaml\n\n"
    "例: yuqing sources try https://example.cn/feed.xml --config yuqing.yaml --json\n\n"
    "退出码：0 读到了，1 没有读到或没有一条合格，2 用法或配置有误。",
)
@click.argument("words", nargs=-1, metavar="[try 名称或网址]")
@config_option
@click.option(
    "--type", "kind", type=click.Choice(["rss", "json", "hotlist"]), metavar="类型", help="网址是什么：rss、json 或 hotlist，默认看应答"
)
@click.option("--json", "as_json", is_flag=True, help="逐行输出 JSON")
def command(words: tuple[str, ...], config: Path, kind: str | None, *, as_json: bool) -> int:
    """List, or try one."""
    if words and (words[0] != "try" or len(words) != 2):  # noqa: PLR2004 - try and what
        raise UsageError("请写 yuqing sources, 或 yuqing sources try 名称或网址")
    settings = load_settings(config, os.environ)
    if not words:
        _list(settings, as_json=as_json)
        return 0
    guessed = "://" in words[1] and kind is None
    return asyncio.run(_try(settings, _chosen(settings, words[1], kind), as_json=as_json, guessed=guessed))


def _chosen(settings: Settings, word: str, kind: str | None) -> Source:
    """The source of that name, else one made up for the address."""
    for source in settings.sources:
        if source.name == word:
            if source.type == "push":
                raise UsageError(f"信源 {word} 是推送来的, 没有可读的地址")
            return source
    if "://" not in word:
        readable = [source.name for source in settings.sources if source.type != "push"]
        raise UsageError(f"没有名为 {visible(word)} 的信源，{there_are(word, readable)}；也可以写一个网址")
    if fault := address_fault(word):
        raise UsageError(f"不是有效的地址: {fault}")
    guessed = kind or ("json" if urlsplit(word).path.endswith("json") else "rss")
    return Source(name=urlsplit(word).hostname or "try", type=cast("SourceType", guessed), url=Secret(word))


async def _try(settings: Settings, source: Source, *, as_json: bool, guessed: bool) -> int:
    now = SystemClock().now()
    try:
        batch = await (_of_either_kind if guessed else _fetched)(settings, source, now)
    except SourceFailed as failed:
        click.echo(visible(f"{source.name}: 没有读到: {failed} ({failed.reason})"), err=True)
        return 1
    for bad in batch.bad:
        click.echo(visible(f"{bad.place}: {bad.error}"), err=True)
    for odd in (*batch.odd, *((str(batch.failed),) if batch.failed else ())):
        click.echo(visible(f"{source.name}: {odd}"), err=True)
    known = {source.name: source}
    mentions = [complete(one, known, now, staff=source.trusted) for one in batch.mentions]
    hits = await asyncio.to_thread(_hits, settings, mentions, now)
    if as_json:
        _lines(mentions, hits)
    else:
        _table(settings, mentions, hits)
    more = ", 后面还有" if batch.more else ""
    hit = sum(bool(hits.get(one.digest)) for one in mentions)
    counted = f"{len(mentions)} 条可收, {len(batch.bad)} 条不合格, {hit} 条命中主题"
    click.echo(visible(f"{source.name}: {counted}{more}; 什么也没有保存"), err=True)
    return 0 if mentions or not batch.bad else 1


async def _of_either_kind(settings: Settings, source: Source, now: int) -> Batch:
    """Of an address alone nobody knows what it answers: what is no feed may be JSON, and the other way round."""
    try:
        return await _fetched(settings, source, now)
    except SourceFailed as failed:
        if failed.reason != "malformed":
            raise
        other = replace(source, type="json" if source.type == "rss" else "rss")
        try:
            batch = await _fetched(settings, other, now)
        except SourceFailed as second:
            raise (failed if str(second).startswith(("不是", "应答是")) else second) from None
        click.echo(f"应答是 {other.type}，照此试读；配置里请写 type: {other.type}{_LIST if other.type == 'json' else ''}", err=True)
        return batch


async def _fetched(settings: Settings, source: Source, now: int) -> Batch:
    """The first batch of a source, as if it had never been read; of a walk over pages the first page."""
    with ThreadPoolExecutor(1) as work:
        collector = open_collector(replace(source, pages=1), ZoneInfo(settings.timezone), agent_of(settings), work)
        if collector is None:
            raise UsageError(f"信源 {source.name} 是推送来的")
        try:
            return await collector.collect(b"", now)
        finally:
            await collector.close()


def _hits(settings: Settings, mentions: Iterable[Mention], now: int) -> dict[bytes, list[str]]:
    """The subjects that each would count for."""
    found: dict[bytes, list[str]] = {}
    for one in make_score(settings, _ANY_KEY)([Raw(received_at=now, mention=mention) for mention in mentions]):
        found.setdefault(one.mention.digest, []).append(one.score.subject)
    return found


def _lines(mentions: Iterable[Mention], hits: Mapping[bytes, list[str]]) -> None:
    for one in mentions:
        sys.stdout.buffer.write(msgspec.json.encode({"mention": one, "subjects": hits.get(one.digest, [])}) + b"\n")
    sys.stdout.buffer.flush()


def _table(settings: Settings, mentions: Iterable[Mention], hits: Mapping[bytes, list[str]]) -> None:
    console, zone = screen(), ZoneInfo(settings.timezone)
    rows = (_row(one, zone, hits.get(one.digest, [])) for one in mentions)
    console.print(table(console.width, ("时间", "命中", "作者"), ("标题", "链接或编号"), rows))


def _row(one: Mention, zone: ZoneInfo, hit: Sequence[str]) -> tuple[list[str], str, str]:
    words = _standing(one) + " ".join((one.title or one.text or one.quoted or "")[:_SHOWN].split())
    said = one.seen_at if one.kind == "hotlist" and one.seen_at else one.published_at
    at = said.astimezone(zone).strftime("%m-%d %H:%M")
    return [at, visible("、".join(hit)), visible(one.author or "")], visible(words), visible(one.url or one.id)


def _standing(one: Mention) -> str:
    """Where a hot list has it."""
    said = ([f"第 {one.rank} 位"] if one.rank else []) + ([f"热度 {one.heat}"] if one.heat is not None else [])
    return f"[{', '.join(said)}] " if said else ""


def _list(settings: Settings, *, as_json: bool) -> None:
    if as_json:
        for source in settings.sources:
            line = {"name": source.name, "type": source.type, "every": _seconds(source), "where": _where(source)}
            click.echo(msgspec.json.encode(line | {"platform": source.platform}).decode())
        return
    console = screen()
    rows = (
        ([source.type, _every(source), visible(source.platform or "")], visible(source.name), visible(_where(source)))
        for source in settings.sources
    )
    console.print(table(console.width, ("类型", "间隔", "平台"), ("名称", "从哪里读"), rows))


def _every(source: Source) -> str:
    if source.type == "push":
        return "推送"
    if source.every is None:
        return "跟随"
    return f"{source.every // MINUTE} 分钟" if source.every % MINUTE == 0 else f"{source.every // SECOND} 秒"


def _seconds(source: Source) -> int | None:
    return source.every // SECOND if source.every else None


def _where(source: Source) -> str:
    """Path, or address without what may be a key in it."""
    if source.path or not source.url:
        return source.path or ""
    parts = urlsplit(str(source.url))
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}{'?…' if parts.query else ''}"
