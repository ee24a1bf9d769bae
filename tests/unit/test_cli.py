"""The command line: Chinese help, Chinese mistakes, data on stdout, words on stderr, exit codes."""

import asyncio
import io
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
import pytest
from rich.console import Console

from monitor.alert import Alert, Counters, Level, Reason, ReasonCode, Transition, alert_id, story_id
from monitor.clock import HOUR
from monitor.escalation.effects import AlertChange
from monitor.store.sessions import Store
from services.cli import VERBS, program, run

CONFIG = "organisation: 某某集团\nsubjects: [{name: 红十字会, rules: [红十字|红会]}]\n"
GOOD = {"source": "a", "id": "1", "text": "红会又出事了", "published_at": "2026-11-20T00:00:00+08:00"}
AT = 1_780_000_000_000_000


class Ran(NamedTuple):
    """What a command line came to."""

    code: int
    out: str
    err: str


Yuqing = Callable[..., Ran]


@pytest.fixture
def yuqing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Yuqing:
    """Run a command line, with bytes on stdin."""

    def ran(*arguments: str, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = run(arguments)
        return Ran(code, *capsys.readouterr())

    return ran


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A small right configuration."""
    file = tmp_path / "c.yaml"
    file.write_text(CONFIG, "utf-8")
    return file


def test_help_is_chinese_everywhere(yuqing: Yuqing) -> None:
    """Every verb is listed and explains itself with an example, headings and `--help` itself included, on stdout with 0."""
    top = yuqing("--help")
    assert top.code == 0
    assert all(word in top.out for word in ("用法：yuqing 命令", "选项", "命令", *VERBS))
    for verb in VERBS:
        shown = yuqing(verb, "--help")
        assert (shown.code, shown.err) == (0, "")
        assert "显示本说明并退出" in shown.out
        assert f"例: yuqing {verb}" in shown.out
        assert not any(word in shown.out for word in ("Usage", "Options", "OPTIONS", "Show this", "required", "Commands"))


@pytest.mark.parametrize("verb", VERBS)
def test_examples_of_help_are_right(yuqing: Yuqing, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    """Every example is a command line that the verb takes as it stands."""
    monkeypatch.setenv("COLUMNS", "80")
    shown = yuqing(verb, "--help").out.replace("\\\n", "")
    examples = [line.strip().removeprefix("例: ") for line in shown.splitlines() if line.strip().startswith("例: ")]
    command = program.get_command(click.Context(program), verb)
    assert examples
    assert command is not None
    for example in examples:
        name, said, *arguments = shlex.split(example.partition(" < ")[0])
        assert (name, said) == ("yuqing", verb)
        command.make_context(verb, arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "用法"),
        (["chekc"], "没有 chekc 这个命令，是不是想写 check？"),
        (["zzz"], "没有 zzz 这个命令"),
        (["x\x1b[2J"], "没有 x\\u001b[2J 这个命令"),
        (["--foo"], "没有 --foo 这个选项"),
        (["check"], "缺少 参数 配置文件"),
        (["check", "a", "b"], "多出了参数：b"),
        (["score"], "缺少 --config"),
        (["score", "--confg", "x"], "没有 --confg 这个选项，是不是想写 --config？"),
        (["score", "--config"], "选项 --config 的用法不对"),
        (["alerts", "--config", "nowhere.yaml"], "nowhere.yaml:1: 文件不存在"),
        (["check", "\udcff"], ":1: "),
    ],
)
def test_wrong_use_is_lines_on_stderr_and_2(yuqing: Yuqing, arguments: list[str], says: str) -> None:
    """A slip on the command line is told in Chinese with where to look, and nothing goes to stdout."""
    ran = yuqing(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    assert "Traceback" not in ran.err


def test_check_tells_what_is_right(yuqing: Yuqing, config: Path) -> None:
    """A right configuration is summed up on stdout with 0; hints stand on stderr and change nothing."""
    ran = yuqing("check", str(config))
    assert ran.code == 0
    assert ran.out.startswith("配置正确")
    assert "某某集团" in ran.out
    assert "receivers" in ran.err
    assert not (config.parent / "var").exists()


def test_check_tells_every_mistake(yuqing: Yuqing, config: Path) -> None:
    """All mistakes come at once, a line each, FILE:LINE, with 2."""
    config.write_text(CONFIG + "lisen: x\npolicy: none.yaml\n", "utf-8")
    ran = yuqing("check", str(config))
    assert (ran.code, ran.out) == (2, "")
    assert [line.partition(": ")[0] for line in ran.err.splitlines()] == [f"{config}:3", f"{config}:4"]


def test_score_gives_a_line_for_every_mention_in_order(yuqing: Yuqing, config: Path) -> None:
    """Hit or not, every mention has its line; spans slice the original text."""
    lines = [GOOD | {"id": str(n), "text": "红会又出事了" if n % 3 else "天气好"} for n in range(150)]
    ran = yuqing("score", "--config", str(config), stdin="\n".join(map(json.dumps, lines)).encode())
    got = [json.loads(line) for line in ran.out.splitlines()]
    assert (ran.code, ran.err) == (0, "")
    assert [line["id"] for line in got] == [line["id"] for line in lines]
    assert [bool(line["subjects"]) for line in got] == [n % 3 != 0 for n in range(150)]
    (hit,) = got[1]["subjects"][0]["hits"]
    assert GOOD["text"][hit["start"] : hit["end"]] == hit["text"] == "红会"


def test_score_knows_the_accounts_of_the_lists(yuqing: Yuqing, config: Path) -> None:
    """As the score role does: the organisation's own words are never negative; whoever has a role has it on the line, hit or not."""
    config.write_text(CONFIG + "accounts: [a.yaml]\n", "utf-8")
    (config.parent / "a.yaml").write_text("- {name: 官方, role: own}\n- {name: 爆料哥, role: watch}\n", "utf-8")
    ill = GOOD | {"text": "红会欺骗公众，太可耻了，气死我了"}
    sent = [ill, ill | {"author": "官方"}, ill | {"author": "爆料哥", "text": "隔壁太可耻了"}, ill | {"followers": 10_000_000}]
    ran = yuqing("score", "--config", str(config), stdin="\n".join(map(json.dumps, sent)).encode())
    got = [json.loads(line) for line in ran.out.splitlines()]
    labels = [[one["sentiment"]["label"] for one in (line, *line["subjects"])] for line in got]
    assert [line.get("role") for line in got] == [None, "own", "watch", "kol"]
    assert (labels[0], labels[2], labels[3]) == (["negative"] * 2, ["negative"], ["negative"] * 2)
    assert "negative" not in labels[1]
    assert len(labels[1]) == 2


def test_score_passes_over_bad_lines_and_says_so(yuqing: Yuqing, config: Path) -> None:
    """A bad line is told with its number on stderr and costs its neighbours nothing; the code is 1."""
    stdin = b"\n".join([json.dumps(GOOD).encode(), b"oops", b"\xff\xfe", b"[" * 10_000, json.dumps(GOOD | {"id": "2"}).encode()])
    ran = yuqing("score", "--config", str(config), stdin=stdin)
    assert ran.code == 1
    assert [json.loads(line)["id"] for line in ran.out.splitlines()] == ["1", "2"]
    assert [line.rsplit(":")[1] for line in ran.err.splitlines()] == ["2", "3", "4"]


def test_alerts_of_a_folder_without_data(yuqing: Yuqing, config: Path) -> None:
    """Before the first run there are no alerts, and asking makes no folder."""
    ran = yuqing("alerts", "--config", str(config), "--json")
    assert (ran.code, ran.out) == (0, "")
    assert "还没有数据" in ran.err
    assert not (config.parent / "var").exists()


def _change(subject: str, title: str) -> AlertChange:
    story = story_id(subject, b"founder")
    counters = Counters(title=title, mentions=31, authors=30, negative=30, platforms=("微博",), engagement=5, first_at=AT, last_at=AT,
                        samples=(), indicators={"authors_10m": 30.0})  # fmt: skip
    reasons = (Reason(ReasonCode.AUTHORS_10M, 30.0, 20.0),)
    alert = Alert(id=alert_id(story, 1), subject=subject, story=story, episode=1, level=Level.ORANGE, policy_level=Level.ORANGE,
                  status="open", opened_at=AT, changed_at=AT + HOUR, counters=counters, reasons=reasons)  # fmt: skip
    return AlertChange(
        alert,
        Transition(at=AT, alert=alert.id, subject=subject, story=story, actor="policy", reasons=reasons, from_level=Level.NONE,
                   to_level=Level.ORANGE),
    )  # fmt: skip


def _store(folder: Path) -> None:
    async def fill() -> None:
        store = await Store.open("sqlite", folder)
        async with store.write() as unit:
            await unit.alerts.record([_change("红十字会", "红会\x1b[2J事件" * 30), _change("某某集团", "停运")])
        await store.close()

    asyncio.run(fill())


def test_alerts_json_is_the_contract_ordered_by_id(yuqing: Yuqing, config: Path) -> None:
    """One line an alert with its transitions, by id as a string."""
    _store(config.parent / "var")
    ran = yuqing("alerts", "--config", str(config), "--json")
    got = [json.loads(line) for line in ran.out.splitlines()]
    assert (ran.code, ran.err) == (0, "")
    assert [line["id"] for line in got] == sorted(line["id"] for line in got)
    assert all(line["transitions"][0]["to"] == "orange" and line["level_zh"] == "橙" for line in got)
    assert all(line["transitions"][0]["reasons"][0]["code"] == "authors_10m" for line in got)


def test_alerts_for_a_person_fit_the_terminal(yuqing: Yuqing, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table keeps its columns on one line each, cuts long titles, and obeys no escape in them."""
    monkeypatch.setenv("COLUMNS", "100")
    _store(config.parent / "var")
    ran = yuqing("alerts", "--config", str(config))
    lines = ran.out.splitlines()
    assert (ran.code, len(lines)) == (0, 3)
    assert all(word in ran.out for word in ("级别", "橙", "待确认", "红十字会", "31", "10分钟"))
    assert "\x1b" not in ran.out
    assert all(Console().measure(line).maximum <= 100 for line in lines)


def test_a_reader_that_has_gone_is_no_traceback(config: Path) -> None:
    """`yuqing score … | head -1` ends silently with 141, as tools do."""
    program = "import sys; from services.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "score", "--config", str(config)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(b"\n".join(msgspec.json.encode(GOOD | {"id": str(n)}) for n in range(2_000)))
    assert (process.returncode, err) == (141, b"")


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads where Linux tells them")
def test_the_models_take_one_core(config: Path) -> None:
    """The sums of the sentiment models start no threads: roles share the cores of a machine."""
    program = (
        "import os, sys; from services import cli\n"
        "cli.end_within = lambda *_: print(len(os.listdir('/proc/self/task')), file=sys.stderr)  # would be a thread\n"
        "cli.main()"
    )
    line = msgspec.json.encode(GOOD | {"text": "说不清是好是坏，某某银行的门口今天人很多，也有几个人在问怎么回事"})
    done = subprocess.run(
        [sys.executable, "-c", program, "score", "--config", str(config)], input=line, capture_output=True, check=True,
        cwd=Path(__file__).parents[2], env={name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"},
    )  # fmt: skip
    assert done.stderr.strip() == b"1"
