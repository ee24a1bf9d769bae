"""`yuqing init`: what it writes is right, it never overwrites unasked, and it asks again until an answer is right."""

import os
import pty
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.loading import load_settings
from services.cli import run

ROOT = Path(__file__).parents[2]


def _init(folder: Path, *arguments: str) -> int:
    return run(["init", "--out", str(folder / "yuqing.yaml"), *arguments])


def test_flags_become_a_right_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every flag arrives; the secret lies beside, for its owner only; `check` is content; stdout is empty."""
    code = _init(
        tmp_path, "--organisation", '某"某"集团: #1', "--subject", "甲", "--rules", "甲公司|甲集团-招聘", "--subject", "乙",
        "--receiver", "https://a.cn/x?key=1", "--rss", "https://news.example.cn/feed.xml",
    )  # fmt: skip
    shown = capsys.readouterr()
    assert (code, shown.out) == (0, "")
    assert "yuqing check" in shown.err
    got = load_settings(tmp_path / "yuqing.yaml", {})
    assert got.organisation == '某"某"集团: #1'
    assert [(subject.name, subject.rules) for subject in got.subjects] == [("甲", ("甲公司|甲集团-招聘",)), ("乙", ("乙",))]
    assert [(one.url, one.secret is not None) for one in got.receivers] == [("https://a.cn/x?key=1", True)]
    assert [(one.type, one.url) for one in got.sources] == [("rss", "https://news.example.cn/feed.xml")]
    assert all(stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600 for name in ("yuqing.yaml", "yuqing.secret"))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["yuqing.secret", "yuqing.yaml"]
    assert run(["check", str(tmp_path / "yuqing.yaml")]) == 0


def test_defaults_are_right_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without flags and without a terminal an example is written, and said to be one."""
    assert _init(tmp_path) == 0
    assert "示例" in capsys.readouterr().err
    assert load_settings(tmp_path / "yuqing.yaml", {}).organisation == "某某集团"


def test_what_is_commented_out_is_right_once_it_is_not(tmp_path: Path) -> None:
    """The examples in the comments hold: a newcomer takes the # away and nothing breaks."""
    _init(tmp_path)
    file = tmp_path / "yuqing.yaml"
    bare = re.sub(r"^(\s*)# (?=\s*[a-z-])", r"\1", file.read_text("utf-8"), flags=re.MULTILINE)
    file.write_text(bare, "utf-8")
    got = load_settings(file, {"DUTY_SECRET": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", "DASHBOARD_KEY": "k"})
    assert (len(got.sources), len(got.receivers), len(got.api_keys)) == (1, 1, 1)


def test_nothing_is_overwritten_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An existing file stays and the code is 2; --force replaces it, but never the secret."""
    _init(tmp_path, "--receiver", "https://a.cn")
    before, secret = (tmp_path / "yuqing.yaml").read_bytes(), (tmp_path / "yuqing.secret").read_bytes()
    assert _init(tmp_path, "--organisation", "另一家") == 2
    assert "--force" in capsys.readouterr().err
    assert (tmp_path / "yuqing.yaml").read_bytes() == before
    assert _init(tmp_path, "--organisation", "另一家", "--receiver", "https://a.cn", "--force") == 0
    assert load_settings(tmp_path / "yuqing.yaml", {}).organisation == "另一家"
    assert (tmp_path / "yuqing.secret").read_bytes() == secret


WRONG = [("--rules", "(("), ("--receiver", "ftp://x"), ("--rules", "a", "--rules", "b"), ("--organisation", "\x07")]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_answer_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: tuple[str, ...]) -> None:
    """What `check` would refuse is refused before a file is there."""
    assert _init(tmp_path, *wrong) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_is_asked(tmp_path: Path) -> None:
    """In a terminal the missing things are asked in Chinese, again until they are right, and Enter takes the default."""
    ours, theirs = pty.openpty()
    program = "import sys; from services.cli import main; main()"
    arguments = [sys.executable, "-c", program, "init", "--out", str(tmp_path / "y.yaml")]
    process = subprocess.Popen(arguments, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    os.close(theirs)
    os.write(ours, "云杉乳业\n\n((\n云杉|云杉牛奶\nnowhere\n\n\n".encode())
    out, err = process.communicate(timeout=60)
    os.close(ours)
    got = load_settings(tmp_path / "y.yaml", {})
    assert (process.returncode, out) == (0, b"")
    assert (got.organisation, got.subjects[0].name, got.subjects[0].rules) == ("云杉乳业", "云杉乳业", ("云杉|云杉牛奶",))
    assert (got.receivers, got.sources) == ((), ())
    assert all(word in err.decode() for word in ("机构名称", "监测主题", "第 3 个字符处", "要以 http:// 或 https:// 开头"))
