"""The verbs where bus and store are servers: what they say when one of them is not to be had, or does not let us."""

import asyncio
import json
from pathlib import Path
from uuid import uuid4

import pytest

from monitor.bus.base import RAW, TOPICS, Record
from monitor.clock import SystemClock, moment
from monitor.loading import load_settings
from monitor.mention import Mention, Raw, encode
from services.cli import run
from services.wiring import open_bus
from tests.kafka_server import Cluster
from tests.postgresql import Server, database_of

ALERT = "a5a0c3f0b2d7e4c11aa08-001"
NOWHERE = "127.0.0.1:1"


def config(folder: Path, bus: str, store: str, prefix: str = "t.") -> str:
    """A configuration on this bus and this store."""
    file = folder / f"{uuid4().hex}.yaml"
    file.write_text(
        f"organisation: 某局\nsubjects: [{{name: 某局, rules: [某局]}}]\nbus: kafka://{bus}\nstore: '{store}'\n"
        f"kafka: {{topic_prefix: {prefix}, partitions: 2}}\n",
        "utf-8",
    )
    return str(file)


def database(postgresql: Server, *, made: bool = True) -> str:
    """A new database."""
    return asyncio.run(postgresql.database(made=made))


@pytest.mark.parametrize("line", [("backtest", "--from-bus"), ("dead", "list"), ("rescore", "--subject", "某局")], ids=" ".join)
def test_brokers_that_are_away_are_named(
    tmp_path: Path, postgresql: Server, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: tuple[str, ...]
) -> None:
    """Kafka is what cannot be used, not a folder; one message, and nothing of the client's own."""
    monkeypatch.setattr("monitor.bus.kafka_wire.WITHIN", 1.0)
    assert run([*line, "--config", config(tmp_path, NOWHERE, database(postgresql))]) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("Kafka 现在不能用")
    assert "数据目录" not in err


@pytest.mark.parametrize(
    "line", [("alerts",), ("alerts", "--json"), ("story", ALERT), ("export", "--alert", ALERT), ("sentiment", "report")], ids=" ".join
)
def test_a_database_that_is_away_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str], line: tuple[str, ...]) -> None:
    """PostgreSQL is what cannot be used, and its address is told without the password."""
    assert run([*line, "--config", config(tmp_path, NOWHERE, f"postgresql://u:geheim@{NOWHERE}/x")]) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("PostgreSQL 现在不能用")
    assert "geheim" not in err


def test_a_user_who_may_only_read(tmp_path: Path, kafka: Cluster, postgresql: Server, capfd: pytest.CaptureFixture[str]) -> None:
    """Reads what there is, and is told what is missing where something is to be written."""
    url = database(postgresql)

    async def grant() -> None:
        async with postgresql.session(database_of(url)) as session:
            await session.execute("DO $$ BEGIN CREATE ROLE looker LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
            await session.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO looker")

    asyncio.run(grant())
    file = config(tmp_path, kafka.servers[0], url.replace("postgres:@", "looker:@"), f"t{uuid4().hex[:12]}.")
    assert run(["alerts", "--config", file, "--json"]) == 0
    assert run(["run", "--role", "notify", "--config", file]) == 2
    err = capfd.readouterr().err
    assert "请给 store 里的用户读写各表的权限" in err
    assert "Traceback" not in err


def test_rules_are_tried_on_a_log_of_brokers(
    tmp_path: Path, kafka: Cluster, postgresql: Server, capfd: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    """`keywords dry-run` reads every partition, and appends to none."""
    file = config(tmp_path, kafka.servers[0], database(postgresql), f"t{uuid4().hex[:12]}.")
    new = tmp_path / "new.yaml"
    new.write_text("{name: 新, category: 法人, weight: 0.3, rules: [停电]}", "utf-8")
    before = asyncio.run(_ends(file, 40))
    assert run(["keywords", "dry-run", str(new), "--subject", "某局", "--config", file, "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert (found["records"], found["lost"]) == (40, False)
    assert found["subjects"][0]["mentions"] == [20, 40]
    assert [(one["rule"], one["gained"]) for one in found["rules"] if one["change"] == "new"] == [("停电", 20)]
    assert asyncio.run(_ends(file, 0)) == before


async def _ends(file: str, count: int) -> list[dict[int, tuple[int, int]]]:
    """Where every topic ends, once so many mentions have been appended."""
    bus, now = open_bus(load_settings(Path(file), {}), SystemClock()), SystemClock().now()
    await bus.start()
    mentions = [Mention(source="t", id=str(n), published_at=moment(now), text="停电了" if n % 2 else "某局通知") for n in range(count)]
    await bus.append(RAW, [Record(key=mention.id.encode(), value=encode(Raw(received_at=now, mention=mention))) for mention in mentions])
    bounds = [await bus.bounds(topic) for topic in TOPICS]
    await bus.close()
    return bounds


def test_a_doctor_makes_nothing(tmp_path: Path, kafka: Cluster, postgresql: Server, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither topics nor tables; it says that there are none yet, and what it cannot know."""
    prefix = f"t{uuid4().hex[:12]}."
    file = config(tmp_path, kafka.servers[0], database(postgresql, made=False), prefix)
    assert run(["doctor", "--config", file]) == 0
    page = capfd.readouterr().out
    assert f"还没有主题 {prefix}mentions.raw" in page
    assert "还没有建表" in page
    assert "不知道有没有进程在用" not in page
    assert run(["topics", "--config", file]) == 1
    assert capfd.readouterr().out.count("还没有，加 --create 即建立") == 3
    assert run(["doctor", "--config", config(tmp_path, kafka.servers[0], f"postgresql://u:x@{NOWHERE}/x", prefix)]) == 1
    assert "不知道有没有进程在用, 库读不了" in capfd.readouterr().out
