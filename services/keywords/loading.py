"""Libraries given on a command line, in place of the configured ones of the same names."""

from collections.abc import Sequence
from datetime import tzinfo
from pathlib import Path

from monitor.errors import ConfigError
from monitor.scoring.library import Library, load_libraries


def loaded(paths: Sequence[Path | str], zone: tzinfo) -> list[Library]:
    """The shipped libraries, and those of the files and folders. ConfigError with every problem in them."""
    libraries, problems = load_libraries(paths, zone)
    if problems:
        raise ConfigError(problems)
    return libraries


def with_given(configured: Sequence[Library], paths: Sequence[Path], zone: tzinfo) -> tuple[list[Library], list[Library]]:
    """All there are with those of the paths, and of them those of the paths; one of a shipped name stands beside that."""
    given = [one for one in loaded(paths, zone) if not one.shipped] if paths else []
    names = {one.name for one in given}
    return [*(one for one in configured if one.shipped or one.name not in names), *given], given
