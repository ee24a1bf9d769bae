"""
A recording: files of mentions taken as one stream in the order of their moments.

The lines are staged in a temporary SQLite file and sorted there, so that a recording of any length takes little memory. Of one
(source, id) the earliest look is the mention, later looks (`seen_at`) are observations, the rest repeat it and are left out:
so lines of equal time may stand in any order, and a mention may come twice, without a difference. A look at a hot list that finds a
title as the one before found it is left out too. Lines of an exported case are taken when, and in the order in which, they were once.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import tzinfo
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Self, TypeGuard

import msgspec

from monitor.border import FileDefaults
from monitor.clock import micros
from monitor.collecting.hotlist import read_looks
from monitor.collecting.reading import Made, named, read_file
from monitor.collecting.retaken import Retaken
from monitor.errors import InvalidMention, UsageError
from monitor.mention import Mention, Raw
from monitor.settings import Source

BLOCK = 1_000
_STAGED_AT_ONCE = 2_000

OnBad = Callable[[str, int, InvalidMention], None]
OnLine = Callable[[int], None]
Complete = Callable[[Mention], Mention]

_SCHEMA = """
CREATE TABLE line (
  n INTEGER PRIMARY KEY, source TEXT, id TEXT, published INTEGER, seen INTEGER, taken INTEGER, turn INTEGER, rank INTEGER,
  standing BLOB, body BLOB
)
"""
_ADD = "INSERT INTO line (source, id, published, seen, taken, turn, rank, standing, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_STREAM = """
WITH looked AS (
  SELECT source, id, published, seen, taken, turn, standing, body,
    row_number() OVER look AS look,
    max(seen) OVER (look ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before,
    first_value(coalesce(taken, published)) OVER look AS first
  FROM line
  WINDOW look AS (
    PARTITION BY source, id
    ORDER BY coalesce(taken, CASE seen WHEN 0 THEN published ELSE max(seen, published) END), turn, seen, rank, body)
), later AS (
  SELECT *, lag(standing) OVER (PARTITION BY source, id ORDER BY look) AS stood FROM looked WHERE look = 1 OR seen > before
)
SELECT body, coalesce(taken, CASE look WHEN 1 THEN published ELSE max(seen, first) END) AS moment, turn
FROM later WHERE look = 1 OR standing IS NULL OR standing IS NOT stood
ORDER BY moment, turn, source, id, look
"""


class Block(msgspec.Struct, frozen=True):
    """
    A fixed stretch of a recording: the same whoever reads it, in whatever batches. `name` tells it from every other.

    `turns`: the places of its records among those of one moment, 0 for those of no exported case; absent: all are 0.
    """

    name: str
    raws: tuple[Raw, ...]
    turns: tuple[int, ...] = ()

    def part(self, start: int, end: int) -> "Block":
        """Its records from `start` to before `end`; itself when that is all."""
        if (start, end) == (0, len(self.raws)):
            return self
        return Block(f"{self.name}/{start}-{end}", self.raws[start:end], self.turns[start:end])

    def keys(self) -> list[tuple[int, int]]:
        """The moment and the turn of each record, by which they are in order."""
        turns = self.turns or (0,) * len(self.raws)
        return [(raw.received_at, turn) for raw, turn in zip(self.raws, turns, strict=True)]


class Recording:
    """The mentions of some files. `now` (micros) bounds their future; open with `with`."""

    def __init__(self, now: int) -> None:
        self._now = now
        # The file loses its name at once: a killed process leaves no copy of the texts behind
        with TemporaryDirectory(prefix="yuqing-") as folder:
            self._staged = sqlite3.connect(Path(folder) / "stage.db", isolation_level=None, check_same_thread=False)
            self._staged.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-8000; {_SCHEMA}")
        self.lines = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._staged.close()

    def add(
        self, path: Path, on_bad: OnBad, on_line: OnLine, defaults: FileDefaults | None = None, complete: Complete = lambda one: one,
        columns: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """
        Stage one file of mentions, each mention as `complete` makes it; a bad line is told and left out. UsageError: it cannot be read.

        `columns`: which field stands in which column of a table; absent, the headings of known vendors are.
        """
        lines = read_file(path, self._now, defaults or FileDefaults(), columns)
        self._take(lines, str(path), on_bad, on_line, complete)

    def add_looks(self, path: Path, on_bad: OnBad, on_line: OnLine, source: Source, zone: tzinfo, complete: Complete) -> None:
        """Stage one file of looks at hot lists as `add` does: a title seen first is a mention, what becomes of it an observation."""
        self._take(read_looks(path, source, zone, self._now), str(path), on_bad, on_line, complete)

    def _take(self, lines: Iterator[Made], name: str, on_bad: OnBad, on_line: OnLine, complete: Complete) -> None:
        while group := list(islice(lines, _STAGED_AT_ONCE)):
            self._stage(complete(one) for number, one in group if _good(one, number, name, on_bad))
            on_line(len(group))

    def _stage(self, mentions: Iterable[Mention]) -> None:
        rows = [
            (one.source, one.id, micros(one.published_at), one.seen, *_taken(one), one.rank, _standing(one), msgspec.json.encode(one))
            for one in mentions
        ]
        with _staging():
            self._staged.execute("BEGIN")
            self._staged.executemany(_ADD, rows)
            self._staged.execute("COMMIT")
        self.lines += len(rows)

    def blocks(self) -> Iterator[Block]:
        """The stream in blocks of a fixed size, each record stamped with its moment as if it had been received then."""
        decode = msgspec.json.Decoder(Mention).decode
        # The rows are let go with the file: whoever stops half-way leaves this generator to be closed after it
        with _staging():
            rows = self._staged.execute(_STREAM)
        while lines := self._next(rows):
            name = blake2b(digest_size=16)
            for body, at, _ in lines:
                name.update(body + at.to_bytes(8, "big"))
            raws = tuple(Raw(received_at=at, mention=decode(body), as_if=True) for body, at, _ in lines)
            yield Block(name.hexdigest(), raws, tuple(turn for *_, turn in lines))

    def _next(self, rows: sqlite3.Cursor) -> list[tuple[bytes, int, int]]:
        with _staging():
            return list(islice(rows, BLOCK))


@contextmanager
def _staging() -> Iterator[None]:
    """A folder for temporary files without room is the user's to mend."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise UsageError(f"临时文件写不下 ({error}): 请检查 {gettempdir()} 的磁盘空间, 或用环境变量 TMPDIR 另指一个文件夹") from error


def _taken(mention: Mention) -> tuple[int | None, int]:
    """When a line of a case was taken, and its turn; other lines say of themselves when."""
    return (mention.taken, mention.turn) if isinstance(mention, Retaken) else (None, 0)


def _standing(mention: Mention) -> bytes | None:
    """What a later look at a title of a hot list must change to be told; None elsewhere, where every later look is."""
    return msgspec.json.encode(mention.looked) if mention.kind == "hotlist" else None


def _good(mention: Mention | InvalidMention, number: int, name: str, on_bad: OnBad) -> TypeGuard[Mention]:
    if isinstance(mention, InvalidMention):
        on_bad(named(name, mention), number, mention)
        return False
    return True
