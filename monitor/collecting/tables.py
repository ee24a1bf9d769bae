"""
Rows of a CSV, numbered as a spreadsheet shows them (the heading of most is 1), one at a time: memory does not grow with the file.

A cell is what it says: `=cmd()` is seven letters. A quote that is never closed costs its own row, not those behind it.
"""

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Literal, NamedTuple, Protocol

from monitor.border import OBJECT_LIMIT
from monitor.collecting.headings import WITHIN, lacking

LINE_LIMIT = 4 * OBJECT_LIMIT
_MOST_LINES = 5_000  # physical lines of one record
_PATIENCE = 1_000  # records of one file that are taken apart again
_SIGNS = ",\t;|"
_OLD_MAC = re.compile(rb"[^\r\n]+\r[^\r\n]")
_CHUNK = 8_192

# Of the file: whole as it is; being written, so that an unfinished record is left for later; or so written, but not for long
End = Literal["whole", "growing", "settled"]


class Row(NamedTuple):
    """
    One row: its cells, or what is wrong with it as a whole; `after` is where the next begins, in bytes of a plain file.

    Not `closed`: its line has no end, so that there may be more of it to come.
    """

    number: int
    cells: Sequence[object]
    wrong: str = ""
    after: int = 0
    closed: bool = True


class Lines(Protocol):
    """What physical lines are read from."""

    def readline(self, limit: int, /) -> bytes:
        """The next line with its end; nothing at the end of all."""
        ...


class ByReturns:
    """Lines that end in CR alone, as a spreadsheet on a Mac may write them."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._held = stream, b""

    def readline(self, limit: int, /) -> bytes:
        """The next line with its end; nothing at the end of all."""
        while b"\r" not in self._held and len(self._held) < limit and (more := self._stream.read(_CHUNK)):
            self._held += more
        end = self._held.find(b"\r", 0, limit) + 1 or limit
        line, self._held = self._held[:end], self._held[end:]
        return line


def by_returns(head: bytes) -> bool:
    """Whether the lines of a file that begins so end in CR alone."""
    return _OLD_MAC.match(head) is not None


class _Lines:
    """Physical lines for the csv module, which asks for as many as a record needs; they can be given back."""

    def __init__(self, stream: Lines, encoding: str, offset: int, *, growing: bool) -> None:
        self._stream, self._encoding, self._growing = stream, encoding, growing
        self._ends = b"\r" if isinstance(stream, ByReturns) else b"\n"
        self._back: deque[bytes] = deque()
        self.taken: list[bytes] = []
        self.offset = offset
        self.ended = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else self._stream.readline(LINE_LIMIT)
        if not line or (self._growing and not self._closed(line)):
            self.ended = True
            raise StopIteration
        self.taken.append(line)
        if len(self.taken) > _MOST_LINES:
            raise csv.Error("too many lines in one record")
        if self.offset == 0 and len(self.taken) == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        return line.decode(self._encoding)

    def closed(self) -> bool:
        """Whether the last line taken has its end."""
        return self._closed(self.taken[-1])

    def _closed(self, line: bytes) -> bool:
        return line.endswith(self._ends) or len(line) >= LINE_LIMIT

    def done(self, keep: int | None = None) -> None:
        """The record is read: all its lines, or only the first `keep`; the others come again."""
        keep = len(self.taken) if keep is None else keep
        self._back.extendleft(reversed(self.taken[keep:]))
        self.offset += sum(map(len, self.taken[:keep]))
        self.taken = []
        self.ended = False


def csv_rows(
    stream: Lines, encoding: str, delimiter: str, width: Callable[[], int], *, offset: int = 0, number: int = 0, end: End = "whole"
) -> Iterator[Row]:
    """Rows from `offset` on, where `number` of them stand before; `width` is that of the heading, 0 while it is still to come."""
    lines = _Lines(stream, encoding, offset, growing=end == "growing")
    patience = _PATIENCE
    while True:
        wrong, cells = "", list[str]()
        try:
            cells = next(csv.reader(lines, delimiter=delimiter, strict=True))
        except StopIteration:
            return
        except UnicodeDecodeError:
            wrong = f"不是 {'UTF-8' if encoding == 'utf-8' else 'GBK'} 编码"
        except csv.Error:
            cells = _leniently(lines, encoding, delimiter)
            wrong = "" if cells else "引号没有配对, 或一格过长"
        odd = bool(wrong) or lines.ended or len(cells) != (width() or len(cells))
        torn = end != "whole" and (lines.ended or not lines.closed())
        slip = odd and len(lines.taken) > 1 and patience > 0 and (not torn or _followed(lines, encoding, delimiter, width()))
        if torn and (end == "growing" or (lines.ended and not slip)):
            return
        if slip:
            patience -= 1
            wrong, cells = "引号没有配对", []
        lines.done(1 if slip else None)
        number += 1
        yield Row(number, cells, wrong, lines.offset, slip or not torn)


def _followed(lines: _Lines, encoding: str, delimiter: str, width: int) -> bool:
    """Whether rows follow the first line of a record that has no end yet: its quote is a slip, no cell that is still being written."""
    return width > 1 and any(len(_cells(line.decode(encoding, "replace"), delimiter)) == width for line in lines.taken[1:])


def _leniently(lines: _Lines, encoding: str, delimiter: str) -> list[str]:
    """The cells of a line whose quotes are not as they should be, if it is one line by itself."""
    return [] if len(lines.taken) != 1 or lines.ended else _cells(lines.taken[0].decode(encoding), delimiter)


def _cells(line: str, delimiter: str) -> list[str]:
    """The cells of a line by itself, however its quotes are; none when one is too long."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def delimiter_of(head: bytes, encoding: str, columns: Mapping[str, str]) -> str:
    """What parts the cells of a file that begins so: what parts its heading, else what its first line has most of."""
    lines = head.decode(encoding, "replace").splitlines()[:WITHIN]
    for line in lines:
        for sign in _SIGNS:
            if not lacking(_cells(line, sign), columns):
                return sign
    return max(_SIGNS, key=lines[0].count) if lines else ","
