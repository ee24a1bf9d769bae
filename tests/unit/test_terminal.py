"""What a person sees fits the terminal, wide characters and all; programs get JSON; colours come only where somebody sees them."""

import asyncio
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from unicodedata import combining, east_asian_width

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.store.sessions import Store
from services.cli import VERBS, run
from services.terminal.screen import folded
from tests.acceptance.making import ROOT
from tests.acceptance.processes import PROGRAM, free_port
from tests.unit.api.making import raise_alerts

WIDTHS = (60, 80, 120)
ITEM = {
    "title": "某某集团 [/bold] 的酸奶\x1b[2J里喝出活虫, 大家都很愤怒, 要求企业给个说法, 监管部门已经介入, 等待结果", "text": "x",
    "url": "https://example.cn/posts/2026/11/22/an-address-that-is-far-longer-than-a-line.html",
    "published_at": "2026-11-20T08:30:00+08:00", "author": "一个名字长得不像话的作者账号", "platform": "微博",
}  # fmt: skip
TABLES = (("alerts",), ("sources",), ("sources", "try", "导出"), ("doctor",))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with long names, a file to read, and alerts in the store."""
    (tmp_path / "导出.jsonl").write_text("".join(json.dumps(ITEM | {"id": str(n)}) + "\n" for n in range(3)), "utf-8")
    file = tmp_path / "c.yaml"
    file.write_text(
        f"organisation: 某某集团\nlisten: 127.0.0.1:{free_port()}\n"
        "subjects: [{name: 某某集团股份有限公司及其全部子公司, rules: [某某集团]}]\n"
        "sources:\n  - {name: 导出, type: file, path: 导出.jsonl}\n"
        "  - {name: 一个名字长得出奇的信源甚至超过一行的宽度都写不下, type: rss, url: 'https://x.cn/a/rather/long/path/to/a/feed.xml?k=1'}\n"
        "  - {name: 推, type: push, platform: 一个名字很长的平台}\n",
        "utf-8",
    )
    asyncio.run(_raise(tmp_path / "var"))
    return file


async def _raise(folder: Path) -> None:
    store = await Store.open("sqlite", folder)
    await raise_alerts(store, 1, 2)
    await store.close()


def columns(line: str) -> int:
    """What a terminal needs for a line."""
    return sum(0 if combining(one) else 2 if east_asian_width(one) in "WF" else 1 for one in line)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("words", TABLES, ids=" ".join)
def test_tables_fit_the_terminal(
    config: Path, words: tuple[str, ...], width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No line is wider than the terminal, and what people wrote is neither markup nor an escape."""
    monkeypatch.setenv("COLUMNS", str(width))
    assert run([*words, "--config", str(config)]) in {0, 1}
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) > 2
    assert max(map(columns, shown.splitlines())) <= width
    assert "\x1b" not in shown
    assert words[-1] != "导出" or "[/bold]" in shown


@pytest.mark.parametrize("words", TABLES, ids=" ".join)
def test_each_table_has_its_json(config: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Beside every table stands `--json`: a line of it is one JSON object, and stdout holds nothing else."""
    assert run([*words, "--config", str(config), "--json"]) in {0, 1}
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(isinstance(json.loads(line), dict) for line in lines)


@pytest.mark.parametrize("width", WIDTHS)
def test_help_fits_the_terminal(width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """So does every verb's help, whose explanations stand in one column."""
    monkeypatch.setenv("COLUMNS", str(width))
    for verb in VERBS:
        assert run([verb, "--help"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert max(map(columns, lines)) <= width
        options = [line for line in lines[lines.index("选项:") + 1 :] if line.startswith("  -")]
        assert len({columns(line[: line.rindex("  ")]) for line in options}) == 1, verb


def test_an_example_that_is_folded_can_still_be_pasted(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lines end in a backslash, between words."""
    monkeypatch.setenv("COLUMNS", "60")
    run(["report", "--help"])
    shown = capsys.readouterr().out.partition("例: ")[2].partition("\n\n")[0]
    assert shown.replace("\\\n", "").split() == [
        "yuqing", "report", "https://example.com/post/1", "--subject", "某某集团", "--note", "有人称喝出异物", "--config", "yuqing.yaml",
    ]  # fmt: skip


@given(st.text(st.sampled_from("中文，。（）“”ab-/ 1;"), max_size=200), st.integers(12, 90))
def test_folding_loses_no_word_and_keeps_the_width(text: str, width: int) -> None:
    """Whatever is folded: every line fits, and all that is no space is still there in its order."""
    lines = list(folded(text, width, "    "))
    assert all(columns(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@pytest.mark.parametrize(("more", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_are_for_terminals(config: Path, more: dict[str, str], coloured: bool) -> None:  # noqa: FBT001 a column of the table
    """A terminal gets colours, unless NO_COLOR forbids them; the other tests here are no terminal and get none."""
    outer, inner = pty.openpty()
    unwanted = {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}
    environment = {name: value for name, value in os.environ.items() if name not in unwanted} | {"TERM": "xterm-256color"} | more
    command = [*PROGRAM, "alerts", "--config", str(config)]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=inner, stderr=sys.stderr, check=False)
    os.close(inner)
    shown = os.read(outer, 65536).decode()
    os.close(outer)
    assert (done.returncode, "级别" in shown) == (0, True)
    assert ("\x1b" in shown) is coloured
