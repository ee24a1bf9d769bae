"""
Versions of keyword rules: what means the same has the same version, whatever its files are called and whenever they were written.

A release may understand the same words otherwise: a version tells rules apart, not releases.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b

import msgspec

from monitor.scoring.library_file import Library
from monitor.subject import Subject

_BYTES = 8


@dataclass(frozen=True)
class Keywords:
    """The subjects and libraries that one matcher was built of."""

    subjects: Sequence[Subject] = ()
    libraries: Sequence[Library] = ()
    versions: dict[str, str] = field(init=False)  # of each library by its name; parts of one name are one library
    version: str = field(init=False)  # of all that decides what hits

    def __post_init__(self) -> None:
        versions = {name: _digest(map(_meaning, parts)) for name, parts in self.named.items()}
        object.__setattr__(self, "versions", versions)
        object.__setattr__(self, "version", _digest([*map(_asked, self.subjects), *versions.items()]))

    @cached_property
    def named(self) -> dict[str, list[Library]]:
        """The parts of each library by its name, in the order in which they were read."""
        parts: dict[str, list[Library]] = defaultdict(list)
        for library in self.libraries:
            parts[library.name].append(library)
        return dict(parts)

    @property
    def rules(self) -> int:
        """How many there are, those of the subjects too."""
        return sum(len(subject.rules) for subject in self.subjects) + sum(len(library.rules) for library in self.libraries)


def _meaning(library: Library) -> object:
    """All of a library but what only people read: note and owner."""
    rules = [(one.rule.source, one.weight, one.floor.word) for one in library.rules]
    return library.category, library.valid_from, library.valid_until, library.shipped, rules


def _asked(subject: Subject) -> object:
    """What of a subject decides which mentions it hits."""
    filters = (subject.kinds, subject.platforms, subject.regions)
    return subject.name, subject.rules, subject.libraries, filters, subject.valid_until


def _digest(parts: Iterable[object]) -> str:
    """The order counts: hits are told in it."""
    return blake2b(msgspec.json.encode(list(parts)), digest_size=_BYTES).hexdigest()
