"""Which cells of a workbook are formulas: what they come to may not be stored in it, and then they look empty."""

import re
import zipfile
from collections.abc import Set as AbstractSet
from contextlib import closing, suppress
from pathlib import Path

from monitor.collecting.reading import look_at

_FORMULA = re.compile(rb"<(?:\w+:)?f[\s>/]")
_CHUNK = 1 << 20
_OVERLAP = 40  # bytes: a tag cut in two by the end of a chunk
Cells = AbstractSet[tuple[int, int]]  # row and column, both from 1


def formulas(path: Path, title: str) -> Cells:
    """Those of a sheet; of a file that is no plain workbook, or is damaged, none: whoever reads it says so."""
    look = look_at(path)
    if look.kind != "xlsx" or look.zipped or not _has_some(path):
        return frozenset()
    from openpyxl import load_workbook  # noqa: PLC0415 - half a second, and needed for one kind of file

    found: set[tuple[int, int]] = set()
    with closing(load_workbook(path, read_only=True, keep_links=False)) as book, suppress(Exception):
        book[title].reset_dimensions()
        for number, row in enumerate(book[title].iter_rows(), 1):
            found |= {(number, column) for column, cell in enumerate(row, 1) if cell.data_type == "f"}
    return found


def _has_some(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return any(_has(archive, name) for name in archive.namelist() if name.startswith("xl/worksheets/"))


def _has(archive: zipfile.ZipFile, name: str) -> bool:
    with archive.open(name) as part:
        rest = b""
        while chunk := part.read(_CHUNK):
            if _FORMULA.search(rest + chunk):
                return True
            rest = chunk[-_OVERLAP:]
    return False
