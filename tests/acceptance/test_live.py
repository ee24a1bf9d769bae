"""`yuqing run` for real: pushed to over HTTP, killed and started again, asked to stop."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from threading import Event, Thread

import pytest

from tests.acceptance.kills import IN_FLIGHT, untold
from tests.acceptance.making import ROOT, SUBJECTS, Line, write_config
from tests.acceptance.processes import Running, ask, assert_clean, free_port, ready, running, until, yuqing
from tests.acceptance.receiving import Receiver
from tests.acceptance.test_same_decisions import by_alert, lines_of

pytestmark = pytest.mark.timeout(600)
KILLS = 4
BATCH = 8
_BAD = "{}食堂的饭菜吃坏了几百人，救护车来了又来，还不让说，太恶心了，必须追责"
_GOOD = "{}今天开放参观，大家都很高兴"


def brisk_policy(folder: Path, *, hold: str = "3s") -> Path:
    """The shipped policy with seconds instead of hours, so that levels fall within a test; with `hold` 0s they rise without a tick."""
    text = (ROOT / "monitor" / "escalation" / "default.yaml").read_text("utf-8")
    for span in ("1h", "2h", "3h"):
        text = text.replace(f"keep: {span}", "keep: 4s")
    file = folder / "brisk.yaml"
    file.write_text(text.replace("hold: 1m", f"hold: {hold}"), "utf-8")
    return file


def mention(drawn: Random, number: int) -> Line:
    """One about a subject or none: of the first subject ever more; of the second a burst that is soon an hour old, then little."""
    burst = number < 240
    named = drawn.choice((*SUBJECTS, "和".join(SUBJECTS), "隔壁") if burst or number % 40 == 0 else (SUBJECTS[0], SUBJECTS[0], "隔壁"))
    ago = 3575.0 + drawn.random() * 20 if SUBJECTS[1] in named else drawn.choice((0.0, 590.0))
    said = datetime.now(UTC) - timedelta(seconds=ago)
    return {
        "source": "live", "id": f"m{number}", "text": (_BAD if drawn.random() < 0.8 else _GOOD).format(named),
        "published_at": said.isoformat(), "author": f"u{number % 400}", "platform": drawn.choice(("微博", "抖音", "论坛")),
        "media": number % 60 == 59, "outlet": f"晚报{number % 7}" if number % 60 == 59 else None,
    }  # fmt: skip


class Pusher:
    """Pushes batch after batch until told to stop; one that was not acknowledged is pushed again, and some that were, too."""

    def __init__(self, base: str) -> None:
        self.taken: list[Line] = []
        self.odd: list[object] = []
        self._url, self._drawn, self._stop = f"{base}/v1/mentions", Random(9), Event()
        self._thread = Thread(target=self._work, daemon=True)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Pushes within the block, and has every batch acknowledged at its end."""
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join(60)

    def _work(self) -> None:
        number = 0
        while not self._stop.is_set():
            batch = [mention(self._drawn, number + i) for i in range(BATCH)]
            number += BATCH
            for _ in range(2 if self._drawn.random() < 0.2 else 1):
                self._push(batch)
            self.taken += batch
            time.sleep(0.05)

    def _push(self, batch: list[Line]) -> None:
        body = json.dumps(batch).encode()
        while True:
            try:
                answer = ask(self._url, body)
            except OSError:
                time.sleep(0.05)
                continue
            if answer.status == 202:
                if answer.said["accepted"] + answer.said["duplicate"] != len(batch):
                    self.odd.append(answer)
                return
            if answer.status != 503 or "Retry-After" not in {name.title() for name in answer.headers}:
                self.odd.append(answer)
                return
            time.sleep(0.2)


def listing(base: str, path: str) -> list[dict[str, object]]:
    """Every item of a list, by its cursor."""
    found: list[dict[str, object]] = []
    mark, cursor = "&" if "?" in path else "?", ""
    while True:
        said = ask(f"{base}{path}{mark}limit=200{cursor}").said
        found += said["items"]
        if said["next_cursor"] is None:
            return found
        cursor = f"&cursor={said['next_cursor']}"


def settled(base: str, hits: int) -> bool:
    """Whether everything pushed is decided, and every message sent."""
    return not ask(f"{base}/v1/notifications?state=pending").said["items"] and len(listing(base, "/v1/mentions")) >= hits


def acknowledged(base: str) -> str:
    """An open alert is acknowledged; its id."""
    until(lambda: ask(f"{base}/v1/alerts?status=open&min_level=blue").said["items"])
    alert: str = ask(f"{base}/v1/alerts?status=open&min_level=blue").said["items"][0]["id"]
    answer = ask(f"{base}/v1/alerts/{alert}/acknowledge", b'{"by": "\xe5\x80\xbc\xe7\x8f\xad", "note": "seen"}')
    assert answer.status == 200, answer
    return alert


def check_decided_again(config: Path, lines: list[bytes], *, most: int) -> None:
    """
    `backtest --from-bus` gives exactly these alerts' changes of level, apart from when they were written down.

    `most`: how often one of them must have changed, at least, or little was tested.
    """
    again = yuqing("backtest", "--from-bus", "--config", config)
    lived = by_alert(one for line in lines for one in json.loads(line)["transitions"])
    for transitions in lived.values():
        for one in transitions:
            one.pop("recorded_at")
    assert again.code == 0, again.err
    assert max(map(len, lived.values())) >= most
    assert lines_of(again.out) == lived


def test_a_service_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    """
    Pushed to without a pause, killed at random moments: each acknowledged mention is there, each webhook came, in order, never altered.

    An acknowledgement survives; `backtest --from-bus` decides the same; `run --role api` on the folder at rest shows the same.
    """
    port, drawn = free_port(), Random(2)
    base = f"http://127.0.0.1:{port}"
    with Receiver(pause=0.02) as receiver:
        config = write_config(tmp_path, receiver=receiver.url, more=f"listen: 127.0.0.1:{port}\npolicy: {brisk_policy(tmp_path)}\n")
        pusher, err = Pusher(base), tmp_path / "stderr"
        with pusher.at_work():
            service = Running(err, "run", "--config", config)
            ready(base)
            seen = acknowledged(base)
            for _ in range(KILLS):
                service.kill()
                service = Running(err, "run", "--config", config)
                ready(base)
                assert ask(f"{base}/v1/alerts/{seen}").said["status"] == "acknowledged"
                time.sleep(drawn.random() * 7)
            time.sleep(4)
        hits = {str(one["id"]) for one in pusher.taken if "隔壁" not in str(one["text"])}
        try:
            until(lambda: settled(base, len(hits)), within=60, every=0.5)
            assert {one["id"] for one in listing(base, "/v1/mentions")} == hits
            assert service.stop() == 0
        finally:
            service.kill()
        assert pusher.odd == []
        assert_clean(service.err)
        alerts = yuqing("alerts", "--config", config, "--json").out
        assert all(f'"to":"{level}"'.encode() in alerts for level in ("blue", "yellow", "orange"))
        assert '"from":"orange"' in alerts.decode()
        assert untold(alerts, receiver.arrivals) == []
        assert all(one.sound and one.body == receiver.first()[one.message].body for one in receiver.arrivals)
        assert len(receiver.arrivals) - len(receiver.first()) <= KILLS * IN_FLIGHT
    check_decided_again(config, alerts.splitlines(), most=4)
    with running(err, "run", "--config", config, "--role", "api") as shown:
        ready(base)
        for line in map(json.loads, alerts.splitlines()):
            detail = ask(f"{base}/v1/alerts/{line['id']}").said
            assert {key: detail[key] for key in line} == line
        assert shown.stop() == 0


def test_an_alert_is_told_within_a_second_and_the_service_stops_when_asked(tmp_path: Path) -> None:
    """30 negative mentions by 30 authors: alert and signed webhook at once. SIGINT ends it with 130, SIGTERM with 0, both soon."""
    port, err = free_port(), tmp_path / "stderr"
    base = f"http://127.0.0.1:{port}"
    now = datetime.now(UTC).isoformat()
    crowd = [
        {"source": "x", "id": f"c{n}", "text": _BAD.format(SUBJECTS[0]), "author": f"a{n}", "published_at": now} for n in range(30)
    ]
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
