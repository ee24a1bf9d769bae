"""What is wrong in configurations, folders and recorded files: a clear line each, the rest taken, never a traceback or a secret."""

import asyncio
import ctypes
import gzip
import json
import os
import signal
import socket
import sqlite3
from base64 import b64decode
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from monitor.bus.base import DEAD
from monitor.bus.sqlite import SqliteBus
from monitor.clock import SystemClock
from monitor.settings import Retention
from tests.acceptance.making import SECRET, SUBJECTS, Line, made_stream, write_config, write_lines
from tests.acceptance.processes import ENVIRONMENT, Running, free_port, ready, running, side_by_side, yuqing
from tests.acceptance.receiving import Receiver

pytestmark = pytest.mark.timeout(300)
GOOD: Line = {"source": "a", "id": "1", "text": "云杉集团又出事了", "published_at": "2026-03-01T08:00:00+08:00"}
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1


def raw(**fields: object) -> bytes:
    """A line of a file: the good one, changed."""
    return json.dumps(GOOD | fields).encode()


BAD: Mapping[str, tuple[bytes, str]] = {
    "broken JSON": (b'{"source": "a",', "JSON"),
    "no object": (b"[1, 2]", "object"),
    "missing fields": (b'{"text": "x"}', "published_at"),
    "wrong types": (raw(id="w", likes="many", media="yes"), "likes"),
    "an ancient time": (raw(id="old", published_at="1970-01-01T00:00:00Z"), "published_at"),
    "a far-future time": (raw(id="new", published_at="2126-01-01T00:00:00Z"), "published_at"),
    "no time at all": (raw(id="no", published_at="yesterday"), "published_at"),
    "an over-long text": (raw(id="long", text="长" * 30_000), "text"),
    "NUL": (raw(id="nul", text="a\0b"), "text"),
    "a lone surrogate": (raw(id="half", text="\ud83d 红"), "text"),
    "not UTF-8": (b'{"source": "\xff\xfe"}', "UTF-8"),
    "deep nesting": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "嵌套"),
    "a control character in an id": (raw(id="a\x1bb"), "id"),
}
FINE = {
    "a naive time": raw(id="naive", published_at="2026-03-01T08:00:00"),
    "control and bidi characters in the text": raw(id="bidi", text="云杉集团\x1b[2J\u202e又出事了\u2066"),
    "unknown and null fields": raw(id="more", colour="red", title=None),
}


def dead_letters(folder: Path) -> list[dict[str, Any]]:
    """What the log of a data folder at rest has put aside, in its order."""

    async def read() -> list[dict[str, Any]]:
        bus = SqliteBus(folder, retention=Retention(), clock=SystemClock())
        await bus.start()
        try:
            return [json.loads(letter.value) for letter in await bus.read(DEAD, 0, 0, 1_000)]
        finally:
            await bus.close()

    return asyncio.run(read())


def mentions_in(folder: Path) -> int:
    """How many mentions a data folder's store has."""
    with closing(sqlite3.connect(folder / "store.db")) as store:
        return int(store.execute("SELECT count(*) FROM mention").fetchone()[0])


def without_privilege() -> None:
    """In the child before it starts: even root obeys file modes from here on."""
    if ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0) != 0:
        os._exit(99)


def test_every_mistake_of_a_configuration_is_told_at_once(tmp_path: Path) -> None:
    """Unknown key, unbalanced rule, unset secret: FILE:LINE, rules FILE:LINE:COLUMN; `check`, `run`, `replay` and `backtest` agree."""
    file = tmp_path / "yuqing.yaml"
    file.write_text(
        "organisation: 云杉集团\nlisen: 127.0.0.1:1\nsubjects:\n  - name: 云杉\n    rules: [云杉, '(云杉+坠落']\n"
        "receivers:\n  - {name: duty, type: webhook, url: 'http://127.0.0.1:1/', secret_env: NOT_SET_ANYWHERE}\n",
        "utf-8",
    )
    stream = write_lines(tmp_path / "s.jsonl", [GOOD])
    said = side_by_side(
        ("check", file), ("run", "--config", file), ("replay", stream, "--config", file), ("backtest", stream, "--config", file)
    )
    assert [one.code for one in said] == [2] * 4
    assert len({one.err for one in said}) == 1, said
    assert [line.partition(": ")[0] for line in said[0].err.splitlines()] == [f"{file}:2", f"{file}:5:18", f"{file}:7"]
    assert all(word in said[0].err for word in ("lisen", "括号", "NOT_SET_ANYWHERE"))
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("secret", ["not-base64!", "whsec_c2hvcnQ=", ""])
def test_a_bad_secret_is_told_without_repeating_it(tmp_path: Path, secret: str) -> None:
    """A secret of the wrong form is a mistake of the configuration; its own letters stay out of it."""
    config = write_config(tmp_path, receiver="http://127.0.0.1:1/")
    ran = yuqing("check", config, env={**ENVIRONMENT, "ACCEPTANCE_SECRET": secret})
    assert (ran.code, ran.out) == (2, b"")
    assert ran.err.startswith(f"{config}:8: ")
    assert not secret or secret not in ran.err


def test_a_port_in_use_is_told_and_ends_the_start(tmp_path: Path) -> None:
    """Exit 2 with the address, at once."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = yuqing("run", "--config", write_config(tmp_path, more=f"listen: 127.0.0.1:{port}\n"), within=20)
    assert ran.code == 2
    assert str(port) in ran.err


def test_a_data_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    """`run` and `replay` exit 2 naming it; nothing is written over."""
    (tmp_path / "var").write_text("mine")
    config, stream = write_config(tmp_path), write_lines(tmp_path / "s.jsonl", [GOOD])
    for ran in side_by_side(("run", "--config", config), ("replay", stream, "--config", config)):
        assert ran.code == 2
        assert str(tmp_path / "var") in ran.err
    assert (tmp_path / "var").read_text() == "mine"


def test_a_data_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    """Exit 2 naming it, and what to look at."""
    more: dict[str, Any] = {"preexec_fn": without_privilege} if os.geteuid() == 0 else {}
    if yuqing("--help", **more).code == 99:
        pytest.skip("root cannot lay down its privilege here")
    config, stream = write_config(tmp_path), write_lines(tmp_path / "s.jsonl", [GOOD])
    (tmp_path / "var").mkdir(mode=0o555)
    ran = yuqing("replay", stream, "--config", config, **more)
    assert ran.code == 2
    assert str(tmp_path / "var") in ran.err


def test_a_second_process_on_the_folder_is_refused(tmp_path: Path) -> None:
    """While `run` works, `run` and `replay` exit 2 naming folder and holder, `alerts` works; a killed holder holds nothing."""
    port = free_port()
    config = write_config(tmp_path, more=f"listen: 127.0.0.1:{port}\n")
    stream = write_lines(tmp_path / "s.jsonl", [GOOD])
    with running(tmp_path / "stderr", "run", "--config", config) as service:
        ready(f"http://127.0.0.1:{port}")
        replay = ("replay", stream, "--config", config)
        *refused, shown = side_by_side(("run", "--config", config), replay, ("alerts", "--config", config, "--json"))
        for ran in refused:
            assert ran.code == 2
            assert str(tmp_path / "var") in ran.err
            assert str(service.process.pid) in ran.err
        assert shown.code == 0
        service.kill()
    assert yuqing(*replay).code == 0


def test_bad_lines_of_a_file_are_told_and_the_rest_is_taken(tmp_path: Path) -> None:
    """`FILE:LINE: reason` for each, exit 0, a dead letter with the whole line for each, once however often it is replayed."""
    lines = [piece for kind in BAD for piece in (BAD[kind][0], raw(id=f"after {kind}"))] + list(FINE.values())
    stream, config = tmp_path / "s.jsonl", write_config(tmp_path)
    stream.write_bytes(b"\n".join(lines))
    first, second = (yuqing("replay", stream, "--config", config) for _ in range(2))
    assert (first.code, second.code) == (0, 0)
    told = [line for line in first.err.splitlines() if line.startswith(f"{stream}:")]
    assert [line.partition(": ")[0] for line in told] == [f"{stream}:{2 * number + 1}" for number in range(len(BAD))]
    for line, (_, word) in zip(told, BAD.values(), strict=True):
        assert word.lower() in line.lower()
        assert not any(ord(char) < 32 for char in line)
    assert mentions_in(tmp_path / "var") == len(BAD) + len(FINE)
    letters = dead_letters(tmp_path / "var")
    assert [letter["reason"] for letter in letters] == ["invalid"] * len(BAD)
    assert [b64decode(letter["raw"]).strip() for letter in letters] == [line for line, _ in BAD.values()]
    assert all(letter["error"] in line for letter, line in zip(letters, told, strict=True))


def test_a_gzip_file_cut_short_is_taken_as_far_as_it_goes(tmp_path: Path) -> None:
    """What can be unpacked is decided; the line where it breaks off is told; exit 0."""
    whole = gzip.compress("".join(json.dumps(GOOD | {"id": str(n), "text": f"云杉集团{n * 7919}"}) + "\n" for n in range(3_000)).encode())
    stream, config = tmp_path / "s.jsonl.gz", write_config(tmp_path)
    stream.write_bytes(whole[: len(whole) // 2])
    ran = yuqing("replay", stream, "--config", config)
    assert ran.code == 0
    assert f"{stream}:" in ran.err
    assert "gzip" in ran.err
    assert 100 < mentions_in(tmp_path / "var") < 3_000


def test_a_recording_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A missing file, a folder in its place: exit 2 with its name, for replay and backtest."""
    config = write_config(tmp_path)
    asked = (("replay", tmp_path / "nowhere.jsonl"), ("backtest", tmp_path))
    for (_, file), ran in zip(asked, side_by_side(*((*one, "--config", config) for one in asked)), strict=True):
        assert (ran.code, ran.out) == (2, b"")
        assert str(file) in ran.err


def test_a_replay_told_to_stop_stops_and_goes_on_later(tmp_path: Path) -> None:
    """SIGINT ends it with 130 and no word too many; run again it ends as one that was never stopped."""
    stream = write_lines(tmp_path / "s.jsonl", made_stream(scale=1)[:600])
    whole = write_config(tmp_path / "whole")
    with Receiver(pause=0.2) as receiver:
        config = write_config(tmp_path / "stopped", receiver=receiver.url)
        replay = Running(tmp_path / "stderr", "replay", stream, "--config", config)
        assert receiver.wait(bool, 30), replay.err
        assert replay.stop(signal.SIGINT) == 130
        assert "Traceback" not in replay.err
        assert SECRET not in replay.err
        assert [ran.code for ran in side_by_side(*(("replay", stream, "--config", file) for file in (whole, config)))] == [0, 0]
    one, other = side_by_side(*(("alerts", "--config", file, "--json") for file in (whole, config)))
    assert one == other
    assert SUBJECTS[0].encode() in one.out
