"""A poison record and a bad deploy, with the real service: nothing is lost, nothing is drained, and all comes back."""

import json
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.making import SUBJECTS, Line, brisk_policy, write_config
from tests.acceptance.processes import Running, ask, free_port, listing, ready, running, until, yuqing

pytestmark = pytest.mark.timeout(600)
WORDS = (sys.executable, "-m", "tests.acceptance.failing_process")
COUNT = 240
SETTLES = 120.0  # seconds


Stands = list[tuple[object, object, object, list[str]]]  # of each alert subject, level, status and whose words it is of


class Faulty(Running):
    """The service with a fault in it."""

    program = WORDS


def made(folder: Path) -> tuple[Path, str]:
    """A configuration of its own folder, and where its service answers."""
    port = free_port()
    folder.mkdir(exist_ok=True)
    config = write_config(folder, more=f"listen: 127.0.0.1:{port}\npolicy: {brisk_policy(folder, hold='0s')}\n")
    return config, f"http://127.0.0.1:{port}"


def mention(number: int, *, poison: bool = False) -> Line:
    """Ill talk of an author of its own, about one subject; of the poisonous ones nobody knows but the scorer."""
    text = f"{SUBJECTS[0]}食堂的饭菜吃坏了几百人，救护车来了又来，太恶心了，必须追责" + "毒" * poison
    said = datetime.now(UTC).isoformat()
    return {"source": "live", "id": f"m{number:04}", "text": text, "published_at": said, "author": f"u{number}", "platform": "微博"}


def pushed(base: str, lines: list[Line]) -> bool:
    """One push; whether it was taken."""
    return ask(f"{base}/v1/mentions", json.dumps(lines).encode()).status == 202


def settled(base: str) -> Stands:
    """Every alert as it stands, and its mentions; its counters catch up only with the minute's tick."""
    found = listing(base, "/v1/alerts")
    return sorted(
        (one["subject"], one["level"], one["status"], sorted(str(each["id"]) for each in listing(base, f"/v1/alerts/{one['id']}/mentions")))
        for one in found
    )


def dead(config: Path, *words: str) -> list[dict[str, Any]]:
    """What `yuqing dead … --json` gives, a service beside or not."""
    ran = yuqing("dead", *words, "--config", config, "--json")
    assert ran.code == 0, ran.err
    return [json.loads(line) for line in ran.out.splitlines()]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Stands:
    """The alerts that come of the same mentions where nothing fails."""
    folder = tmp_path_factory.mktemp("clean")
    config, base = made(folder)
    with running(folder / "err", "run", "--config", config):
        ready(base)
        assert pushed(base, [mention(number) for number in range(COUNT)])
        until(lambda: decided(base), SETTLES)
        return settled(base)


def decided(base: str) -> bool:
    """Whether all is in the one alert, whose level no longer rises."""
    return [(level, len(mentions)) for _, level, _, mentions in settled(base)] == [("orange", COUNT)]


def test_poison_costs_its_neighbours_nothing_and_comes_back(tmp_path: Path, clean: Stands) -> None:
    """First, in the middle, last of a push: the others are decided; three are listed beside the service, the next release takes them."""
    config, base = made(tmp_path)
    poison = {0, COUNT // 2, COUNT - 1}
    with Faulty(tmp_path / "err", "毒", "run", "--config", config).at_work():
        ready(base)
        assert pushed(base, [mention(number, poison=number in poison) for number in range(COUNT)])
        until(lambda: len(listing(base, "/v1/mentions")) == COUNT - 3, 60)
        until(lambda: len(dead(config, "list")) == 3)
        letters = dead(config, "list", "--reason", "failed")
        assert {(one["topic"], one["attempts"], one["state"]) for one in letters} == {("mentions.raw", 3, "open")}
        assert {json.loads(dead(config, "show", one["id"])[0]["text"])["mention"]["id"] for one in letters} == {
            f"m{number:04}" for number in poison
        }
        assert 'yuqing_dead_letters_total{reason="failed",topic="mentions.raw"} 3.0' in ask(f"{base}/metrics").body.decode()
    with running(tmp_path / "err", "run", "--config", config):
        ready(base)
        (done,) = dead(config, "replay", "--all")
        assert (len(done["done"]), done["refused"]) == (3, {})
        assert dead(config, "replay", "--all")[0]["done"] == []
        until(lambda: decided(base), SETTLES)
        assert settled(base) == clean
        assert dead(config, "list") == []


@pytest.mark.parametrize("size", [COUNT, 1], ids=["at once", "one by one"])
def test_a_bad_deploy_stops_and_all_comes_back(tmp_path: Path, clean: Stands, size: int) -> None:
    """It ends by itself, non-zero, and says why; at most 99 are put aside, by restarts too; after the fix all is as if it had not been."""
    config, base = made(tmp_path)
    told: list[dict[str, Any]] = []
    left = [mention(number) for number in range(COUNT)]
    for _ in range(2):
        process = Faulty(tmp_path / "err", "all", "run", "--config", config)
        with process.at_work():
            until(lambda: ask(f"{base}/livez").status == 200)
            while process.process.poll() is None:
                with suppress(OSError):
                    if left and pushed(base, left[:size]):
                        del left[:size]
                    answer = ask(f"{base}/readyz")
                    told += [answer.said] if "已停止" in str(answer.said) else []
            assert process.wait(10) == 1
    assert not left or size == 1
    assert told
    assert told[0]["unready"] == ["scorer"]
    assert "scorer stops" in (tmp_path / "err").read_text("utf-8")
    assert len(dead(config, "list")) < 100
    with running(tmp_path / "err", "run", "--config", config):
        ready(base)
        assert not left or pushed(base, left)
        assert yuqing("dead", "replay", "--all", "--config", config).code == 0
        until(lambda: decided(base), SETTLES)
        assert settled(base) == clean
