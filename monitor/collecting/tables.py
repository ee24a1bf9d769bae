"""
Rows of CSV and XLSX, numbered as a spreadsheet shows them (the heading is 1), one at a time: memory does not grow with the file.

A cell is what it says: a formula is its cached value, `=cmd()` in a CSV is seven letters. A quote that is never closed costs its own
row, not those behind it.
"""

import csv
import warnings
import zipfile
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from monitor.border import OBJECT_LIMIT
from monitor.errors import SourceFailed

LINE_LIMIT = 4 * OBJECT_LIMIT
_MOST_LINES = 5_000  # physical lines of one record
_PATIENCE = 1_000  # records of one file that are taken apart again
_MOST_COLUMNS = 1_000
_MOST_UNPACKED = 4 << 30
_MOST_WORDS = 512 << 20
_BLANK_ROWS = 10_000  # in a row: what follows is a sheet formatted to its very end
_ZIP = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"


class Row(NamedTuple):
    """One row: its cells, or what is wrong with it as a whole; `after` is where the next begins, in bytes of a plain file."""

    number: int
    cells: Sequence[object]
    wrong: str = ""
    after: int = 0


class _Lines:
    """Physical lines for the csv module, which asks for as many as a record needs; they can be given back."""

    def __init__(self, stream: IO[bytes], encoding: str, offset: int, *, final: bool) -> None:
        self._stream, self._encoding, self._final = stream, encoding, final
        self._back: deque[bytes] = deque()
        self.taken: list[bytes] = []
        self.offset = offset
        self.ended = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else self._stream.readline(LINE_LIMIT)
        if not line or (not self._final and not line.endswith(b"\n") and len(line) < LINE_LIMIT):
            self.ended = True
            raise StopIteration
        self.taken.append(line)
        if len(self.taken) > _MOST_LINES:
            raise csv.Error("too many lines in one record")
        if self.offset == 0 and len(self.taken) == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        return line.decode(self._encoding)

    def peek(self) -> list[bytes]:
        """The line to come, if any; it still comes."""
        line = self._stream.readline(LINE_LIMIT)
        self._back.extend([line] if line else [])
        return list(self._back)[:1]

    def done(self, keep: int | None = None) -> None:
        """The record is read: all its lines, or only the first `keep`; the others come again."""
        keep = len(self.taken) if keep is None else keep
        self._back.extendleft(reversed(self.taken[keep:]))
        self.offset += sum(map(len, self.taken[:keep]))
        self.taken = []
        self.ended = False


def csv_rows(
    stream: IO[bytes], encoding: str, delimiter: str = "", *, offset: int = 0, number: int = 0, width: int = 0, final: bool = True
) -> Iterator[Row]:
    """
    Rows from `offset` on, where `number` of them stand before; `width` is that of the heading, 0 when it is still to come.

    Without a `delimiter` the first line decides. Not `final`: the file is being written, and an unfinished record is left for later.
    """
    lines = _Lines(stream, encoding, offset, final=final)
    delimiter = delimiter or _first(lines)
    patience = _PATIENCE
    while True:
        wrong, cells = "", list[str]()
        try:
            cells = next(csv.reader(lines, delimiter=delimiter, strict=True))
        except StopIteration:
            return
        except UnicodeDecodeError:
            wrong = f"不是 {'UTF-8' if encoding == 'utf-8' else 'GBK'} 编码"
        except csv.Error as error:
            cells = _leniently(lines, encoding, delimiter)
            wrong = "" if cells else f"引号没有配对, 或一格过长 ({error})"
        if lines.ended and not final:
            return
        several = len(lines.taken) > 1
        if several and patience and (wrong or lines.ended or (width and len(cells) != width)):
            patience -= 1
            wrong, cells = "引号没有配对", []
            lines.done(1)
        else:
            lines.done()
        number += 1
        width = width or len(cells)
        yield Row(number, cells, wrong, lines.offset)


def _leniently(lines: _Lines, encoding: str, delimiter: str) -> list[str]:
    """The cells of a line whose quotes are not as they should be, if it is one line by itself."""
    if len(lines.taken) != 1 or lines.ended:
        return []
    try:
        return next(csv.reader([lines.taken[0].decode(encoding)], delimiter=delimiter))
    except csv.Error:
        return []


def _first(lines: _Lines) -> str:
    """What parts the first line."""
    line = b"".join(lines.peek())
    return delimiter_of(line)


def delimiter_of(line: bytes) -> str:
    """What parts a heading: a comma, a tab or a semicolon, whichever there is most of; no letter of GBK or UTF-8 looks like one."""
    return max(",\t;", key=lambda sign: line.count(sign.encode()))


def xlsx_rows(path: Path) -> Iterator[Row]:
    """Rows of the first sheet; damage inside it ends them with a row that says so."""
    from monitor.collecting.workbook import open_workbook  # noqa: PLC0415 - half a second, and needed for one kind of file

    _check_archive(path)
    number = 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions it does not know: nothing that we read
            book, words = open_workbook(path)
    except Exception as error:
        raise SourceFailed("malformed", f"不是有效的 XLSX 文件 ({type(error).__name__})") from error
    try:
        blank = 0
        book.worksheets[0].reset_dimensions()  # exporters write wrong ones
        for number, cells in enumerate(book.worksheets[0].iter_rows(values_only=True, max_col=_MOST_COLUMNS), 1):
            blank = 0 if any(cell is not None for cell in cells) else blank + 1
            if blank > _BLANK_ROWS:
                return
            yield Row(number, cells)
    except Exception as error:  # noqa: BLE001 - a damaged file makes the library fail in any way there is
        yield Row(number + 1, (), f"XLSX 文件从这里起已损坏 ({type(error).__name__})")
    finally:
        book.close()
        words.close()


def _check_archive(path: Path) -> None:
    """A workbook is a ZIP: what it says it unpacks to is all that is ever unpacked of it."""
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise SourceFailed("malformed", "不是有效的 XLSX 文件") from error
    if sum(sizes.values()) > _MOST_UNPACKED or sizes.get("xl/sharedStrings.xml", 0) > _MOST_WORDS:
        raise SourceFailed("too_large", "XLSX 文件解开后过大")


def is_xlsx(head: bytes) -> bool:
    """Whether a file that begins so is a workbook; the old kind is refused in words."""
    if head.startswith(_OLD_EXCEL):
        raise SourceFailed("malformed", "是旧式 .xls 文件, 请另存为 .xlsx 或 CSV")
    return head.startswith(_ZIP)
