"""`yuqing doctor --config FILE`: how this installation is, on a page that can be pasted into a ticket."""

import asyncio
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec

from monitor.alert import Level
from monitor.clock import SystemClock
from monitor.loading import load_settings
from monitor.logs import configure, secrets_of, visible
from services.collect import PART
from services.doctor.examine import examine
from services.doctor.findings import Box, Disk, Findings, Log
from services.terminal.screen import folded, page_width
from services.terminal.verb import Verb, config_option

_MIB, _GIB = 1 << 20, 1 << 30


@click.command(
    cls=Verb,
    help="体检：服务在不在运行、各处积压多少、有没有没发出去的通知、信源新不新鲜、死信、磁盘、版本，一页中文，可直接贴进工单（不含密钥，也不含接收方和信源的地址）。\n\n"
    "只读不改，服务运行时或停止时都可以用。退出码：0 没有发现问题，1 有要看的问题，2 用法或配置有误。\n\n"
    "例: yuqing doctor --config yuqing.yaml",
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="一个 JSON 对象，供程序读取")
def command(config: Path, *, as_json: bool) -> int:
    """Print the page; 1 when something should be looked at."""
    settings = load_settings(config, os.environ)
    configure("critical", secrets=secrets_of(settings))  # what is wrong stands on the page
    findings = asyncio.run(examine(settings, SystemClock()))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(findings) + b"\n")
        sys.stdout.buffer.flush()
    else:
        for line in page(findings, ZoneInfo(settings.timezone)):
            click.echo("\n".join(folded(visible(line), page_width(), "    ")))
    return int(bool(findings.problems))


def page(found: Findings, zone: ZoneInfo) -> Iterator[str]:
    """The findings, a part after the other; what should be looked at comes first."""
    yield f"舆情监测体检  {_local(found.at, zone)}"
    yield "结论: " + ("没有发现问题" if not found.problems else f"有 {len(found.problems)} 处要看")
    yield from (f"  ! {problem}" for problem in found.problems)
    yield from _service(found, zone)
    yield from _log(found.log, zone)
    yield from _store(found.store)
    yield from _disk(found.disk)
    config = found.config
    yield f"配置: {config.file} (摘要 {config.sha256}, 改于 {_local(config.changed_at, zone)})"
    yield f"  主题 {config.subjects} 个, 信源 {config.sources} 个, 接收方 {config.receivers} 个, 接口密钥 {config.api_keys} 把"
    yield "版本: " + ", ".join(f"{name} {number}" for name, number in found.versions.items())


def _service(found: Findings, zone: ZoneInfo) -> Iterator[str]:
    service = found.service
    yield f"服务: {_held(found, zone)}"
    yield f"  {service.address}  livez {service.livez}, readyz {service.readyz}"
    for name, word in service.parts.items():
        if word != "ok" and not name.startswith(PART):  # what is wrong with a source stands above
            yield f"  {name}: {word}"
    yield from (f"  信源 {name}: 最新一条发布于 {_local(at, zone)}" for name, at in service.newest_items.items())


def _held(found: Findings, zone: ZoneInfo) -> str:
    """Who is at work; on a shared store its leases tell, if it can be asked."""
    service = found.service
    if service.running:
        return f"在用 (进程 {service.pid}, 始于 {_local(service.started_at, zone)})"
    if not service.shared:
        return "没有进程在用这个数据目录"
    unread = isinstance(found.store, str) and found.store.startswith("读不了")
    return "不知道有没有进程在用, 库读不了" if unread else "没有进程在用这个库"


def _log(log: Log | str, zone: ZoneInfo) -> Iterator[str]:
    if isinstance(log, str):
        yield f"日志: {log}"
        return
    yield f"日志: {', '.join(f'{topic} {count} 条' for topic, count in log.kept.items())}; 最后收到 {_local(log.last_at, zone)}"
    for lag in log.lag:
        yield f"  {lag.role}: 积压 {lag.messages} 条" + (f", 最早的 {lag.seconds:.0f} 秒前" if lag.messages else "")
    yield from (f"  死信 {line}" for line in log.dead.newest)


def _store(store: Box | str) -> Iterator[str]:
    if isinstance(store, str):
        yield f"库: {store}"
        return
    waiting = f", 最早的等了 {store.oldest_seconds:.0f} 秒" if store.oldest_seconds is not None else ""
    alerts = ", ".join(f"{level.zh} {store.alerts[level.word]}" for level in reversed(Level) if store.alerts.get(level.word))
    yield f"库: 待发通知 {store.pending} 条{waiting}; 未结束的预警: {alerts or '没有'}"


def _disk(disk: Disk | str) -> Iterator[str]:
    if isinstance(disk, str):
        yield f"磁盘: {disk}"
        return
    files = ", ".join(f"{name} {size / _MIB:.1f} MiB" for name, size in disk.files.items())
    yield f"磁盘: {disk.folder} 剩 {disk.free / _GIB:.1f} GiB, 共 {disk.total / _GIB:.1f} GiB" + (f"; {files}" if files else "")


def _local(at: str | None, zone: ZoneInfo) -> str:
    return datetime.fromisoformat(at).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if at else "—"
