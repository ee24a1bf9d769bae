"""`yuqing run --config FILE [--role R]… [--probes HOST:PORT]`: the service."""

import os
from pathlib import Path

import click

from monitor.loading import load_settings
from services.house import ROLES, check_roles, parse_address, run_roles
from services.keeping.ending import run_bounded
from services.keeping.presence import hold_embedded
from services.terminal.verb import Verb, config_option
from services.wiring import shared


@click.command(
    cls=Verb,
    help="运行服务: 收信、评分、研判、通知、提供接口, 直到 Ctrl-C。先用 yuqing check 检查配置。\n\n例: yuqing run --config yuqing.yaml\n\n"
    "角色: collect 采集信源, score 评分, escalate 研判定级, notify 发通知, api 接口。不写 --role 时一个进程承担全部; "
    "SQLite 只支持全部角色, 或在服务停止后单独运行 --role api 查看; Kafka 加 PostgreSQL 可以任意分工, 每个角色可以有几个进程。\n\n"
    "例: yuqing run --role api --config yuqing.yaml\n\n"
    "例: yuqing run --role score --role escalate --probes 127.0.0.1:9000 --config yuqing.yaml",
)
@config_option
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), metavar="角色", help="只运行该角色, 可写多次")
@click.option("--probes", metavar="主机:端口", help="另在此地址提供 /livez /readyz /metrics")
def command(config: Path, roles: tuple[str, ...], probes: str | None) -> int:
    """Run the roles until told to stop."""
    settings = load_settings(config, os.environ)
    asked = check_roles(roles, together=shared(settings))
    where = parse_address(probes) if probes else None
    with hold_embedded(settings):
        return run_bounded(run_roles(settings, asked, where))
