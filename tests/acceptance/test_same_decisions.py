"""One stream, decided in every way there is: the decisions are the same, ids and reasons included."""

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.acceptance.making import SHARED_SUBJECTS, Line, made_stream, shared_slice, write_config, write_lines
from tests.acceptance.processes import Ran, yuqing

pytestmark = pytest.mark.timeout(600)
TWO_CORES = 2

Transition = dict[str, object]


def by_alert(transitions: Iterable[Transition]) -> dict[str, list[Transition]]:
    """Changes of level, in their order in each alert."""
    found: dict[str, list[Transition]] = {}
    for one in transitions:
        if "to" in one:
            found.setdefault(str(one["alert"]), []).append(one)
    return found


def replayed(config: Path, stream: Path, *options: str) -> dict[str, list[Transition]]:
    """What a replay decides."""
    ran = yuqing("replay", stream, "--config", config, *options)
    assert ran.code == 0, ran.err
    return alerts_of(config)


def alerts_of(config: Path) -> dict[str, list[Transition]]:
    """What `alerts --json` tells of changes of level."""
    lines = yuqing("alerts", "--config", config, "--json").out.splitlines()
    return by_alert(one for line in lines for one in json.loads(line)["transitions"])


def backtested(config: Path, stream: Path, *options: str) -> bytes:
    """What a backtest prints."""
    ran = yuqing("backtest", stream, "--config", config, *options)
    assert ran.code == 0, ran.err
    return ran.out


def lines_of(printed: bytes) -> dict[str, list[Transition]]:
    """The printed changes of level."""
    return by_alert(map(json.loads, printed.splitlines()))


def disordered(lines: Sequence[Line], seed: int) -> list[Line]:
    """In any order, many said twice, some again a week later with other words."""
    drawn = Random(seed)
    plain = [line for line in lines if "seen_at" not in line]
    twice = drawn.sample(list(lines), len(lines) // 4)
    late = [one | {"published_at": _a_week_after(one), "text": "一周后又来一次"} for one in drawn.sample(plain, 50)]
    found = [*lines, *twice, *late]
    drawn.shuffle(found)
    return found


def _a_week_after(line: Line) -> str:
    return (datetime.fromisoformat(str(line["published_at"])) + timedelta(days=7)).isoformat()


def test_replay_and_backtest_decide_the_same_in_batches_of_any_size(tmp_path: Path) -> None:
    """
    `replay` in batches of 64 and 1,000, paced or not, `backtest` in batches of 1, 64 and 1,000, and of the stream in disorder.

    All of them give the same transitions, with the same ids, times and reasons.
    """
    lines = made_stream(scale=2)
    stream = write_lines(tmp_path / "made.jsonl", lines)
    mixed = write_lines(tmp_path / "mixed.jsonl", disordered(lines, 4))
    configs = [write_config(tmp_path / f"folder{number}") for number in range(3)]
    replays = [
        partial(replayed, config, stream, *options)
        for config, options in zip(configs, (("--batch", "64"), ("--batch", "1000"), ("--speed", "200000")), strict=True)
    ]
    backtests = [partial(backtested, configs[0], stream, "--batch", size) for size in ("1", "64", "1000")]
    with ThreadPoolExecutor(TWO_CORES) as pool:
        done = [pool.submit(replay) for replay in replays]
        printed = [pool.submit(backtest) for backtest in (*backtests, partial(backtested, configs[0], mixed))]
        first, *others = [one.result() for one in done]
        assert first
        assert others == [first, first]
        assert [lines_of(one.result()) for one in printed] == [first] * 4
        assert len({one.result() for one in printed}) == 1, "not even in another order"


def test_one_by_one_decides_the_same(tmp_path: Path) -> None:
    """A slice in transactions of one record each: as in one batch; and the slice in disorder, replayed after it, changes nothing."""
    lines = sorted(made_stream(scale=1), key=lambda line: str(line["published_at"]))[:200]
    stream, config = write_lines(tmp_path / "made.jsonl", lines), write_config(tmp_path / "folder")
    mixed = write_lines(tmp_path / "mixed.jsonl", disordered(lines, 5))
    with ThreadPoolExecutor(TWO_CORES) as pool:
        printed = pool.submit(backtested, config, stream)
        singly = replayed(config, stream, "--batch", "1")
    assert singly
    assert lines_of(printed.result()) == singly
    before = yuqing("alerts", "--config", config, "--json")
    assert replayed(config, mixed) == singly
    assert yuqing("alerts", "--config", config, "--json") == before


def test_the_shared_stream_is_decided_alike(tmp_path: Path) -> None:
    """Real posts: `replay`, `backtest` of the stream, `backtest --from-bus` of the log that the replay left."""
    stream = shared_slice(tmp_path / "shared.jsonl", 3_000)
    config = write_config(tmp_path / "folder", subjects=SHARED_SUBJECTS)
    with ThreadPoolExecutor(TWO_CORES) as pool:
        through = pool.submit(replayed, config, stream)
        printed = pool.submit(backtested, config, stream)
        assert through.result()
        assert lines_of(printed.result()) == through.result()
    again: Ran = yuqing("backtest", "--from-bus", "--config", config)
    assert (again.code, lines_of(again.out)) == (0, through.result())
