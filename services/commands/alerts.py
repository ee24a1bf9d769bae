"""`yuqing alerts --config FILE [--json]`: every alert with its transitions, also beside a running service."""

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec
from rich.table import Table
from rich.text import Text

from monitor.alert import Alert, Status, Transition
from monitor.clock import moment
from monitor.loading import load_settings
from monitor.logs import visible
from monitor.settings import Settings
from monitor.store.sessions import Store
from services.terminal.screen import LEVEL_COLOURS, screen
from services.terminal.screen import table as fitting
from services.terminal.verb import Verb, config_option
from services.wiring import store_there

STATUS_ZH: dict[Status, str] = {
    "open": "待确认", "acknowledged": "已确认", "handling": "处置中", "resolved": "已结束", "reviewed": "已复核",
}  # fmt: skip


@click.command(
    cls=Verb,
    help="列出全部预警, 最近有变动的在前: 级别、状态、标题和最近一次升降的原因; --json 另有每次升降的经过。服务运行时也可以用。\n\n"
    "例: yuqing alerts --config yuqing.yaml\n\n"
    "例: yuqing alerts --config yuqing.yaml --json",
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="每个预警一行 JSON，按 id 排序，供程序读取")
def command(config: Path, *, as_json: bool) -> None:
    """Print them as JSON Lines, or as a table for a person."""
    settings = load_settings(config, os.environ)
    if not store_there(settings):
        click.echo(f"数据目录 {settings.data} 里还没有数据：先运行 yuqing run 或 yuqing replay", err=True)
        return
    asyncio.run(_json_lines(settings) if as_json else _table(settings))


async def _json_lines(settings: Settings) -> None:
    store = await Store.open(settings.store, settings.data)
    try:
        async with store.read() as unit:
            async for alert, transitions in unit.alerts.all():
                wire = alert.wire(settings.public_url) | {"transitions": [transition.wire() for transition in transitions]}
                sys.stdout.buffer.write(msgspec.json.encode(wire) + b"\n")
        sys.stdout.buffer.flush()
    finally:
        await store.close()


async def _table(settings: Settings) -> None:
    store = await Store.open(settings.store, settings.data)
    try:
        async with store.read() as unit:
            found = [pair async for pair in unit.alerts.all()]
    finally:
        await store.close()
    console = screen()
    console.print(table(found, ZoneInfo(settings.timezone), console.width) if found else "没有预警")


def table(found: Sequence[tuple[Alert, Sequence[Transition]]], zone: ZoneInfo, width: int) -> Table:
    """Alerts for a person, the newest change first; long titles are cut, never the figures."""
    newest = sorted(found, key=lambda pair: pair[0].changed_at, reverse=True)
    return fitting(width, ("级别", "状态", "变动", "信息", "主题"), ("标题", "原因"), (_row(*pair, zone) for pair in newest))


def _row(alert: Alert, transitions: Sequence[Transition], zone: ZoneInfo) -> tuple[list[str | Text], str, str]:
    short: list[str | Text] = [
        Text(alert.level.zh, LEVEL_COLOURS[alert.level]), STATUS_ZH[alert.status],
        _local(alert.changed_at, zone).strftime("%m-%d %H:%M"), Text(str(alert.counters.mentions), justify="right"), visible(alert.subject),
    ]  # fmt: skip
    return short, visible(alert.counters.title).replace("\n", " "), _why(transitions)


def _why(transitions: Sequence[Transition]) -> str:
    """The first reason of the newest change of level, in words."""
    newest = next((transition for transition in reversed(transitions) if transition.to_level is not None), None)
    if newest is None or not newest.reasons:
        return ""
    if newest.merge_zh:
        return visible(newest.merge_zh)
    reason = newest.reasons[0]
    words = visible(reason.zh)
    return f"{words} {reason.value:g}（线 {reason.threshold:g}）" if reason.threshold else words


def _local(at: int, zone: ZoneInfo) -> datetime:
    return moment(at).astimezone(zone)
