"""`yuqing run` for real: pushed to over HTTP, and asked to stop; killed it is in test_chaos.py."""

import json
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.acceptance.making import SUBJECTS, write_config
from tests.acceptance.processes import ask, assert_clean, free_port, ready, running
from tests.acceptance.receiving import Receiver

pytestmark = pytest.mark.timeout(600)
_BAD = "{}食堂的饭菜吃坏了几百人，救护车来了又来，还不让说，太恶心了，必须追责"


def test_an_alert_is_told_within_a_second_and_the_service_stops_when_asked(tmp_path: Path) -> None:
    """30 negative mentions by 30 authors: alert and signed webhook at once. SIGINT ends it with 130, SIGTERM with 0, both soon."""
    port, err = free_port(), tmp_path / "stderr"
    base = f"http://127.0.0.1:{port}"
    now = datetime.now(UTC).isoformat()
    crowd = [{"source": "x", "id": f"c{n}", "text": _BAD.format(SUBJECTS[0]), "author": f"a{n}", "published_at": now} for n in range(30)]
    with Receiver() as receiver:
        config = write_config(tmp_path, receiver=receiver.url, more=f"listen: 127.0.0.1:{port}\n")
        with running(err, "run", "--config", config) as service:
            ready(base)
            began = time.monotonic()
            assert ask(f"{base}/v1/mentions", json.dumps(crowd).encode()).said["accepted"] == 30
            assert receiver.wait(bool, 5), service.err
            took = receiver.arrivals[0].at - began
            (alert,) = ask(f"{base}/v1/alerts").said["items"]
            assert took < 5
            assert (alert["subject"], alert["status"]) == (SUBJECTS[0], "open")
            assert receiver.arrivals[0].sound
            assert receiver.arrivals[0].data["alert"]["id"] == alert["id"]
            asked = time.monotonic()
            assert service.stop(signal.SIGINT) == 130
            assert time.monotonic() - asked < 5
        with running(err, "run", "--config", config) as service:
            ready(base)
            asked = time.monotonic()
            assert service.stop(signal.SIGTERM) == 0
            assert time.monotonic() - asked < 5
        assert_clean(service.err)
        assert len(receiver.first()) == len(receiver.arrivals), "a clean stop repeats nothing"
    print(f"from the POST to the webhook: {took:.3f} s")  # noqa: T201 the figure is worth seeing with -s
