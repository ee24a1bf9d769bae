"""Files that people name, read within bounds: a pipe would keep us waiting for good, a device fill the memory."""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path


class NotPlain(OSError):
    """What a path leads to is neither a file nor a folder."""

    def __init__(self) -> None:
        super().__init__(errno.EINVAL, "不是普通文件 (而是管道、设备之类)")


def open_plain(path: Path) -> BufferedReader:
    """A file to be read, at the end of whatever links; NotPlain, or any other OSError."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # of a folder the system itself says what it is
        raise NotPlain
    return open(path, "rb", opener=_opener)


def read_plain(path: Path, most: int) -> bytes:
    """What it holds, and never more than `most` bytes and one: so whoever asks sees that there is more."""
    with open_plain(path) as stream:
        return stream.read(most + 1)


def _opener(path: str, flags: int) -> int:
    """Without waiting for a writer, should the file have become a pipe since it was looked at."""
    return os.open(path, flags | os.O_NONBLOCK)
