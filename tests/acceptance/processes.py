"""The project's own processes, started for real: run to the end, watched, killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.acceptance.making import ROOT, SECRET

PROGRAM = (sys.executable, "-c", "from services.cli import main; main()")
ENVIRONMENT: Mapping[str, str] = {"ACCEPTANCE_SECRET": SECRET, "ACCEPTANCE_PSEUDONYM": "a made-up key of pseudonyms"}


class Ran(NamedTuple):
    """What a command line came to."""

    code: int
    out: bytes
    err: str


def yuqing(*arguments: str | Path, within: float = 120, env: Mapping[str, str] = ENVIRONMENT, **more: Any) -> Ran:
    """Run a command line to its end. Never a traceback, never the secret on stderr: whatever a test asks, this holds."""
    done = subprocess.run(
        [*PROGRAM, *map(str, arguments)], cwd=ROOT, env=os.environ | env, capture_output=True, timeout=within, check=False, **more
    )
    err = done.stderr.decode()
    assert_clean(err)
    return Ran(done.returncode, done.stdout, err)


def side_by_side(*lines: Sequence[str | Path], **more: Any) -> list[Ran]:
    """Several command lines that have nothing to do with each other, two at a time: tests are run on two cores."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda line: yuqing(*line, **more), lines))


def assert_clean(err: str) -> None:
    """What stderr may never show."""
    assert "Traceback" not in err, err
    assert not any(secret in err for secret in ENVIRONMENT.values()), "a secret in the log"


class Running:
    """A process that stays; its stderr goes to a file, so that it never waits for a reader."""

    program: Sequence[str] = PROGRAM

    def __init__(self, err: Path, *arguments: str | Path, **more: Any) -> None:
        self._err = err
        self.began = time.monotonic()
        with err.open("ab") as stream:
            self.process = subprocess.Popen(
                [*self.program, *map(str, arguments)], cwd=ROOT, env=os.environ | ENVIRONMENT, stdout=subprocess.DEVNULL,
                stderr=stream, **more,
            )  # fmt: skip

    @property
    def err(self) -> str:
        """All that was said on stderr, by earlier processes with the same file too."""
        return self._err.read_text("utf-8")

    @contextmanager
    def at_work(self) -> Iterator["Running"]:
        """Gone at the end of the block, whatever happened in it."""
        try:
            yield self
        finally:
            self.kill()

    def kill(self) -> bool:
        """SIGKILL; whether it was still at work."""
        alive = self.process.poll() is None
        self.process.kill()
        self.process.wait()
        return alive

    def stop(self, number: signal.Signals = signal.SIGTERM, within: float = 10) -> int:
        """Ask it to stop; its exit code."""
        self.process.send_signal(number)
        return self.wait(within)

    def wait(self, within: float) -> int:
        """Wait for its end; its exit code."""
        return self.process.wait(within)


@contextmanager
def running(err: Path, *arguments: str | Path, **more: Any) -> Iterator[Running]:
    """A process that is gone at the end of the block, whatever happened in it."""
    with Running(err, *arguments, **more).at_work() as process:
        yield process


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


def ask(url: str, body: bytes | None = None, *, within: float = 15, headers: Mapping[str, str] | None = None) -> Answer:
    """GET, or POST when there is a body; every status is an answer. OSError or HTTPException while nobody listens, or is killed."""
    kind = {"Content-Type": "application/json"} if body is not None else {}
    request = urllib.request.Request(url, data=body, headers={**kind, **(headers or {})})  # noqa: S310 our own loopback
    try:
        with urllib.request.urlopen(request, timeout=within) as answer:  # noqa: S310 our own loopback
            return Answer(answer.status, dict(answer.headers), answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return Answer(refused.code, dict(refused.headers), refused.read())


def until(holds: Callable[[], object], within: float = 30, every: float = 0.05) -> None:
    """Wait until something holds; AssertionError when it never does. Nobody listening yet is not yet."""
    deadline = time.monotonic() + within
    while True:
        try:
            if holds():
                return
        except OSError:
            pass
        assert time.monotonic() < deadline, "never came to hold"
        time.sleep(every)


def ready(base: str, within: float = 40) -> None:
    """Wait until the service is fit to work."""
    until(lambda: ask(f"{base}/readyz").status == 200, within)


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
