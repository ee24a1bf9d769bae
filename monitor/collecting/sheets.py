"""
Rows of a workbook, sheet by sheet, numbered as it shows them, one at a time: memory does not grow with the file.

A cell is what it shows: a formula is its cached value. What a workbook is, its bytes say, never its name.
"""

import gzip
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, cast

from monitor.collecting.tables import Row
from monitor.errors import SourceFailed

_MOST_COLUMNS = 1_000
_MOST_UNPACKED = 4 << 30
_MOST_PACKED = 512 << 20
_MOST_WORDS = 512 << 20
_BLANK_ROWS = 10_000  # in a row: what follows is a sheet formatted to its very end
_CHUNK = 1 << 20
_ZIP = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_BROKEN = "不是有效的 XLSX 文件: 已损坏, 或没有传完"


def is_workbook(head: bytes) -> bool:
    """Whether a file that begins so may be one; the old kind is refused in words."""
    if head.startswith(_OLD_EXCEL):
        raise SourceFailed("malformed", "是旧式 .xls 文件 (或加了密码), 请另存为 .xlsx 或 CSV")
    return head.startswith(_ZIP)


def sheets(path: Path, *, zipped: bool) -> Iterator[tuple[str, Iterator[Row]]]:
    """Each sheet by its name with its rows, to be read before the next is asked for; damage in one ends it with a row that says so."""
    from monitor.collecting.workbook import open_workbook  # noqa: PLC0415 - half a second, and needed for one kind of file

    with ExitStack() as stack:
        stream: IO[bytes] = stack.enter_context(path.open("rb"))
        if zipped:
            plain = cast("IO[bytes]", stack.enter_context(TemporaryFile()))  # it has no name, so that not even a kill leaves it behind
            _unpack(stream, plain)
            stream = plain
        _check_archive(stream)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of styles and extensions it does not know: nothing that we read
                book, words = open_workbook(stream)
        except Exception as error:
            raise SourceFailed("malformed", _BROKEN) from error
        stack.callback(words.close)
        stack.callback(book.close)
        for sheet in book.worksheets:
            yield str(sheet.title), _rows(sheet)


def _rows(sheet: Any) -> Iterator[Row]:
    number = blank = 0
    try:
        sheet.reset_dimensions()  # exporters write wrong ones
        for number, cells in enumerate(sheet.iter_rows(values_only=True, max_col=_MOST_COLUMNS), 1):
            blank = 0 if any(cell is not None for cell in cells) else blank + 1
            if blank > _BLANK_ROWS:
                return
            yield Row(number, cells)
    except Exception:  # noqa: BLE001 - a damaged file makes the library fail in any way there is
        yield Row(number + 1, (), "XLSX 文件从这里起已损坏")


def _unpack(stream: IO[bytes], plain: IO[bytes]) -> None:
    """A packed workbook into a file of its own: what is in it stands at its end."""
    with gzip.GzipFile(fileobj=stream) as packed:
        while plain.tell() <= _MOST_PACKED:
            try:
                chunk = packed.read(_CHUNK)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise SourceFailed("malformed", "gzip 文件已损坏或不完整, 里面的 XLSX 读不出来") from error
            if not chunk:
                return
            plain.write(chunk)
    raise SourceFailed("too_large", "XLSX 文件解开后过大")


def _check_archive(stream: IO[bytes]) -> None:
    """A workbook is a ZIP: what it says it unpacks to is all that is ever unpacked of it."""
    try:
        with zipfile.ZipFile(stream) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise SourceFailed("malformed", _BROKEN) from error
    if not any(name.startswith("xl/") for name in sizes):
        raise SourceFailed("malformed", "是 ZIP 压缩包, 里面不是 XLSX 工作簿: 请先解压, 再读里面的文件")
    if "xl/workbook.bin" in sizes:
        raise SourceFailed("malformed", "是 .xlsb 文件, 请另存为 .xlsx 或 CSV")
    if sum(sizes.values()) > _MOST_UNPACKED or sizes.get("xl/sharedStrings.xml", 0) > _MOST_WORDS:
        raise SourceFailed("too_large", "XLSX 文件解开后过大")
