"""`yuqing report` into a folder at rest: what is one report, and what is another."""

from pathlib import Path

import pytest

from services.cli import run

URL = "https://e.example/1"


def test_other_words_about_the_same_link_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first arrival stays and a second note is a report of its own; the same words are not taken twice."""
    config = tmp_path / "c.yaml"
    config.write_text("organisation: x\nsubjects: [{name: 甲, rules: [甲]}]\n", "utf-8")

    def report(*more: str) -> str:
        assert run(["report", URL, "--subject", "甲", "--config", str(config), *more]) == 0
        return capsys.readouterr().out

    first, same, other = report("--note", "喝出异物"), report("--note", "喝出异物"), report("--note", "已有三人住院")
    assert [said.partition(":")[0] for said in (first, same, other)] == ["已收到", "此前已有人这样上报过", "已收到"]
    assert [said.partition(":")[0] for said in (report(), report())] == ["已收到", "此前已有人这样上报过"]
