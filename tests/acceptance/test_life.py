"""A service whose configuration changes while it runs, and what people do to it from the command line."""

import json
import signal
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.acceptance.making import SUBJECTS, write_config
from tests.acceptance.processes import ask, assert_clean, free_port, listing, ready, running, until, yuqing

pytestmark = pytest.mark.timeout(300)
NIGHT = "夜班"
ILL = "停水三天没人管，骗子，太可恶了"


def put(url: str, body: object) -> int:
    """PUT; its status."""
    request = urllib.request.Request(url, data=json.dumps(body).encode(), method="PUT")  # noqa: S310 our own loopback
    with urllib.request.urlopen(request, timeout=15) as answer:  # noqa: S310 as above
        return int(answer.status)


def push(base: str, item: str, text: str, **more: object) -> None:
    """One mention, taken."""
    said = {"source": "x", "id": item, "text": text, "published_at": datetime.now(UTC).isoformat(), "author": item} | more
    assert ask(f"{base}/v1/mentions", json.dumps(said).encode()).said["accepted"] == 1


def reloads(base: str) -> str:
    """The metric's line."""
    lines = ask(f"{base}/metrics").body.decode().splitlines()
    return next(line for line in lines if line.startswith("yuqing_config_last_reload_successful"))


def found(base: str, subject: str) -> set[str]:
    """The ids of the mentions stored about a subject."""
    return {str(one["id"]) for one in listing(base, f"/v1/mentions?subject={quote(subject)}")}


def test_subjects_accounts_and_policy_change_while_it_runs(tmp_path: Path) -> None:
    """
    A changed file is taken up, a wrong one is not and says so; a subject put at night is watched at once and after a restart.

    `report` and `rescore` go through the running service, and work without one; nobody is woken, and again adds nothing.
    """
    port, err = free_port(), tmp_path / "stderr"
    base = f"http://127.0.0.1:{port}"
    (tmp_path / "accounts.yaml").write_text("[]\n", "utf-8")
    config = write_config(tmp_path, more=f"listen: 127.0.0.1:{port}\naccounts: [accounts.yaml]\n")
    with running(err, "run", "--config", config) as service:
        ready(base)
        push(base, "早", ILL)
        assert put(f"{base}/v1/subjects/{quote(NIGHT)}", {"rules": ["停水"], "floor": "yellow"}) == 201
        push(base, "晚", ILL + "！")
        until(lambda: found(base, NIGHT) == {"晚"})
        assert [one["level"] for one in listing(base, f"/v1/alerts?subject={quote(NIGHT)}")] == ["yellow"]

        (tmp_path / "accounts.yaml").write_text("- {name: 围观, role: watch}\n- {name: 官方, role: own}\n", "utf-8")
        until(lambda: '"configuration reloaded"' in service.err)
        push(base, "围观", "隔壁的事")
        push(base, "官方", f"{SUBJECTS[0]}的公告：停水系谣言，骗子可耻")
        until(lambda: found(base, "") == {"围观"} and "官方" in found(base, NIGHT))
        assert [one["mentions"] for one in listing(base, f"/v1/alerts?subject={quote(NIGHT)}")] == [1]

        good = config.read_text("utf-8")
        config.write_text(good + "policies: x\nlisten: 127.0.0.1:1\n", "utf-8")
        until(lambda: reloads(base).endswith(" 0.0"))
        config.write_text(good, "utf-8")
        service.process.send_signal(signal.SIGHUP)
        until(lambda: reloads(base).endswith(" 1.0"))

        told = yuqing("report", "https://e.example/1", "--subject", NIGHT, "--note", ILL, "--config", config)
        assert (told.code, told.out.decode().splitlines()[0][:3]) == (0, "已收到")
        assert "已入库" in told.out.decode()
        for verb in (["report", "https://e.example/1"], ["rescore"]):
            wrong = yuqing(*verb, "--subject", "夜斑", "--config", config)
            assert (wrong.code, f"现有：{NIGHT}、" in wrong.err) == (2, True)
        beside = yuqing("rescore", "--subject", NIGHT, "--config", config)
        assert (beside.code, "新入库 1 条" in beside.out.decode(), found(base, NIGHT) > {"早", "晚"}) == (0, True, True)
        alerts = ask(f"{base}/v1/alerts").said["items"]
        assert service.stop() == 0
    done = yuqing("rescore", "--subject", NIGHT, "--config", config)
    assert (done.code, "新入库 0 条" in done.out.decode()) == (0, True)
    assert yuqing("report", "https://e.example/2", "--subject", NIGHT, "--config", config).code == 0
    assert yuqing("report", "https://e.example/2", "--subject", "没有", "--config", config).code == 2
    again = yuqing("backtest", "--from-bus", "--config", config)
    assert {json.loads(line)["alert"] for line in again.out.splitlines()} == {one["id"] for one in alerts}
    with running(err, "run", "--config", config) as service:
        ready(base)
        until(lambda: any("e.example/2" in item for item in found(base, NIGHT)))
        assert {"早", "晚", "官方"} < found(base, NIGHT)
        assert [one["id"] for one in ask(f"{base}/v1/alerts").said["items"]] == [one["id"] for one in alerts]
        assert service.stop() == 0
    assert_clean(service.err)
