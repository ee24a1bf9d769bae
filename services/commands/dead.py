"""`yuqing dead list|show|replay|drop --config F`: what could not be processed, and what becomes of it; also beside a running service."""

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from getpass import getuser
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import click
import msgspec
from prometheus_client import CollectorRegistry
from rich.table import Table
from rich.text import Text

from monitor.clock import SystemClock, moment
from monitor.errors import Held, UsageError
from monitor.loading import load_settings
from monitor.logs import configure, secrets_of, visible
from monitor.metrics import DEAD_REASONS, DeadReason, Metrics
from monitor.settings import Settings
from services.dead.letters import (
    GONE,
    STATES,
    Choice,
    Done,
    Letter,
    Letters,
    State,
    back,
    letters,
    newest,
    one_letter,
    whole,
    wire,
    wire_whole,
)
from services.keeping.presence import hold_embedded
from services.terminal.calling import KEY, running_service
from services.terminal.screen import folded, page_width, screen, table
from services.terminal.since import since
from services.terminal.verb import Verb, config_option
from services.wiring import log_of, need_log

_SHOWN = 50
_PORTION = 100  # letters of one call to a running service: it answers within seconds
_LONGEST = 4_000  # characters of a letter shown on a terminal
_REASON_ZH: dict[DeadReason, str] = {"invalid": "不合格", "failed": "处理出错"}
_STATE_ZH: dict[State, str] = {"open": "待处理", "replayed": "已放回", "dropped": "已丢弃"}
_ADVICE: dict[DeadReason, str] = {
    "invalid": "来的内容不合格, 别的信息不受影响。请让来源改正后重新送来 (推送、信源或文件), 再用 yuqing dead drop 丢弃这一封; "
    "若是旧版本读不了而新版本能读, 用 yuqing dead replay 放回。",
    "failed": "内容合格, 是程序处理它时出错 (三次都失败)。请看日志里的 record put aside, 修好或升级后用 yuqing dead replay 放回重做, "
    "同一条信息放回几次都只算一次; 确实不要了用 yuqing dead drop 丢弃。",
}
_CUT_ADVICE = (
    "它太大, 这里只有开头, 放不回去。请让来源改短后重新送来 (推送、信源或文件), 或从来处取出整条; 再用 yuqing dead drop 丢弃这一封。"
)
WORDS = ("list", "show", "replay", "drop")


@click.command(
    cls=Verb,
    help="死信: 永远处理不了的记录, 原样保存 30 天 (日志放不下的只留开头, 会写明)。"
    "list 列出, show 查看一封和该怎么办, replay 把原样的字节放回它来的地方重做, drop 丢弃。"
    "放回过的不会再放, 除非加 --again。\n\n"
    f"服务运行时也可以用: replay 和 drop 由服务来做 (有密钥时在环境变量 {KEY} 里给出 admin 的)。\n\n"
    "例: yuqing dead list --reason failed --config yuqing.yaml\n\n"
    "例: yuqing dead show dh3kq7w2m5a --config yuqing.yaml\n\n"
    "例: yuqing dead replay --all --dry-run --config yuqing.yaml\n\n"
    "例: yuqing dead replay dh3kq7w2m5a --config yuqing.yaml\n\n"
    "例: yuqing dead drop --reason invalid --yes --config yuqing.yaml\n\n"
    "退出码: 0 完成, 1 有的没能放回 (说明了原因), 2 用法或配置有误。",
)
@click.argument("words", nargs=-1, required=True, metavar="list|show|replay|drop [编号…]")
@config_option
@click.option("--reason", type=click.Choice(DEAD_REASONS), metavar="原因", help="只要此原因的: invalid 不合格, failed 处理出错")
@click.option("--topic", metavar="主题", help="只要来自此日志主题的, 如 mentions.raw")
@click.option("--since", metavar="时刻或时长", help="只要此后的: 2026-11-22, 带时区的时刻, 或 24h、7d 之内")
@click.option(
    "--state", type=click.Choice((*STATES, "all")), default="open", metavar="状态", help="list: open 待处理 (默认), replayed, dropped, all"
)
@click.option("--limit", type=click.IntRange(1, 100_000), default=_SHOWN, metavar="N", help=f"list: 最多几封, 最新的在前, 默认 {_SHOWN}")
@click.option("--all", "everything", is_flag=True, help="replay: 全部待处理的")
@click.option("--again", is_flag=True, help="replay: 放回过或丢弃了的也再放一次")
@click.option("--dry-run", is_flag=True, help="replay、drop: 只说会做什么, 什么也不改")
@click.option("--yes", is_flag=True, help="drop: 不再询问")
@click.option("--json", "as_json", is_flag=True, help="供程序读取: list 每封一行, 其余一个对象")
def command(words: tuple[str, ...], config: Path, **asked: Any) -> int:
    """Do it; the exit code."""
    word, ids = words[0], words[1:]
    _check(word, ids, asked)
    settings = load_settings(config, os.environ)
    configure("error", secrets=secrets_of(settings))
    need_log(settings)
    choice = _choice(word, ids, asked, ZoneInfo(settings.timezone))
    if word == "list":
        asyncio.run(_list(settings, choice, asked["limit"], as_json=asked["as_json"]))
        return 0
    if word == "show":
        asyncio.run(_show(settings, ids[0], as_json=asked["as_json"]))
        return 0
    return _act(settings, word, choice, ids, asked)


def _check(word: str, ids: Sequence[str], asked: dict[str, Any]) -> None:
    """What does not go together is told before anything is opened."""
    if word not in WORDS:
        raise UsageError(f"没有 {visible(word)}: 请写 yuqing dead list, show 编号, replay 编号… 或 drop 编号…")
    if (word == "show" and len(ids) != 1) or (word == "list" and ids):
        raise UsageError("请写 yuqing dead show 编号" if word == "show" else "list 后面不写编号; 看一封请用 yuqing dead show 编号")
    chosen = bool(ids) + bool(asked["everything"]) + bool(asked["reason"])
    if word in {"replay", "drop"} and not chosen:
        raise UsageError(f"要{'放回' if word == 'replay' else '丢弃'}哪些? 请写编号, 或 --reason 原因{', 或 --all' * (word == 'replay')}")
    if ids and (asked["everything"] or asked["reason"]):
        raise UsageError("编号和 --all、--reason 只写一种")
    meant = {"everything": "replay", "again": "replay", "yes": "drop"}
    for name, of in meant.items():
        if asked[name] and word != of:
            raise UsageError(f"--{'all' if name == 'everything' else name} 只用于 {of}")
    if asked["dry_run"] and word not in {"replay", "drop"}:
        raise UsageError("--dry-run 只用于 replay 和 drop")


def _choice(word: str, ids: Sequence[str], asked: dict[str, Any], zone: ZoneInfo) -> Choice:
    states: tuple[State, ...] = ("open",)
    if ids or asked["again"] or (word == "list" and asked["state"] == "all"):
        states = STATES
    elif word == "list":
        states = (cast("State", asked["state"]),)
    return Choice(frozenset(ids) if ids else None, asked["reason"], asked["topic"], since(asked["since"], zone), states)


async def _list(settings: Settings, choice: Choice, limit: int, *, as_json: bool) -> None:
    async with log_of(settings) as bus:
        found, count = await newest(bus, choice, limit)
    if as_json:
        _out(*map(wire, found))
        return
    console = screen()
    console.print(_table(found, ZoneInfo(settings.timezone), console.width, len(choice.states) > 1) if found else "没有死信")
    if count > len(found):
        click.echo(f"共 {count} 封, 这里是最新的 {len(found)} 封; 用 --limit 看更多", err=True)


def _table(found: Sequence[Letter], zone: ZoneInfo, width: int, states: bool) -> Table:  # noqa: FBT001 one private caller
    headings = ("编号", "时间", "原因", *(("状态",) if states else ()))
    return table(width, headings, ("来处", "错误"), (_row(one, zone, len(headings)) for one in found))


def _row(one: Letter, zone: ZoneInfo, cells: int) -> tuple[list[str | Text], str, str]:
    short: list[str | Text] = [one.id, _local(one.at, zone, "%m-%d %H:%M"), _REASON_ZH[one.letter.reason], _STATE_ZH[one.state]]
    part = f"(只留有开头 {one.kept} / {one.size} 字节) " * bool(one.letter.cut)
    return short[:cells], _line(visible(one.letter.origin)), part + _line(visible(one.letter.error))


def _line(text: str) -> str:
    return " ".join(text.split())


async def _show(settings: Settings, name: str, *, as_json: bool) -> None:
    async with log_of(settings) as bus:
        found = await one_letter(bus, name)
    if found is None:
        raise UsageError(f"没有编号为 {visible(name)} 的死信: 用 yuqing dead list --state all 查看编号")
    if as_json:
        _out(wire_whole(found))
        return
    for line in _page(found, ZoneInfo(settings.timezone)):
        for part in visible(line).split("\n"):
            click.echo("\n".join(folded(part, page_width(), "  ")))


def _page(one: Letter, zone: ZoneInfo) -> Iterator[str]:
    letter = one.letter
    yield f"{one.id}  {_STATE_ZH[one.state]}"
    yield f"来处: {letter.origin} (放回到 {letter.topic})"
    yield f"原因: {letter.reason} {_REASON_ZH[letter.reason]}"
    yield f"错误: {_line(letter.error)}"
    first, last = (_local(at or one.at, zone, "%Y-%m-%d %H:%M:%S") for at in (letter.first_at, letter.last_at))
    until, code = f" 至 {last}" * (last != first), f", 版本 {letter.version}" * bool(letter.version)
    yield f"试过 {letter.attempts} 次: {first}{until}{code}"
    if one.mark:
        who, times = f"{one.mark.actor} {one.mark.by or ''}".strip(), f", 共放回 {one.replays} 次" * bool(one.replays)
        yield f"{_STATE_ZH[one.state]}: {_local(one.mark.at, zone, '%Y-%m-%d %H:%M:%S')}, {who}{times}"
    yield f"怎么办: {_CUT_ADVICE if letter.cut else _ADVICE[letter.reason]}"
    text = letter.content.decode("utf-8", "backslashreplace")
    yield f"原文 ({one.size} 字节{_missing(one)}):"
    yield text[:_LONGEST] + (f"… (后面还有 {len(text) - _LONGEST} 字, 全文用 --json)" if len(text) > _LONGEST else "")


def _missing(one: Letter) -> str:
    """Where the rest of one is that was too large."""
    if not one.letter.cut:
        return ""
    rest = "整条还要看来处" if one.letter.offset is None else f"整条仍在来处, 到 {visible(one.letter.topic)} 的保留期满为止"
    return f", 日志放不下, 只留有开头 {one.kept} 字节, {rest}"


def _act(settings: Settings, word: str, choice: Choice, ids: Sequence[str], asked: dict[str, Any]) -> int:
    """Put back or drop what is chosen."""
    found = asyncio.run(_chosen(settings, choice))
    names = list(ids) or [one.id for one in found]
    if asked["dry_run"]:
        done = asyncio.run(_would(settings, word, names, found, again=asked["again"]))
    elif not names or (word == "drop" and not _sure(len(names), yes=asked["yes"])):
        done = Done()
    else:
        try:
            with hold_embedded(settings):
                done = asyncio.run(_by_ourselves(settings, word, names, again=asked["again"]))
        except Held:
            done = _through_api(settings, word, names, again=asked["again"])
    if not done.unknown or done.done or done.passed or done.refused:
        _tell(word, done, dry=asked["dry_run"], as_json=asked["as_json"])
    if done.unknown:
        raise UsageError(f"没有编号为 {visible('、'.join(done.unknown))} 的死信: 用 yuqing dead list --state all 查看编号")
    return int(bool(done.refused))


async def _chosen(settings: Settings, choice: Choice) -> list[Letter]:
    async with log_of(settings) as bus:
        return sorted([one async for one in letters(bus, choice)], key=lambda one: one.order)


def _sure(count: int, *, yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(f"要丢弃 {count} 封死信: 确定的话请加 --yes")
    return click.confirm(f"丢弃 {count} 封死信?", err=True)


async def _would(settings: Settings, word: str, names: Sequence[str], found: Sequence[Letter], *, again: bool) -> Done:
    """What would become of them."""
    known = {one.id: one for one in found}
    done = Done(unknown=[name for name in names if name not in known])
    now = SystemClock().now()
    async with log_of(settings) as bus:
        for one in (known[name] for name in names if name in known):
            if one.state != "open" and not again:
                done.passed.append(one.id)
                continue
            kept = await whole(bus, one)
            wrong = None if word == "drop" else back(kept.letter, now) if kept else GONE
            if isinstance(wrong, str):
                done.refused[one.id] = wrong
            else:
                done.done.append(one.id)
    return done


async def _by_ourselves(settings: Settings, word: str, names: Sequence[str], *, again: bool) -> Done:
    """Nobody else holds the folder."""
    async with log_of(settings) as bus:
        work = Letters(bus, SystemClock(), Metrics(CollectorRegistry()), settings.sources)
        return await (work.replay(names, getuser(), again=again) if word == "replay" else work.drop(names, getuser()))


def _through_api(settings: Settings, word: str, names: Sequence[str], *, again: bool) -> Done:
    """The service has the folder: it does it, a portion at a time."""
    total = Done()
    with running_service(settings, "admin") as service:
        for start in range(0, len(names), _PORTION):
            body: dict[str, object] = {"ids": names[start : start + _PORTION]} | ({"again": True} if again else {})
            done = msgspec.convert(service.ask("POST", f"/v1/dead-letters/{word}", msgspec.json.encode(body)), Done)
            for all_of, some in ((total.done, done.done), (total.passed, done.passed), (total.unknown, done.unknown)):
                all_of.extend(some)
            total.refused.update(done.refused)
    return total


def _tell(word: str, done: Done, *, dry: bool, as_json: bool) -> None:
    if as_json:
        _out(msgspec.structs.asdict(done) | {"dry_run": dry})
        return
    verb = ("会" if dry else "已") + ("放回" if word == "replay" else "丢弃")
    parts = [f"{verb} {len(done.done)} 封"]
    if done.passed:
        parts.append(f"{len(done.passed)} 封此前已处理过, 没有动" + " (要再放一次请加 --again)" * (word == "replay"))
    if done.refused:
        parts.append(f"{len(done.refused)} 封仍读不了, 没有放回")
    click.echo("; ".join(parts) + (" (试运行, 什么也没有改)" if dry else ""))
    for name, why in done.refused.items():
        click.echo(visible(f"{name}: {_line(why)}; 请让来源改正后重新送来"), err=True)


def _out(*objects: object) -> None:
    for one in objects:
        sys.stdout.buffer.write(msgspec.json.encode(one) + b"\n")
    sys.stdout.buffer.flush()


def _local(at: int, zone: ZoneInfo, form: str) -> str:
    return moment(at).astimezone(zone).strftime(form)
