"""The service killed again and again on each bus; `python -m tests.chaos` is the same as a program, of any length."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.progress import Progress

from tests.acceptance.processes import ask, ready, running, yuqing
from tests.chaos.blows import Blow, drawn
from tests.chaos.run import Asked, run
from tests.chaos.town import on_servers
from tests.kafka_server import Cluster
from tests.postgresql import Server

pytestmark = pytest.mark.timeout(600)
KILLS = 20


ASKED = Asked(kills=KILLS, seed=1, held=(1.0, 3.0))  # held still for no longer than a test can wait


def test_kills_and_pauses_change_nothing_on_sqlite(tmp_path: Path) -> None:
    """
    Every 202 is stored, every act is done once, the log decided again gives the same; each message came, in order, once but for kills.

    On the folder at rest `run --role api` shows what `alerts` lists.
    """
    verdict = run(ASKED, tmp_path, Progress(disable=True))
    assert verdict.wrong == []
    config = tmp_path / "yuqing.yaml"
    alerts = [json.loads(line) for line in yuqing("alerts", "--config", config, "--json").out.splitlines()]
    assert len(alerts) == verdict.counts["alerts"]
    moved = [(one["from"], one["to"]) for line in alerts for one in line["transitions"] if "to" in one]
    assert {"blue", "yellow", "orange"} <= {to for _, to in moved}, "little was tested"
    assert any(level in {"orange", "red"} for level, _ in moved), "nothing high ever fell, or rose on"
    base = f"http://{next(line for line in config.read_text('utf-8').splitlines() if line.startswith('listen'))[8:]}"
    with running(tmp_path / "stderr", "run", "--config", config, "--role", "api") as shown:
        ready(base)
        for line in alerts:
            detail = ask(f"{base}/v1/alerts/{line['id']}").said
            assert {key: detail[key] for key in line} == line
        assert shown.stop() == 0


def test_kills_and_pauses_change_nothing_on_kafka(tmp_path: Path, kafka: Cluster, postgresql: Server) -> None:
    """The same of seven processes on Kafka and PostgreSQL, two of them scorers, two escalators."""
    assert run(replace(ASKED, bus="kafka"), tmp_path, Progress(disable=True), on_servers(kafka, postgresql)).wrong == []


def test_a_seed_gives_its_blows_again() -> None:
    """The same seed, names and kills are the same blows; all the kills are among them, and every name is hit."""
    names = ("api", "score", "escalate")
    blows = list(drawn(7, names, 100, (5.0, 15.0)))
    assert blows == list(drawn(7, names, 100, (5.0, 15.0)))
    assert blows != list(drawn(8, names, 100, (5.0, 15.0)))
    assert sum(blow.kind == "kill" for blow in blows) == 100
    assert {blow.name for blow in blows} == set(names)
    assert all(held_between(blow, 5.0, 15.0) for blow in blows)


def held_between(blow: Blow, least: float, most: float) -> bool:
    """Whether a pause is as long as it was asked to be."""
    return least <= blow.held <= most if blow.kind == "hold" else not blow.held
