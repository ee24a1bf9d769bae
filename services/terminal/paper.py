"""A paper: words and tables, for a terminal, as Markdown and as HTML. Cells are other people's words, so each form escapes them."""

import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from monitor.logs import visible
from services.terminal.screen import folded

if TYPE_CHECKING:  # what goes into a file waits for no tables of a terminal
    from rich.console import RenderableType

_MARKED = re.compile(r"([\\`*_{}\[\]<>|#~&])")
_STYLE = (
    "body{font:15px/1.6 system-ui,sans-serif;max-width:72em;margin:2em auto;padding:0 1em}table{border-collapse:collapse;margin:1em 0}"
    "th,td{border:1px solid #bbb;padding:.2em .6em;text-align:left;vertical-align:top}th{background:#f2f2f2}"
)


class Grid(NamedTuple):
    """A table."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


class Chapter(NamedTuple):
    """A part of a paper: what is to be said first, then the table if there is one."""

    title: str
    words: Sequence[str] = ()
    grid: Grid | None = None


class Paper(NamedTuple):
    """The whole."""

    title: str
    words: Sequence[str]
    chapters: Sequence[Chapter]


def markdown(paper: Paper) -> str:
    """The paper as Markdown."""
    return "\n".join(_marked(paper)) + "\n"


def html(paper: Paper) -> str:
    """The paper as one page that needs nothing else."""
    head = f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>{_safe(paper.title)}</title><style>{_STYLE}</style>'
    return "\n".join([head, *_tagged(paper), "</html>"]) + "\n"


def printed(paper: Paper, width: int) -> "Iterator[RenderableType]":
    """The paper for a terminal of that many columns."""
    from rich.table import Table  # noqa: PLC0415 see above
    from rich.text import Text  # noqa: PLC0415 see above

    yield Text(_line(paper.title), "bold")
    yield from _folded(paper.words, width)
    for chapter in paper.chapters:
        yield Text(f"\n{_line(chapter.title)}", "bold")
        yield from _folded(chapter.words, width)
        if chapter.grid:
            table = Table(box=None, pad_edge=False, header_style="dim")
            for heading in chapter.grid.headings:
                table.add_column(Text(_line(heading)), overflow="fold")
            for row in chapter.grid.rows:
                table.add_row(*(Text(_line(cell)) for cell in row))
            yield table


def _folded(words: Sequence[str], width: int) -> "Iterator[RenderableType]":
    """Broken where Chinese is, not only at its few spaces."""
    from rich.text import Text  # noqa: PLC0415 see above

    yield from (Text(line) for word in words for line in folded(_line(word), width))


def _marked(paper: Paper) -> Iterator[str]:
    yield f"# {_plain(paper.title)}"
    for word in paper.words:
        yield f"\n{_plain(word)}"
    for chapter in paper.chapters:
        yield f"\n## {_plain(chapter.title)}"
        yield from (f"\n{_plain(word)}" for word in chapter.words)
        if chapter.grid:
            yield f"\n| {' | '.join(map(_plain, chapter.grid.headings))} |"
            yield f"|{' --- |' * len(chapter.grid.headings)}"
            yield from (f"| {' | '.join(map(_plain, row))} |" for row in chapter.grid.rows)


def _tagged(paper: Paper) -> Iterator[str]:
    yield f"<h1>{_safe(paper.title)}</h1>"
    yield from (f"<p>{_safe(word)}</p>" for word in paper.words)
    for chapter in paper.chapters:
        yield f"<h2>{_safe(chapter.title)}</h2>"
        yield from (f"<p>{_safe(word)}</p>" for word in chapter.words)
        if chapter.grid:
            yield f"<table><tr>{''.join(f'<th>{_safe(cell)}</th>' for cell in chapter.grid.headings)}</tr>"
            yield from (f"<tr>{''.join(f'<td>{_safe(cell)}</td>' for cell in row)}</tr>" for row in chapter.grid.rows)
            yield "</table>"


def _line(text: str) -> str:
    return visible(" ".join(text.split()))


def _plain(text: str) -> str:
    return _MARKED.sub(r"\\\1", _line(text))


def _safe(text: str) -> str:
    return escape(_line(text))
