"""The bench in small, with its processes: one JSON object of contract 8's form, nothing left behind."""

import asyncio
import gzip
import json
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from monitor.loading import load_settings
from services.bench.dashboards import measure_dashboards
from services.bench.latency import measure_latency
from services.bench.pipeline import measure_pipeline
from services.bench.polling import measure_polling
from services.bench.push import measure_push
from services.bench.stream import NAMES, made_up_stream
from services.bench.takeover import measure_takeover
from services.cli import run
from tests.acceptance.processes import ENVIRONMENT
from tests.acceptance.together import servers_config
from tests.kafka_server import Cluster
from tests.postgresql import Server

FORM = {"value", "unit", "baseline", "ratio", "mentions"}


def test_replay_memory_and_scorer_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the user's own stream, with the disk of a configuration; one object, in the order asked, and nothing is left there."""
    stream = tmp_path / "own.jsonl.gz"
    stream.write_bytes(gzip.compress(b"\n".join(made_up_stream(100))))
    config = tmp_path / "c.yaml"
    config.write_text("organisation: x\nsubjects: [{name: x, rules: [x]}]\n", "utf-8")
    code = run(["bench", "scorer", "memory", "replay", "--file", str(stream), "--subject", NAMES[0], "--config", str(config)])
    shown = capsys.readouterr()
    assert (code, shown.err) == (0, "")
    figures = json.loads(shown.out)
    assert list(figures) == ["scorer", "memory", "replay"]
    assert all(set(one) >= FORM and one["mentions"] == 100 and one["ratio"] > 0 for one in figures.values())
    assert list((tmp_path / "var").iterdir()) == []


def test_push_is_measured(tmp_path: Path) -> None:
    """Through a real socket, every mention durable."""
    (found,) = measure_push(tmp_path / "p", made_up_stream(400), NAMES).values()
    assert set(found) >= {*FORM, "one_client"}
    assert found["mentions"] == 400


def test_the_pipeline_is_measured(tmp_path: Path, kafka: Cluster, postgresql: Server) -> None:
    """On SQLite beside bare inserts, on Kafka and PostgreSQL beside a bare loop; of topics and databases nothing is left."""
    here = load_settings(servers_config(tmp_path / "servers", kafka, postgresql), ENVIRONMENT)
    for base in (None, here):
        (found,) = measure_pipeline(tmp_path / f"p{base is None}", [], NAMES, base, least=600).values()
        assert set(found) >= FORM
        assert found["mentions"] == 600
        assert float(found["ratio"]) > 0
    assert asyncio.run(left_behind(kafka, postgresql, here.kafka.topic_prefix)) == []


def test_taking_over_is_measured(tmp_path: Path, kafka: Cluster, postgresql: Server) -> None:
    """On SQLite of a service that is started again, on servers of an escalator whose partitions another one takes."""
    here = load_settings(servers_config(tmp_path / "servers", kafka, postgresql), ENVIRONMENT)
    for base in (None, here):
        (found,) = measure_takeover(tmp_path / f"t{base is None}", [], NAMES, base).values()
        assert set(found) >= FORM
        assert found["baseline"] == (14 if base is None else 7)
        assert float(found["value"]) > 0


async def left_behind(kafka: Cluster, postgresql: Server, prefix: str) -> list[str]:
    """The topics and databases of measurements."""
    async with postgresql.session() as session:
        databases = [str(row[0]) for row in await session.fetch("SELECT datname FROM pg_database")]
    admin = AIOKafkaAdminClient(bootstrap_servers=list(kafka.servers))
    await admin.start()
    try:
        topics = [str(topic) for topic in await admin.list_topics()]
    finally:
        await admin.close()
    return [name for name in (*databases, *topics) if name.startswith(("yuqing_bench", f"{prefix}bench"))]


def test_alert_latency_is_measured(tmp_path: Path) -> None:
    """Of our service and of the naive one, both as processes, under the same pushes."""
    (found,) = measure_latency(tmp_path / "l", made_up_stream(400), NAMES, alerts=4).values()
    assert set(found) >= {*FORM, "p50", "baseline_p50"}
    assert found["mentions"] == 4
    assert 0 < float(found["value"]) < 30


def test_polling_is_measured(tmp_path: Path, kafka: Cluster, postgresql: Server) -> None:
    """Pages, unchanged polls and dashboards that wait, of the API role as a process; on SQLite and on servers, where nothing is left."""
    here = load_settings(servers_config(tmp_path / "servers", kafka, postgresql), ENVIRONMENT)
    for base in (None, here):
        found = measure_polling(tmp_path / f"a{base is None}", [], NAMES, base, alerts=300)
        found |= measure_dashboards(tmp_path / f"d{base is None}", [], NAMES, base, dashboards=5, changes=2)
        assert list(found) == ["alerts_page", "alerts_304", "dashboards"]
        assert all(set(one) >= FORM and float(one["value"]) > 0 for one in found.values())
        assert float(found["dashboards"]["woken"]) > 0
    assert asyncio.run(left_behind(kafka, postgresql, here.kafka.topic_prefix)) == []
