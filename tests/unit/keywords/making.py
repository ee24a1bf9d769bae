"""Command lines run in this process, and the small libraries and configurations that they are given."""

import io
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from services.cli import run

CONFIG = """organisation: 某某集团
data: ./var
subjects:
  - {name: 红十字会, rules: [红会]}
"""
LIBRARY = """# 我们的词
name: 自备
category: 法人
weight: 0.3
rules:
  - 郭美美   # 旧事
  - 慈善总会
"""


class Ran(NamedTuple):
    """What a command line came to."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """What it printed."""
        return json.loads(self.out)


class Yuqing:
    """Runs `yuqing keywords …`, with bytes on stdin."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def __call__(self, *arguments: object, stdin: bytes = b"") -> Ran:
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = run(["keywords", *map(str, arguments)])
        return Ran(code, *self._capsys.readouterr())


def file_of(path: Path, text: str) -> Path:
    """A file with this text."""
    path.write_text(text, "utf-8")
    return path
