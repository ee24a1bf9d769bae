"""Two lines of configuration later: the same service with its store on a PostgreSQL server."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.acceptance.making import SUBJECTS, made_stream, write_config, write_lines
from tests.acceptance.processes import ask, assert_clean, free_port, ready, running, until, yuqing
from tests.postgresql import Server

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def url(postgresql: Server) -> AsyncIterator[str]:
    """An empty database."""
    made = await postgresql.database(made=False)
    yield made
    await postgresql.drop(made)


def config(folder: Path, name: str, store: str, port: int = 0) -> Path:
    """A configuration with a data folder of its own, and this store."""
    return write_config(folder / name, more=f"store: {store}\nlisten: 127.0.0.1:{port}\n")


def alerts(file: Path) -> list[dict[str, object]]:
    """Every alert with its transitions."""
    ran = yuqing("alerts", "--config", file, "--json")
    assert ran.code == 0, ran.err
    return [json.loads(line) for line in ran.out.splitlines()]


async def test_a_replay_decides_the_same(tmp_path: Path, url: str) -> None:
    """Alerts, ids, transitions and counters are those of the embedded store, also when the replay is run again."""
    stream = write_lines(tmp_path / "stream.jsonl", made_stream(1))
    found = []
    for name, store in (("embedded", "sqlite"), ("server", url)):
        file = config(tmp_path, name, store)
        ran = await asyncio.to_thread(yuqing, "replay", stream, "--config", file, "--no-send")
        assert ran.code == 0, ran.err
        found.append(await asyncio.to_thread(alerts, file))
    assert found[0] == found[1] != []
    again = await asyncio.to_thread(yuqing, "replay", stream, "--config", tmp_path / "server" / "yuqing.yaml", "--no-send")
    assert (again.code, await asyncio.to_thread(alerts, tmp_path / "server" / "yuqing.yaml")) == (0, found[1])


def _live(tmp_path: Path, url: str) -> None:
    port = free_port()
    file, other = config(tmp_path, "one", url, port), config(tmp_path, "other", url, free_port())
    base = f"http://127.0.0.1:{port}"
    stream = write_lines(tmp_path / "stream.jsonl", made_stream(1)[:20])
    with running(tmp_path / "err", "run", "--config", file) as service:
        ready(base)
        now = datetime.now(UTC).isoformat()
        said = [
            {"source": "x", "id": str(n), "text": f"{SUBJECTS[0]}停水三天没人管，骗子，太可恶了 {n}", "published_at": now, "author": str(n)}
            for n in range(40)
        ]
        assert ask(f"{base}/v1/mentions", json.dumps(said).encode()).said["accepted"] == 40
        until(lambda: ask(f"{base}/v1/alerts").said["items"])
        (alert,) = ask(f"{base}/v1/alerts").said["items"]
        assert ask(f"{base}/v1/alerts/{alert['id']}/acknowledge", b'{"by": "x"}').said["status"] == "acknowledged"
        assert [one["id"] for one in alerts(file)] == [alert["id"]]
        for verb in (("replay", stream), ("run",)):  # from another folder, on the same store
            ran = yuqing(*verb, "--config", other)
            assert (ran.code, "正被另一进程使用" in ran.err) == (2, True), ran.err
        service.kill()
    ran = yuqing("replay", stream, "--config", other, "--no-send")  # its presence ends by itself
    assert ran.code == 0, ran.err
    assert_clean((tmp_path / "err").read_text())


async def test_a_service(tmp_path: Path, url: str) -> None:
    """What is pushed is decided, acted on and listed; no replay and no second service works beside it; a killed one is in nobody's way."""
    await asyncio.to_thread(_live, tmp_path, url)
