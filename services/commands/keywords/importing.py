"""`yuqing keywords import FILE -o FILE.yaml`: a spreadsheet of rules becomes a library file, whole or not at all."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import tzinfo
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from monitor.errors import ConfigError, Problem, UsageError
from monitor.loading import load_settings
from monitor.logs import visible
from monitor.scoring.library import CHINA, MAX_BYTES, Library
from monitor.scoring.library_file import read_library_file
from monitor.scoring.library_text import yaml_of
from monitor.scoring.rule_hints import hints_of
from services.keywords.spreadsheet import read_libraries
from services.keywords.writing import replace_file
from services.terminal.verb import Verb

_HINTS = 20


@click.command(
    "import",
    cls=Verb,
    help="把一张表（CSV 或 XLSX，UTF-8 或 GBK）变成词库文件。表头要有 名称、类别、规则；可有 权重、备注、负责人、起、止、floor、"
    "词库权重、词库备注，也认英文名。多张工作表都读（没有表头的略过并指出）；同名的行合成一个词库。\n\n"
    "错的行全部列出（文件:行号），有一处错就什么也不写。写出的文件要在配置的 libraries 里列出才会用到。\n\n"
    "例: yuqing keywords import 词库.xlsx -o keywords/词库.yaml\n\n"
    "退出码：0 写好了，2 表里有错或用法有误。",
)
@click.argument("table", metavar="表格", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="文件", help="写到哪个词库文件：.yaml")
@click.option("--force", is_flag=True, help="文件已经有了也换掉")
@click.option("--config", metavar="文件", type=click.Path(path_type=Path), help="配置文件（YAML）：起、止按其中的时区，默认 Asia/Shanghai")
def command(table: Path, output: Path, config: Path | None, *, force: bool) -> None:
    """Read the table, write the file."""
    if output.suffix != ".yaml":
        raise UsageError(f"{visible(str(output))}: 词库文件要以 .yaml 结尾, 词库文件夹里只读 *.yaml")
    if output.exists() and not force:
        raise UsageError(f"{visible(str(output))} 已经有了: 换个名字, 或加 --force 换掉它")
    zone = ZoneInfo(load_settings(config, os.environ).timezone) if config else CHINA
    left: list[str] = []
    libraries = read_libraries(table, zone, left)
    data = _checked(yaml_of(libraries, zone).encode(), libraries, zone, output)
    replace_file(output, lambda part: part.write_bytes(data))
    for sheet in left:
        click.echo(visible(f"{table}[{sheet}]: 这张工作表没有收: 没有认得的表头"), err=True)
    for said in islice(_hints(libraries), _HINTS):
        click.echo(visible(f"提示：{said}"), err=True)
    rules = sum(len(one.rules) for one in libraries)
    click.echo(visible(f"写出 {len(libraries)} 个词库, {rules} 条规则: {output}"), err=True)


def _hints(libraries: Iterable[Library]) -> Iterator[str]:
    """What is right and probably not meant."""
    for one in libraries:
        for rule in one.rules:
            yield from (f"词库 {one.name} 的{hint.said}" for hint in hints_of(rule.rule))


def _checked(data: bytes, libraries: list[Library], zone: tzinfo, output: Path) -> bytes:
    """What is written must be read as what was in the table."""
    if len(data) > MAX_BYTES:
        raise UsageError(f"{output}: 词库文件会超过 {MAX_BYTES // 1024 // 1024} MiB, 请把表格拆成几个再导入")
    problems: list[Problem] = []
    read = read_library_file(str(output), data, zone, problems)
    if problems:
        raise ConfigError(problems)
    if [replace(one, file="") for one in read] != libraries:
        raise AssertionError("what was written is not what was read")
    return data
