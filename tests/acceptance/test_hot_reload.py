"""A service under load whose keyword library is written anew twenty times, well and badly: each mention has exactly one version."""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.acceptance.processes import Running, ask, assert_clean, free_port, listing, ready, running, until

pytestmark = pytest.mark.timeout(300)
SUBJECT, LIBRARY = "众口", "轮换"
TURNS = 20
WORDS = "".join(f"第{turn:02}轮甲 第{turn:02}轮乙 " for turn in range(TURNS + 1))  # every version hits every mention, in two rules
BAD = ("rules: [第99轮甲, '甲+(乙']", "rules: [第99轮甲, -乙]", "rules: [第99轮甲, {rule: 乙, weight: 7}]", "rules: {第99轮甲: [")


def write(folder: Path, turn: int, rules: str | None = None) -> Path:
    """The library of a turn; with `rules` one that nobody can read."""
    file = folder / "words" / "轮换.yaml"
    file.write_text(f"name: {LIBRARY}\ncategory: 轮次\nweight: 0.1\n{rules or f'rules: [第{turn:02}轮甲, 第{turn:02}轮乙]'}\n", "utf-8")
    return file


class Load:
    """Pushes for ever, one array after the other; `sent` are the ids in their order."""

    def __init__(self, base: str) -> None:
        self._base, self.sent, self._over = base, list[str](), threading.Event()
        self._thread = threading.Thread(target=self._push)

    def _push(self) -> None:
        for number in count():
            if self._over.is_set():
                return
            ids = [f"{number}-{n}" for n in range(20)]
            at = datetime.now(UTC).isoformat()
            said = [{"source": "x", "id": one, "text": f"{one} {WORDS}", "published_at": at, "author": one} for one in ids]
            assert ask(f"{self._base}/v1/mentions", json.dumps(said).encode()).said["accepted"] == len(ids)
            self.sent += ids

    @contextmanager
    def on(self) -> Iterator["Load"]:
        """While the block lasts."""
        self._thread.start()
        try:
            yield self
        finally:
            self._over.set()
            self._thread.join()


def reload(base: str) -> dict[str, Any]:
    """Asked for; the answer or the problem."""
    said: dict[str, Any] = ask(f"{base}/v1/keywords/reload", b"").said
    return said


def library(base: str) -> str:
    """Its version in force."""
    return str(ask(f"{base}/v1/keywords/{quote(LIBRARY)}").said["version"])


def turned(service: Running, base: str, folder: Path, turn: int) -> str:
    """Write the library of a turn and have it taken up: by asking, by a signal, or by being seen; its version."""
    before = library(base)
    write(folder, turn)
    if turn % 4 == 1:
        until(lambda: library(base) != before)
    elif turn % 4 == 2:
        service.process.send_signal(signal.SIGHUP)
        until(lambda: library(base) != before)
    else:
        said = reload(base)
        assert said["version"] != said["previous"], said
    return library(base)


def refused(base: str, folder: Path, rules: str) -> None:
    """A library that cannot be read is named with its place, and told on /readyz, which stays fit."""
    before = ask(f"{base}/v1/keywords").body
    file = write(folder, 0, rules)
    said = reload(base)
    assert said["status"] == 422, said
    assert all(str(one).startswith(f"{file}:") for one in said["errors"]), said
    fit = ask(f"{base}/readyz")
    assert (fit.status, f"{file.name}:" in fit.said["parts"]["configuration"]) == (200, True)
    assert ask(f"{base}/v1/keywords").body == before
    assert "\nyuqing_config_last_reload_successful 0.0\n" in ask(f"{base}/metrics").body.decode()


def test_every_mention_is_scored_by_exactly_one_version(tmp_path: Path) -> None:
    """None is missed, none twice, none by rules of two turns; in the order of the log versions follow each other as they were taken up."""
    port, err = free_port(), tmp_path / "stderr"
    base, config = f"http://127.0.0.1:{port}", tmp_path / "c.yaml"
    (tmp_path / "words").mkdir()
    write(tmp_path, 0)
    subject = f"subjects: [{{name: {SUBJECT}, rules: [没有人说的话], libraries: [{LIBRARY}]}}]"
    config.write_text(f"organisation: x\nlisten: 127.0.0.1:{port}\nlibraries: [words]\n{subject}\n", "utf-8")
    with running(err, "run", "--config", config) as service:
        ready(base)
        with Load(base).on() as load:
            versions = [library(base)]
            for turn in range(1, TURNS + 1):
                if turn % 5:
                    versions.append(turned(service, base, tmp_path, turn))
                else:
                    refused(base, tmp_path, BAD[turn // 5 - 1])
        said = {str(one["id"]): one["scores"] for one in _scored(base, len(load.sent))}
        assert service.stop() == 0
    assert_clean(service.err)
    assert len(versions) == len(set(versions)) == 1 + TURNS - len(BAD)
    assert set(said) == set(load.sent)
    turns = {version: turn for turn, version in zip((t for t in range(TURNS + 1) if t % 5 or not t), versions, strict=True)}
    order = [_turn(said[one], turns) for one in load.sent]
    assert order == sorted(order)
    assert len(set(order)) > len(versions) // 2


def _scored(base: str, sent: int) -> list[dict[str, Any]]:
    """Every stored mention, once all are there."""
    until(lambda: len(listing(base, f"/v1/mentions?subject={quote(SUBJECT)}")) == sent, within=60, every=0.5)
    return listing(base, f"/v1/mentions?subject={quote(SUBJECT)}")


def _turn(scores: list[dict[str, Any]], turns: dict[str, int]) -> int:
    """By which turn's rules, both of them and no others, the only score of a mention was made."""
    (score,) = scores
    turn = turns[score["libraries"][LIBRARY]]
    assert {hit["rule"] for hit in score["hits"]} == {f"第{turn:02}轮甲", f"第{turn:02}轮乙"}
    return turn
