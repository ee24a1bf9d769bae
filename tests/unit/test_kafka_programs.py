"""Where a Kafka for tests comes from, and that nothing of it outlives the tests."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.kafka_programs import IMAGE, IN_IMAGE, Docker, Jars, NoKafka, find_kafka

PARENT = """
import signal, sys, time
from pathlib import Path
from tests.kafka_programs import Jars, started
print(started(["sleep", "60"], Path(sys.argv[1]), Jars.ends_by).pid, flush=True)
time.sleep(60)
"""


def on_path(folder: Path, monkeypatch: pytest.MonkeyPatch, **programs: str) -> None:
    """Only these programs are on the PATH, each a script."""
    for name, text in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("KAFKA_HOME", raising=False)


def test_a_home_is_taken_before_anything_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own jars, by the machine's Java."""
    on_path(tmp_path, monkeypatch, java="", docker="echo linux")
    (tmp_path / "libs").mkdir()
    monkeypatch.setenv("KAFKA_HOME", str(tmp_path))
    found = find_kafka()
    assert isinstance(found, Jars)
    line = found.java("a", tmp_path, "kafka.Kafka", "f")
    assert (line[0], line[-3:]) == ("java", [f"{tmp_path}/libs/*", "kafka.Kafka", "f"])


def test_without_java_the_image_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody answers the client; the same arguments, in the same folder, on the machine's own network."""
    on_path(tmp_path, monkeypatch, docker="echo linux")
    found = find_kafka()
    assert isinstance(found, Docker)
    line = found.java("broker-1", tmp_path, "kafka.Kafka", "f")
    at = line.index(IMAGE)
    assert line[:3] == ["docker", "run", "--rm"]
    assert (line[line.index("--name") + 1], line[line.index("--network") + 1]) == ("broker-1", "host")
    assert line[line.index("--volume") + 1] == f"{tmp_path}:{tmp_path}"
    assert line[line.index("--entrypoint") + 1] == "java"
    assert line[at + 1 :] == [*Jars(Path(IN_IMAGE)).java("", tmp_path, "kafka.Kafka", "f")[1:]]
    assert found.line("k", tmp_path, "keytool", "-x")[-3:] == ["keytool", IMAGE, "-x"]


def test_a_container_is_killed_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal that nobody can catch ends the client alone, and the broker would go on."""
    on_path(tmp_path, monkeypatch, docker=f'echo "$@" >> {tmp_path}/asked')
    with subprocess.Popen(["/bin/true"]) as process:
        Docker().signal("broker-1", process, signal.SIGSTOP)
    assert (tmp_path / "asked").read_text() == "kill --signal SIGSTOP broker-1\n"


@pytest.mark.parametrize("docker", [None, "exit 1", "echo windows"])
def test_where_there_is_neither_both_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, docker: str | None) -> None:
    """Also where a client is there and nobody answers it."""
    on_path(tmp_path, monkeypatch, **({"docker": docker} if docker else {}))
    with pytest.raises(NoKafka, match=r"no java on the PATH; .*docker"):
        find_kafka()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_broker_ends_with_the_tests(tmp_path: Path, number: signal.Signals) -> None:
    """However they are ended."""
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, cwd=root, env=os.environ) as parent:
        assert parent.stdout
        child = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(number)
        parent.wait(10)
    until = time.monotonic() + 10
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until
        time.sleep(0.02)
