"""`yuqing backtest FILE… --config F`, or `--from-bus`: the same decisions without bus or store, as JSON Lines."""

import asyncio
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import click
import msgspec
from rich.console import Console
from rich.progress import Progress

from monitor.bus.base import SCORED
from monitor.clock import SystemClock
from monitor.collecting.recording import Recording
from monitor.errors import UsageError
from monitor.escalation.effects import Effects
from monitor.loading import load_settings
from monitor.settings import Settings
from services.backtest import Backtest, StoryMap, level_changes
from services.recordings import stage_files, tell_bad
from services.verb import Verb, config_option
from services.wiring import desk_maker, make_score, open_bus, open_store

_ANY_KEY = b"backtest"  # pseudonyms are counted here, never shown or kept


@click.command(
    cls=Verb,
    help="不用日志和存储, 重新做一遍判断, 在标准输出逐行给出级别变化 (JSON)。给出文件时与 replay 判断相同; --from-bus 时重判数据目录里留存的日志。\n\n"
    "例: yuqing backtest 数据.jsonl.gz --config yuqing.yaml --stories 归并.jsonl",
)
@click.argument("files", nargs=-1, metavar="[文件…]", type=click.Path(path_type=Path))
@config_option
@click.option("--from-bus", is_flag=True, help="重判留存的日志, 人工操作在其发生处重做")
@click.option("--batch", type=click.IntRange(1, 10_000), default=512, metavar="N", help="每多少条输出一次, 不影响结果")
@click.option("--stories", type=click.Path(path_type=Path), metavar="输出文件", help="逐行写出每条信息归入的事件")
@click.option("--summary", type=click.Path(path_type=Path), metavar="输出文件", help="写出汇总 (JSON)")
def command(
    files: tuple[Path, ...], config: Path, batch: int, stories: Path | None, summary: Path | None, *, from_bus: bool
) -> None:
    """Print every change of level."""
    settings = load_settings(config, os.environ)
    if from_bus == bool(files):
        raise UsageError("请给出要回测的文件, 或用 --from-bus 重判留存的日志 (二者选一)")
    with ExitStack() as stack:
        outs = [stack.enter_context(path.open("wb")) if path else None for path in (stories, summary)]
        written = Written(outs[0], outs[1])
        backtest = Backtest(desk_maker(settings)(), written.take, batch)
        if from_bus:
            asyncio.run(_from_bus(settings, backtest))
        else:
            _from_files(settings, files, backtest)
        written.finish()


class Written:
    """Where decisions go: changes of level to stdout, and at the end the stories and the summary to their files."""

    def __init__(self, stories: BinaryIO | None, summary: BinaryIO | None) -> None:
        self._stories, self._summary = stories, summary
        self._map = StoryMap()
        self._counts = {"mentions": 0, "transitions": 0}
        self._alerts: set[str] = set()
        self._found: set[str] = set()

    def take(self, effects: Effects) -> None:
        """Write what is decided so far."""
        lines = list(level_changes(effects))
        sys.stdout.buffer.write(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        self._counts["mentions"] += len(effects.hits)
        self._counts["transitions"] += len(lines)
        self._alerts |= {str(line["alert"]) for line in lines}
        self._found |= set(effects.stories)
        if self._stories:
            self._map.add(effects)

    def finish(self) -> None:
        """Write what only the end knows."""
        sys.stdout.buffer.flush()
        if self._stories:
            self._stories.writelines(msgspec.json.encode(line) + b"\n" for line in self._map.lines())
        if self._summary:
            self._summary.write(msgspec.json.encode(self._counts | {"alerts": len(self._alerts), "stories": len(self._found)}) + b"\n")


def _from_files(settings: Settings, files: tuple[Path, ...], backtest: Backtest) -> None:
    console = Console(file=sys.stderr)
    with Recording(SystemClock().now()) as recording, Progress(
        console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        reading = bar.add_task("读取", total=None)
        stage_files(recording, files, settings, tell_bad, lambda count: bar.advance(reading, count))
        deciding = bar.add_task("判断", total=recording.lines)
        score = make_score(settings, _ANY_KEY)
        backtest.recording(recording.blocks(), score, lambda count: bar.advance(deciding, count))


async def _from_bus(settings: Settings, backtest: Backtest) -> None:
    if not (settings.data / "bus.db").exists():
        raise UsageError(f"数据目录 {settings.data} 里还没有日志: 先运行 yuqing run 或 yuqing replay")
    bus = open_bus(settings, SystemClock())
    await bus.start()
    try:
        store = await open_store(settings)
        try:
            async with store.read() as unit:
                acts = {partition: await unit.acts.all(partition) for partition in range(bus.partitions(SCORED))}
        finally:
            await store.close()
        for partition, done in acts.items():
            await backtest.log(bus, partition, done)
    finally:
        await bus.close()
