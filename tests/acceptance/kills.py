"""
Replays killed at random moments and run again must end as one that was never killed.

    python -m tests.acceptance.kills --kills 30 FILE [--subject NAME]… [--seed N]

prints every difference and a verdict; exit code 1 when there is one.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.acceptance.making import SHARED_SUBJECTS, SUBJECTS, write_config
from tests.acceptance.processes import Running, assert_clean, yuqing
from tests.acceptance.receiving import Arrival, Receiver

IN_FLIGHT = 4  # contract 5: at most so many at one receiver, so no more can be repeated by a kill
PAUSE = 0.02  # seconds a receiver takes: long enough to be hit


class Times(NamedTuple):
    """How long a replay takes: about `start` seconds before it does any work, `whole` to its end; and how many messages it sends."""

    start: float
    whole: float
    messages: int


class Outcome(NamedTuple):
    """What a replay came to, at its end and once it was run again."""

    alerts: bytes
    arrivals: tuple[Arrival, ...]
    again: bytes
    sent_again: int
    kills: int = 0


def unkilled(folder: Path, stream: Path, subjects: Sequence[str]) -> tuple[Outcome, Times]:
    """A replay to its end, and how long it took."""
    with Receiver(PAUSE) as receiver:
        config = write_config(folder, subjects=subjects, receiver=receiver.url)
        whole = _replay(stream, config)
        outcome, start = _finished(receiver, stream, config, 0)
        return outcome, Times(start, whole, len(outcome.arrivals))


def killed(folder: Path, stream: Path, subjects: Sequence[str], times: Times, kills: int, seed: int) -> Outcome:
    """A replay killed that often, at moments spread over all its work, then left alone to its end."""
    drawn, at_work = Random(seed), 0
    with Receiver(PAUSE) as receiver:
        config = write_config(folder, data="./elsewhere", subjects=subjects, receiver=receiver.url)
        for left in range(kills, 0, -1):
            replay = Running(folder / "stderr", "replay", stream, "--config", config)
            share = (times.messages - len(receiver.first())) // (left + 1)
            at_work += _kill_once(replay, receiver, times.start, max(1, share), drawn)
        _replay(stream, config)
        return _finished(receiver, stream, config, at_work)[0]


def differences(whole: Outcome, broken: Outcome) -> list[str]:
    """Everything in which a killed replay differs from an unkilled one, or breaks its word; empty when all is right."""
    found = [f"{name}: run again, alerts change" for name, one in _named(whole, broken) if one.again != one.alerts]
    found += [f"{name}: run again, {one.sent_again} more messages" for name, one in _named(whole, broken) if one.sent_again]
    if whole.alerts != broken.alerts:
        found += _unlike(whole.alerts, broken.alerts)
    if not whole.alerts:
        found.append("no alert at all: nothing was tested")
    bodies, mine = ({one.message: one.body for one in outcome.arrivals} for outcome in (whole, broken))
    found += [f"message {message} was lost" for message in bodies.keys() - mine.keys()]
    found += [f"message {message} is too many" for message in mine.keys() - bodies.keys()]
    found += [f"message {message} has another body" for message in bodies.keys() & mine.keys() if bodies[message] != mine[message]]
    repeats = len(broken.arrivals) - len(mine)
    if repeats > IN_FLIGHT * broken.kills:
        found.append(f"{repeats} messages repeated by {broken.kills} kills")
    return found + [f"{name}: {said}" for name, one in _named(whole, broken) for said in _broken_word(one)]


def _named(whole: Outcome, broken: Outcome) -> tuple[tuple[str, Outcome], tuple[str, Outcome]]:
    return ("unkilled", whole), ("killed", broken)


def _unlike(whole: bytes, broken: bytes) -> list[str]:
    """Which alerts differ, and in which members."""
    left, right = ({json.loads(line)["id"]: json.loads(line) for line in text.splitlines()} for text in (whole, broken))
    found = [f"alert {one}: only in one of them" for one in left.keys() ^ right.keys()]
    for one in left.keys() & right.keys():
        keys = [key for key in left[one] if left[one][key] != right[one].get(key)]
        found += [f"alert {one}.{key}: {left[one][key]!r} / {right[one].get(key)!r}"[:600] for key in keys]
    return found or ["the lines of alerts --json stand in another order"]


def _broken_word(outcome: Outcome) -> list[str]:
    """What contract 5 forbids in the arrivals of one replay."""
    first = {one.message: one for one in reversed(outcome.arrivals)}
    found = [f"message {one.message}: its signature is wrong" for one in outcome.arrivals if not one.sound]
    found += [f"message {one.message}: repeated with another body" for one in outcome.arrivals if first[one.message].body != one.body]
    return found + untold(outcome.alerts, outcome.arrivals)


def untold(alerts: bytes, arrivals: Sequence[Arrival]) -> list[str]:
    """Of these lines of `alerts --json` what the messages, each taken when it first came, did not tell in its order."""
    first = {one.message: one for one in reversed(arrivals)}
    told: dict[str, list[object]] = {}
    for arrival in reversed(first.values()):
        told.setdefault(arrival.data["alert"]["id"], []).extend(arrival.data["transitions"])
    lines = [json.loads(line) for line in alerts.splitlines()]
    wrong = [one["id"] for one in lines if told.pop(one["id"], []) != _to_be_told(one["transitions"])]
    found = [f"alert {one}: told out of order, or not all of it" for one in wrong]
    return found + [f"alert {one} was told and is not there" for one in told]


def _to_be_told(transitions: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """All but a last change of status at level none: no `min_level` is met by it."""
    kept = list(transitions)
    if kept and "to_status" in kept[-1] and next((one["to"] for one in reversed(kept) if "to" in one), "") == "none":
        kept.pop()
    return kept


def _kill_once(replay: Running, receiver: Receiver, start: float, most: int, drawn: Random) -> bool:
    """
    Kill it at a moment of its life; whether it was still at work.

    Some while it starts; else once it has sent a few more messages (at most `most`), half of those before the last is answered.
    So the kills are spread over the work, whatever else this machine does meanwhile.
    """
    if drawn.random() < 1 / 6:
        time.sleep(drawn.random() * start)
    else:
        wanted = len(receiver.arrivals) + drawn.randint(1, most)
        while replay.process.poll() is None and not receiver.wait(lambda arrivals: len(arrivals) >= wanted, 0.1):
            pass
        if drawn.random() < 1 / 2:
            time.sleep(drawn.random() * 0.3)
    alive = replay.kill()
    assert_clean(replay.err)
    return alive


def _replay(stream: Path, config: Path) -> float:
    """To the end, in seconds."""
    began = time.monotonic()
    ran = yuqing("replay", stream, "--config", config, within=600)
    if ran.code:
        raise AssertionError(ran.err)
    return time.monotonic() - began


def _finished(receiver: Receiver, stream: Path, config: Path, kills: int) -> tuple[Outcome, float]:
    """The outcome of a replay that is through; it is run again to see that nothing comes of it. And how long that took."""
    alerts = yuqing("alerts", "--config", config, "--json").out
    arrivals = tuple(receiver.arrivals)
    start = _replay(stream, config)
    again = yuqing("alerts", "--config", config, "--json").out
    return Outcome(alerts, arrivals, again, len(receiver.arrivals) - len(arrivals), kills), start


def main(arguments: Sequence[str]) -> int:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance.kills", description=__doc__.split("\n\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--subject", action="append")
    asked = parser.parse_args(arguments)
    subjects = asked.subject or [*SHARED_SUBJECTS, *SUBJECTS]
    with TemporaryDirectory(prefix="yuqing-kills-") as folder:
        stream = asked.file.absolute()
        whole, times = unkilled(Path(folder) / "whole", stream, subjects)
        broken = killed(Path(folder) / "killed", stream, subjects, times, asked.kills, asked.seed)
    found = differences(whole, broken)
    repeats = len(broken.arrivals) - len({one.message for one in broken.arrivals})
    sys.stdout.write("".join(f"{line}\n" for line in found))
    sys.stdout.write(
        f"{'DIFFERENT' if found else 'EQUAL'}: {len(whole.alerts.splitlines())} alerts, {len(whole.arrivals)} messages, "
        f"{broken.kills} of {asked.kills} kills hit it at work, {repeats} messages repeated, {times.whole:.1f} s unkilled\n"
    )
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
