"""`yuqing replay FILE… --config F`: a recorded stream through the whole durable pipeline."""

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import monotonic

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from monitor.bus.base import RAW, SCORED
from monitor.clock import SystemClock
from monitor.collecting.recording import Recording
from monitor.errors import UsageError
from monitor.loading import load_settings
from monitor.settings import Settings
from services.acts import Desk
from services.house import House, open_house, parse_address, start_logging
from services.keeping.ending import run_bounded
from services.keeping.presence import hold_embedded
from services.lifecycle import Lifecycle
from services.recording.acts import Placed, done_again
from services.recording.replay import Replay, settle_raw
from services.recording.staging import stage, tell_undone
from services.telling import Told
from services.terminal.verb import Verb, config_option


class Speed(click.ParamType[float | None]):
    """`max`, or how many times faster than lived."""

    name = "speed"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """None for max."""
        if value is None or value == "max":
            return None
        try:
            speed = float(str(value))
        except ValueError:
            speed = 0.0
        if not 0 < speed < float("inf"):
            self.fail("应是 max 或一个大于 0 的倍数, 如 60 (一小时一分钟)", param, ctx)
        return speed


@click.command(
    cls=Verb,
    help="把录下的信息流按事件时间重放: 经过日志、存储和接收方, 与 run 相同。被中断后再运行同一行会接着做; 做完后再运行不会改变什么。\n\n"
    "文件是 JSON Lines、CSV 或 XLSX, 可为 gzip; 写错的行按行号说明, 其余照收。放完用 yuqing alerts 查看。\n\n"
    "例: yuqing replay 数据.jsonl.gz --config yuqing.yaml\n\n"
    "例: yuqing replay 数据.jsonl.gz --facts 热搜.jsonl --config yuqing.yaml",
)
@click.argument("files", nargs=-1, required=True, metavar="文件…", type=click.Path(path_type=Path))
@config_option
@click.option("--speed", type=Speed(), default="max", metavar="max|N", help="max 尽快; N 为真实速度的倍数, 60 即一小时一分钟")
@click.option("--batch", type=click.IntRange(1, 10_000), default=512, metavar="N", help="一次事务最多处理多少条, 不影响结果")
@click.option(
    "--facts", multiple=True, metavar="热榜文件", type=click.Path(path_type=Path),
    help="同时读入的热榜记录: 每行 {at, list, rank, title}, 可为 gzip, 可写多次",
)  # fmt: skip
@click.option("--no-send", is_flag=True, help="不向接收方发送, 通知记为停用")
@click.option("--probes", metavar="主机:端口", help="在此地址提供 /livez /readyz /metrics")
def command(
    files: tuple[Path, ...], config: Path, speed: float | None, batch: int, facts: tuple[Path, ...], probes: str | None, *, no_send: bool
) -> int:
    """Replay the files; the exit code."""
    settings = load_settings(config, os.environ)
    for file in (*files, *facts):
        if not file.is_file():
            raise UsageError(f"{file}: 没有这个文件, 请检查路径")
    where = parse_address(probes) if probes else None
    with hold_embedded(settings):
        return run_bounded(_replay(settings, files, facts, speed, batch, where, send=not no_send))


async def _replay(
    settings: Settings, files: Sequence[Path], facts: Sequence[Path], speed: float | None, batch: int, probes: tuple[str, int] | None,
    *, send: bool,
) -> int:  # fmt: skip
    log = start_logging(settings, level="warning")
    life = Lifecycle(log)
    try:
        house = await open_house(settings, life, log, alone=True)
        if probes:
            house.add_api(probes, only_probes=True)
    except BaseException:
        await life.teardown()
        raise
    return await life.run(until=_work(house, files, facts, speed, batch, send=send))


async def _work(house: House, files: Sequence[Path], facts: Sequence[Path], speed: float | None, batch: int, *, send: bool) -> None:
    started = monotonic()
    with Recording(SystemClock().now()) as recording, _progress() as bar:
        history = await stage(recording, files, facts, house, bar)
        loading = bar.add_task("载入词典和模型", total=None)
        score = await house.add_scorer()
        bar.remove_task(loading)
        scorers = {partition: house.scorer(score, partition) for partition in range(house.bus.partitions(RAW))}
        await settle_raw(house.bus, scorers)
        escalators = house.add_escalators(batch=batch, send=send)
        notifier = house.add_notifier() if send else None
        task = bar.add_task("重放", total=recording.lines)
        replay = Replay(house.bus, scorers[0], escalators, speed=speed)
        replay.also(history, partial(_again, house, send=send))
        await replay.run(recording.blocks(), lambda part: bar.advance(task, len(part.raws)))
        bar.update(task, completed=recording.lines)
        if notifier:
            sending = bar.add_task("发送通知", total=None)
            await notifier.drain()
            bar.remove_task(sending)
    async with house.store.read() as unit:
        alerts = sum((await unit.alerts.counts()).values())
    click.echo(f"重放完成: {recording.lines} 行, 用时 {monotonic() - started:.1f} 秒, 现有预警 {alerts} 个", err=True)


async def _again(house: House, placed: Placed, *, send: bool) -> None:
    """Do a recorded act again; one that does not fit what was decided here is told and passed over."""
    subjects = {subject.name: subject for subject in house.settings.subjects}
    told = Told(subjects, house.settings.receivers, house.settings.public_url, send)
    refused = await done_again(house.store, Desk(house.bus.partitions(SCORED), told), placed, house.clock.now())
    if refused:
        tell_undone(placed.act, refused)


def _progress() -> Progress:
    """On stderr; silent where that is no terminal."""
    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
