"""`services/keeping/presence.py`: one holder at a time, told who it is, and nothing left behind by the dead."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitor.errors import Held, UsageError
from services.keeping.presence import LOCK, hold

HOLDER = """
import sys
from pathlib import Path
from services.keeping.presence import hold

with hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_another(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder until its stdin ends."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        yield other
        other.kill()


def test_a_folder_is_made_and_held(tmp_path: Path) -> None:
    """The folder need not be there, and the lock file tells the holder's pid."""
    folder = tmp_path / "new" / "数据"
    with hold(folder):
        assert (folder / LOCK).read_text() == f"{os.getpid()}\n"


def test_a_second_process_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    """The message names the folder and the pid."""
    with held_by_another(tmp_path) as other, pytest.raises(Held) as told, hold(tmp_path):
        pytest.fail("two hold one folder")
    assert str(tmp_path) in str(told.value)
    assert f"进程号 {other.pid}" in str(told.value)


def test_a_second_holder_in_the_same_process_is_refused(tmp_path: Path) -> None:
    """And the first one's lock is not lost by the attempt."""
    with hold(tmp_path):
        for _ in range(2):
            with pytest.raises(Held, match=str(os.getpid())), hold(tmp_path):
                pytest.fail("two hold one folder")


def test_the_folder_is_free_after_its_holder(tmp_path: Path) -> None:
    """Let go by leaving, also by an exception."""
    with hold(tmp_path):
        pass
    with pytest.raises(ZeroDivisionError), hold(tmp_path):
        _ = 1 // 0
    with hold(tmp_path):
        pass


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    """After kill -9 the folder is free at once, although the dead one's pid still stands in the file."""
    with held_by_another(tmp_path) as other:
        other.kill()
        other.wait()
    assert (tmp_path / LOCK).read_text() == f"{other.pid}\n"
    with hold(tmp_path):
        assert (tmp_path / LOCK).read_text() == f"{os.getpid()}\n"


def test_a_process_started_meanwhile_does_not_keep_the_lock(tmp_path: Path) -> None:
    """What the holder starts does not inherit it."""
    with hold(tmp_path):
        child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    with hold(tmp_path):
        child.communicate()


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/none"])
def test_a_folder_that_cannot_be_used_is_a_clear_error(tmp_path: Path, place: str) -> None:
    """A file in its way or a place where nothing can be made: the folder and the reason, in words."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="无法使用") as told, hold(tmp_path / place):
        pytest.fail("held what cannot be used")
    assert not isinstance(told.value, Held)
    assert str(tmp_path / place) in str(told.value)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without the rights of root, to whom every folder is open; anybody else stays who they are."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_folder_that_may_not_be_written_is_a_clear_error(tmp_path: Path) -> None:
    """Permissions are told as what they are."""
    tmp_path.chmod(0o500)
    with as_nobody(), pytest.raises(UsageError, match=r"无法使用.*没有权限"), hold(tmp_path):
        pytest.fail("held what may not be written")


def test_a_lock_file_with_other_words_is_no_trouble(tmp_path: Path) -> None:
    """Whatever stands in the file, the lock decides."""
    (tmp_path / LOCK).write_bytes(b"\xff\x00 not a pid" * 1_000)
    with hold(tmp_path):
        assert (tmp_path / LOCK).read_text() == f"{os.getpid()}\n"
        (tmp_path / LOCK).write_bytes(b"\xff\x00")
        with pytest.raises(Held, match="未知"), hold(tmp_path):
            pytest.fail("two hold one folder")
