"""Twenty wrong configurations: what stands after ✗ in a line is what `check` says of that line, and it says nothing else."""

import re
from pathlib import Path

import pytest

from services.cli import run

FILES = sorted((Path(__file__).parent / "configurations").glob("*.yaml"))
MARK = "# ✗ "


def _expected(file: Path) -> list[tuple[int, str]]:
    lines = enumerate(file.read_text("utf-8").splitlines(), 1)
    return [(number, line.partition(MARK)[2].strip()) for number, line in lines if MARK in line]


def test_there_are_twenty() -> None:
    """Each of them has something wrong."""
    assert len(FILES) == 20
    assert all(_expected(file) for file in FILES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_error_is_told_at_its_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All of them at once, a line each, FILE:LINE or FILE:LINE:COLUMN, with 2, and nothing on stdout."""
    code = run(["check", str(file)])
    shown = capsys.readouterr()
    assert (code, shown.out) == (2, "")
    found = [re.fullmatch(rf"{re.escape(str(file))}:(\d+)(?::\d+)?: (.+)", line) for line in shown.err.splitlines()]
    told = sorted((int(match[1]), match[2]) for match in found if match)
    assert len(told) == len(found), shown.err
    expected = _expected(file)
    assert [line for line, _ in told] == [line for line, _ in expected], shown.err
    for (_, said), (_, words) in zip(told, expected, strict=True):
        assert words in said


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00"])
@pytest.mark.parametrize("verb", [("check",), ("run", "--config")])
def test_a_broken_model_is_told_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, verb: tuple[str, ...]
) -> None:
    """A file of weights that is cut or none is a mistake of the line that names it, for whoever starts by it too."""
    (tmp_path / "mine.npz").write_bytes(content)
    file = tmp_path / "yuqing.yaml"
    file.write_text("organisation: 某某\nsubjects: [{name: 某某, rules: [某某]}]\nsentiment: mine.npz\n", "utf-8")
    assert run([*verb, str(file)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert re.fullmatch(rf"{re.escape(str(file))}:3: .*不是情感模型文件.*\n", shown.err)
    assert not (tmp_path / "var").exists()
