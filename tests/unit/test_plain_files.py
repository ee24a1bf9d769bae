"""Only files are read, and only so much of them: a pipe, a device and a socket are refused at once, whatever should have stood there."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.collecting.reading import look_at
from monitor.errors import ConfigError
from monitor.loading import load_settings
from monitor.plain_files import NotPlain, read_plain
from monitor.scoring.library import load_libraries
from monitor.scoring.sentiment.table import read_table
from services.keywords.candidate import configuration
from tests.unit.keywords.making import CONFIG, LIBRARY, Yuqing, file_of


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


@pytest.fixture(params=[_pipe, _device, _socket])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """What leads to no file, by a short name: a socket's may not be long."""
    make: Callable[[Path], None] = request.param
    made = tmp_path / "bad.yaml"
    make(made)
    return made


def test_what_is_no_file_is_refused_by_every_reader(path: Path) -> None:
    """A library, a configuration, a table and a model."""
    assert ["bad.yaml:1: 不是普通文件" in str(one) for one in load_libraries([path])[1]] == [True]
    assert ["bad.yaml:1: 不是普通文件" in str(one) for one in load_libraries([path.parent])[1]] == [True]
    with pytest.raises(ConfigError, match=r"bad\.yaml:1: 不是普通文件"):
        load_settings(path, {})
    with pytest.raises(NotPlain):
        look_at(path)
    with pytest.raises(ValueError, match="不是普通文件"):
        read_table(path)


@pytest.mark.parametrize("key", ["libraries: [bad.yaml]", "policy: bad.yaml", "accounts: [bad.yaml]", "pseudonym_key_file: bad.yaml"])
def test_a_configuration_that_names_one_is_refused(path: Path, key: str) -> None:
    """Whatever it is to be: a library, a policy, a list of accounts, a secret."""
    with pytest.raises(ConfigError, match=r"不是普通文件|bad\.yaml” 读不了"):
        load_settings(file_of(path.with_name("c.yaml"), f"{CONFIG}{key}\n"), {})


def test_the_verbs_say_so_and_end(path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each that takes a library, a configuration, a table or a text."""
    yuqing = Yuqing(capsys, monkeypatch)
    for line in (
        ("test", "红会", "--library", path), ("test", "红会", "--config", path), ("test", "--file", path),
        ("import", path, "-o", path.with_name("l.yaml")), ("accept", "红会", "--to", path),
    ):  # fmt: skip
        ran = yuqing(*line)
        assert (ran.code, "不是普通文件" in ran.err) == (2, True), (line, ran.err)
    assert configuration(path) is None  # of a dry run: it is to be a library, then, and refused as such


def test_a_link_to_a_file_is_a_file_and_no_more_of_it_is_read_than_is_asked(tmp_path: Path) -> None:
    """A byte more than the bound shows that there is more."""
    (tmp_path / "link.yaml").symlink_to(file_of(tmp_path / "l.yaml", LIBRARY))
    assert load_libraries([tmp_path / "link.yaml"])[1] == []
    assert [len(read_plain(tmp_path / "link.yaml", most)) for most in (3, 10_000)] == [4, len(LIBRARY.encode())]
