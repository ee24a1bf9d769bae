"""`yuqing keywords test|dry-run|suggest|accept|export|import`: rules tried, compared, found, and taken to a spreadsheet and back."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

import click

from monitor.errors import UsageError
from services.terminal.verb import Verb, near

# As in services/cli.py: imported only when asked for
WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "test": ("trying", "一段文字命中哪些规则，哪些差一点、差在哪里"),
        "dry-run": ("dry_run", "新词库或新配置在留存的日志上会多出、少掉什么，预警会怎样"),
        "suggest": ("suggest", "一个主题里新冒出来、还没有规则的词"),
        "accept": ("accept", "把一个词写进词库文件，带上来历"),
        "export": ("exporting", "词库导出为 CSV 或 XLSX"),
        "import": ("importing", "CSV 或 XLSX 导入为词库文件"),
    }
)


class Words(Verb, click.Group):
    """A verb with verbs of its own."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        """In the order in which they are met."""
        return list(WORDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 click's signature
        """The command, imported now."""
        if cmd_name not in WORDS:
            raise UsageError(f"没有 keywords {cmd_name} 这个命令{near(cmd_name, WORDS)}: 用 yuqing keywords --help 查看")
        command: click.Command = import_module(f"{__name__}.{WORDS[cmd_name][0]}").command
        return command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, then the commands."""
        super().format_options(ctx, formatter)
        with formatter.section("命令"):
            formatter.write_dl([(name, said) for name, (_, said) in WORDS.items()])


command = Words(
    "keywords",
    subcommand_metavar="命令 …",
    help="关键词规则和词库：试、比、找、导。各命令的用法见 yuqing keywords 命令 --help。\n\n"
    "例: yuqing keywords test 红会又出事了 --config yuqing.yaml\n\n"
    "例: yuqing keywords dry-run 新词库.yaml --since 7d --config yuqing.yaml\n\n"
    "例: yuqing keywords suggest --subject 红十字会 --config yuqing.yaml",
)
