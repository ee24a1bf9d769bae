"""What may befall one process on SQLite: a clock that is set, a disk that fills, a scorer that hangs. Of servers: test_faults_kafka.py."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from monitor.bus.base import SCORED
from monitor.clock import HOUR, MINUTE, SystemClock
from monitor.loading import load_settings
from monitor.mention import decode_scored, decode_tick
from monitor.settings import Settings
from services.keeping.presence import holder
from services.wiring import open_bus
from tests.acceptance.making import SUBJECTS, Line, write_config
from tests.acceptance.processes import ENVIRONMENT, Running, ask, assert_clean, free_port, listing, ready, running, until
from tests.chaos.disk import NoDisk, full_for, small_disk
from tests.chaos.town import SERVICE, Town

pytestmark = pytest.mark.timeout(300)
AT_ONCE = 10.0  # seconds within which an alert is there
FULL = 6.0


def crowd(name: str, subject: str) -> list[Line]:
    """Thirty authors who spoke ill of a subject some minutes ago: what contract 5 says opens an alert at once."""
    now = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    text = f"{subject}食堂的饭菜吃坏了几百人，救护车来了又来，还不让说，太恶心了，必须追责"
    return [{"source": "x", "id": f"{name}{n}", "text": text, "author": f"{name}{n}", "published_at": now} for n in range(30)]


def alerts_of(base: str, subject: str) -> list[object]:
    """The alerts of a subject."""
    return [one["id"] for one in listing(base, "/v1/alerts") if one["subject"] == subject]


@contextmanager
def own_clock(folder: Path) -> Iterator[Town]:
    """A service whose wall clock can be set."""
    port = free_port()
    config = write_config(folder, more=f"listen: 127.0.0.1:{port}\n")
    place = Town(folder, config, f"http://127.0.0.1:{port}", {SERVICE: ()}, SERVICE)
    try:
        place.start(SERVICE)
        ready(place.base)
        yield place
    finally:
        place.kill(SERVICE)


@pytest.mark.parametrize("by", [HOUR, -HOUR])
def test_a_wall_clock_set_by_an_hour_and_back_stops_no_decision(tmp_path: Path, by: int) -> None:
    """
    While it is wrong, and when it is right again, an alert opens as soon as ever.

    Nothing on the log is of a time that had not come, or that time would stand still until it comes; what befell the clock is in the log
    of the process.
    """
    with own_clock(tmp_path) as place:
        for subject, shift in zip(SUBJECTS, (by, 0), strict=True):
            place.set_clock(shift)
            time.sleep(1.5)  # the minutes are looked at once a second
            began = time.monotonic()
            assert ask(f"{place.base}/v1/mentions", json.dumps(crowd(str(shift), subject)).encode()).status == 202
            until(lambda subject=subject: alerts_of(place.base, subject), AT_ONCE)  # type: ignore[misc]  # a default binds the loop's own subject; mypy infers no such lambda
            assert time.monotonic() - began < AT_ONCE
        assert place.stop() == []
        ((_, said),) = place.said()
    assert_clean(said)
    assert said.count("the wall clock was set") == 2
    now = SystemClock().now()
    assert all(now - 5 * MINUTE < at < now + MINUTE for at in asyncio.run(times(load_settings(place.config, os.environ | ENVIRONMENT))))


async def times(settings: Settings) -> list[int]:
    """The times that the records of the scored log tell, which is at rest."""
    bus = open_bus(settings, SystemClock())
    await bus.start()
    records = [one for partition in await bus.bounds(SCORED) for one in await bus.read(SCORED, partition, 0, 10_000)]
    await bus.close()
    return [decode_tick(one.value).at if one.kind == "tick" else decode_scored(one.value).received_at for one in records]


def test_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    """A push is refused in time with when to come again; what was acknowledged is decided, nothing is put aside, all goes on by itself."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    try:
        with small_disk(tmp_path / "var") as data, running(tmp_path / "err", "run", "--config", config_at(tmp_path, port)) as service:
            ready(base)
            taken, refused = filled(base, data)
            until(lambda: ask(f"{base}/readyz").status == 200, 30)
            until(lambda: {str(one["id"]) for one in listing(base, "/v1/mentions")} >= taken, 30)
            assert refused
            assert dead(base) == 0
            assert service.stop() == 0
            assert_clean(service.err)
    except NoDisk as why:
        pytest.skip(f"no disk of its own: {why}")


def dead(base: str) -> float:
    """How many records were put aside."""
    lines = ask(f"{base}/metrics").body.decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("yuqing_dead_letters_total{"))


def config_at(folder: Path, port: int) -> Path:
    """A configuration that listens there."""
    return write_config(folder, more=f"listen: 127.0.0.1:{port}\n")


def filled(base: str, data: Path) -> tuple[set[str], int]:
    """Push while the disk is full for a while, and a little longer: what was taken, and how often it was refused."""
    filling = Thread(target=full_for, args=(data, FULL))
    filling.start()
    taken, refused, end = set[str](), 0, time.monotonic() + FULL + 4
    for number in range(10_000):
        if time.monotonic() > end:
            break
        lines = [one | {"text": f"{one['text']}{number}" * 40} for one in crowd(f"d{number}-", SUBJECTS[0])]
        began = time.monotonic()
        answer = ask(f"{base}/v1/mentions", json.dumps(lines).encode())
        assert time.monotonic() - began < 12, "contract 4 says 10; this machine may be busy"
        assert answer.status == 202 or (answer.status == 503 and "retry-after" in {name.lower() for name in answer.headers})
        assert ask(f"{base}/livez").status == 200
        taken |= {str(one["id"]) for one in lines} if answer.status == 202 else set()
        refused += answer.status == 503
        time.sleep(0.1)
    filling.join()
    return taken, refused


class Stuck(Running):
    """A service that hangs."""

    program = (sys.executable, "-m", "tests.acceptance.stuck_process", "3")


def test_a_service_that_hangs_ends_itself(tmp_path: Path) -> None:
    """There is something to do, everything answers, nothing moves: /readyz says so, exit code 1, and the next one does it."""
    port = free_port()
    base, config = f"http://127.0.0.1:{port}", config_at(tmp_path, port)
    with Stuck(tmp_path / "err", "run", "--config", config).at_work() as stuck:
        until(lambda: ask(f"{base}/livez").status == 200)
        assert ask(f"{base}/v1/mentions", json.dumps(crowd("a", SUBJECTS[0])).encode()).status == 202
        assert stuck.wait(60) == 1
        events = [json.loads(line)["event"] for line in stuck.err.splitlines()]
        assert "role stopped: no progress" in events
    with running(tmp_path / "err", "run", "--config", config):
        ready(base)
        until(lambda: alerts_of(base, SUBJECTS[0]), 30)


class Endless(Running):
    """A service that cannot end."""

    program = (sys.executable, "-m", "tests.acceptance.endless_process")


@pytest.mark.parametrize("how", ["task", "thread", "worker", "loop"])
def test_an_end_that_hangs_is_ended(tmp_path: Path, how: str) -> None:
    """A side task dies and something left behind never ends: the log says so, the exit code is 1, and the folder is free for the next."""
    port = free_port()
    config = config_at(tmp_path, port)
    with Endless(tmp_path / "err", how, "run", "--config", config).at_work() as endless:
        assert endless.wait(60) == 1
    events = [json.loads(line) for line in endless.err.splitlines()]
    assert {"side task died", "the end took too long: aborted"} <= {one["event"] for one in events}
    assert holder(tmp_path / "var") is None
