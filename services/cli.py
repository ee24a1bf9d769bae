"""
The command line `yuqing`: finds the verb, and turns what went wrong into lines on stderr and an exit code.

0 done, 1 found what it looks for, 2 wrong use or configuration, 130 interrupted. A user's mistake is never a traceback.
"""

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any, NamedTuple

import click

from monitor.errors import BusRefused, BusUnavailable, StoreUnavailable, YuqingError, failed_zh
from monitor.logs import quiet_kafka, visible
from services.keeping.ending import EXIT_WITHIN, end_within
from services.terminal.screen import Context
from services.terminal.verb import Verb, mistake, near

DONE, FOUND, WRONG, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141


class Listed(NamedTuple):
    """Where a verb's `command` is, and what it does in a few words."""

    module: str
    summary: str


# A verb's module is imported only when it is asked for: `yuqing --help` waits for no segmenter and no web framework
VERBS: Mapping[str, Listed] = MappingProxyType(
    {
        "demo": Listed("services.commands.demo", "演示: 虚构企业的一天, 约一分钟"),
        "run": Listed("services.commands.run", "运行服务"),
        "init": Listed("services.commands.init", "写出一份带说明的配置"),
        "check": Listed("services.commands.check", "检查配置、词库和策略，不联网"),
        "keywords": Listed("services.commands.keywords", "关键词: 试一段文字、在留存的日志上试算、发现新词、与表格互导"),
        "sources": Listed("services.commands.sources", "列出信源，或试读其中一个"),
        "score": Listed("services.commands.score", "给标准输入的每条信息评分，逐行输出"),
        "replay": Listed("services.commands.replay", "重放录下的信息流, 经过日志、存储和通知"),
        "report": Listed("services.commands.report", "上报人工发现的链接, 给出回执"),
        "rescore": Listed("services.commands.rescore", "用一个主题把留存的原始信息补评入库, 不通知"),
        "alerts": Listed("services.commands.alerts", "列出全部预警及其升降经过"),
        "story": Listed("services.commands.story", "把一个事件画成传播树: 起源、扩散、谁在传"),
        "export": Listed("services.commands.export", "把一个预警的信息和处置写成可以重放的文件"),
        "backtest": Listed("services.commands.backtest", "不落库地重新判断, 输出级别变化"),
        "sentiment": Listed("services.commands.sentiment", "情感评价: 模型与人的判断比一比, 或导出人判过的原文"),
        "dead": Listed("services.commands.dead", "死信: 列出、查看、放回重做或丢弃处理不了的记录"),
        "doctor": Listed("services.commands.doctor", "体检: 在不在运行、积压、待发、磁盘, 可贴进工单"),
        "topics": Listed("services.commands.topics", "列出 Kafka 上的主题, 与配置对照, 建立还没有的"),
        "bench": Listed("services.commands.bench", "在这台机器上测量性能"),
    }
)


class Verbs(click.Group):
    """The group of all verbs, imported one by one."""

    context_class = Context

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        """The verbs in the order a newcomer meets them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 click's signature
        """The verb's command, imported now."""
        listed = VERBS.get(cmd_name)
        if listed is None:
            return None
        command = import_module(listed.module).command
        if not isinstance(command, Verb):
            raise TypeError(f"{listed.module}.command is no Verb")
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but a verb that is not there is told in Chinese with the nearest one."""
        if args[0] not in VERBS and not args[0].startswith("-"):
            raise click.UsageError(f"没有 {args[0]} 这个命令{near(args[0], VERBS)}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """As click does, but a reader that has gone is 141 as for every tool; click would say 1, which here means "found"."""
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            _let_go_of_stdout()
            return PIPE_CLOSED
        return code

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The first line."""
        formatter.write_usage(ctx.command_path, "命令 [选项] [参数]", prefix="用法：")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, then the verbs."""
        with formatter.section("选项"):
            formatter.write_dl([("--help", "显示本说明并退出")])
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 click's signature
        """The verbs with their summaries; none of them is imported for it."""
        with formatter.section("命令"):
            formatter.write_dl([(name, listed.summary) for name, listed in VERBS.items()])


@click.group(cls=Verbs, help="舆情监测：公开信息进，有理有据的蓝/黄/橙/红预警出。")
def program() -> None:
    """Only a name for its verbs."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line; gives its exit code."""
    quiet_kafka()
    try:
        code: Any = program.main(list(arguments), prog_name="yuqing", standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return WRONG
    except click.ClickException as error:
        click.echo(mistake(error), err=True)
        return WRONG
    except (BusUnavailable, StoreUnavailable) as error:
        click.echo(visible(_unavailable(error)), err=True)
        return WRONG
    except YuqingError as error:
        click.echo(visible(str(error)), err=True)
        return WRONG
    except OSError as error:
        click.echo(visible(f"{error.filename or '输入输出'}: {failed_zh(error)}，请检查路径、权限和磁盘空间"), err=True)
        return WRONG
    return code if isinstance(code, int) else DONE


def _unavailable(error: BusUnavailable | StoreUnavailable) -> str:
    if isinstance(error, BusRefused):
        return f"{error.server} 在运行，但不接受这份配置 ({error})；请改好配置里 {error.remedy}，然后再运行同一行命令"
    if error.server:
        return f"{error.server} 现在不能用 ({error}); 请检查它在不在运行, 网络通不通, 配置里的地址和账号, 然后再运行同一行命令"
    return f"数据目录现在无法读写 ({error}); 请检查磁盘空间和权限, 然后再运行同一行命令"


def main() -> None:
    """The `yuqing` of the terminal."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal of another encoding shows an escape for what it lacks; data is written as UTF-8 bytes by the verbs
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    # Small sums: threads of numpy's BLAS would only wait for each other, and take the cores of the roles beside it
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    code = run(sys.argv[1:])
    end_within("exit", EXIT_WITHIN)
    sys.exit(code)


def _let_go_of_stdout() -> None:
    """Whoever read us has gone: what Python would still flush at exit goes nowhere, silently."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with contextlib.suppress(OSError, ValueError):
        os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
