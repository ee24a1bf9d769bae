"""
A file of mentions, whatever its kind: JSON Lines, CSV or XLSX, gzipped or not, in UTF-8 or GBK. What it is, its own bytes say.

`read_file` reads one from beginning to end, for `replay` and `backtest`; `file.py` follows one that grows with the same parts. What is
wrong with a row is said in the words of whoever keeps the file.
"""

import codecs
import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import IO, Literal, cast
from zoneinfo import ZoneInfo

import msgspec

from monitor.border import AHEAD, FileDefaults, lines_as, parse
from monitor.collecting.charset import file_encoding
from monitor.collecting.fields import mention_of
from monitor.collecting.headings import WITHIN, lacking, places
from monitor.collecting.moments import moment_of
from monitor.collecting.reasons import in_chinese
from monitor.collecting.retaken import retaken
from monitor.collecting.sheets import is_workbook, sheets
from monitor.collecting.tables import ByReturns, Row, by_returns, csv_rows, delimiter_of
from monitor.errors import InvalidMention, SourceFailed, UsageError, failed_zh
from monitor.mention import Mention
from monitor.plain_files import open_plain

Kind = Literal["lines", "csv", "xlsx"]
_SAMPLE = 1 << 20
_HEAD = 1 << 16
_NOT_FOUND_IN_TEXT = 8_192
_DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile)
_CUT = "gzip 文件从这里起已损坏或不完整, 后面的没有读到"
LEFT_OUT = "这张工作表没有收"
_TIMES = ("published_at", "collected_at", "seen_at")
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

Made = tuple[int, Mention | InvalidMention]
ReadLines = Callable[[IO[bytes]], Iterator[Made]]


class Look(msgspec.Struct, frozen=True):
    """What a file is; `head` is how it begins, `returns` whether its lines end in CR alone."""

    kind: Kind
    zipped: bool
    encoding: str
    head: bytes = b""
    returns: bool = False


def look_at(path: Path) -> Look:
    """What a file is, by its first megabyte. SourceFailed or OSError: it is nothing of ours, or cannot be read."""
    with open_plain(path) as stream:
        zipped = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
        sample = _sample(gzip.GzipFile(fileobj=stream) if zipped else stream)
    if is_workbook(sample):
        return Look("xlsx", zipped, "")
    kind = _kind(path, sample)
    if kind == "csv" and b"\0" in sample[:_NOT_FOUND_IN_TEXT]:
        named_xlsx = path.name.lower().removesuffix(".gz").endswith(".xlsx")
        raise SourceFailed("malformed", "不是完好的 .xlsx 文件, 请重新导出" if named_xlsx else "不是文本文件; UTF-16 的请另存为 UTF-8")
    return Look(kind, zipped, file_encoding(sample), sample[:_HEAD], by_returns(sample))


def _sample(stream: BufferedReader | gzip.GzipFile) -> bytes:
    """The first megabyte, or what of it is not damaged."""
    sample = b""
    with suppress(*_DAMAGE):
        while len(sample) < _SAMPLE and (more := stream.read1(_SAMPLE - len(sample))):
            sample += more
    return sample


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
            yield from whole_lines(path, look, lambda stream: mention_lines(stream, str(path), now, defaults))
        else:
            yield from whole_table(path, look, now, defaults, columns or {})


def read_only_lines(path: Path, lines: ReadLines) -> Iterator[Made]:
    """The same for a file that is lines and no table, which `lines` reads in its own way."""
    with _readable(path):
        look = look_at(path)
        if look.kind != "lines":
            raise SourceFailed("malformed", "应是每行一个 JSON 对象的文件")
        yield from whole_lines(path, look, lines)


def named(file: str, invalid: InvalidMention) -> str:
    """The file, with the sheet where there are several."""
    return f"{file}[{invalid.sheet}]" if invalid.sheet else file


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except SourceFailed as failed:
        raise UsageError(f"{path}:1: {failed}") from failed
    except OSError as error:
        raise UsageError(f"{path}: 打不开 ({failed_zh(error)}), 请检查路径和权限") from error


def mention_lines(stream: IO[bytes], name: str, now: int, defaults: FileDefaults) -> Iterator[Made]:
    """The mentions of a stream of lines; their times may be written as in a table."""
    if defaults.cases:
        return lines_as(stream, name, lambda line: retaken(_mention(line, now, defaults), line, now + AHEAD))
    return lines_as(stream, name, lambda line: _mention(line, now, defaults))


def _mention(line: bytes, now: int, defaults: FileDefaults) -> Mention:
    try:
        return parse(line, now, defaults)
    except InvalidMention as invalid:
        unread = [name for name in _TIMES if any(error.startswith(f"{name}: must be an RFC 3339") for error in invalid.errors)]
        if not unread or defaults.timezone is None:
            raise
        members = _members(line)
        for name in unread:
            at = moment_of(msgspec.json.decode(members[name]), defaults.timezone)
            members[name] = msgspec.Raw(msgspec.json.encode(at)) if at is not None else members[name]
        return parse(msgspec.json.encode(members), now, defaults)


def whole_lines(path: Path, look: Look, lines: ReadLines) -> Iterator[Made]:
    """What `lines` makes of a file that does not grow."""
    with path.open("rb") as stream:
        made = lines(stream) if look.encoding == "utf-8" else _recoded(stream, look, lines)
        yield from ((number, in_chinese(one) if isinstance(one, InvalidMention) else one) for number, one in made)


def _recoded(stream: IO[bytes], look: Look, lines: ReadLines) -> Iterator[Made]:
    plain = cast("IO[bytes]", gzip.GzipFile(fileobj=stream)) if look.zipped else stream
    recoded = cast("IO[bytes]", codecs.EncodedFile(plain, "utf-8", look.encoding, "replace"))
    number = 0
    try:
        for number, line in enumerate(iter(recoded.readline, b""), 1):
            if line.strip():
                yield number, next(made for _, made in lines(BytesIO(line)))
    except _DAMAGE:
        yield number + 1, InvalidMention([f"line: {_CUT}"])


def whole_table(path: Path, look: Look, now: int, defaults: FileDefaults, columns: Mapping[str, str]) -> Iterator[Made]:
    """Every mention of a table that does not grow, of a workbook those of every sheet that has a heading."""
    if look.kind == "xlsx":
        yield from _workbook(path, look, now, defaults, columns)
        return
    table = Table(columns, defaults)
    with path.open("rb") as stream:
        plain = cast("IO[bytes]", gzip.GzipFile(fileobj=stream)) if look.zipped else stream
        rows = csv_rows(
            ByReturns(plain) if look.returns else plain, look.encoding, delimiter_of(look.head, look.encoding, columns), table.width
        )
        yield from table.made(_until_damage(rows), now)


def _until_damage(rows: Iterator[Row]) -> Iterator[Row]:
    number = 0
    try:
        for row in rows:
            number = row.number
            yield row
    except _DAMAGE:
        yield Row(number + 1, (), _CUT)


def _workbook(path: Path, look: Look, now: int, defaults: FileDefaults, columns: Mapping[str, str]) -> Iterator[Made]:
    taken = 0
    left = list[InvalidMention]()
    for name, rows in sheets(path, zipped=look.zipped):
        table = Table(columns, defaults)
        try:
            for number, one in table.made(rows, now):
                if isinstance(one, InvalidMention) and taken:
                    one.sheet = name
                yield number, one
        except SourceFailed as failed:
            left.append(InvalidMention([str(failed)], sheet=name))
        taken += bool(table.heading)
    if left and not taken:
        raise SourceFailed("malformed", str(left[0]))
    for one in left:
        yield 1, InvalidMention([f"{LEFT_OUT}: {str(one).partition('; ')[0]}"], sheet=one.sheet)


class Table:
    """Turns rows into mentions; the first of the first rows that names what is needed is the heading."""

    def __init__(self, columns: Mapping[str, str], defaults: FileDefaults, heading: Sequence[object] = ()) -> None:
        self._columns, self._defaults = columns, defaults
        self._zone = defaults.timezone or ZoneInfo("Asia/Shanghai")
        self.heading: list[str] = []
        self._places: dict[str, int] = {}
        self._called: dict[str, str] = {}
        self._likeliest = (0, "")
        if heading:
            self._know(heading)

    def width(self) -> int:
        """How many columns there are; 0 while the heading is still to come."""
        return len(self.heading)

    def made(self, rows: Iterable[Row], now: int) -> Iterator[Made]:
        """What all rows make. SourceFailed when none of them is a heading."""
        for row in rows:
            made = self.take(row, now)
            if made is not None:
                yield row.number, made
        self.ended()

    def take(self, row: Row, now: int) -> Mention | InvalidMention | None:
        """The mention of a row; None for blank ones and down to the heading. SourceFailed when that does not come."""
        if row.wrong:
            return InvalidMention([row.wrong])
        if all(cell is None or cell == "" for cell in row.cells):
            return None
        if not self.heading:
            self._look(row)
            return None
        values = {field: row.cells[at] for field, at in self._places.items() if at < len(row.cells)}
        made = mention_of(values, now, self._defaults, self._zone)
        return in_chinese(made, self._called) if isinstance(made, InvalidMention) else made

    def ended(self) -> None:
        """There are no more rows for now. SourceFailed when there were some, and no heading among them."""
        if self._likeliest[0] and not self.heading:
            raise SourceFailed("malformed", self._likeliest[1])

    def _look(self, row: Row) -> None:
        wrong = lacking(row.cells, self._columns)
        if not wrong:
            self._know(row.cells)
            return
        filled = sum(cell not in {None, ""} for cell in row.cells)
        self._likeliest = max(self._likeliest, (filled, wrong), key=lambda one: one[0])
        if row.number >= WITHIN:
            self.ended()

    def _know(self, heading: Sequence[object]) -> None:
        self.heading = ["" if cell is None else str(cell) for cell in heading]
        self._places = places(heading, self._columns)
        self._called = {field: self.heading[at].strip() for field, at in self._places.items()}
