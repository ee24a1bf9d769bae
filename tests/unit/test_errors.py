"""What the system says, in the language of who reads it."""

from pathlib import Path

import pytest

from monitor.errors import failed_zh


def test_a_failure_is_told_in_chinese(tmp_path: Path) -> None:
    """A missing folder, a folder in place of a file; what has no words of ours keeps the system's."""
    with pytest.raises(OSError, match="No such file") as missing:
        (tmp_path / "no" / "x").write_bytes(b"")
    with pytest.raises(OSError, match="directory") as folder:
        tmp_path.write_bytes(b"")

    assert (failed_zh(missing.value), failed_zh(folder.value)) == ("没有这个文件或目录", "这是一个目录")
    assert failed_zh(OSError("Not a gzipped file")) == "Not a gzipped file"
