"""A workbook opened for reading row by row, its shared words on disk: an export of any length takes little memory."""

import os
from array import array
from tempfile import TemporaryFile
from typing import IO, Any, cast

from openpyxl.cell.text import Text
from openpyxl.reader.excel import ExcelReader
from openpyxl.workbook.workbook import Workbook
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS
from openpyxl.xml.functions import iterparse  # the one that expands no entities

_BUFFER = 1 << 20


class Words:
    """The shared strings: where each begins is in memory, what it says in a file without a name."""

    def __init__(self) -> None:
        self._file: IO[bytes] = cast("IO[bytes]", TemporaryFile(buffering=_BUFFER))  # noqa: SIM115 - lives as long as this, nameless
        self._starts = array("Q", [0])

    def append(self, text: str) -> None:
        """One more."""
        data = text.encode("utf-8", "surrogatepass")
        self._file.write(data)
        self._starts.append(self._starts[-1] + len(data))

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < len(self._starts) - 1:
            raise IndexError(number)
        start = self._starts[number]
        return os.pread(self._file.fileno(), self._starts[number + 1] - start, start).decode("utf-8", "surrogatepass")

    def flush(self) -> None:
        """All are there: from now on they may be asked for."""
        self._file.flush()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class _Reader(ExcelReader):
    """The library's reader, with its list of words replaced."""

    def read_strings(self) -> None:
        words = Words()
        self.shared_strings: Any = words
        part: Any = self.package.find(SHARED_STRINGS)  # type: ignore[no-untyped-call]
        if part is None:
            return
        with self.archive.open(part.PartName[1:]) as source:
            root: Any = None
            for event, node in iterparse(source, events=("start", "end")):
                if event == "start":
                    root = node if root is None else root
                elif node.tag == f"{{{SHEET_MAIN_NS}}}si":
                    text: Any = Text.from_tree(node)
                    words.append(text.content.replace("x005F_", ""))
                    root.clear()
        words.flush()


def open_workbook(stream: IO[bytes]) -> tuple[Workbook, Words]:
    """The workbook, cells being what they show, and its words; both are closed by the caller. Any exception: it is none."""
    reader = _Reader(stream, read_only=True, data_only=True, keep_links=False)
    try:
        reader.read()
    except BaseException:
        reader.archive.close()
        if isinstance(reader.shared_strings, Words):
            reader.shared_strings.close()
        raise
    return reader.wb, reader.shared_strings
