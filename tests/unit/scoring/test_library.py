"""Keyword library files: what is read, and every mistake with its place."""

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alert import Level
from monitor.clock import micros
from monitor.errors import Problem
from monitor.scoring.library import CHINA, Library, load_libraries
from monitor.scoring.library_file import read_library_file

GOOD = """\
name: 法人
note: 我们自己
category: 企业
weight: 0.3
valid_from: 2026-01-01
valid_until: 2026-12-31
rules:
  - 红十字|红会
  - {rule: 捐款+红会, weight: 0.6, note: 重}
  - 315
  - no
"""


def read(text: str | bytes) -> tuple[list[Library], list[str]]:
    """The libraries and problems of one file called f."""
    problems: list[Problem] = []
    libraries = read_library_file("f", text if isinstance(text, bytes) else text.encode(), CHINA, problems)
    return libraries, [str(problem) for problem in sorted(problems)]


def test_a_library() -> None:
    """Name, category, weights, validity and rules are read; a rule is text however YAML would type it."""
    [library], problems = read(GOOD)
    assert not problems
    assert (library.name, library.category, library.weight, library.note) == ("法人", "企业", 0.3, "我们自己")
    assert [(rule.rule.source, rule.weight, rule.note) for rule in library.rules] == [
        ("红十字|红会", 0.3, None),
        ("捐款+红会", 0.6, "重"),
        ("315", 0.3, None),
        ("no", 0.3, None),
    ]


def test_owner_and_floor() -> None:
    """A library may name who keeps it, and the level its rules open at; a rule its own."""
    rules = "[甲, {rule: 乙, floor: orange}, {rule: 丙, floor: none}]"
    [library], problems = read(f"name: a\ncategory: b\nweight: 0.5\nowner: 网宣部\nfloor: blue\nrules: {rules}")
    assert not problems
    assert library.owner == "网宣部"
    assert [rule.floor for rule in library.rules] == [Level.BLUE, Level.ORANGE, Level.NONE]


def test_the_last_valid_day_counts_whole() -> None:
    """From the first midnight to the end of the last day, in the organisation's zone."""
    [library], _ = read(GOOD)
    assert not library.valid(micros(datetime(2025, 12, 31, 23, 59, tzinfo=CHINA)))
    assert library.valid(micros(datetime(2026, 1, 1, tzinfo=CHINA)))
    assert library.valid(micros(datetime(2026, 12, 31, 23, 59, tzinfo=CHINA)))
    assert not library.valid(micros(datetime(2027, 1, 1, tzinfo=CHINA)))


def test_a_list_a_mark_and_crlf() -> None:
    """A list of libraries, a byte-order mark and CRLF are fine."""
    text = "\ufeff- {name: a, category: x, weight: 0, rules: [甲]}\r\n- {name: b, category: x, weight: 1, rules: [乙]}\r\n"
    libraries, problems = read(text)
    assert [library.name for library in libraries] == ["a", "b"]
    assert not problems


OF_TIMES = "{{name: a, category: b, weight: 0, rules: [x], valid_from: {}, valid_until: {}}}"


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", ["f:1: "]),
        ("[]", ["f:1: "]),
        ("3", ["f:1: "]),
        ("name: a\ncategory: b\nrules: [x]", ["f:1: 缺少 weight"]),
        ("name: a\ncategory: b\nweight: 2\nrules: [x]", ["f:3: "]),
        ("name: a\ncategory: b\nweight: 0\nfloor: red\nrules: [x]", ["f:4: floor"]),
        ("name: a\ncategory: b\nweight: 0\nrules: [{rule: x, floor: 1}]", ["f:4: floor"]),
        ("name: a\ncategory: b\nweight: 0\nowner: []\nrules: [x]", ["f:4: "]),
        ("name: a\ncategory: b\nweight: nan\nrules: [x]", ["f:3: "]),
        ("name: a\ncategory: b\nweight: .5\nrules: []", ["f:4: "]),
        ("name: a\ncategory: b\nweight: .5\nrule: [x]", ["f:1: 缺少 rules", "f:4: 不认识的键 'rule'"]),
        ("name: a\nname: b\ncategory: c\nweight: 0\nrules: [x]", ["f:2: "]),
        ("name: a\ncategory:\nweight: 0\nrules: [x]", ["f:2: "]),
        ("name: a\ncategory: b\nweight: 0\nrules: [x]\nvalid_until: 2026-13-01", ["f:5: "]),
        (OF_TIMES.format("2026-03-02", "2026-03-01"), ["f:1: valid_from 不早于 valid_until"]),
        (OF_TIMES.format("明天", "后天"), ["f:1: valid_from 应为", "f:1: valid_until 应为"]),
        ("name: a\nweight: 0\nrules: []", ["f:1: 缺少 category", "f:3: rules 应为"]),
        ("weight: 0\nrules: [{weight: 2}]", ["f:1: 缺少 category", "f:1: 缺少 name", "f:2: weight", "f:2:9: 缺少 rule"]),
        (
            "name: a\ncategory: b\nweight: 0\nrules:\n  -\n  - ''\n  - [x]\n  - {rule: }",
            ["f:5:4: 规则是空的", "f:6:5: ", "f:7:5: ", "f:8:12: "],
        ),
        ("name: a\ncategory: b\nweight: 0\nrules:\n  - x+\n  - '(y'\n  - ok", ["f:5:7: ", "f:6:6: "]),
        ("name: a\ncategory: b\nweight: 0\nrules:\n  - {rule: '\"a\" b', weight: x}", ["f:5: ", "f:5:17: "]),
        ("- {name: a, category: b, weight: 0, rules: [x]}\n- {name: a, category: b, weight: 0, rules: [x]}", ["f:2: "]),
        ("name: [", ["f:2: "]),
        ("\tname: a", ["f:1: "]),
        ("a: &x 1\nb: *x", ["f:2: "]),
        ("a: !!python/object/apply:os.system [ls]", ["f:1: ", "f:1: ", "f:1: ", "f:1: ", "f:1: "]),
        ("a: b\n---\nc: d", ["f:2: "]),
        ("name: a\n# \x01", ["f:2: "]),
        ("[" * 100_000, ["f:1: "]),
        ("- " * 100_000, ["f:1: "]),
    ],
)
def test_every_mistake_with_its_place(text: str, places: list[str]) -> None:
    """All mistakes of a file at once, FILE:LINE, for rules FILE:LINE:COLUMN."""
    _, problems = read(text)
    assert len(problems) == len(places)
    assert all(problem.startswith(place) for problem, place in zip(problems, places, strict=True)), problems


def test_bytes_that_are_no_utf_8() -> None:
    """The line is named."""
    assert read(b"name: a\nnote: \xff\xfe")[1] == ["f:2: 不是 UTF-8 编码: 请另存为 UTF-8"]


@given(st.one_of(st.binary(max_size=80), st.text(alphabet="namerulsctgoywiht:-[]{}'\"|>&*!#% \n\t0.5红", max_size=80).map(str.encode)))
def test_any_bytes_are_a_library_or_problems(data: bytes) -> None:
    """Hostile files are told, never a traceback."""
    libraries, problems = read(data)
    assert libraries or problems


def test_folders_files_and_absent_ones(tmp_path: Path) -> None:
    """A folder is all its *.yaml; what is not there is told; the shipped ones are always there."""
    (tmp_path / "b.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "a.yaml").write_text(GOOD.replace("法人", "甲"), encoding="utf-8")
    (tmp_path / "c.txt").write_text("no library", encoding="utf-8")
    libraries, problems = load_libraries([tmp_path, tmp_path / "b.yaml", tmp_path / "nowhere"])
    assert [library.name for library in libraries if not library.shipped] == ["甲", "法人"]
    assert {"伤亡", "食品安全", "广告"} <= {library.name for library in libraries if library.shipped}
    assert [problem.file for problem in problems] == [str(tmp_path / "nowhere")]


def test_names_are_unique_over_files_but_may_extend_ours(tmp_path: Path) -> None:
    """A name used twice is told with the first place; a shipped library's name adds to it."""
    (tmp_path / "a.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "c.yaml").write_text(GOOD.replace("法人", "伤亡"), encoding="utf-8")
    libraries, [problem] = load_libraries([tmp_path])
    assert problem.file.endswith("b.yaml")
    assert "a.yaml:1" in problem.message
    assert [library.shipped for library in libraries if library.name == "伤亡"] == [True, False]
