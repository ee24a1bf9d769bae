"""A library's file changed or made in one step: what is not right never takes the place of what was."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from monitor.errors import UsageError, failed_zh


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make the file beside, then put it in place; a link stays one, rights stay as they were. UsageError: it cannot be."""
    target = path.resolve()
    part = target.with_name(f".{target.name}.part")
    try:
        write(part)
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    except OSError as error:
        raise UsageError(f"{path}: 写不了 ({failed_zh(error)}), 请检查路径、权限和空间") from error
    finally:
        part.unlink(missing_ok=True)
