"""`yuqing keywords export [LIBRARY…] -o FILE`: libraries as a CSV or XLSX that staff can keep in a spreadsheet."""

import os
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from monitor.errors import ConfigError, Problem, UsageError
from monitor.loading import load_settings
from monitor.logs import visible
from monitor.scoring.library import CHINA, Library
from monitor.scoring.library_table import Unfit, rows_of
from services.keywords.loading import loaded, with_given
from services.keywords.spreadsheet import write_csv, write_xlsx
from services.keywords.whereabouts import whereabouts
from services.keywords.writing import replace_file
from services.terminal.verb import Verb
from services.terminal.watched import there_are


@click.command(
    "export",
    cls=Verb,
    help="把词库写成一张表，每行一条规则：名称、类别、权重、规则、备注、负责人、起、止、floor、词库权重、词库备注。"
    "CSV 带 Excel 认的标记；以 = + - @ 开头的格子前面加一个单引号，免得被当成公式，导入时会去掉。\n\n"
    "不写词库时写出配置里的全部（没有 --config 时是内置的）。词库可以写名称，也可以写文件或文件夹。\n\n"
    "例: yuqing keywords export -o 词库.xlsx --config yuqing.yaml\n\n"
    "例: yuqing keywords export 安全事故 伤亡 -o 风险词.csv",
)
@click.argument("names", nargs=-1, metavar="[词库…]")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="文件", help="写到哪里：.csv 或 .xlsx")
@click.option("--config", metavar="文件", type=click.Path(path_type=Path), help="配置文件（YAML）：用其中的词库和时区")
def command(names: tuple[str, ...], output: Path, config: Path | None) -> None:
    """Write them."""
    if output.suffix.lower() not in {".csv", ".xlsx"}:
        raise UsageError(f"{visible(str(output))}: 只写得出 .csv 或 .xlsx, 请改文件名")
    settings = load_settings(config, os.environ) if config else None
    zone = ZoneInfo(settings.timezone) if settings else CHINA
    paths = [Path(name) for name in names if Path(name).exists()]
    libraries, given = with_given(loaded(settings.libraries if settings else (), zone), paths, zone)
    chosen = _chosen(libraries, [name for name in names if not Path(name).exists()], given, configured=bool(settings))
    unfit: list[Unfit] = []
    rows = list(rows_of(chosen, zone, unfit))
    if unfit:
        raise ConfigError(_placed(unfit, [*(settings.libraries if settings else ()), *paths]))
    write = write_csv if output.suffix.lower() == ".csv" else write_xlsx
    replace_file(output, lambda part: write(part, rows))
    click.echo(visible(f"写出 {len(chosen)} 个词库, {len(rows)} 条规则: {output}"), err=True)


def _placed(unfit: Sequence[Unfit], paths: Sequence[Path | str]) -> list[Problem]:
    places = whereabouts(paths, {one.library.name for one in unfit})
    found = ((places.get((one.library.name, one.rule.rule.source)), one) for one in unfit)
    return [Problem(place.file if place else one.library.file, place.line if place else 1, 0, one.why) for place, one in found]


def _chosen(libraries: Sequence[Library], names: Sequence[str], given: Sequence[Library], *, configured: bool) -> list[Library]:
    """Those of these names and files; of none, the configured ones, else the shipped. An own one goes before the shipped of its name."""
    by_name = {one.name: one for one in libraries}
    for name in names:
        if name not in by_name:
            raise UsageError(f"没有名为 {visible(name)} 的词库, 也没有这个文件，{there_are(name, by_name)}")
    if not names and not given:
        own = [one for one in by_name.values() if not one.shipped]
        if configured and not own:
            raise UsageError("配置里没有 libraries: 写明要导出哪些, 或去掉 --config 导出内置的")
        return own if configured else list(by_name.values())
    return [one for one in by_name.values() if one.name in names or one in given]
