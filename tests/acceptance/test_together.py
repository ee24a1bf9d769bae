"""The roles as processes on a real Kafka and a real PostgreSQL: they decide as one process on SQLite does, whoever of them is killed."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.kills import IN_FLIGHT, untold
from tests.acceptance.making import brisk_policy, made_stream, write_config, write_lines
from tests.acceptance.processes import ask, assert_clean, listing, ready, running, until, yuqing
from tests.acceptance.receiving import Receiver
from tests.acceptance.test_same_decisions import alerts_of, lines_of, replayed
from tests.acceptance.together import check_decided_again, holding, servers_config, settled, town
from tests.chaos.pushing import Pusher
from tests.chaos.talk import Talk
from tests.kafka_server import Cluster
from tests.postgresql import Server
from tests.postgresql import running as own_server

pytestmark = pytest.mark.timeout(600)


def decided(base: str) -> int:
    """How many mentions are stored."""
    return len(listing(base, "/v1/mentions"))


@contextmanager
def held_still(kafka: Cluster) -> Iterator[None]:
    """The broker answers nobody within the block."""
    kafka.brokers[0].pause()
    try:
        yield
    finally:
        kafka.brokers[0].go_on()


def test_a_replay_decides_what_it_decides_on_sqlite(tmp_path: Path, kafka: Cluster, postgresql: Server) -> None:
    """
    The order across partitions leaks into nothing: alerts, transitions, ids and reasons are the same, and run again none is added.

    `backtest --from-bus` decides every partition again. While a service works there a replay is refused in words, `report` is not, and
    `doctor` sees it, and that nobody scores what was reported.
    """
    stream = write_lines(tmp_path / "made.jsonl", made_stream(scale=1))
    alone = write_config(tmp_path / "alone")
    config = servers_config(tmp_path / "servers", kafka, postgresql)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(replayed, alone, stream, "--no-send"), pool.submit(replayed, config, stream, "--no-send")
        assert first.result()
        assert second.result() == first.result()
    again = yuqing("backtest", "--from-bus", "--config", config)
    assert (again.code, lines_of(again.out)) == (0, first.result())
    assert replayed(config, stream, "--no-send", "--batch", "7") == first.result()
    with running(tmp_path / "stderr", "run", "--role", "notify", "--config", config) as service:
        until(lambda: '"started"' in service.err)
        refused = yuqing("replay", stream, "--config", config)
        assert (refused.code, "正被另一进程使用" in refused.err) == (2, True), refused.err
        reported = yuqing("report", "https://example.com/1", "--config", config)
        assert (reported.code, reported.out.decode().count("已收到")) == (0, 1), reported.err
        examined = yuqing("doctor", "--config", config)
        told = examined.out.decode()
        assert (examined.code, "在用" in told, "没有进程担任 score" in told) == (1, True, True), told
        assert service.stop() == 0
    assert alerts_of(config) == first.result()


@pytest.fixture
def crashing(postgresql: Server) -> Iterator[Server]:  # noqa: ARG001 - says why where there is none
    """A PostgreSQL of the test's own, which it may crash."""
    with own_server(durable=True) as server:
        yield server


def test_who_is_killed_or_comes_or_goes_changes_nothing(tmp_path: Path, kafka: Cluster, crashing: Server) -> None:
    """
    One process a role and two escalators, while mentions are pushed: an escalator is killed, a scorer comes, the other one goes.

    Then nobody answers at the bus for a while: a push is refused in time; then the store crashes: a push is taken all the same. Everything
    goes on by itself.
    Every mention that was acknowledged is decided once, by the log alone; each message comes once and in its order.
    """
    more = f"policy: {brisk_policy(tmp_path)}\n"
    with Receiver() as receiver, town(tmp_path / "town", kafka, crashing, receiver=receiver.url, more=more) as here:
        processes = [here.start("api", "api"), here.start("notify", "notify", "collect"), here.start("score-1", "score")]
        killed = here.start("escalate-1", "escalate")
        processes.append(here.start("escalate-2", "escalate"))
        ready(here.base, 120)
        talk = Talk(seed=1)
        pusher = Pusher(here.base, talk.batch)
        with pusher.at_work():
            until(lambda: receiver.arrivals and holding(killed) and holding(processes[3]), 120)
            killed.kill()
            processes.append(here.start("score-2", "score"))
            until(lambda: holding(processes[4]), 120)
            assert processes.pop(2).stop(within=30) == 0
            before = decided(here.base)
            until(lambda: decided(here.base) > before + 50, 120, every=0.5)
            processes.append(here.start("escalate-1", "escalate"))
            with held_still(kafka):
                asked = time.monotonic()
                answer = ask(f"{here.base}/v1/mentions", b'{"source": "s", "id": "1", "text": "x", "published_at": "2026-01-01T00:00:00Z"}')
                assert (answer.status, "retry-after" in {name.lower() for name in answer.headers}) == (503, True)
                assert time.monotonic() - asked < 15, "contract 4 says 10; this machine may be busy"
                assert ask(f"{here.base}/livez").status == 200
            until(lambda: decided(here.base) > before + 200, 120, every=0.5)
            crashing.stop(signal.SIGQUIT)
            taken = len(pusher.taken)
            until(lambda: len(pusher.taken) > taken + 50, 60)
            crashing.start()
        hits = {item for (_, item), subjects in talk.hits.items() if subjects}
        until(lambda: settled(here.base, len(hits)), within=120, every=0.5)
        assert {one["id"] for one in listing(here.base, "/v1/mentions")} == hits
        assert ask(f"{here.base}/readyz").status == 200
        assert {process.err[-4000:] for process in processes if process.stop(within=30)} == set(), "ended with an error"
        assert pusher.odd == []
        for said in ("api", "notify", "score-1", "score-2", "escalate-1", "escalate-2"):
            assert_clean((tmp_path / "town" / said).read_text("utf-8"))
        alerts = yuqing("alerts", "--config", here.config, "--json").out
        assert alerts
        assert untold(alerts, receiver.arrivals) == []
        assert len(receiver.arrivals) - len(receiver.first()) <= IN_FLIGHT
        check_decided_again(here.config, alerts.splitlines(), most=2)
