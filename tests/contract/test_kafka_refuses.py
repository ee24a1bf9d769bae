"""A Kafka that answers and will not have us: every verb that begins with it ends at once, and names what of the configuration to mend."""

import gc
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from services.cli import run
from tests.kafka_server import PASSWORD, USER, Cluster

# What hangs up by TLS needs longer than a verb that was refused; there the process ends, here the rest is let go of in silence
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
NO_STORE = "postgresql://u:geheim@127.0.0.1:1/x"  # Kafka is asked first
LINES = {
    "topics": ("topics",),
    "run": ("run", "--role", "score"),
    "replay": ("replay", "mentions.jsonl"),
}
MENTION = '{"source":"s","id":"1","text":"某局","url":"https://e.example/1","published_at":"2026-11-01T08:00:00+08:00"}\n'
MISTAKES: Mapping[str, tuple[Mapping[str, str], str]] = MappingProxyType(
    {
        "password": ({"password_env": "A_WRONG_ONE"}, "username、password_env（或 password_file）和 mechanism"),
        "mechanism": ({"mechanism": "PLAIN"}, "kafka.security 的 mechanism，broker 没有开启这种认证方式"),
        "ca": ({"ca_file": ""}, "kafka.security 的 ca_file"),
    }
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where the files are, and the passwords in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THE_PASSWORD", PASSWORD)
    monkeypatch.setenv("A_WRONG_ONE", "geraten")
    Path("mentions.jsonl").write_text(MENTION, "utf-8")
    yield
    gc.collect()


def config(kafka: Cluster, servers: tuple[str, ...], prefix: str, more: Mapping[str, str]) -> str:
    """A configuration that is right for this Kafka but for `more`."""
    right = {"protocol": "SASL_SSL", "mechanism": "SCRAM-SHA-512", "username": USER, "password_env": "THE_PASSWORD"}
    security = {key: value for key, value in {**right, "ca_file": str(kafka.ca_file), **more}.items() if value}
    said = ", ".join(f"{key}: {value}" for key, value in security.items())
    Path("yuqing.yaml").write_text(
        f"organisation: 某局\nsubjects: [{{name: 某局, rules: [某局]}}]\nbus: kafka://{','.join(servers)}\nstore: '{NO_STORE}'\n"
        f"kafka: {{topic_prefix: {prefix}, security: {{{said}}}}}\n",
        "utf-8",
    )
    return "yuqing.yaml"


@pytest.mark.parametrize("verb", LINES)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_wrong_setting_ends_the_start(kafka: Cluster, prefix: str, capfd: pytest.CaptureFixture[str], verb: str, mistake: str) -> None:
    """Code 2 and one line with the keys to mend, also of a service that waits for what is away; no password in it."""
    more, keys = MISTAKES[mistake]
    assert run([*LINES[verb], "--config", config(kafka, kafka.secure, prefix, more)]) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("Kafka 在运行，但不接受这份配置 (Kafka: ")
    assert keys in err
    assert all(word not in err for word in (PASSWORD, os.environ["A_WRONG_ONE"], "连不上"))


def test_the_port_of_another_protocol_is_named(kafka: Cluster, prefix: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A listener without passwords does not take one."""
    assert run(["topics", "--config", config(kafka, kafka.servers, prefix, {"protocol": "SASL_PLAINTEXT", "ca_file": ""})]) == 2
    assert "kafka.security 的 protocol 和 bus 的端口" in capfd.readouterr().err
