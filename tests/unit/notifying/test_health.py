"""A receiver's health over its tries."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from monitor.notifying.health import FAILING_AFTER, Event, Health, read_health
from monitor.notifying.receivers.base import Result

SENT, LATER, GONE = Result(kind="sent", status=204), Result(kind="later", code="timeout"), Result(kind="disabled", code="gone")


def lived(*results: Result) -> tuple[Health, list[Event]]:
    """The health after these tries, and what was told on the way."""
    health, told = Health(fingerprint="f"), []
    for at, result in enumerate(results, start=1):
        health, event = health.after(result, at)
        told += [event] if event else []
    return health, told


def test_the_fifth_failure_in_a_row_is_told_once() -> None:
    """Four failures are bad luck, five are told, more are not told again; the first of them is when it began."""
    assert lived(*[LATER] * 4)[1] == []
    health, told = lived(*[LATER] * 9)
    assert told == ["receiver.failing"]
    assert (health.state, health.since, health.reason) == ("failing", 1, "timeout")


def test_one_success_starts_the_count_afresh() -> None:
    """Failures with a success among them are not in a row."""
    assert lived(*[LATER] * 4, SENT, *[LATER] * 4)[1] == []


def test_recovery_is_told_when_the_failure_was() -> None:
    """Whoever was said to be failing is said to be well again, and may fail again."""
    assert lived(*[LATER] * 5, SENT, SENT)[1] == ["receiver.failing", "receiver.recovered"]
    assert lived(*[LATER] * 5, SENT, *[LATER] * 5)[1] == ["receiver.failing", "receiver.recovered", "receiver.failing"]


def test_gone_is_for_good() -> None:
    """After 410 nothing changes any more, whatever was still in flight."""
    health, told = lived(LATER, GONE, SENT, LATER, GONE)
    assert told == ["receiver.disabled"]
    assert (health.state, health.since) == ("disabled", 2)


@given(st.lists(st.sampled_from([SENT, LATER, GONE]), max_size=40))
def test_failing_and_recovered_take_turns(results: list[Result]) -> None:
    """Never two of a kind in a row, never recovered without failing first, disabled only as the last word."""
    health, told = lived(*results)
    alternating = [event for event in told if event != "receiver.disabled"]
    expected = ["receiver.failing", "receiver.recovered"] * len(alternating)
    assert alternating == expected[: len(alternating)]
    assert "receiver.disabled" not in told[:-1]
    assert health.failures < FAILING_AFTER or health.state != "well"


def test_another_address_starts_afresh() -> None:
    """A disabled receiver given another URL or secret is tried again; with the same it stays disabled over restarts."""
    stored = msgspec.json.encode(lived(GONE)[0])
    assert read_health(stored, "f").state == "disabled"
    assert read_health(stored, "g") == Health(fingerprint="g")
    assert read_health(None, "f") == Health(fingerprint="f")
