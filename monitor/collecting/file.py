"""
A file that grows, followed: each look takes what was added since.

Plain JSON Lines and CSV are followed by offset. The file is known by its inode and how it begins, so a rotated one is finished under
its new name before the next is begun, and one written anew is read anew. What can only be read whole (gz, xlsx) is read again when it
has changed; rows that came before are then duplicates, which change nothing.
"""

import asyncio
import os
import zlib
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

from monitor.border import FileDefaults, read_lines
from monitor.collecting.base import Bad, Batch
from monitor.collecting.reading import Look, Made, Table, look_at, table_rows
from monitor.collecting.tables import LINE_LIMIT, csv_rows, delimiter_of
from monitor.errors import InvalidMention, SourceFailed, UsageError
from monitor.mention import Mention
from monitor.settings import Source

BATCH = 1_000
_CHUNK = 1 << 20
_BEGINNING = 256
SETTLED = 5.0  # seconds without a write after which an end without a newline is an end

ReadLines = Callable[[IO[bytes], int], Iterator[Made]]


class Place(msgspec.Struct, omit_defaults=True):
    """Where we stand in a file. `beginning` is a digest of its first `known` bytes; `size` and `changed` are of one read whole."""

    inode: int = 0
    beginning: str = ""
    known: int = 0
    offset: int = 0
    row: int = 0
    kind: str = ""
    encoding: str = ""
    heading: list[str] = []
    delimiter: str = ""
    size: int = 0
    changed: int = 0


class File:
    """One followed file. `work` is where it is read, away from the event loop; `lines` reads what is no table."""

    def __init__(self, source: Source, zone: tzinfo, work: Executor, *, lines: ReadLines | None = None, batch: int = BATCH) -> None:
        self._path, self._columns, self._work, self._batch = Path(source.path or ""), source.columns, work, batch
        self._defaults = FileDefaults(source.name, zone)
        self._read_lines = lines or self._mentions
        self._whole: tuple[Place, Iterator[Made]] | None = None

    async def collect(self, cursor: bytes, now: int) -> Batch:
        place = msgspec.json.decode(cursor, type=Place) if cursor else Place()
        return await asyncio.get_running_loop().run_in_executor(self._work, self._read, place, now)

    async def close(self) -> None:
        self._whole = None

    def _read(self, place: Place, now: int) -> Batch:
        try:
            return self._look(place, now)
        except FileNotFoundError as error:
            raise SourceFailed("unreadable", "文件不存在, 出现后会自动读取") from error
        except OSError as error:
            raise SourceFailed("unreadable", f"文件读不了 ({error.strerror or error})") from error
        except (EOFError, zlib.error) as error:
            raise SourceFailed("malformed", "gzip 文件已损坏或不完整") from error
        except UsageError as error:
            raise SourceFailed("unreadable", str(error)) from error

    def _mentions(self, stream: IO[bytes], now: int) -> Iterator[Made]:
        return read_lines(stream, str(self._path), now, self._defaults)

    def _look(self, place: Place, now: int) -> Batch:
        path, place = self._which(place)
        stat = path.stat()
        if place.kind == "whole" and (stat.st_size, stat.st_mtime_ns) == (place.size, place.changed) and place.row < 0:
            return Batch(cursor=msgspec.json.encode(place))
        look = Look("csv" if place.kind == "csv" else "lines", False, place.encoding) if place.offset else look_at(path)
        if look.zipped or look.kind == "xlsx":
            return self._read_whole(path, place, look, now)
        if not place.offset:
            place = Place(inode=stat.st_ino, kind=look.kind, encoding=look.encoding)
        if stat.st_size <= place.offset:
            return Batch(cursor=msgspec.json.encode(place) if place.offset else b"")
        with path.open("rb") as stream:
            stream.seek(place.offset)
            final = time() - stat.st_mtime > SETTLED
            made, after, more = (self._rows if place.kind == "csv" else self._lines)(stream, place, now, final=final)
        return self._batch_of(made, _known(path, after), more=more)

    def _which(self, place: Place) -> tuple[Path, Place]:
        """The file to read on in: ours, or the one it was rotated to, or the new one from its start."""
        if self._same(self._path, place):
            return self._path, place
        rotated = self._rotated(place) if place.offset else None
        return (rotated, place) if rotated else (self._path, Place())

    def _rotated(self, place: Place) -> Path | None:
        """The file under the name it was rotated to, if there is more to read in it."""
        with os.scandir(self._path.parent) as entries:
            found = [Path(entry.path) for entry in entries if entry.inode() == place.inode and entry.is_file()]
        return next((path for path in found if self._same(path, place) and path.stat().st_size > place.offset), None)

    def _same(self, path: Path, place: Place) -> bool:
        """Whether a file is the one we were reading, and not written anew."""
        try:
            stat = path.stat()
            if place.kind == "whole":
                return stat.st_ino == place.inode and (stat.st_size, stat.st_mtime_ns) == (place.size, place.changed)
            if stat.st_ino != place.inode or stat.st_size < place.offset:
                return False
            return _beginning(path, place.known) == place.beginning
        except OSError:
            return False

    def _lines(self, stream: IO[bytes], place: Place, now: int, *, final: bool) -> tuple[list[Made], Place, bool]:
        chunk = stream.read(_CHUNK)
        if len(chunk) == _CHUNK and b"\n" not in chunk:
            chunk += stream.readline(LINE_LIMIT)
        end = chunk.rfind(b"\n") + 1
        if end == 0 or (final and len(chunk) < _CHUNK):
            end = len(chunk) if final or len(chunk) >= LINE_LIMIT else 0
        data = chunk[:end]
        plain = data if place.encoding == "utf-8" else data.decode("gb18030", "replace").encode()
        made = [(place.row + number, one) for number, one in self._read_lines(BytesIO(plain), now)]
        after = msgspec.structs.replace(place, offset=place.offset + end, row=place.row + data.count(b"\n"))
        return made, after, len(chunk) >= _CHUNK and end > 0

    def _rows(self, stream: IO[bytes], place: Place, now: int, *, final: bool) -> tuple[list[Made], Place, bool]:
        if not place.offset:
            place = msgspec.structs.replace(place, delimiter=delimiter_of(stream.readline(LINE_LIMIT)))
            stream.seek(0)
        table = Table(self._columns, self._defaults, place.heading)
        width = len(place.heading)
        rows = csv_rows(
            stream, place.encoding, place.delimiter, offset=place.offset, number=place.row, width=width, final=final
        )
        made, offset, number, count = list[Made](), place.offset, place.row, 0
        for row in islice(rows, self._batch):
            count += 1
            if (one := table.take(row, now)) is not None:
                made.append((row.number, one))
            offset, number = row.after, row.number
        return made, msgspec.structs.replace(place, heading=table.heading, offset=offset, row=number), count == self._batch

    def _read_whole(self, path: Path, place: Place, look: Look, now: int) -> Batch:
        """The next rows of a file that can only be read from its start; how many were taken is remembered, -1 all."""
        stat = path.stat()
        if self._whole is None or self._whole[0] != place:
            if place.kind != "whole":
                place = Place(inode=stat.st_ino, kind="whole", size=stat.st_size, changed=stat.st_mtime_ns)
            self._whole = (place, self._from(path, look, place.row, now))
        made = list(islice(self._whole[1], self._batch))
        more = len(made) == self._batch
        after = msgspec.structs.replace(place, row=made[-1][0] if more else -1)
        self._whole = (after, self._whole[1]) if more else None
        return self._batch_of(made, after, more=more)

    def _from(self, path: Path, look: Look, row: int, now: int) -> Iterator[Made]:
        return self._stream(path, row, now) if look.kind == "lines" else self._table(path, look, row, now)

    def _stream(self, path: Path, row: int, now: int) -> Iterator[Made]:
        with path.open("rb") as stream:
            yield from (one for one in self._read_lines(stream, now) if one[0] > row)

    def _table(self, path: Path, look: Look, row: int, now: int) -> Iterator[Made]:
        table = Table(self._columns, self._defaults)
        for one in table_rows(path, look, row):
            if (made := table.take(one, now)) is not None and one.number > row:
                yield one.number, made

    def _batch_of(self, made: list[Made], after: Place, *, more: bool) -> Batch:
        mentions = tuple(one for _, one in made if isinstance(one, Mention))
        bad = tuple(Bad(f"{self._path}:{number}", one) for number, one in made if isinstance(one, InvalidMention))
        return Batch(cursor=msgspec.json.encode(after), mentions=mentions, bad=bad, more=more)


def _known(path: Path, place: Place) -> Place:
    """The place, with how its file begins as far as we have come."""
    known = min(place.offset, _BEGINNING)
    return place if known == place.known else msgspec.structs.replace(place, known=known, beginning=_beginning(path, known))


def _beginning(path: Path, known: int) -> str:
    with path.open("rb") as stream:
        return blake2b(stream.read(known), digest_size=9).hexdigest()
