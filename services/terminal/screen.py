"""What a person sees: tables, pages and help that fit the terminal, a wide character counted as the two columns it takes."""

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import click
from rich.cells import cell_len, chop_cells

from monitor.alert import Level

if TYPE_CHECKING:  # `yuqing --help` waits for no tables
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

LEVEL_COLOURS: Mapping[Level, str] = MappingProxyType(
    {Level.NONE: "dim", Level.BLUE: "blue", Level.YELLOW: "yellow", Level.ORANGE: "dark_orange", Level.RED: "bold red"}
)
_NARROW = 100  # below it what would be two long columns stands in one, on two lines
_WIDEST_NAME = 30
# What is not taken apart: words of ASCII, and a character with the punctuation that may not begin or end a line; in examples, words
_PIECES = re.compile(r"[（“(]*(?:[!-~]+|.)[，。；：、！？）”…]*")
_WORDS = re.compile(r"\s*\S+")


def screen(*, soft_wrap: bool = False) -> "Console":
    """Stdout; without a terminal, or with NO_COLOR, no escape at all."""
    from rich.console import Console  # noqa: PLC0415 see above

    colours: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    return Console(file=sys.stdout, highlight=False, soft_wrap=soft_wrap, color_system=colours)


def table(width: int, headings: Sequence[str], pair: tuple[str, str], rows: Iterable[tuple[Sequence["str | Text"], str, str]]) -> "Table":
    """Each row's short cells, then its two long ones: side by side where there is room for both, else one below the other."""
    from rich.table import Table  # noqa: PLC0415 see above
    from rich.text import Text  # noqa: PLC0415 see above

    narrow = width < _NARROW
    shown = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    for heading in headings:
        shown.add_column(heading, no_wrap=True, overflow="ellipsis", max_width=11 if narrow else 16)
    for heading in ("、".join(pair),) if narrow else pair:
        shown.add_column(heading, no_wrap=True, overflow="ellipsis", ratio=1)
    for short, upper, lower in rows:
        cells = [one if isinstance(one, Text) else Text(one) for one in short]
        long = [Text(upper), Text(lower, "dim" if narrow else "")]
        shown.add_row(*cells, *([Text("\n").join(filter(None, long))] if narrow else long))
    return shown


def page_width() -> int:
    """Columns of the terminal, or of COLUMNS; what goes into a file is not folded."""
    return shutil.get_terminal_size((sys.maxsize, 0)).columns


def folded(text: str, width: int, hang: str = "", pieces: re.Pattern[str] = _PIECES) -> Iterator[str]:
    """The lines of a text, those after the first indented by `hang`."""
    line = ""
    for part in (part for piece in pieces.findall(text) for part in chop_cells(piece, width - len(hang))):
        if line.strip() and cell_len(line) + cell_len(part.rstrip()) > width:
            yield line.rstrip()
            line = hang + part.lstrip()
        else:
            line += part
    yield line.rstrip()


class HelpFormatter(click.HelpFormatter):
    """As click's, which takes a Chinese character for one column."""

    def write_text(self, text: str) -> None:
        """Paragraphs; a long example is broken so that it can still be pasted."""
        indent = " " * self.current_indent
        for number, paragraph in enumerate(text.split("\n\n")):
            if paragraph.startswith("例: "):
                lines = " \\\n".join(folded(indent + paragraph, self.width - 2, f"{indent}    ", _WORDS))
            else:
                lines = "\n".join(folded(indent + paragraph, self.width, indent))
            self.write("\n" * bool(number) + lines + "\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = _WIDEST_NAME, col_spacing: int = 2) -> None:
        """Names in a column, what they mean in another."""
        rows = list(rows)
        indent = " " * self.current_indent
        across = self.current_indent + min(col_max, max((cell_len(name) for name, _ in rows), default=0)) + col_spacing
        for name, text in rows:
            first, *rest = folded(text, self.width - across)
            begin = indent + name
            begin += " " * (across - cell_len(begin)) if cell_len(begin) < across else "\n" + " " * across
            self.write("\n".join([begin + first, *(" " * across + line for line in rest)]) + "\n")


class Context(click.Context):
    """Where click asks how help is written."""

    formatter_class = HelpFormatter
