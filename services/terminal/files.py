"""A file that a verb writes: whole under its name, or not there."""

import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from monitor.errors import UsageError, failed_zh


@contextmanager
def into(output: Path | None) -> Iterator[IO[bytes]]:
    """Where the bytes go, packed for a name that ends in .gz; None: stdout. UsageError: the file cannot be written."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = output.with_name(f".{output.name}.part")
    try:
        with gzip.GzipFile(part, "wb", mtime=0) if output.suffix == ".gz" else part.open("wb") as stream:
            yield cast("IO[bytes]", stream)
        part.replace(output)
    except OSError as error:
        raise UsageError(f"{output}: 写不了 ({failed_zh(error)}), 请检查路径、权限和空间") from error
    finally:
        part.unlink(missing_ok=True)
