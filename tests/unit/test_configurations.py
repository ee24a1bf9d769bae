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
