"""
Subjects given over the API: kept in the store beside those of the file, and read by the same rules.

Nobody edits a file on the server at three in the morning. A posted subject says in JSON what the file says in YAML; the file's own
of the same name comes first.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from monitor.entries import read_subject
from monitor.errors import Problem
from monitor.escalation.policy import load_policy
from monitor.scoring.library import load_libraries
from monitor.section import Section, hint
from monitor.settings import Settings
from monitor.subject import Subject
from monitor.yaml_lines import Report, item_of, show

Body = dict[str, object]


class Posted(msgspec.Struct, frozen=True):
    """A subject as it was given, by whom and when (micros)."""

    body: Body
    by: str
    at: int


Shelf = dict[str, Posted]  # every posted subject by its name, the first given first
encode = msgspec.json.Encoder().encode


def read_shelf(kept: bytes | None) -> Shelf:
    """The posted subjects as the store keeps them."""
    return msgspec.json.decode(kept, type=Shelf) if kept else {}


def with_posted(settings: Settings, shelf: Mapping[str, Posted]) -> tuple[Settings, list[Problem]]:
    """The file's settings with the posted subjects behind the file's own, and what is wrong with those that are left out."""
    own = {subject.name for subject in settings.subjects}
    given = {name: posted.body for name, posted in shelf.items() if name not in own}
    if not given:
        return settings, []
    libraries = {library.name for library in load_libraries(settings.libraries, ZoneInfo(settings.timezone))[0]}
    added: list[Subject] = []
    problems: list[Problem] = []
    for name, body in given.items():
        subject, wrong = read_posted(name, body, settings, libraries)
        problems += wrong
        if subject:
            added.append(subject)
    names = tuple(subject.name for subject in added)
    return replace(settings, subjects=(*settings.subjects, *added), posted=names), problems


def read_posted(name: str, body: Body, settings: Settings, libraries: Collection[str]) -> tuple[Subject | None, list[Problem]]:
    """One subject out of its JSON, or every mistake in it."""
    report = Report(f"接口添加的主题{show(name)}", settings.file.parent, {})
    section = Section(report, item_of({"name": name} | body, report), "监测主题")
    subject = read_subject(section, {}, ZoneInfo(settings.timezone))
    section.finish()
    if subject.name and subject.name != name:
        report.say(1, f"name 应与地址里的 {show(name)} 相同，这里是 {show(subject.name)}")
    _check_known(report, "receivers", subject.receivers, [receiver.name for receiver in settings.receivers], "接收方")
    _check_known(report, "libraries", subject.libraries, libraries, "词库")
    if subject.policy:
        report.problems.extend(load_policy(Path(subject.policy))[1])
    return (None if report.problems else subject), report.problems


def _check_known(report: Report, key: str, named: Collection[str], known: Collection[str], what: str) -> None:
    for name in named:
        if name not in known:
            report.say(1, f"{key}：没有名为 {show(name)} 的{what}，{hint(name, sorted(known))}")
