"""Versions of keyword rules: by what they mean, and on every score."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from monitor.score import Score
from monitor.scoring.library import load_libraries
from monitor.scoring.library_file import Library
from monitor.scoring.scorer import build_scorer
from monitor.scoring.versions import Keywords
from monitor.subject import Subject
from tests.unit.scoring.test_matcher import mention

LIBRARY = """name: 自备
category: 质量
weight: 0.5
valid_until: 2026-12-31
note: 给人看的
owner: 小王
rules: [甲, 乙|丙, {rule: 丁, weight: 0.8, floor: blue}]
"""
SUBJECT = Subject(name="某某", rules=("某某",), libraries=("自备",))


def read(folder: Path, text: str, name: str = "a.yaml") -> list[Library]:
    """What a file of these words holds, the shipped libraries left out."""
    (folder / name).write_text(text, "utf-8")
    libraries, problems = load_libraries([folder / name])
    assert not problems
    return [library for library in libraries if not library.shipped]


def version(folder: Path, text: str, name: str = "a.yaml") -> str:
    """Of the library in such a file."""
    return Keywords([], read(folder, text, name)).versions["自备"]


@pytest.mark.parametrize(
    ("before", "after"),
    [("给人看的", "另一句"), ("owner: 小王\n", ""), ("weight: 0.5", "weight: 0.50"), ("[甲, ", "['甲', "), ("\n", "\n# 注释\n")],
)
def test_what_means_the_same_has_the_same_version(tmp_path: Path, before: str, after: str) -> None:
    """Whatever the file is called, whoever owns it, and however it is spelled."""
    assert version(tmp_path, LIBRARY.replace(before, after), "b.yaml") == version(tmp_path, LIBRARY)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("甲", "甲甲"), ("[甲, 乙|丙", "[乙|丙, 甲"), ("weight: 0.5", "weight: 0.6"), ("weight: 0.8", "weight: 0.9"), ("blue", "yellow"),
        ("质量", "安全"), ("2026-12-31", "2026-12-30"), ("valid_until", "valid_from"), (", {rule: 丁, weight: 0.8, floor: blue}", ""),
    ],
)  # fmt: skip
def test_what_means_something_else_has_another(tmp_path: Path, before: str, after: str) -> None:
    """Every part that a score may depend on counts, the order of the rules too: hits are told in it."""
    assert version(tmp_path, LIBRARY.replace(before, after)) != version(tmp_path, LIBRARY)


def test_the_version_of_all_follows_libraries_and_what_subjects_ask() -> None:
    """A subject's rules and filters count; whom it wakes, and its policy, do not."""
    one = Keywords([SUBJECT]).version

    assert Keywords([replace(SUBJECT, receivers=("duty",), policy="p.yaml", alerts=False)]).version == one
    others: list[dict[str, Any]] = [
        {"rules": ("某", "某")}, {"name": "某"}, {"libraries": ()}, {"kinds": ("post",)}, {"regions": ("江苏",)}, {"valid_until": 1},
    ]  # fmt: skip
    versions = {Keywords([replace(SUBJECT, **change)]).version for change in others}
    assert len(versions | {one}) == len(others) + 1


def test_a_library_of_two_files_has_one_version(tmp_path: Path) -> None:
    """A file that adds rules to a shipped library changes that library's version."""
    shipped, _ = load_libraries([])
    name = shipped[0].name
    (tmp_path / "more.yaml").write_text(LIBRARY.replace("自备", name), "utf-8")
    added, _ = load_libraries([tmp_path / "more.yaml"])
    before, after = Keywords([], shipped), Keywords([], added)

    assert [len(one.named[name]) for one in (before, after)] == [1, 2]
    assert {key for key in before.versions if before.versions[key] != after.versions[key]} == {name}
    assert after.rules == before.rules + 3


def test_every_score_bears_what_it_was_made_by(tmp_path: Path) -> None:
    """The version of all rules, and of each library that hit; also where nothing hits. Old records without one are read."""
    (tmp_path / "a.yaml").write_text(LIBRARY, "utf-8")
    scorer = build_scorer([SUBJECT], [tmp_path])
    hit, risk, none = scorer.score([mention("甲"), mention("某某 甲 爆炸致三人死亡"), mention("天气")])

    own = {"自备": scorer.keywords.versions["自备"]}
    assert hit.subjects[0].libraries == own
    assert own.items() < risk.subjects[0].libraries.items() < scorer.keywords.versions.items()
    assert {one.version for one in (hit, none)} == {one.version for one in (*hit.subjects, *risk.subjects)} == {scorer.keywords.version}
    assert Score(subject="", hits=(), sentiment=hit.sentiment, severity=0.0).version == ""
