"""What is tried: a library file, a folder of them, or a changed configuration, in place of what is in force."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml
from msgspec.structs import replace

from monitor.errors import UsageError
from monitor.loading import load_settings
from monitor.logs import visible
from monitor.plain_files import read_plain
from monitor.scoring.library import MAX_BYTES, library_files
from monitor.settings import Settings
from services.keywords.loading import loaded, with_given
from services.keywords.trial import Rules
from services.terminal.watched import check_watched

_ROOT_KEYS = frozenset({"organisation", "subjects"})


def configuration(path: Path) -> Settings | None:
    """The settings of a configuration file; None: it is a library, or a folder of them."""
    if path.is_dir() or not _is_configuration(path):
        return None
    return load_settings(path, os.environ)


def _is_configuration(path: Path) -> bool:
    try:
        for event in yaml.parse(read_plain(path, MAX_BYTES).decode("utf-8-sig"), Loader=yaml.SafeLoader):
            if isinstance(event, yaml.ScalarEvent):
                return event.value in _ROOT_KEYS or _names_root(path)
    except (yaml.YAMLError, OSError, UnicodeDecodeError):
        pass
    return False


def _names_root(path: Path) -> bool:
    """Whether one of the outermost keys is one that only a configuration has."""
    root = yaml.compose(read_plain(path, MAX_BYTES).decode("utf-8-sig"), Loader=yaml.SafeLoader)
    return isinstance(root, yaml.MappingNode) and any(key.value in _ROOT_KEYS for key, _ in root.value)


def in_force(settings: Settings) -> Rules:
    """The rules of settings."""
    return Rules(settings, tuple(loaded(settings.libraries, ZoneInfo(settings.timezone))))


def with_libraries(old: Rules, path: Path, subjects: Collection[str]) -> Rules:
    """
    The rules in force with the libraries of a file or folder: in place of those of the same names, else beside.

    They are used by the subjects that name them, and by `subjects`. UsageError: nobody would use one of them.
    """
    settings = old.settings
    if _same(path, settings):
        raise UsageError(f"{visible(str(path))} 就是配置正在用的: 请另存一份, 改那一份再试")
    check_watched(subjects, [one.name for one in settings.subjects])
    libraries, given = with_given(old.libraries, [path], ZoneInfo(settings.timezone))
    if not given:
        raise UsageError(f"{visible(str(path))} 里没有词库: 文件夹里只读 *.yaml")
    names = [one.name for one in given]
    watched = tuple(_naming(one.libraries, names, one.name in subjects) for one in settings.subjects)
    changed = replace(settings, subjects=tuple(replace(one, libraries=used) for one, used in zip(settings.subjects, watched, strict=True)))
    shipped = {one.name for one in old.libraries if one.shipped}
    idle = [name for name in names if name not in shipped and not any(name in used for used in watched)]
    if idle:
        raise UsageError(f"没有监测主题使用词库 {'、'.join(map(visible, idle))}: 用 --subject 主题 说明试给谁用, 或在新配置里写上再试")
    return Rules(changed, tuple(libraries))


def _naming(used: tuple[str, ...], names: Sequence[str], also: bool) -> tuple[str, ...]:  # noqa: FBT001 one private caller
    return tuple(dict.fromkeys((*used, *names))) if also else used


def _same(path: Path, settings: Settings) -> bool:
    ours = {file.resolve() for file in library_files(map(Path, settings.libraries), [])}
    theirs = {file.resolve() for file in library_files([path], [])}
    return bool(theirs) and theirs <= ours
