"""
`yuqing backtest FILE… --config F`, or `--from-bus`: the same decisions without bus or store, as JSON Lines.

With `--scenario FILE` it tests rules and policy instead: what the scenario expects is held against what is decided.
"""

import asyncio
import os
import sys
from collections.abc import Callable
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
from monitor.logs import visible
from monitor.settings import Settings
from services.dead.burial import put_aside
from services.house import start_logging
from services.keeping.reload import settled
from services.recording.backtest import Backtest, StoryMap, all_changes, level_changes
from services.recording.scenario import course, decide, failures, settings_of
from services.recording.scenario_file import Scenario, load_scenarios
from services.recording.staging import stage_files, tell_bad, tell_undone
from services.terminal.verb import Verb
from services.wiring import desk_maker, log_of, make_score, need_log, open_store

_ANY_KEY = b"backtest"  # pseudonyms are counted here, never shown or kept


@click.command(
    cls=Verb,
    help="不用日志和存储, 重新做一遍判断, 在标准输出逐行给出级别变化 (JSON)。"
    "给出文件时与 replay 判断相同; "
    "--from-bus 时重判留存的日志, 人工处置在其发生处重做。\n\n"
    "只输出级别的变化, 包括人工定级、合并、更正带来的; 不改级别的 (确认、指派、备注、结束等) 加 --all 才输出, "
    "那时与 alerts --json 的 transitions 相同 (少 recorded_at)。\n\n"
    "--scenario 用写好的场景检验规则和策略: 期望不符的逐行列出, 退出码 1。\n\n"
    "例: yuqing backtest 数据.jsonl.gz --config yuqing.yaml --stories 归并.jsonl\n\n"
    "例: yuqing backtest --from-bus --config yuqing.yaml\n\n"
    "例: yuqing backtest --scenario 场景.yaml --config yuqing.yaml",
)
@click.argument("files", nargs=-1, metavar="[文件…]", type=click.Path(path_type=Path))
@click.option("--config", metavar="文件", type=click.Path(path_type=Path), help="配置文件（YAML）；场景自带主题时可以不写")
@click.option(
    "--scenario", "scenarios", multiple=True, metavar="场景文件", type=click.Path(path_type=Path), help="检验一个场景（YAML），可写多次"
)
@click.option(
    "--facts", multiple=True, metavar="热榜文件", type=click.Path(path_type=Path),
    help="同时读入的热榜记录: 每行 {at, list, rank, title}, 可为 gzip, 可写多次",
)  # fmt: skip
@click.option("--from-bus", is_flag=True, help="重判留存的日志, 人工操作在其发生处重做")
@click.option("--all", "every", is_flag=True, help="也输出不改级别的变化: 状态、指派、备注、更正")
@click.option("--batch", type=click.IntRange(1, 10_000), default=512, metavar="N", help="每多少条输出一次, 不影响结果")
@click.option("--stories", type=click.Path(path_type=Path), metavar="输出文件", help="逐行写出每条信息归入的事件")
@click.option("--summary", type=click.Path(path_type=Path), metavar="输出文件", help="写出汇总 (JSON)")
def command(
    files: tuple[Path, ...], config: Path | None, scenarios: tuple[Path, ...], batch: int, facts: tuple[Path, ...],
    stories: Path | None, summary: Path | None, *, from_bus: bool, every: bool,
) -> int:  # fmt: skip
    """Print every change of level, or every expectation that failed; the exit code."""
    if from_bus + bool(files) + bool(scenarios) != 1:
        raise UsageError("请给出要回测的文件, 或用 --from-bus 重判留存的日志, 或用 --scenario 检验场景 (三者选一)")
    if facts and not files:
        raise UsageError("--facts 只用于回测文件, 请去掉, 或给出要回测的文件")
    if scenarios:
        if stories or summary or every:
            raise UsageError("--stories、--summary 和 --all 只用于回测文件或留存的日志, 请去掉, 或去掉 --scenario")
        return _test(scenarios, load_settings(config, os.environ) if config else None, batch)
    if config is None:
        raise UsageError("缺少 --config: 请给出配置文件, 例如 --config yuqing.yaml")
    settings = load_settings(config, os.environ)
    if not files:
        settings = asyncio.run(_with_posted(settings))
    with ExitStack() as stack:
        outs = [stack.enter_context(path.open("wb")) if path else None for path in (stories, summary)]
        _again(settings, files, facts, batch, Written(outs[0], outs[1], every=every))
    return 0


def _again(settings: Settings, files: tuple[Path, ...], facts: tuple[Path, ...], batch: int, written: "Written") -> None:
    """Decide the files again, or the retained log where there are none."""
    make_desk = desk_maker(settings)
    if files:
        _from_files(settings, files, facts, Backtest(make_desk(), written.take, batch))
    else:
        asyncio.run(_from_bus(settings, lambda: Backtest(make_desk(), written.take, batch)))
    written.finish()


def _test(files: tuple[Path, ...], base: Settings | None, batch: int) -> int:
    """Run the scenarios; 1 when any expectation failed."""
    loaded = load_scenarios(files, os.environ, base)
    return max([_test_one(scenario, str(file), base, batch) for file, scenario in zip(files, loaded, strict=True)])


def _test_one(scenario: Scenario, name: str, base: Settings | None, batch: int) -> int:
    """Tell how one scenario went: failures are what was looked for, the rest is for the reader's eyes."""
    decided = decide(scenario, settings_of(scenario, base), batch)
    failed = list(failures(scenario, decided, name))
    sys.stdout.buffer.write("".join(f"{visible(str(failure))}\n" for failure in failed).encode())
    sys.stdout.buffer.flush()
    passed = len(scenario.expectations) - len(failed)
    click.echo(visible(f"{name}: {scenario.name}: {passed} 项符合, {len(failed)} 项不符"), err=True)
    for line in course(scenario, decided) if failed else ():
        click.echo(visible(line), err=True)
    return int(bool(failed))


class Written:
    """Where decisions go: changes of level (or `every` one) to stdout, and at the end the stories and the summary to their files."""

    def __init__(self, stories: BinaryIO | None, summary: BinaryIO | None, *, every: bool) -> None:
        self._stories, self._summary = stories, summary
        self._told = all_changes if every else level_changes
        self._map = StoryMap()
        self._counts = {"mentions": 0, "transitions": 0}
        self._alerts: set[str] = set()
        self._found: set[str] = set()

    def take(self, effects: Effects) -> None:
        """Write what is decided so far."""
        lines = list(self._told(effects))
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


def _from_files(settings: Settings, files: tuple[Path, ...], facts: tuple[Path, ...], backtest: Backtest) -> None:
    console = Console(file=sys.stderr)
    with Recording(SystemClock().now()) as recording, Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        reading = bar.add_task("读取", total=None)
        history = stage_files(recording, files, facts, settings, tell_bad, lambda count: bar.advance(reading, count))
        deciding = bar.add_task("判断", total=recording.lines)
        score = make_score(settings, _ANY_KEY)
        backtest.recording(recording.blocks(), score, lambda count: bar.advance(deciding, count), history)
    for act, refused in backtest.misfits:
        tell_undone(act, refused)


async def _with_posted(settings: Settings) -> Settings:
    """The retained log was decided with the subjects posted to the service, too."""
    need_log(settings)
    store = await open_store(settings)
    try:
        return await settled(settings, store, start_logging(settings, level="error"))
    finally:
        await store.close()


async def _from_bus(settings: Settings, make: Callable[[], Backtest]) -> None:
    """Each partition by a desk of its own, as it was decided."""
    async with log_of(settings) as bus:
        store = await open_store(settings)
        try:
            async with store.read() as unit:
                acts = {partition: await unit.acts.all(partition) for partition in range(bus.partitions(SCORED))}
        finally:
            await store.close()
        left = await put_aside(bus, SCORED)
        out = sum([await make().log(bus, partition, done, left[partition]) for partition, done in acts.items()])
        if out:
            click.echo(f"{out} 条记录读不懂或已放进死信, 服务当时也没有判断, 未计入; 用 yuqing dead list 查看", err=True)
