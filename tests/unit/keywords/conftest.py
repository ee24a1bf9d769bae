"""The command line and a configuration."""

from pathlib import Path

import pytest

from tests.unit.keywords.making import CONFIG, Yuqing, file_of
from tests.unit.pipeline.conftest import made


@pytest.fixture
def yuqing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Yuqing:
    """The command line."""
    return Yuqing(capsys, monkeypatch)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A small right configuration."""
    return file_of(tmp_path / "c.yaml", CONFIG)


__all__ = ["config", "made", "yuqing"]
