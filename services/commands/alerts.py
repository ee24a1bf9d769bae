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
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor.alert import REASON_ZH, Alert, Level, Status, Transition
from monitor.clock import moment
from monitor.loading import load_settings
from monitor.logs import visible
from monitor.settings import Settings
from monitor.store.sessions import Store
from services.verb import Verb, config_option

COLOURS = {Level.NONE: "dim", Level.BLUE: "blue", Level.YELLOW: "yellow", Level.ORANGE: "dark_orange", Level.RED: "bold red"}
STATUS_ZH: dict[Status, str] = {
    "open": "待确认", "acknowledged": "已确认", "handling": "处置中", "resolved": "已结束", "reviewed": "已复核",
}  # fmt: skip
STORE_FILE = "store.db"


@click.command(
    cls=Verb,
    help="列出全部预警及其升降经过。服务运行时也可以用。\n\n"
    "例: yuqing alerts --config yuqing.yaml\n\n"
    "例: yuqing alerts --config yuqing.yaml --json",
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="每个预警一行 JSON，按 id 排序，供程序读取")
def command(config: Path, *, as_json: bool) -> None:
    """Print them as JSON Lines, or as a table for a person."""
    settings = load_settings(config, os.environ)
    if not (settings.data / STORE_FILE).exists():
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
    Console(file=sys.stdout).print(table(found, ZoneInfo(settings.timezone)) if found else "没有预警")


def table(found: Sequence[tuple[Alert, Sequence[Transition]]], zone: ZoneInfo) -> Table:
    """Alerts for a person, the newest change first; long titles are cut, never the figures."""
    shown = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    for heading in ("级别", "状态", "主题"):
        shown.add_column(heading, no_wrap=True, max_width=16, overflow="ellipsis")
    shown.add_column("标题", no_wrap=True, overflow="ellipsis", ratio=1)
    shown.add_column("信息", justify="right", no_wrap=True)
    shown.add_column("变动", no_wrap=True)
    shown.add_column("原因", no_wrap=True, overflow="ellipsis", ratio=1)
    for alert, transitions in sorted(found, key=lambda pair: pair[0].changed_at, reverse=True):
        shown.add_row(
            Text(alert.level.zh, COLOURS[alert.level]),
            STATUS_ZH[alert.status],
            Text(visible(alert.subject)),
            Text(visible(alert.counters.title).replace("\n", " ")),
            str(alert.counters.mentions),
            _local(alert.changed_at, zone).strftime("%m-%d %H:%M"),
            _why(transitions),
        )
    return shown


def _why(transitions: Sequence[Transition]) -> str:
    """The first reason of the newest change of level, in words."""
    reasons = next((transition.reasons for transition in reversed(transitions) if transition.to_level is not None), ())
    if not reasons:
        return ""
    words, reason = REASON_ZH[reasons[0].code], reasons[0]
    return f"{words} {reason.value:g}（线 {reason.threshold:g}）" if reason.threshold else words


def _local(at: int, zone: ZoneInfo) -> datetime:
    return moment(at).astimezone(zone)
