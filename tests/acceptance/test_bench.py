"""The bench in small, with its processes: one JSON object of contract 8's form, nothing left behind."""

import gzip
import json
from pathlib import Path

import pytest

from services.bench.latency import measure_latency
from services.bench.polling import measure_polling
from services.bench.push import measure_push
from services.bench.stream import NAMES, made_up_stream
from services.cli import run

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


def test_alert_latency_is_measured(tmp_path: Path) -> None:
    """Of our service and of the naive one, both as processes, under the same pushes."""
    (found,) = measure_latency(tmp_path / "l", made_up_stream(400), NAMES, alerts=4).values()
    assert set(found) >= {*FORM, "p50", "baseline_p50"}
    assert found["mentions"] == 4
    assert 0 < float(found["value"]) < 30


def test_polling_is_measured(tmp_path: Path) -> None:
    """Pages and unchanged polls, of the API role as a process, beside SQL by hand and a bare route."""
    found = measure_polling(tmp_path / "a", [], NAMES, alerts=300)
    assert list(found) == ["alerts_page", "alerts_304"]
    assert all(set(one) >= FORM and float(one["value"]) > 0 for one in found.values())
