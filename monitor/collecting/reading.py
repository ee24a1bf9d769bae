"""
A file of mentions, whatever its kind: JSON Lines, CSV or XLSX, gzipped or not, in UTF-8 or GBK. What it is, its own bytes say.

`read_file` reads one from beginning to end, for `replay` and `backtest`; `file.py` follows one that grows with the same parts.
"""

import codecs
import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, Literal, cast
from zoneinfo import ZoneInfo

import msgspec

from monitor.border import FileDefaults, read_lines
from monitor.collecting.charset import file_encoding
from monitor.collecting.fields import mention_of
from monitor.collecting.headings import lacking, places
from monitor.collecting.tables import Row, csv_rows, is_xlsx, xlsx_rows
from monitor.errors import InvalidMention, SourceFailed, UsageError
from monitor.mention import Mention

Kind = Literal["lines", "csv", "xlsx"]
_SAMPLE = 1 << 20
_NOT_FOUND_IN_TEXT = 8_192

Made = tuple[int, Mention | InvalidMention]
Lines = Callable[[IO[bytes]], Iterator[Made]]


class Look(msgspec.Struct, frozen=True):
    """What a file is."""

    kind: Kind
    zipped: bool
    encoding: str


def look_at(path: Path) -> Look:
    """What a file is, by its first megabyte. SourceFailed or OSError: it is nothing of ours, or cannot be read."""
    with path.open("rb") as stream:
        head = stream.read(4)
        if is_xlsx(head):
            return Look("xlsx", False, "")
        stream.seek(0)
        zipped = head[:2] == b"\x1f\x8b"
        try:
            sample = (gzip.GzipFile(fileobj=stream) if zipped else stream).read(_SAMPLE)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            sample = b""
    kind = _kind(path, sample)
    if kind == "csv" and b"\0" in sample[:_NOT_FOUND_IN_TEXT]:
        raise SourceFailed("malformed", "不是文本文件; UTF-16 的请另存为 UTF-8")
    return Look(kind, zipped, file_encoding(sample))


def _kind(path: Path, sample: bytes) -> Kind:
    """A table or lines of JSON: by its name, else by whether any line looks like an object; a broken first line decides nothing."""
    suffixes = {suffix.lower() for suffix in path.suffixes[-2:]}
    if suffixes & {".jsonl", ".ndjson", ".json"}:
        return "lines"
    if suffixes & {".csv", ".tsv"}:
        return "csv"
    lines = sample.removeprefix(codecs.BOM_UTF8).split(b"\n")
    return "lines" if not sample.strip() or any(line.lstrip().startswith(b"{") for line in lines) else "csv"


def read_file(path: Path, now: int, defaults: FileDefaults, columns: Mapping[str, str] | None = None) -> Iterator[Made]:
    """Every mention of a file with its line or row; bad ones as InvalidMention. UsageError when the file as a whole cannot be read."""
    with _readable(path):
        look = look_at(path)
        if look.kind == "lines":
            yield from _read_lines(path, look, lambda stream: read_lines(stream, str(path), now, defaults))
        else:
            yield from _read_table(path, look, now, defaults, columns or {})


def read_only_lines(path: Path, lines: Lines) -> Iterator[Made]:
    """The same for a file that is lines and no table, which `lines` reads in its own way."""
    with _readable(path):
        look = look_at(path)
        if look.kind != "lines":
            raise SourceFailed("malformed", "应是每行一个 JSON 对象的文件")
        yield from _read_lines(path, look, lines)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except SourceFailed as failed:
        raise UsageError(f"{path}:1: {failed}") from failed
    except OSError as error:
        raise UsageError(f"{path}: 打不开 ({error.strerror or error}), 请检查路径和权限") from error


def _read_lines(path: Path, look: Look, lines: Lines) -> Iterator[Made]:
    with path.open("rb") as stream:
        if look.encoding == "utf-8":
            yield from lines(stream)
            return
        plain = cast("IO[bytes]", gzip.GzipFile(fileobj=stream)) if look.zipped else cast("IO[bytes]", stream)
        recoded = cast("IO[bytes]", codecs.EncodedFile(plain, "utf-8", look.encoding, "replace"))
        for number, line in enumerate(iter(recoded.readline, b""), 1):
            if line.strip():
                yield number, next(made for _, made in lines(BytesIO(line)))


def _read_table(path: Path, look: Look, now: int, defaults: FileDefaults, columns: Mapping[str, str]) -> Iterator[Made]:
    table = Table(columns, defaults)
    for row in table_rows(path, look):
        made = table.take(row, now)
        if made is not None:
            yield row.number, made


def table_rows(path: Path, look: Look, start: int = 0) -> Iterator[Row]:
    """Rows of a whole table, after the first `start` and the heading."""
    if look.kind == "xlsx":
        for row in xlsx_rows(path):
            if row.number == 1 or row.number > start:
                yield row
        return
    with path.open("rb") as stream:
        plain = gzip.GzipFile(fileobj=stream) if look.zipped else stream
        number = 0
        try:
            for row in csv_rows(cast("IO[bytes]", plain), look.encoding):
                number = row.number
                if number == 1 or number > start:
                    yield row
        except (EOFError, zlib.error, gzip.BadGzipFile):
            yield Row(number + 1, (), "gzip 文件从这里起已损坏或不完整")


class Table:
    """Turns rows into mentions; the first row that is not blank is the heading, told or found."""

    def __init__(self, columns: Mapping[str, str], defaults: FileDefaults, heading: Sequence[object] = ()) -> None:
        self._columns, self._defaults = columns, defaults
        self._zone = defaults.timezone or ZoneInfo("Asia/Shanghai")
        self.heading: list[str] = []
        self._places: dict[str, int] = {}
        if heading:
            self._know(heading)

    def take(self, row: Row, now: int) -> Mention | InvalidMention | None:
        """The mention of a row; None for the heading and blank ones. SourceFailed when there is no usable heading."""
        if row.wrong:
            return InvalidMention([f"row: {row.wrong}"])
        if all(cell is None or cell == "" for cell in row.cells):
            return None
        if not self.heading:
            self._know(row.cells)
            return None
        values = {field: row.cells[at] for field, at in self._places.items() if at < len(row.cells)}
        return mention_of(values, now, self._defaults, self._zone)

    def _know(self, heading: Sequence[object]) -> None:
        if wrong := lacking(heading, self._columns):
            raise SourceFailed("malformed", wrong)
        self.heading = ["" if cell is None else str(cell) for cell in heading]
        self._places = places(heading, self._columns)
