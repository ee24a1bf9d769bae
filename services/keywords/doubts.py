"""What in the rules and libraries of a configuration is right and probably not meant, with FILE:LINE:COLUMN; of each file a few."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import NamedTuple

from monitor.scoring.library_file import Library
from monitor.scoring.library_table import day_of
from monitor.scoring.rule_hints import hints_of
from monitor.scoring.rules import parse
from monitor.settings import Settings
from monitor.subject import Subject
from services.keywords.whereabouts import Owner, of_subject, whereabouts

OF_A_FILE = 10


class _Doubt(NamedTuple):
    owner: Owner
    column: int
    library: str
    said: str


def doubts(
    subjects: Sequence[Subject], libraries: Sequence[Library], paths: Iterable[Path | str], now: int, zone: tzinfo,
    settings: Settings | None, most: int = OF_A_FILE,
) -> Iterator[str]:  # fmt: skip
    """A line each, on the rules of these subjects (of `settings`), and on those of these libraries (of `paths`) that are not shipped."""
    own = [one for one in libraries if not one.shipped]
    found = [*_of_use(own, libraries, subjects, now, zone), *_of_subjects(subjects), *_of_rules(own)]
    paths = list(paths)
    yield from _unread(map(Path, paths), most)
    yield from _placed(found, paths, settings, most)


def _unread(paths: Iterable[Path], most: int) -> Iterator[str]:
    """Files in a folder that look like libraries and are none to us."""
    for folder in filter(Path.is_dir, paths):
        for file in sorted(folder.glob("*.[yY][mM][lL]"))[:most]:
            yield f"{file}:1: 词库文件夹里只读 *.yaml，这个文件没有读；请改名为 {file.with_suffix('.yaml').name}"


def _of_subjects(subjects: Iterable[Subject]) -> Iterator[_Doubt]:
    for subject in subjects:
        for source in subject.rules:
            for column, said in hints_of(parse(source)):
                yield _Doubt(of_subject(subject.name, source), column, "", f"主题 {subject.name} 的{said}")


def _of_rules(libraries: Iterable[Library]) -> Iterator[_Doubt]:
    for library in libraries:
        for one in library.rules:
            for column, said in hints_of(one.rule):
                yield _Doubt((library.name, one.rule.source), column, library.name, f"词库 {library.name} 的{said}")


def _of_use(own: Iterable[Library], libraries: Iterable[Library], subjects: Iterable[Subject], now: int, zone: tzinfo) -> Iterator[_Doubt]:
    """Libraries that do nothing: nobody names them and no shipped one is called so, or their time is over."""
    used = {name for subject in subjects for name in subject.libraries} | {one.name for one in libraries if one.shipped}
    for library in own:
        if library.name not in used:
            said = "没有主题使用，不起作用；请在要用它的主题的 libraries 里写上它的名称"
        elif library.valid_until is not None and library.valid_until <= now:
            said = f"有效期 {day_of(library.valid_until, zone, days=1)} 止（valid_until），已失效，不再起作用；请改日期，或不再使用它"
        else:
            continue
        yield _Doubt((library.name, ""), 1, library.name, f"词库 {library.name} {said}")


def _placed(found: Sequence[_Doubt], paths: Iterable[Path | str], settings: Settings | None, most: int) -> Iterator[str]:
    """With their places, in the order of the files; of a file with many the first, and how many more there are."""
    if not found:
        return
    places = whereabouts(paths, {one.library for one in found if one.library}, settings)
    seen: Counter[str] = Counter()
    for owner, column, _, said in found:
        place = places.get(owner)
        seen[place.file if place else ""] += 1
        if seen[place.file if place else ""] <= most:
            yield f"{place.at(column)}: {said}" if place else said
    for file, count in seen.items():
        if count > most:
            yield f"{file}:1: 另有 {count - most} 处类似的提示" if file else f"另有 {count - most} 处类似的提示"
