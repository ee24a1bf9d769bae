"""
A file that grows, followed: each look takes what was added since.

Plain JSON Lines and CSV are followed by offset. The file is known by its inode and how it begins, so a rotated one is finished under
its new name before the next is begun, and one written anew is read anew. What can only be read whole (gz, xlsx) is read again when it
has changed; rows that came before are then duplicates, which change nothing.

A line or record is never split: while its end is still to come the place stays before it. When nothing has been written for long and it
is a mention as it stands, that is taken; should more of it come after all, it is read again as a whole.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from datetime import tzinfo
from hashlib import blake2b
from io import BytesIO
from itertools import islice
from pathlib import Path
from time import time
from typing import IO

import msgspec

from monitor.border import FileDefaults
from monitor.collecting.base import Bad, Batch
from monitor.collecting.reading import LEFT_OUT, Look, Made, Table, look_at, mention_lines, named, whole_lines, whole_table
from monitor.collecting.reasons import in_chinese
from monitor.collecting.tables import LINE_LIMIT, ByReturns, csv_rows, delimiter_of
from monitor.errors import InvalidMention, SourceFailed, UsageError, failed_zh
from monitor.mention import Mention
from monitor.settings import Source

BATCH = 1_000
_CHUNK = 1 << 20
_BEGINNING = 256
_EXAMPLE = 250  # characters
SETTLED = 60.0  # seconds without a write after which an end without a newline may be an end

ReadLines = Callable[[IO[bytes], int], Iterator[Made]]


class Place(msgspec.Struct, omit_defaults=True):
    """
    Where we stand in a file. `beginning` is a digest of its first `known` bytes.

    Of one that is read whole: its `size`, when it `changed`, how many of its rows are `taken`, which sheets are `left` out.
    `tail`: bytes behind the offset that are taken although their line has no end. `bad`: rows so far, such as `example`.
    `waits`: why what stands behind the offset is not taken.
    """

    inode: int = 0
    beginning: str = ""
    known: int = 0
    offset: int = 0
    row: int = 0
    kind: str = ""
    encoding: str = ""
    heading: list[str] = []
    delimiter: str = ""
    returns: bool = False
    size: int = 0
    changed: int = 0
    taken: int = 0
    left: list[str] = []
    tail: int = 0
    bad: int = 0
    example: str = ""
    waits: str = ""

    def end(self) -> int:
        """Up to where everything is taken."""
        return self.offset + self.tail

    def wrong(self) -> str:
        """What is wrong in the file so far, in a line."""
        left = f"没有表头因而没有收的工作表: {'、'.join(self.left)}"[:_EXAMPLE] if self.left else ""
        bad = f"{self.bad} 条不合格, 如 {self.example}" if self.bad else ""
        return "; ".join(filter(None, (left, self.waits, bad)))


class File:
    """One followed file. `work` is where it is read, away from the event loop; `lines` reads what is no table."""

    def __init__(self, source: Source, zone: tzinfo, work: Executor, *, lines: ReadLines | None = None, batch: int = BATCH) -> None:
        self._path, self._columns, self._work, self._batch = Path(source.path or ""), source.columns, work, batch
        self._defaults = FileDefaults(source.name, zone)
        self._read_lines = lines or self._mentions
        self._whole: tuple[Place, Iterator[Made]] | None = None

    async def collect(self, cursor: bytes, now: int) -> Batch:
        place = msgspec.json.decode(cursor, type=Place) if cursor else Place()
        return await asyncio.get_running_loop().run_in_executor(self._work, self._collect, place, now)

    async def close(self) -> None:
        self._whole = None

    def _collect(self, place: Place, now: int) -> Batch:
        try:
            return self._look(place, now)
        except FileNotFoundError as error:
            raise SourceFailed("unreadable", "文件不存在, 出现后会自动读取") from error
        except OSError as error:
            raise SourceFailed("unreadable", f"文件读不了 ({failed_zh(error)})") from error
        except UsageError as error:
            raise SourceFailed("unreadable", str(error)) from error

    def _mentions(self, stream: IO[bytes], now: int) -> Iterator[Made]:
        return mention_lines(stream, str(self._path), now, self._defaults)

    def _look(self, place: Place, now: int) -> Batch:
        path, place = self._which(place)
        stat = path.stat()
        if place.row < 0 or (place.kind not in {"", "whole"} and stat.st_size <= place.end()):
            return Batch(cursor=msgspec.json.encode(place), wrong=place.wrong())
        look = Look("csv" if place.kind == "csv" else "lines", False, place.encoding) if place.offset else look_at(path)
        if look.zipped or look.kind == "xlsx":
            return self._read_whole(path, place, look, now)
        if not place.offset:
            sign = delimiter_of(look.head, look.encoding, self._columns) if look.kind == "csv" else ""
            place = Place(inode=stat.st_ino, kind=look.kind, encoding=look.encoding, delimiter=sign, returns=look.returns)
        with path.open("rb") as stream:
            stream.seek(place.offset)
            settled = time() - stat.st_mtime > SETTLED
            before = msgspec.structs.replace(place, tail=0, waits="")
            made, after, more = (self._rows if place.kind == "csv" else self._lines)(stream, before, now, settled=settled)
        return self._batch_of(made, _known(path, after), more=more)

    def _which(self, place: Place) -> tuple[Path, Place]:
        """The file to read on in: ours, or the one it was rotated to, or the new one from its start."""
        if self._same(self._path, place):
            return self._path, place
        rotated = self._rotated(place) if place.known else None
        return (rotated, place) if rotated else (self._path, Place())

    def _rotated(self, place: Place) -> Path | None:
        """The file under the name it was rotated to, if there is more to read in it."""
        with os.scandir(self._path.parent) as entries:
            found = [Path(entry.path) for entry in entries if entry.inode() == place.inode and entry.is_file()]
        return next((path for path in found if self._same(path, place) and path.stat().st_size > place.end()), None)

    def _same(self, path: Path, place: Place) -> bool:
        """Whether a file is the one we were reading, and not written anew."""
        try:
            stat = path.stat()
            if place.kind == "whole":
                return stat.st_ino == place.inode and (stat.st_size, stat.st_mtime_ns) == (place.size, place.changed)
            if stat.st_ino != place.inode or stat.st_size < place.end():
                return False
            return _beginning(path, place.known) == place.beginning
        except OSError:
            return False

    def _lines(self, stream: IO[bytes], place: Place, now: int, *, settled: bool) -> tuple[list[Made], Place, bool]:
        chunk = stream.read(_CHUNK)
        if len(chunk) == _CHUNK and b"\n" not in chunk:
            chunk += stream.readline(LINE_LIMIT)
        end = chunk.rfind(b"\n") + 1 or (len(chunk) if len(chunk) >= LINE_LIMIT else 0)
        made = [(place.row + number, one) for number, one in self._read(chunk[:end], place.encoding, now)]
        after = msgspec.structs.replace(place, offset=place.offset + end, row=place.row + chunk.count(b"\n"))
        if settled and len(chunk) < _CHUNK:
            for _, one in self._read(chunk[end:], place.encoding, now):
                after = _unclosed(after, made, after.row + 1, one, len(chunk) - end)
        return made, after, len(chunk) >= _CHUNK and end > 0

    def _read(self, data: bytes, encoding: str, now: int) -> Iterator[Made]:
        plain = data if encoding == "utf-8" else data.decode("gb18030", "replace").encode()
        for number, one in self._read_lines(BytesIO(plain), now):
            yield number, in_chinese(one) if isinstance(one, InvalidMention) else one

    def _rows(self, stream: IO[bytes], place: Place, now: int, *, settled: bool) -> tuple[list[Made], Place, bool]:
        table = Table(self._columns, self._defaults, place.heading)
        rows = csv_rows(
            ByReturns(stream) if place.returns else stream, place.encoding, place.delimiter, table.width,
            offset=place.offset, number=place.row, end="settled" if settled else "growing",
        )  # fmt: skip
        made, after, count = list[Made](), place, 0
        for row in islice(rows, self._batch):
            one = table.take(row, now)
            if not row.closed:
                if len(row.cells) == len(after.heading):
                    after = _unclosed(after, made, row.number, one, row.after - after.offset)
                break
            count += 1
            if one is not None:
                made.append((row.number, one))
            after = msgspec.structs.replace(after, heading=table.heading, offset=row.after, row=row.number)
        table.ended()
        if settled and count < self._batch and not after.tail and _more(stream, after.offset):
            after = msgspec.structs.replace(after, waits=after.waits or f"第 {after.row + 1} 行没有写完")
        return made, after, count == self._batch

    def _read_whole(self, path: Path, place: Place, look: Look, now: int) -> Batch:
        """The next rows of a file that can only be read from its start; row -1: all are taken."""
        stat = path.stat()
        if self._whole is None or self._whole[0] != place:
            if place.kind != "whole":
                place = Place(inode=stat.st_ino, kind="whole", size=stat.st_size, changed=stat.st_mtime_ns)
            self._whole = (place, islice(self._from(path, look, now), place.taken, None))
        made = list(islice(self._whole[1], self._batch))
        more = len(made) == self._batch
        batch = self._batch_of(made, msgspec.structs.replace(place, taken=place.taken + len(made), row=0 if more else -1), more=more)
        self._whole = (msgspec.json.decode(batch.cursor, type=Place), self._whole[1]) if more else None
        return batch

    def _from(self, path: Path, look: Look, now: int) -> Iterator[Made]:
        if look.kind == "lines":
            return whole_lines(path, look, lambda stream: self._read_lines(stream, now))
        return whole_table(path, look, now, self._defaults, self._columns)

    def _batch_of(self, made: list[Made], after: Place, *, more: bool) -> Batch:
        mentions = tuple(one for _, one in made if isinstance(one, Mention))
        bad = tuple(Bad(f"{named(str(self._path), one)}:{number}", one) for number, one in made if isinstance(one, InvalidMention))
        rows = [one for one in bad if not str(one.error).startswith(LEFT_OUT)]
        if rows:
            after = msgspec.structs.replace(after, bad=after.bad + len(rows), example=f"{rows[0].place}: {rows[0].error}"[:_EXAMPLE])
        after = msgspec.structs.replace(after, left=after.left + [one.error.sheet for one in bad if one not in rows])
        return Batch(cursor=msgspec.json.encode(after), mentions=mentions, bad=bad, more=more, wrong=after.wrong())


def _unclosed(place: Place, made: list[Made], number: int, one: Mention | InvalidMention | None, size: int) -> Place:
    """The place after a last line without an end: what is a mention is taken, the place stays before it all the same."""
    if isinstance(one, Mention):
        made.append((number, one))
        return msgspec.structs.replace(place, tail=size)
    return msgspec.structs.replace(place, waits=f"第 {number} 行没有写完 ({one})" if one else "")


def _more(stream: IO[bytes], offset: int) -> bool:
    stream.seek(offset)
    return bool(stream.read(1))


def _known(path: Path, place: Place) -> Place:
    """The place, with how its file begins as far as we have come."""
    known = min(place.end(), _BEGINNING)
    return place if known == place.known else msgspec.structs.replace(place, known=known, beginning=_beginning(path, known))


def _beginning(path: Path, known: int) -> str:
    with path.open("rb") as stream:
        return blake2b(stream.read(known), digest_size=9).hexdigest()
