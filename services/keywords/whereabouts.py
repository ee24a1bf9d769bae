"""Where a rule, or a library, was written: FILE:LINE in a library or in the configuration, and the column where that is known."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from monitor.scoring.library import library_files, shipped_files
from monitor.scoring.library_file import place_of
from monitor.settings import Settings
from monitor.yaml_lines import Item, Report, read_items

_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Owner = tuple[str, str]  # a library and its rule (none: the library itself), or a subject as `of_subject` has it


class Place(NamedTuple):
    """Where one begins; `plain`: its characters stand in the file as they are in the rule, so each has a column of its own."""

    file: str
    line: int
    column: int = 1
    plain: bool = False

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    def at(self, column: int) -> str:
        """FILE:LINE:COLUMN of a character of it, from 1; of its beginning where that is all there is to say."""
        return f"{self}:{self.column + (column - 1 if self.plain else 0)}"


def of_subject(subject: str, rule: str) -> Owner:
    """The key of a subject's own rule."""
    return f"\0{subject}", rule  # no library is called so


def whereabouts(paths: Iterable[Path | str], names: Iterable[str], settings: Settings | None = None) -> dict[Owner, Place]:
    """Where each rule of the libraries of these names stands, by (library, rule); of two of one name the file given last."""
    wanted = [name.encode() for name in names]
    found: dict[Owner, Place] = {}
    for file in shipped_files():
        _look(f"keywords/libraries/{file.name}", file.read_bytes(), wanted, found)
    for path in library_files(map(Path, paths), []):
        _look(str(path), path.read_bytes(), wanted, found)
    return found | (dict(_of_subjects(settings.file)) if settings else {})


def _look(name: str, data: bytes, wanted: Iterable[bytes], found: dict[Owner, Place]) -> None:
    """Only a file in which one of the names stands is taken apart: the shipped ones are many, and one of ours may be large."""
    if any(one in data for one in wanted):
        root = yaml.compose(data.decode("utf-8-sig"), Loader=_LOADER)
        for library in root.value if isinstance(root, yaml.SequenceNode) else filter(None, [root]):
            found |= dict(_rules(name, library))


def _rules(file: str, library: yaml.Node) -> Iterator[tuple[Owner, Place]]:
    fields = _fields(library)
    yield (fields["name"].value, ""), _of_node(file, fields["name"])
    for node in fields["rules"].value:
        written = _fields(node)["rule"] if isinstance(node, yaml.MappingNode) else node
        yield (fields["name"].value, written.value), _of_node(file, written)


def _of_node(file: str, node: yaml.Node) -> Place:
    line, column = place_of(node, 1)
    return Place(file, line, column, plain=place_of(node, 2)[1] > column)


def _fields(node: yaml.Node) -> Mapping[str, yaml.Node]:
    return {key.value: value for key, value in node.value}


def _of_subjects(file: Path) -> Iterator[tuple[Owner, Place]]:
    """The rules of a configuration that has been found right."""
    root = read_items(file, Report(str(file), file.parent, {}))
    subjects = _at(root, "subjects")
    for subject in subjects.value if subjects and isinstance(subjects.value, list) else []:
        name, rules = _at(subject, "name"), _at(subject, "rules")
        for rule in rules.value if rules and isinstance(rules.value, list) else []:
            if name and isinstance(rule.value, (str, int, float)):
                place = Place(str(file), rule.line, rule.column + rule.quoted, plain=not rule.filled)
                yield of_subject(str(name.value), str(rule.value)), place


def _at(item: Item | None, key: str) -> Item | None:
    return item.value.get(key) if item and isinstance(item.value, dict) else None
