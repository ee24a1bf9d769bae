"""What every verb of `yuqing` is made of: click with Chinese help and Chinese mistakes, and the option they share."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

import click

from monitor.logs import visible
from services.terminal.screen import Context

_EXTRA = re.compile(r"\(([^()]*)\)\.?$")
_RANGE = re.compile(r"  \[([\d.]+)<=x<=([\d.]+)\]")
_KINDS = {"integer": "整数", "integer range": "整数", "float": "数字", "float range": "数字", "boolean": "true 或 false"}


class Verb(click.Command):
    """A command whose help is Chinese, headings too."""

    context_class = Context

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The first line."""
        pieces = [piece.replace("[OPTIONS]", "[选项]") for piece in self.collect_usage_pieces(ctx)]
        formatter.write_usage(ctx.command_path, " ".join(pieces), prefix="用法：")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options."""
        records = [record for param in self.get_params(ctx) if (record := param.get_help_record(ctx)) is not None]
        with formatter.section("选项"):
            formatter.write_dl([(names, _in_words(text)) for names, text in records if text])

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """`--help`, in Chinese."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = "显示本说明并退出"
        return option


config_option = click.option("--config", "config", metavar="文件", required=True, type=click.Path(path_type=Path), help="配置文件（YAML）")


def _in_words(text: str) -> str:
    return _RANGE.sub(r"（\1 到 \2）", text.replace("  [required]", "（必填）"))


def mistake(error: click.ClickException) -> str:
    """What the user did wrong, in Chinese, with where to look."""
    where = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "yuqing"
    return f"{visible(_said(error))}\n用 {where} --help 查看用法"


def near(word: str, choices: Iterable[str]) -> str:
    """A hint at the nearest choice, or nothing."""
    found = get_close_matches(word[:100], list(choices), n=1, cutoff=0.5)
    return f"，是不是想写 {found[0]}？" if found else ""


def _said(error: click.ClickException) -> str:
    if isinstance(error, click.NoSuchOption):
        known = [name for param in error.ctx.command.params for name in param.opts] if error.ctx else []
        return f"没有 {error.option_name} 这个选项{near(error.option_name, [*known, '--help'])}"
    if isinstance(error, click.MissingParameter):
        return f"缺少 {_name(error)}"
    if isinstance(error, click.BadParameter):
        return f"{_name(error)} 的值不对：{_wanted(error)}"
    if isinstance(error, click.BadOptionUsage):
        return f"选项 {error.option_name} 的用法不对：它后面要有一个值，或不应有值"
    extra = _EXTRA.search(error.message)
    if "unexpected extra" in error.message and extra:
        return f"多出了参数：{extra[1]}"
    return error.message


def _name(error: click.BadParameter) -> str:
    param = error.param
    if param is None:
        return str(error.param_hint or "参数")
    return param.opts[0] if isinstance(param, click.Option) else f"参数 {param.metavar or param.name}"


def _wanted(error: click.BadParameter) -> str:
    kind = error.param.type if error.param is not None else None
    if isinstance(kind, click.Choice):
        return f"可用的有 {'、'.join(map(str, kind.choices))}"
    if isinstance(kind, (click.IntRange, click.FloatRange)):
        low = f"，不小于 {kind.min:g}" if kind.min is not None else ""
        high = f"，不大于 {kind.max:g}" if kind.max is not None else ""
        return f"应是{_KINDS[kind.name]}{low}{high}"
    return f"应是{_KINDS[kind.name]}" if kind is not None and kind.name in _KINDS else error.message
