"""Where a rule was written: FILE:LINE in a library or in the configuration."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import yaml

from monitor.scoring.library import library_files, shipped_files
from monitor.settings import Settings
from monitor.yaml_lines import Item, Report, read_items

_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Owner = tuple[str, str]  # a library and its rule, or a subject as `of_subject` has it


def of_subject(subject: str, rule: str) -> Owner:
    """The key of a subject's own rule."""
    return f"\0{subject}", rule  # no library is called so


def whereabouts(paths: Iterable[Path | str], names: Iterable[str], settings: Settings | None = None) -> dict[Owner, str]:
    """Where each rule of the libraries of these names stands, by (library, rule); of two of one name the file given last."""
    wanted = [name.encode() for name in names]
    found: dict[Owner, str] = {}
    for file in shipped_files():
        _look(f"keywords/libraries/{file.name}", file.read_bytes(), wanted, found)
    for path in library_files(map(Path, paths), []):
        _look(str(path), path.read_bytes(), wanted, found)
    return found | (dict(_of_subjects(settings.file)) if settings else {})


def _look(name: str, data: bytes, wanted: Iterable[bytes], found: dict[Owner, str]) -> None:
    """Only a file in which one of the names stands is taken apart: the shipped ones are many, and one of ours may be large."""
    if any(one in data for one in wanted):
        root = yaml.compose(data.decode("utf-8-sig"), Loader=_LOADER)
        for library in root.value if isinstance(root, yaml.SequenceNode) else filter(None, [root]):
            found |= {owner: f"{name}:{line}" for owner, line in _rules(library)}


def _rules(library: yaml.Node) -> Iterator[tuple[Owner, int]]:
    fields = _fields(library)
    for node in fields["rules"].value:
        written = _fields(node)["rule"] if isinstance(node, yaml.MappingNode) else node
        yield (fields["name"].value, written.value), written.start_mark.line + 1


def _fields(node: yaml.Node) -> Mapping[str, yaml.Node]:
    return {key.value: value for key, value in node.value}


def _of_subjects(file: Path) -> Iterator[tuple[Owner, str]]:
    """The rules of a configuration that has been found right."""
    root = read_items(file, Report(str(file), file.parent, {}))
    subjects = _at(root, "subjects")
    for subject in subjects.value if subjects and isinstance(subjects.value, list) else []:
        name, rules = _at(subject, "name"), _at(subject, "rules")
        for rule in rules.value if rules and isinstance(rules.value, list) else []:
            if name and isinstance(rule.value, (str, int, float)):
                yield of_subject(str(name.value), str(rule.value)), f"{file}:{rule.line}"


def _at(item: Item | None, key: str) -> Item | None:
    return item.value.get(key) if item and isinstance(item.value, dict) else None
