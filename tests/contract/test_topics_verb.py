"""`yuqing topics` against a real Kafka: what it shows, what it makes, what it says when something differs."""

from pathlib import Path

import pytest

from services.cli import run
from tests.kafka_server import Cluster


def config(tmp_path: Path, servers: tuple[str, ...], more: str) -> str:
    """A configuration on these brokers, with that in `kafka:`."""
    file = tmp_path / "yuqing.yaml"
    bus = f"bus: kafka://{','.join(servers)}\n" if servers else ""
    file.write_text(f"organisation: 某局\nsubjects: [{{name: 某局, rules: [某局]}}]\n{bus}{more}", encoding="utf-8")
    return str(file)


def test_topics_are_shown_made_and_right(tmp_path: Path, kafka: Cluster, prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Missing ones are 1, --create makes them, and after that all is right: 0."""
    file = config(tmp_path, kafka.servers, f"kafka: {{topic_prefix: {prefix}, partitions: 3}}\n")
    assert run(["topics", "--config", file]) == 1
    assert capsys.readouterr().out.count("还没有，加 --create 即建立") == 3
    assert run(["topics", "--config", file, "--create"]) == 0
    assert run(["topics", "--config", file]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert f"{prefix}mentions.raw\n" in out
    for words in ("1 台在线", "分区数", "保留时间 (retention.ms)               7 天", "LogAppendTime"):
        assert words in out


def test_what_differs_is_named_and_never_altered(tmp_path: Path, kafka: Cluster, prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Also with --create an existing topic stays as it is."""
    assert (
        run(["topics", "--config", config(tmp_path, kafka.servers, f"kafka: {{topic_prefix: {prefix}, partitions: 3}}\n"), "--create"]) == 0
    )
    file = config(tmp_path, kafka.servers, f"kafka: {{topic_prefix: {prefix}, partitions: 4}}\nretention: {{raw: 5d}}\n")
    for _ in range(2):
        capsys.readouterr()
        assert run(["topics", "--config", file, "--create"]) == 1
        out, err = capsys.readouterr()
        assert out.count("不符：配置要 4") == 3
        assert "7 天  不符：配置要 5 天" in out
        assert "程序从不改动已有的主题" in err


def test_without_kafka_there_are_no_topics(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong use, with what to write."""
    assert run(["topics", "--config", config(tmp_path, (), "")]) == 2
    assert "要用 Kafka 请写 bus: kafka://主机:9092" in capsys.readouterr().err
