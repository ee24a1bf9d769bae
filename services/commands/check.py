"""`yuqing check FILE`: is the configuration right, with all it names? No network, no port, nothing written."""

import os
from collections.abc import Iterator
from pathlib import Path

import click

from monitor.database import shown
from monitor.loading import load_settings
from monitor.logs import visible
from monitor.scoring.library import load_libraries
from monitor.settings import Settings
from services.hints import hints
from services.terminal.verb import Verb


@click.command(
    cls=Verb,
    help="检查配置文件，以及其中写到的词库、策略、名单和密钥；不联网，不占端口，不改动任何东西。\n\n"
    "可能不是本意的写法另作“提示”（如数据目录里留存的信息一条也没命中的规则），不影响退出码。退出码：0 正确，2 有错（每处一行）。\n\n"
    "例: yuqing check yuqing.yaml",
)
@click.argument("file", metavar="配置文件", type=click.Path(path_type=Path))
def command(file: Path) -> None:
    """Print a summary of what is right, hints beside it; ConfigError carries what is wrong."""
    settings = load_settings(file, os.environ)
    click.echo(f"配置正确：{file}")
    for line in summary(settings):
        click.echo(f"  {line}")
    for hint in hints(settings):
        click.echo(visible(f"提示：{hint}"), err=True)


def summary(settings: Settings) -> Iterator[str]:
    """What the configuration comes to, a line each."""
    libraries, _ = load_libraries(settings.libraries)
    rules = sum(len(subject.rules) for subject in settings.subjects)
    yield f"机构：{settings.organisation}（{settings.timezone}）"
    yield f"监测主题：{len(settings.subjects)} 个，自有规则 {rules} 条"
    yield f"词库：{len(libraries)} 个，规则 {sum(len(library.rules) for library in libraries)} 条"
    yield f"信源：推送接口，另配置 {len(settings.sources)} 个"
    yield f"接收方：{len(settings.receivers)} 个{_names([receiver.name for receiver in settings.receivers])}"
    yield f"接口：http://{settings.listen[0]}:{settings.listen[1]}，密钥 {len(settings.api_keys)} 把"
    yield f"数据：{settings.data}（日志 {settings.bus}，库 {_store(settings.store)}）"


def _store(url: str) -> str:
    return shown(url) if "://" in url else url


def _names(names: list[str]) -> str:
    return f"（{'、'.join(names[:5])}{' 等' if len(names) > 5 else ''}）" if names else ""  # noqa: PLR2004 what fits a line
