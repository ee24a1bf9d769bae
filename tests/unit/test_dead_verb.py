"""`yuqing dead`: what was put aside is listed, shown, put back and dropped by people who need not know the log."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.json import encode as json_encode
from prometheus_client import CollectorRegistry

from monitor.bus.base import DEAD, RAW, Record
from monitor.bus.sqlite import SqliteBus
from monitor.clock import HOUR, SECOND, ManualClock, SystemClock, moment
from monitor.mention import Mention, Raw, encode
from monitor.metrics import Metrics
from monitor.settings import Retention
from services.cli import run
from services.dead.burial import DeadLetter, Tried, bury, bury_bytes
from services.keeping.presence import hold
from tests.acceptance.processes import free_port
from tests.unit.test_terminal import columns

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Three records of which two failed, and a line of a file that is no mention."""
    file = tmp_path / "c.yaml"
    file.write_text(f"organisation: 某某\nlisten: 127.0.0.1:{free_port()}\nsubjects: [{{name: 甲, rules: [甲]}}]\n", "utf-8")
    (tmp_path / "var").mkdir()
    asyncio.run(_fill(tmp_path / "var"))
    return file


async def _fill(folder: Path) -> None:
    now, metrics = SystemClock().now(), Metrics(CollectorRegistry())
    bus = SqliteBus(folder, retention=Retention(), clock=ManualClock(now - HOUR))
    await bus.start()
    mentions = [Mention(source="t", id=f"m{n}", text=f"甲 {n}\x1b[2J", published_at=moment(now)) for n in range(3)]
    await bus.append(RAW, [Record(key=b"k", value=encode(Raw(received_at=now, mention=one))) for one in mentions])
    for record in (await bus.read(RAW, 0, 0, 9))[:2]:
        tried = Tried(3, now - HOUR - 5 * SECOND, now - HOUR)
        await bury(bus, metrics, record, "failed", f"ValueError: {'一个很长的错误 ' * 9}\x1b[31m (matcher.py:7)", tried)
    await bury_bytes(bus, metrics, RAW, "一个名字很长很长的导出文件.csv:7/ab", b'{"text": "\x1b[2J\xff"}', "invalid", "source: 缺少")
    await bus.close()


def listed(config: Path, capsys: Printed, *more: str) -> list[dict[str, object]]:
    """What `list --json` gives."""
    capsys.readouterr()
    assert run(["dead", "list", "--config", str(config), "--json", *more]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def said(config: Path, capsys: Printed, *words: str) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of a call."""
    capsys.readouterr()
    code = run(["dead", *words, "--config", str(config)])
    return code, *capsys.readouterr()


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("more", [(), ("--state", "all")])
def test_tables_and_pages_fit_the_terminal(
    config: Path, more: Sequence[str], width: int, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids are whole however narrow it is, and nothing of what was sent reaches the terminal as an escape."""
    monkeypatch.setenv("COLUMNS", str(width))
    found = listed(config, capsys)
    code, out, _ = said(config, capsys, "list", *more)
    assert code == 0
    assert ("状态" in out) == bool(more)
    assert all(str(one["id"]) in out for one in found)
    for one in found:
        out += said(config, capsys, "show", str(one["id"]))[1]
    assert max(map(columns, out.splitlines())) <= width
    assert "\x1b" not in out


def test_a_letter_is_shown_with_what_to_do(config: Path, capsys: Printed) -> None:
    """Where it comes from, why, how often it was tried, its bytes to be read, and the next step; `--json` has them exactly."""
    bad = next(one for one in listed(config, capsys) if one["reason"] == "invalid")
    code, out, _ = said(config, capsys, "show", str(bad["id"]))
    assert code == 0
    assert all(word in out for word in ("导出文件.csv:7", "invalid 不合格", "source: 缺少", r"\u001b[2J\xff", "怎么办", "drop"))
    assert json.loads(said(config, capsys, "show", str(bad["id"]), "--json")[1])["raw"] == "eyJ0ZXh0IjogIhtbMkr/In0="
    failed = next(one for one in listed(config, capsys) if one["reason"] == "failed")
    assert all(word in said(config, capsys, "show", str(failed["id"]))[1] for word in ("试过 3 次", " 至 ", "版本 0.", "replay"))


@pytest.mark.parametrize(("placed", "rest"), [(True, "mentions.raw 的保留期满为止"), (False, "整条还要看来处")])
def test_a_letter_that_was_cut_says_so(config: Path, placed: bool, rest: str, capsys: Printed, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    """In the list, on its page and for programs: how much is kept, where the whole is, and that it cannot be put back."""
    monkeypatch.setenv("COLUMNS", "400")
    asyncio.run(_bury_large(config.parent / "var", placed=placed))
    (one,) = [one for one in listed(config, capsys) if one["kept"] != one["bytes"]]
    assert (one["bytes"], one["kept"]) == (900_000, 450_000)
    assert all(other["kept"] == other["bytes"] for other in listed(config, capsys) if other["id"] != one["id"])
    assert said(config, capsys, "list")[1].count("只留有开头 450000 / 900000 字节") == 1
    page = said(config, capsys, "show", str(one["id"]))[1]
    assert all(word in page for word in ("原文 (900000 字节, 日志放不下, 只留有开头 450000 字节", rest, "放不回去"))
    assert json.loads(said(config, capsys, "show", str(one["id"]), "--json")[1])["text"] == "甲" * 150_000


async def _bury_large(folder: Path, *, placed: bool) -> None:
    """A letter of which the log takes no more than half: a record's, or that of a line of a file."""
    content = ("甲" * 300_000).encode()
    letter = DeadLetter(
        topic=RAW, origin=f"{RAW}/1/7" if placed else "f.jsonl:7/ab", reason="invalid", error="why", cut=len(content),
        raw=b64encode(content[: len(content) // 2]).decode(), partition=1 if placed else None, offset=7 if placed else None,
    )  # fmt: skip
    bus = SqliteBus(folder, retention=Retention(), clock=SystemClock())
    await bus.start()
    await bus.append(DEAD, [Record(key=letter.origin.encode(), value=json_encode(letter), kind="dead")])
    await bus.close()


def test_letters_are_chosen(config: Path, capsys: Printed) -> None:
    """By reason, topic and time; no more than asked for, and how many there are is told."""
    assert len(listed(config, capsys, "--reason", "failed")) == 2
    assert len(listed(config, capsys, "--topic", "mentions.scored")) == 0
    assert len(listed(config, capsys, "--since", "2h")) == 3
    assert len(listed(config, capsys, "--since", "10m")) == 0
    assert len(listed(config, capsys, "--since", "2020-01-01")) == 3
    assert len(listed(config, capsys, "--limit", "1")) == 1
    assert "共 3 封" in said(config, capsys, "list", "--limit", "1")[2]
    assert said(config, capsys, "list", "--state", "dropped")[1] == "没有死信\n"


def test_what_is_put_back_is_put_back_once(config: Path, capsys: Printed) -> None:
    """A dry run changes nothing; what cannot be put back is told with its reason and makes the code 1; the rest goes."""
    dry = said(config, capsys, "replay", "--all", "--dry-run")
    assert (dry[0], "会放回 2 封" in dry[1], "试运行" in dry[1], "UTF-8" in dry[2]) == (1, True, True, True)
    assert len(listed(config, capsys)) == 3
    done = said(config, capsys, "replay", "--all")
    assert (done[0], "已放回 2 封; 1 封仍读不了" in done[1]) == (1, True)
    assert [one["reason"] for one in listed(config, capsys)] == ["invalid"]
    (first, _) = listed(config, capsys, "--state", "replayed")
    once = said(config, capsys, "replay", str(first["id"]))
    assert (once[0], "已放回 0 封; 1 封此前已处理过" in once[1]) == (0, True)
    again = said(config, capsys, "replay", str(first["id"]), "--again", "--json")
    assert json.loads(again[1]) == {"done": [first["id"]], "passed": [], "refused": {}, "unknown": [], "dry_run": False}
    assert said(config, capsys, "replay", "--reason", "failed")[:2] == (0, "已放回 0 封\n")


def test_dropping_asks_first(config: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal `--yes` must be said; with one the answer counts."""
    assert said(config, capsys, "drop", "--reason", "invalid", "--dry-run")[:2] == (0, "会丢弃 1 封 (试运行, 什么也没有改)\n")
    refused = said(config, capsys, "drop", "--reason", "invalid")
    assert (refused[0], "--yes" in refused[2]) == (2, True)
    for answer, left in (("n", 3), ("y", 2)):
        with monkeypatch.context() as terminal:
            terminal.setattr("sys.stdin.isatty", lambda: True, raising=False)
            terminal.setattr("click.confirm", lambda *_, answer=answer, **__: answer == "y")
            assert said(config, capsys, "drop", "--reason", "invalid")[0] == 0
        assert len(listed(config, capsys)) == left
    failed = [str(one["id"]) for one in listed(config, capsys)]
    assert said(config, capsys, "drop", *failed, "--yes")[:2] == (0, "已丢弃 2 封\n")
    assert [one["state"] for one in listed(config, capsys, "--state", "all")] == ["dropped"] * 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("lst",), "没有 lst"), (("show",), "show 编号"), (("list", "dx"), "list 后面"), (("replay",), "放回哪些"), (("drop",), "丢弃哪些"),
        (("replay", "dx", "--all"), "只写一种"), (("drop", "--all"), "--all 只用于"), (("list", "--yes"), "--yes 只用于"),
        (("list", "--dry-run"), "--dry-run"), (("list", "--since", "昨天"), "--since 昨天"), (("list", "--since", "2026-13-45"), "--since"),
        (("show", "dnone"), "没有编号"), (("replay", "dnone"), "没有编号为 dnone"), (("drop", "dnone", "--yes"), "没有编号为 dnone"),
        (("list", "--reason", "odd"), "invalid、failed"), ((), "list|show"),
    ],
)  # fmt: skip
def test_wrong_use_is_told_in_words_that_help(config: Path, words: Sequence[str], told: str, capsys: Printed) -> None:
    """Exit 2, and never a traceback."""
    code, out, err = said(config, capsys, *words)
    assert (code, out) == (2, "")
    assert told in err


def test_without_data_there_is_nothing(tmp_path: Path, capsys: Printed) -> None:
    """Asking makes no folder."""
    file = tmp_path / "c.yaml"
    file.write_text("organisation: 某某\nsubjects: [{name: 甲, rules: [甲]}]\n", "utf-8")
    code, _, err = said(file, capsys, "list")
    assert (code, "还没有日志" in err, (tmp_path / "var").exists()) == (2, True, False)


def test_where_the_folder_is_held_the_service_is_asked(config: Path, capsys: Printed) -> None:
    """Looking needs nobody; writing goes through the API, and one that does not answer is told."""
    with hold(config.parent / "var"):
        assert len(listed(config, capsys)) == 3
        code, _, err = said(config, capsys, "replay", "--all")
    assert (code, "没有回答" in err) == (2, True)
