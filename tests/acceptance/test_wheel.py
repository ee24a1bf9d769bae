"""The wheel holds everything: installed into an empty venv it runs from a folder far from the sources."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest
from rich.cells import cell_len

from tests.acceptance.making import ROOT
from tests.acceptance.processes import until
from tests.picture import COLUMNS, PICTURE, words_of


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what version control knows or would take: what is ignored may not travel in it."""
    folder = tmp_path_factory.mktemp("wheel")
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if not name.startswith("tests/") and (ROOT / name).is_file():
            copy = folder / "source" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation",
               "--no-index", "--wheel-dir", str(folder), str(folder / "source")]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def yuqing(wheel: Path) -> Path:
    """`yuqing` of an empty venv with the wheel in it; what it depends on is lent by the venv of the tests, but not the sources."""
    home = wheel.parent / "venv"
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    site = next(home.glob("lib/python*/site-packages"))
    lent = wheel.parent / "lent"
    lent.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.lower().startswith(("yuqing", "__editable__", "_editable")) and entry.suffix != ".pth":
            (lent / entry.name).symlink_to(entry)
    (site / "lent.pth").write_text(f"{lent}\n", "utf-8")
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--no-index", str(wheel)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return home / "bin" / "yuqing"


def _run(yuqing: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    return subprocess.run([yuqing, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_data_travels(wheel: Path) -> None:
    """Libraries, lexicons, weights, folding, the policy and the migrations are in it; tests and configurations of ours are not."""
    names = set(ZipFile(wheel).namelist())
    shipped = [path.relative_to(ROOT) for path in (ROOT / "keywords").rglob("*") if path.suffix in {".yaml", ".tsv"}]
    assert {str(path) for path in shipped} <= names
    assert {"monitor/escalation/default.yaml", "monitor/store/migrations/env.py"} <= names
    assert any(name.startswith("monitor/store/migrations/versions/r0001") for name in names)
    assert {f"monitor/scoring/sentiment/weights/{name}.npz" for name in ("table", "network", "emotion")} <= names
    assert {"services/training/own.tsv", "services/training/CARD.md"} <= names
    assert not any(name.startswith(("tests", "deploy", ".")) for name in names)


def test_it_runs_far_from_the_sources(yuqing: Path, tmp_path: Path) -> None:
    """From another folder: help, init, check, score, doctor; the code is the wheel's."""
    where = _run(yuqing.with_name("python"), tmp_path, "-c", "import monitor, services; print(monitor.__file__, services.__file__)")
    assert str(ROOT) not in where.stdout
    shown = _run(yuqing, tmp_path, "--help")
    assert (shown.returncode, "命令" in shown.stdout) == (0, True)
    assert _run(yuqing, tmp_path, "init", "--organisation", "云杉乳业").returncode == 0
    assert _run(yuqing, tmp_path, "check", "yuqing.yaml").returncode == 0
    doctor = _run(yuqing, tmp_path, "doctor", "--config", "yuqing.yaml")
    assert (doctor.returncode, "没有发现问题" in doctor.stdout) == (0, True), doctor.stdout + doctor.stderr


def test_its_bench_measures(yuqing: Path, tmp_path: Path) -> None:
    """What measuring needs travels: the stream, the client, the simple thing to compare with; nothing is left where it ran."""
    ran = _run(yuqing, tmp_path, "bench", "push", "--mentions", "200")
    assert ran.returncode == 0, ran.stderr
    figures = json.loads(ran.stdout)
    assert [(name, one["mentions"], one["ratio"] > 0) for name, one in figures.items()] == [("push", 200, True)]
    assert list(tmp_path.iterdir()) == []


def _decided(said: str) -> list[str]:
    """The changes of level and their reasons, in their order."""
    return [line for line in said.splitlines() if re.match(r"\[.*(升级|降级)|理由", line)]


def test_its_demo_rises_to_red(yuqing: Path, tmp_path: Path) -> None:
    """`yuqing demo` of the wheel goes through its day, decides what README's picture shows, and stays up until it is told to stop."""
    out, environment = tmp_path / "out", os.environ | {"COLUMNS": str(COLUMNS)}
    with out.open("wb") as stream:
        command = [str(yuqing), "demo", "--seconds", "3"]
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=stream, stderr=subprocess.STDOUT)
    try:
        until(lambda: process.poll() is not None or "一天结束" in out.read_text("utf-8"), within=50)
        process.terminate()
        assert process.wait(10) == 130, out.read_text("utf-8")
    finally:
        process.kill()
    said = out.read_text("utf-8")
    assert _decided(said.replace(" ", "")) == _decided(words_of(PICTURE.read_text("utf-8"))), "python -m tests.documentation --picture"
    assert "橙→红" in said
    assert "签名有效" in said
    assert "Traceback" not in said
    assert all(cell_len(line) <= COLUMNS for line in said.splitlines() if "curl" not in line)
