"""`yuqing doctor`: the page tells how an installation is, at rest and beside a service, and changes and betrays nothing."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from monitor.bus.base import DEAD, RAW, SCORED, Record
from monitor.bus.sqlite import SqliteBus
from monitor.clock import HOUR, ManualClock, SystemClock
from monitor.loading import load_settings
from monitor.settings import Retention
from monitor.store.sessions import Store
from services.cli import run
from services.dead.burial import DeadLetter
from services.doctor.examine import examine
from services.doctor.findings import Box, Config, Dead, Disk, Lag, Log, Service
from services.doctor.problems import problems_of
from services.keeping.presence import hold, holder
from tests.acceptance.processes import free_port
from tests.unit.api.making import raise_alerts

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
Write = Callable[[], Path]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with secrets in it, at an address where nobody answers."""
    file = tmp_path / "c.yaml"
    file.write_text(
        f"""organisation: 某某集团
listen: 127.0.0.1:{free_port()}
api_keys: [{{name: 大屏, role: reader, key: k-very-secret}}]
subjects: [{{name: 红十字会, rules: [红十字]}}]
sources: [{{name: 晚报, type: rss, url: "https://feeds.example.cn/?key=f33d"}}]
receivers: [{{name: duty, type: webhook, url: "https://robot.example.cn/x?token=t0k3n", secret: {SECRET}}}]
""",
        "utf-8",
    )
    return file


def _fill(folder: Path) -> None:
    """Waiting records, dead letters, alerts."""

    async def fill() -> None:
        bus = SqliteBus(folder, retention=Retention(), clock=ManualClock(SystemClock().now() - HOUR))
        await bus.start()
        await bus.append(RAW, [Record(key=b"k", value=b"x")] * 3)
        letter = DeadLetter(topic=RAW, origin="导出.csv:7", reason="invalid", error="words of people", raw="d29yZHM=")
        await bus.append(DEAD, [Record(key=b"k", value=msgspec.json.encode(letter), kind="dead")])
        await bus.close()
        store = await Store.open("sqlite", folder)
        await raise_alerts(store, 1, 2)
        await store.close()

    asyncio.run(fill())


def test_a_folder_without_data_is_well(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the first run there is nothing wrong, and asking makes no folder."""
    assert run(["doctor", "--config", str(config)]) == 0
    page = capsys.readouterr().out
    assert all(word in page for word in ("没有发现问题", "没有进程", "还没有数据", "GiB", "yuqing 0."))
    assert not (config.parent / "var").exists()


def test_a_folder_at_rest_is_told(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lag, dead letters, alerts and sizes come from the files; what is wrong stands first and makes the code 1."""
    _fill(config.parent / "var")
    assert run(["doctor", "--config", str(config)]) == 1
    page = capsys.readouterr().out
    told = ("score 落后 3 条", "有 1 条死信没有处理：invalid 1", "导出.csv:7", "橙 2", "store.db", "score: 积压 3 条")
    assert all(word in page for word in told)
    assert page.index("结论") < page.index("服务:")


def test_json_says_the_same(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One object, for programs."""
    _fill(config.parent / "var")
    assert run(["doctor", "--config", str(config), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["log"]["lag"][0]["messages"], found["log"]["dead"]["reasons"]) == (3, {"invalid": 1})
    assert (found["store"]["alerts"], found["store"]["pending"]) == ({"orange": 2}, 0)
    assert (found["service"]["running"], found["config"]["receivers"]) == (False, 1)


def test_no_secret_is_on_the_page(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither keys nor the addresses of receivers and sources nor people's words: it is made to be pasted."""
    _fill(config.parent / "var")
    run(["doctor", "--config", str(config)])
    run(["doctor", "--config", str(config), "--json"])
    shown = "".join(capsys.readouterr())
    secrets = ("k-very-secret", "t0k3n", "f33d", SECRET)
    assert not any(word in shown for word in (*secrets, "feeds.example", "robot.example", "words of people", "d29yZHM", "第1条"))


def test_a_holder_that_does_not_answer_is_told(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever holds the folder is named by pid, and is still the holder after we asked."""
    folder = config.parent / "var"
    with hold(folder):
        os.utime(config, (2**31, 2**31))
        assert run(["doctor", "--config", str(config)]) == 1
        assert holder(folder) == str(os.getpid())
    page = capsys.readouterr().out
    assert f"进程 {os.getpid()}" in page
    assert "不回答" in page
    assert "配置文件在服务启动之后改过" in page
    assert holder(folder) is None


def test_what_cannot_be_read_is_told_in_its_place(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Broken files are found, and cost the rest of the page nothing."""
    _fill(config.parent / "var")
    (config.parent / "var" / "bus.db").write_bytes(b"no database" * 1_000)
    assert run(["doctor", "--config", str(config)]) == 1
    page = capsys.readouterr().out
    assert "日志读不了" in page
    assert "橙 2" in page


async def test_an_old_store_is_not_migrated(config: Path) -> None:
    """A store of an older release is named and left as it is."""
    (config.parent / "var").mkdir()
    (config.parent / "var" / "store.db").write_bytes(b"")
    found = await examine(load_settings(config, {}), SystemClock())
    assert isinstance(found.store, str)
    assert "迁移" in found.store
    assert (config.parent / "var" / "store.db").stat().st_size == 0


def test_every_problem_has_its_line() -> None:
    """Each thing somebody should look at is told; a quiet service has none."""
    config = Config("c.yaml", "abc", "2026-01-01T00:00:00Z", False, 1, 0, 1, 0)
    service = Service(True, "7", None, "http://127.0.0.1:8000", "200", "200", [], {}, {})
    log, box = Log([Lag(RAW, "score", 5, 10.0)], {}, None, Dead(0, {}, [])), Box(2, 30.0, {})
    disk = Disk("var", 100 << 30, 200 << 30, {})
    replace = msgspec.structs.replace
    assert problems_of(config, service, log, box, disk) == []
    wrong = problems_of(
        replace(config, changed_since_start=True),
        replace(service, unready=["scorer"], parts={"source:晚报": "timeout", "bus": "ok"}),
        replace(log, lag=[Lag(RAW, "score", 5, 900.0)]),
        replace(box, oldest_seconds=3600.0), replace(disk, free=1 << 20),
    )  # fmt: skip
    assert len(wrong) == 6
    assert "信源 晚报：timeout" in wrong
    dead = replace(log, lag=[Lag(RAW, "score", 5, 10.0, 0), Lag(SCORED, "escalate", 0, 0.0, 0)])
    (told,) = problems_of(config, service, dead, box, disk)
    assert told.startswith("score：有 5 条没有处理，却没有进程担任 score")
    assert problems_of(config, service, replace(log, lag=[Lag(RAW, "score", 5, 10.0, 2)]), box, disk) == []
    other = problems_of(config, replace(service, running=False, pid=None), "还没有数据", "读不了：locked", "读不了：x")
    assert [line[:4] for line in other] == ["库读不了", "磁盘读不", "http"]


def test_what_is_decided_is_known_from_the_store(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The bus is told only now and then how far decisions have come: what a stopped service had decided is no backlog."""
    folder = config.parent / "var"

    async def decided() -> None:
        bus = SqliteBus(folder, retention=Retention(), clock=ManualClock(SystemClock().now() - HOUR))
        await bus.start()
        await bus.append(SCORED, [Record(key=b"k", value=b"x")] * 3)
        await bus.close()
        store = await Store.open("sqlite", folder)
        async with store.write() as unit:
            await unit.positions.move(await unit.positions.read(SCORED, 0), offset=2, now=1, last_act=0)
        await store.close()

    asyncio.run(decided())
    run(["doctor", "--config", str(config)])
    assert "escalate: 积压 1 条" in capsys.readouterr().out
