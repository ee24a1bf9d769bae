"""Hot lists beside a recorded stream: one stream of both, decided alike in every way, and the ranks kept."""

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import pytest

from tests.acceptance.making import BEGIN, Line, made_stream, write_config, write_lines
from tests.acceptance.processes import ask, free_port, ready, running, until, yuqing
from tests.acceptance.test_same_decisions import alerts_of, lines_of

pytestmark = pytest.mark.timeout(300)
TITLES = ("云杉集团污染致村民生病", "云杉集团回应", "白塔医院误诊害死人")
FIRST = "2026-03-02T08:00:00Z"
EXPECTED = {
    ("热搜榜", TITLES[0]): (5, 995, 2, FIRST), ("热搜榜", TITLES[1]): (7, 993, 7, FIRST), ("热搜榜", TITLES[2]): (41, 959, 11, FIRST),
    ("同城榜", TITLES[0]): (1, None, 1, FIRST),
}  # fmt: skip


def looks() -> list[Line]:
    """Every ten minutes of ten hours three titles on two lists; the first climbs from 9 to 2, and falls to 5."""
    found = []
    for minute in range(0, 600, 10):
        at = (BEGIN + timedelta(minutes=minute)).isoformat()
        ranks = (max(9 - minute // 60, 2) if minute < 500 else 5, 7, 11 + minute % 40)
        found += [{"at": at, "list": "热搜榜", "rank": rank, "title": title, "heat": 1000 - rank}
                  for title, rank in zip(TITLES, ranks, strict=True)]  # fmt: skip
        found.append({"at": at, "list": "同城榜", "rank": 1, "title": TITLES[0]})
    return found


def kept_by(base: str) -> dict[tuple[str, str], Any]:
    """What a service shows of the hot lists, by list and title."""
    found = [one for title in TITLES for one in ask(f"{base}/v1/mentions?q={quote(title)}").said["items"]]
    return {(one["outlet"], one["title"]): one for one in found if one.get("kind") == "hotlist"}


def stored(config: Path, port: int) -> dict[tuple[str, str], Any]:
    """The same of a folder at rest."""
    with running(config.parent / "err", "run", "--config", config, "--role", "api"):
        ready(f"http://127.0.0.1:{port}")
        return kept_by(f"http://127.0.0.1:{port}")


def ranks(found: dict[tuple[str, str], Any]) -> dict[tuple[str, str], tuple[object, ...]]:
    """How each title stands."""
    return {key: (one["rank"], one.get("heat"), one["best_rank"], one["published_at"]) for key, one in found.items()}


def test_facts_are_taken_into_the_stream(tmp_path: Path) -> None:
    """
    `replay` and `backtest` with `--facts`, in any batch, with the looks in any order, decide the same; each title is a mention once.

    The store then has each title's first moment, newest rank and heat, and best rank; a bad look is told by its place.
    """
    port, stream = free_port(), write_lines(tmp_path / "made.jsonl", made_stream(scale=1))
    facts, mixed = looks(), looks() + looks()[:40]
    Random(3).shuffle(mixed)
    hot = write_lines(tmp_path / "hot.jsonl.gz", [*facts, {"at": BEGIN.isoformat(), "list": "热搜榜", "rank": 0, "title": "坏"}])
    hot.write_bytes(gzip.compress(hot.read_bytes()))
    listed = f"listen: 127.0.0.1:{port}\nsources: [{{name: 热搜, type: hotlist, platform: 微博, path: "
    config = write_config(tmp_path / "a", more=f"{listed}{hot}}}]\n")
    other = write_config(tmp_path / "b", more=f"{listed}{write_lines(tmp_path / 'mixed.jsonl', mixed)}}}]\n")
    command = ("backtest", stream, "--config", config, "--facts")
    with ThreadPoolExecutor(2) as pool:
        replay = pool.submit(partial(yuqing, "replay", stream, "--facts", hot, "--config", config, "--batch", "64"))
        first = pool.submit(partial(yuqing, *command, hot, "--batch", "1", "--stories", tmp_path / "stories.jsonl"))
        second = pool.submit(partial(yuqing, *command, hot, "--batch", "1000"))
        twice = ("--facts", tmp_path / "mixed.jsonl") * 2
        disordered = pool.submit(partial(yuqing, "backtest", stream, "--config", other, *twice))
    for ran in (replay, first, second):
        assert (ran.result().code, f"hot.jsonl.gz:{len(facts) + 1}: rank: " in ran.result().err) == (0, True)
    assert lines_of(first.result().out) == lines_of(second.result().out) == alerts_of(config) != {}
    assert disordered.result().out == first.result().out
    assert lines_of(yuqing("backtest", "--from-bus", "--config", config).out) == alerts_of(config)
    lines = [json.loads(line) for line in (tmp_path / "stories.jsonl").read_text("utf-8").splitlines()]
    ids = {*(f"热搜榜 {title}" for title in TITLES), f"同城榜 {TITLES[0]}"}
    assert sorted(one["id"] for one in lines if one["source"] == "热搜") == sorted(ids)
    kept = stored(config, port)
    assert ranks(kept) == EXPECTED
    assert {one["platform"] for one in kept.values()} == {"微博"}
    again = alerts_of(config)
    assert yuqing("replay", stream, "--facts", hot, "--config", config).code == 0
    assert (alerts_of(config), stored(config, port)) == (again, kept)


def test_facts_that_cannot_be_used(tmp_path: Path) -> None:
    """A missing file, and facts without a stream, are told in a line; a table is no list of looks."""
    config = write_config(tmp_path)
    stream = write_lines(tmp_path / "made.jsonl", made_stream(scale=1)[:5])
    (tmp_path / "hot.csv").write_text("标题,发布时间\na,2026-03-02 08:00:00\n", "utf-8")
    for verb in ("replay", "backtest"):
        for name in ("none.jsonl", "hot.csv"):
            ran = yuqing(verb, stream, "--config", config, "--facts", tmp_path / name)
            assert (ran.code, name in ran.err) == (2, True)
    assert yuqing("backtest", "--from-bus", "--config", config, "--facts", stream).code == 2


def test_a_followed_list_is_kept_as_a_replayed_one(tmp_path: Path) -> None:
    """
    The live service, killed half-way and after the list has grown again, ends with what a replay of the whole list has.

    Pushed looks at a title change its standing alike.
    """
    port, facts = free_port(), looks()
    base, hot = f"http://127.0.0.1:{port}", tmp_path / "hot.jsonl"
    config = write_config(tmp_path, more=f"listen: 127.0.0.1:{port}\nsources: [{{name: 热搜, type: hotlist, path: hot.jsonl}}]\n")
    write_lines(hot, facts[:90])
    with running(tmp_path / "err", "run", "--config", config) as service:
        until(lambda: kept_by(base))
        service.kill()
    write_lines(hot, facts)
    with running(tmp_path / "err", "run", "--config", config):
        until(lambda: ranks(kept_by(base)) == EXPECTED)
        pushed = kept_by(base)["热搜榜", TITLES[1]]
        look = {name: pushed[name] for name in ("source", "id", "kind", "title", "published_at")} | {"rank": 6, "text": "改了"}
        for minutes in (601, 601, 5):
            seen = {"seen_at": (BEGIN + timedelta(minutes=minutes)).isoformat()}
            ask(f"{base}/v1/mentions", json.dumps(look | seen | ({"rank": 1} if minutes == 5 else {})).encode())
        refused = ask(f"{base}/v1/mentions", json.dumps(look | {"rank": 0}).encode())
        until(lambda: kept_by(base)["热搜榜", TITLES[1]]["rank"] == 6)
        found = kept_by(base)["热搜榜", TITLES[1]]
    assert (refused.status, refused.said["rejected"][0]["errors"]) == (422, ["rank: must be a whole number from 1 to 2^53"])
    assert (found.get("text"), found["best_rank"], found.get("heat")) == (pushed.get("text"), 6, None)
