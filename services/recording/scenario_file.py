"""
A scenario file: what is said over time, and what must come of it. Users write them to test their rules and policies.

Read like the configuration: with the line of everything, and every mistake at once. What it says is expanded here into the
mentions themselves, through the same border as every other mention, so that a scenario can say nothing that the service would refuse.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from monitor.alert import Level, ReasonCode
from monitor.border import parse
from monitor.clock import DAY, HOUR, MINUTE, SECOND, micros, rfc3339
from monitor.entries import read_subject
from monitor.errors import ConfigError, InvalidMention, Problem
from monitor.escalation.policy import load_policy
from monitor.mention import Raw
from monitor.scoring.library import load_libraries
from monitor.section import Section, hint, kind_of
from monitor.settings import Settings
from monitor.subject import Subject
from monitor.yaml_lines import Item, Report, read_items, show

FIRST_DAY = "2026-03-02"
MOST = 100_000  # mentions of one scenario
LONGEST = 400  # days of one scenario
WORDS = tuple(level.word for level in Level)
EXPECTED = ("level", "never", "reaches", "path", "reason", "alerts", "stories", "resolved")
TEXTS = (
    "source", "id", "text", "title", "quoted", "transcript", "url", "kind", "platform", "outlet", "region", "root", "parent", "author",
)  # fmt: skip
COUNTS = ("followers", "likes", "comments", "reposts", "views")
_CLOCK = re.compile(r"(?:(\d{1,3})d\s+)?([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_HOUR_OF_MINUTES, _HOUR_OF_SECONDS = 60, 3_600
_MINUTES_A_DAY, _SECONDS_A_DAY = 1_440, 86_400

Want = str | int | bool | tuple[str, ...]


class Expectation(NamedTuple):
    """What must be so as of `at` (micros; None: when the scenario ends), for one subject or (None) for all together."""

    line: int
    kind: str
    want: Want
    at: int | None
    subject: str | None


class Scenario(NamedTuple):
    """One file, expanded. `subjects` empty or `policy` None: those of the configuration. `until` (micros): when its clock stops."""

    file: Path
    name: str
    subjects: tuple[Subject, ...]
    libraries: tuple[Path, ...]
    policy: Path | None
    timezone: ZoneInfo
    raws: tuple[Raw, ...]
    until: int
    expectations: tuple[Expectation, ...]


def load_scenarios(files: Sequence[Path], environ: Mapping[str, str], base: Settings | None = None) -> list[Scenario]:
    """The scenarios of some files, beside a configuration or by themselves. ConfigError with every problem of all of them."""
    problems: list[Problem] = []
    scenarios = [scenario for file in files if (scenario := _load(file, environ, base, problems)) is not None]
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    return scenarios


def _load(file: Path, environ: Mapping[str, str], base: Settings | None, problems: list[Problem]) -> Scenario | None:
    report = Report(str(file), file.absolute().parent, environ, problems)
    root = read_items(file, report)
    if root is None:
        return None
    if not isinstance(root.value, dict):
        what = "文件是空的" if root.value is None else f"最外层应是映射（键: 值），这里是{kind_of(root.value)}"
        report.say(root.line, f"{what}，至少要有 name、mentions 和 expect")
        return None
    return _Reader(Section(report, Item(root.value, 1, 1), "场景"), file.absolute(), base).scenario()


class _Reader:
    """Reads one file's root, part by part; a wrong part reads as empty, so that one mistake hides no other."""

    def __init__(self, root: Section, file: Path, base: Settings | None) -> None:
        self._root, self._file, self._known = root, file, base.subjects if base else ()
        self._zone = self._timezone(base.timezone if base else "Asia/Shanghai")
        self._day = self._first_day()
        self._latest = self._day

    def scenario(self) -> Scenario:
        root = self._root
        name = root.text("name", required="请用一句话写明这个场景是什么")
        libraries = self._libraries()
        subjects = self._subjects()
        policy = self._policy()
        raws = tuple(raw for section in root.sections("mentions", "mentions 第") for raw in self._mentions(section))
        expectations = tuple(self._expectations(subjects))
        until = self._moment(root, "until")
        for key, what in (("mentions", "写明谁在何时说了什么"), ("expect", "写明应有的结果")):
            if not root.items(key) and root.get(key) is None:
                root.missing(key, what)
        root.finish()
        end = max([self._latest, until or 0, *(one.at or 0 for one in expectations)])
        return Scenario(self._file, name, subjects, libraries, policy, self._zone, raws, end, expectations)

    def _timezone(self, default: str) -> ZoneInfo:
        name = self._root.text("timezone", default)
        try:
            return ZoneInfo(name)
        except (ValueError, OSError, KeyError):
            self._root.wrong("timezone", f"没有 {show(name)} 这个时区，请写成 Asia/Shanghai、UTC 这样的名字")
            return ZoneInfo("UTC")

    def _first_day(self) -> int:
        """Midnight of the scenario's first day."""
        text = self._root.text("day", FIRST_DAY)
        try:
            day = date.fromisoformat(text)
        except ValueError:
            self._root.wrong("day", f"day 不是有效的日期 {show(text)}，请写成 {FIRST_DAY}")
            day = date.fromisoformat(FIRST_DAY)
        return micros(datetime.combine(day, time(), self._zone))

    def _subjects(self) -> tuple[Subject, ...]:
        seen: dict[str, int] = {}
        subjects = tuple(self._subject(section, seen) for section in self._root.sections("subjects", "subjects 第"))
        if not subjects and not self._known:
            self._root.missing("subjects", "请写明监测主题，或用 --config 给出配置")
        return subjects

    def _subject(self, section: Section, seen: dict[str, int]) -> Subject:
        subject = read_subject(section, seen, self._zone)
        if subject.policy:
            self._root.report.problems.extend(load_policy(Path(subject.policy))[1])
        return subject

    def _policy(self) -> Path | None:
        text = self._root.text("policy", "default")
        if text == "default":
            return None
        path = self._root.absolute(text)
        policy, problems = load_policy(path)
        if policy is None:
            self._root.wrong("policy", f"策略文件 {show(text)} 用不了，请检查路径和其中的内容")
        self._root.report.problems.extend(problems)
        return path

    def _libraries(self) -> tuple[Path, ...]:
        paths = tuple(self._root.absolute(text) for text, _ in self._root.texts("libraries"))
        if paths:
            self._root.report.problems.extend(load_libraries(paths, self._zone)[1])
        return paths

    # -- moments --------------------------------------------------------------------------------------------------------------

    def _moment(self, section: Section, key: str) -> int | None:
        """A time of day such as 08:00 or 1d 08:00:30 (a day later), as micros."""
        item = section.get(key)
        if item is None:
            return None
        since = _since_midnight(item.value)
        if since is None or since > LONGEST * DAY:
            section.report.say(item.line, f"{key} 不是有效的时刻（{kind_of(item.value)}），请写成 08:00、08:00:30 或 1d 08:00（次日）")
            return None
        return self._day + since

    # -- mentions -------------------------------------------------------------------------------------------------------------

    def _mentions(self, section: Section) -> list[Raw]:
        line = section.line
        at = self._moment(section, "at")
        if section.get("at") is None:
            section.missing("at", "请写明第一条的时刻，如 at: 08:00")
        count = section.integer("count", 1, 1, MOST) or 1
        authors = section.integer("authors", count, 1, MOST) or 1
        every, age = section.duration("every", MINUTE), section.duration("age", 0)
        fields = _fields(section)
        seen = section.flag("seen", False)
        start = self._day if at is None else at
        self._latest = max(self._latest, start + (count - 1) * every)
        if self._latest > self._day + LONGEST * DAY:
            section.report.say(line, f"这些信息会延续超过 {LONGEST} 天，请减小 every 或 count")
            return []
        return [raw for n in range(count) if (raw := self._raw(section, fields, start + n * every, n, n % authors, age, seen=seen))]

    def _raw(self, section: Section, fields: Mapping[str, Any], at: int, n: int, author: int, age: int, *, seen: bool) -> Raw | None:
        """The n-th mention of an entry, made as its JSON and taken in at the border; None once the border has refused it."""
        line = section.line
        told = {key: _nth(value, n) for key, value in fields.items()}
        made = {"source": "场景", "id": f"{line}-{n + 1}", "author": f"作者{line}-{author + 1}", "published_at": rfc3339(at - age)}
        if seen:
            made["seen_at"] = rfc3339(at)
        try:
            return Raw(received_at=at, mention=parse(msgspec.json.encode(made | told), at), as_if=True)
        except InvalidMention as invalid:
            if n == 0 or not section.report.problems:
                section.report.say(line, f"第 {n + 1} 条不是有效的信息：{invalid}")
            return None

    # -- expectations ---------------------------------------------------------------------------------------------------------

    def _expectations(self, subjects: tuple[Subject, ...]) -> Iterator[Expectation]:
        names = [subject.name for subject in subjects or self._known]
        for section in self._root.sections("expect", "expect 第"):
            asked = [kind for kind in EXPECTED if section.get(kind) is not None]
            at, subject = self._moment(section, "at"), section.optional("subject")
            if subject is not None and subject not in names:
                section.wrong("subject", f"没有名为 {show(subject)} 的监测主题，{hint(subject, names)}")
            if len(asked) == 1:
                yield Expectation(section.line, asked[0], _want(section, asked[0]), at, subject)
            else:
                section.report.say(section.line, f"每一项要写且只写一个期望，可用的有：{'、'.join(EXPECTED)}")


def _since_midnight(value: object) -> int | None:
    """Micros since midnight; YAML itself reads an unquoted 10:30 as 630 and 10:30:15 as 37815, so whole numbers are times, too."""
    if isinstance(value, int) and not isinstance(value, bool):
        if _HOUR_OF_MINUTES <= value < _MINUTES_A_DAY:
            return value * MINUTE
        return value * SECOND if _HOUR_OF_SECONDS <= value < _SECONDS_A_DAY else None
    found = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return days * DAY + hours * HOUR + minutes * MINUTE + seconds * SECOND


def _fields(section: Section) -> dict[str, Any]:
    """What an entry says of its mentions; a list is taken in turn."""
    fields: dict[str, Any] = {}
    for key in TEXTS:
        item = section.get(key)
        if item is not None:
            parts = item.value if isinstance(item.value, list) else [item]
            fields[key] = tuple(text for part in parts if (text := section.text_of(part, key)))
    for key in COUNTS:
        if (number := section.integer(key, None, 0, 1 << 53)) is not None:
            fields[key] = number
    for key in ("media", "gone"):
        if section.get(key) is not None:
            fields[key] = section.flag(key, False)
    verified = section.get("verified")
    if verified is not None:
        fields["verified"] = verified.value if isinstance(verified.value, (bool, str)) else section.text("verified")
    return {key: value for key, value in fields.items() if value != ()}


def _nth(value: object, n: int) -> object:
    return str(value[n % len(value)]).replace("{n}", str(n + 1)) if isinstance(value, tuple) else value


def _want(section: Section, kind: str) -> Want:
    if kind in {"alerts", "stories"}:
        return section.integer(kind, 0, 0, MOST) or 0
    if kind == "resolved":
        return section.flag(kind, True)
    if kind == "reason":
        return section.choice(kind, tuple(ReasonCode), "")
    if kind == "path":
        return _path(section)
    return section.choice(kind, WORDS if kind == "level" else WORDS[1:], "none")


def _path(section: Section) -> tuple[str, ...]:
    """The levels one after another; the same one may come again."""
    words = tuple(section.text_of(item, "path 的每一项") for item in section.items("path"))
    for word, item in zip(words, section.items("path"), strict=True):
        if word and word not in WORDS:
            section.report.say(item.line, f"path 里没有 {show(word)} 这一级，{hint(word, WORDS)}")
    return words
