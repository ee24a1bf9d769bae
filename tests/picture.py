"""
README's picture of the demo: `yuqing demo` run in a terminal of our own, what it printed drawn as an SVG.

Every run of characters is placed on the terminal's grid, so columns stand whatever fonts the reader has; nothing is loaded from elsewhere.
"""

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from rich.ansi import AnsiDecoder
from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME as THEME
from rich.text import Text

PICTURE = Path(__file__).parents[1] / "deploy" / "demo.svg"
COLUMNS = 100
_COMMAND = "yuqing demo"
_END = "按 Ctrl-C 结束。"
_CELL, _LINE, _MARGIN, _LETTER = 8.2, 21, 16, {1: 13.5, 2: 15}
_FONTS = "ui-monospace,Menlo,Consolas,'DejaVu Sans Mono','PingFang SC','Microsoft YaHei','Noto Sans CJK SC',monospace"
_BACK, _FRONT = "#1e1f24", "#d4d6dc"


class Run(NamedTuple):
    """Characters of one width and look, and the column they begin in."""

    column: int
    text: str
    style: Style

    @property
    def cells(self) -> int:
        """Columns they take."""
        return cell_len(self.text)


def record() -> str:
    """What `yuqing demo` prints on a terminal, from its first word to the end of its day."""
    outer, inner = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment |= {"COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    program = [sys.executable, "-c", "from services.cli import main; main()", "demo"]
    process = subprocess.Popen(program, cwd=PICTURE.parents[1], env=environment, stdout=inner, stderr=inner, stdin=subprocess.DEVNULL)
    os.close(inner)
    said = b""
    while _END.encode() not in said.partition("一天结束".encode())[2]:
        said += os.read(outer, 65536)
    process.send_signal(signal.SIGINT)
    process.wait(10)
    os.close(outer)
    return said.decode().replace("\r\n", "\n")


def drawn(said: str) -> str:
    """The picture of a terminal that shows this."""
    rows = [[Run(0, f"$ {_COMMAND}", Style(bold=True))]] + [row for line in AnsiDecoder().decode(said) for row in _rows(line)]
    width, height = round(COLUMNS * _CELL + 2 * _MARGIN), len(rows) * _LINE + 2 * _MARGIN
    body = "\n".join(_text(number, row) for number, row in enumerate(rows) if row)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">\n'
        f'<title>{_COMMAND}</title>\n<rect width="100%" height="100%" rx="8" fill="{_BACK}"/>\n'
        f'<g font-family="{_FONTS}" fill="{_FRONT}">\n{body}\n</g>\n</svg>\n'
    )


def words_of(picture: str) -> str:
    """What a picture says, its lines without their blanks."""
    return "\n".join(
        "".join(re.findall(r">([^<\n]*)</tspan>", line)).replace(" ", "") for line in picture.splitlines() if line.startswith("<text")
    )


def _rows(line: Text) -> Iterator[list[Run]]:
    """The runs of a line; what is longer than the terminal goes on in the next."""
    console, column, cells = Console(width=COLUMNS), 0, list[tuple[int, str, Style]]()
    for segment in line.render(console):
        for one in segment.text.rstrip("\n"):
            if column + cell_len(one) > COLUMNS:
                yield list(_runs(cells))
                column, cells = 0, []
            cells.append((column, one, segment.style or Style()))
            column += cell_len(one)
    yield list(_runs(cells))


def _runs(cells: list[tuple[int, str, Style]]) -> Iterator[Run]:
    for (blank, _, style), group in groupby(cells, lambda cell: (cell[1] == " ", cell_len(cell[1]), cell[2])):
        several = list(group)
        if not blank:
            yield Run(several[0][0], "".join(one for _, one, _ in several), style)


def _text(number: int, row: list[Run]) -> str:
    y = _MARGIN + number * _LINE + _LINE * 0.75
    return f'<text y="{y:g}">' + "".join(map(_span, row)) + "</text>"


def _span(run: Run) -> str:
    look: dict[str, Any] = {"x": f"{_MARGIN + run.column * _CELL:.1f}", "textLength": f"{run.cells * _CELL:.1f}"}
    look["font-size"] = f"{_LETTER[cell_len(run.text[0])]:g}"
    if run.style.color:
        look["fill"] = run.style.color.get_truecolor(THEME).hex
    look |= {"opacity": ".65"} if run.style.dim else {}
    look |= {"font-weight": "bold"} if run.style.bold else {}
    said = " ".join(f'{name}="{value}"' for name, value in look.items())
    return f"<tspan {said}>{escape(run.text, quote=False)}</tspan>"
