"""Keyword libraries: those we ship and those of the files and folders given; every mistake in all of them is told at once."""

from collections.abc import Iterable, Sequence
from datetime import timedelta, timezone, tzinfo
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from monitor.errors import Problem, failed_zh
from monitor.plain_files import NotPlain, read_plain
from monitor.scoring.library_file import Library, LibraryRule, read_library_file

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
MAX_BYTES = 16 * 1024 * 1024

__all__ = ["CHINA", "Library", "LibraryRule", "load_libraries"]


def load_libraries(paths: Sequence[Path | str], zone: tzinfo = CHINA) -> tuple[list[Library], list[Problem]]:
    """
    The shipped libraries, then those of the files and folders given, and every problem found in them.

    Names are unique among the files given; one that bears a shipped library's name adds its rules to it. `zone` is where a
    plain date begins.
    """
    libraries: list[Library] = []
    problems: list[Problem] = []
    for file in shipped_files():
        libraries += read_library_file(file.name, file.read_bytes(), zone, problems, shipped=True)
    seen: dict[str, str] = {}
    for path in library_files(map(Path, paths), problems):
        data = library_bytes(path, problems)
        if data is not None:
            libraries += read_library_file(str(path), data, zone, problems, seen=seen)
    return libraries, sorted(problems)


def shipped_files() -> list[Traversable]:
    """Those that come with us, by name."""
    folder = resources.files("keywords").joinpath("libraries")
    return sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name)


def library_files(paths: Iterable[Path], problems: list[Problem]) -> list[Path]:
    """The files meant, each once, a folder being all its *.yaml by name."""
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            found |= dict.fromkeys(sorted(path.glob("*.yaml")))
        elif path.exists():
            found[path] = None
        else:
            problems.append(Problem(str(path), 1, 0, "找不到这个关键词库文件或文件夹: 请检查 libraries 里写的路径"))
    return list(found)


def library_bytes(path: Path, problems: list[Problem]) -> bytes | None:
    """What a file holds; None: it cannot be read, which is among the problems now."""
    try:
        data = read_plain(path, MAX_BYTES)
    except NotPlain as error:
        wrong = f"{error.strerror}: 请换成词库文件, 或删去它"
    except OSError as error:
        wrong = f"读不出这个关键词库文件 ({failed_zh(error)}): 请检查它的类型和权限"
    else:
        if len(data) <= MAX_BYTES:
            return data
        wrong = f"关键词库文件超过 {MAX_BYTES // 1024 // 1024} MiB: 请拆成几个文件"
    problems.append(Problem(str(path), 1, 0, wrong))
    return None
