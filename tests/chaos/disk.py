"""A small disk of its own for a data folder, which can be full for a while. Needs Linux, and the right to mount."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = 256  # MB
_SPARE = 16 * 1024  # bytes that are left on a full disk: enough to begin something, too little to end it
_BLOCK = bytes(1024 * 1024)


class NoDisk(Exception):
    """Why there can be no such disk here."""


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """The folder is on a disk of `SIZE` MB within the block; what is in it at the end stays there."""
    folder.mkdir(parents=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={SIZE}m", "tmpfs", str(folder))
    kept = folder.with_name(f"{folder.name}.kept")
    try:
        yield folder
        shutil.copytree(folder, kept)
    finally:
        _run("umount", "--lazy", str(folder))
        if kept.exists():
            folder.rmdir()
            kept.rename(folder)


def full_for(folder: Path, seconds: float) -> None:
    """Let the disk be full for so long."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(_BLOCK):
                    pass
            except OSError:  # it is full
                os.truncate(filler, max(0, file.tell() - _SPARE))
        time.sleep(seconds)
    finally:
        filler.unlink()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoDisk(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
