"""`yuqing topics --config F [--create]`: the Kafka topics beside what the settings want of them."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import click
from rich.cells import cell_len

from monitor.bus.kafka_topics import REMEDY, Found, Picture, Wanted, compared, look, made, wanted
from monitor.bus.kafka_wire import options
from monitor.errors import BusRefused, BusUnavailable, UsageError
from monitor.loading import load_settings
from monitor.logs import configure, secrets_of, visible
from monitor.settings import Settings
from services.terminal.verb import Verb, config_option


@click.command(
    cls=Verb,
    help="列出 Kafka 上的主题：分区、副本、最少同步副本、保留时间，与配置逐项对照；--create 建立还没有的，已有的从不改动。"
    "只在配置写了 bus: kafka://… 时可用。\n\n"
    "例: yuqing topics --config yuqing.yaml --create\n\n"
    "退出码：0 都在，且与配置相符，1 有缺少或不符的，2 用法或配置有误，或连不上 Kafka、被它拒绝。",
)
@config_option
@click.option("--create", is_flag=True, help="建立还没有的主题")
def command(config: Path, *, create: bool) -> int:
    """Print every topic; 1 when one is missing or differs."""
    settings = load_settings(config, os.environ)
    configure("error", secrets=secrets_of(settings))
    if not settings.brokers:
        raise UsageError(f"{config} 的 bus 是 {settings.bus}，没有 Kafka 主题；要用 Kafka 请写 bus: kafka://主机:9092")
    wants = wanted(settings.kafka, settings.retention)
    try:
        picture = asyncio.run((made if create else look)(options(settings.brokers, settings.kafka.security), wants))
    except BusRefused:
        raise
    except BusUnavailable as error:
        raise UsageError(f"连不上 Kafka ({error})；请检查 bus 的地址、网络，以及 kafka 的 security") from error
    return _show(settings, wants, picture)


def _show(settings: Settings, wants: list[Wanted], picture: Picture) -> int:
    away = f"，已知共 {picture.brokers} 台" if picture.brokers > picture.online else ""
    click.echo(f"Kafka {', '.join(settings.brokers)}：{picture.online} 台在线{away}")
    wrong = False
    for want in wants:
        found = picture.topics.get(want.name)
        if found is None:
            wrong = True
            click.echo(f"{visible(want.name)}  还没有，加 --create 即建立")
            continue
        click.echo(visible(want.name))
        wrong |= any(not one.right for one in compared(want, found, picture.brokers))
        for line in _lines(want, found, picture.brokers):
            click.echo(line)
    if wrong and len(picture.topics) == len(wants):
        click.echo(REMEDY, err=True)
    return int(wrong)


def _lines(want: Wanted, found: Found, brokers: int) -> Iterator[str]:
    """A property a line; what differs says what the settings want."""
    rows = compared(want, found, brokers)
    width = max(cell_len(one.label) for one in rows)
    for one in rows:
        said = "" if one.right else f"  不符：配置要 {one.wanted}"
        yield f"  {one.label}{' ' * (width - cell_len(one.label))}  {one.found}{said}"
