"""Acts in a recording: written, read, and done again where they fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.alert import Alert, Level, Resolution
from monitor.escalation.effects import Act, AlertChange
from services.recorded import Standing, act_of, in_time, line_of
from tests.contract.store.records import START, alert

ACT = Act(id=7, partition=3, offset=99, subject="红十字会", story="s1", alert="a1", action="acknowledge", at=START, actor="张三")


@given(
    st.builds(
        replace, st.just(ACT), at=st.integers(START, START + 10**9), note=st.none() | st.text(max_size=20), by=st.none() | st.just("李四"),
        action=st.sampled_from(["level", "resolve", "note"]), level=st.sampled_from(Level), until=st.just(0) | st.just(START + 5),
        reason=st.sampled_from(["handled", "false_alarm"]), mentions=st.just(()) | st.just((b"\0" * 16,)), target=st.just(alert()),
    )
)  # fmt: skip
def test_an_act_is_read_as_it_was_written(act: Act) -> None:
    """Everything comes back but what belongs to the log it was done on."""
    assert act_of(line_of(act)) == replace(act, id=0, partition=0, offset=0, target=None)


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b'{"act"', b'{"act":1}', b'{"act":{}}', b'{"act":{"at":"x"}}', b'{"id":"1","act":{}}', b'{"act":{"at":5}}', b"\xff"],
)
def test_what_is_no_act_is_none(line: bytes) -> None:
    """A broken line, or another, is left to whoever tells of bad lines."""
    assert act_of(line) is None


def test_a_written_act_names_no_place_of_its_log() -> None:
    """Neither its number nor its offset; its moment as everywhere."""
    line = line_of(ACT).decode()

    assert '"at":"2026-09-21T14:13:20Z"' in line
    assert not [word for word in ("offset", "partition", '"id"', "target", "until") if word in line]


def test_acts_are_done_in_the_order_of_their_moments() -> None:
    """Of one moment in the order they stand in the file."""
    acts = [replace(ACT, at=START + 1, actor="b"), replace(ACT, actor="a"), replace(ACT, at=START + 1, actor="c")]

    assert [(act.actor, act.id) for act in in_time(acts)] == [("a", 1), ("b", 2), ("c", 3)]


def standing(*alerts: Alert) -> Standing:
    """After these were decided."""
    found = Standing()
    found.take([AlertChange(one, None) for one in alerts])
    return found


def test_an_act_is_done_where_it_fits() -> None:
    """On an alert that is there, in a status that allows it; the desk is told of an alert that is no longer its story's newest."""
    first = replace(alert("a1"), status="resolved", story="s1")
    second = replace(alert("a2"), episode=2, story="s1")
    review, reason = replace(ACT, action="review"), replace(ACT, action="resolve", alert="a2")
    handled: Resolution = "handled"

    assert standing().fitting(ACT) is None
    assert standing(first).fitting(ACT) is None
    assert standing(first, second).fitting(review) == replace(review, target=first)
    assert standing(first, second).fitting(reason) == replace(reason, reason=handled)
    assert standing(first, second).fitting(replace(reason, until=START)) is None


def test_no_second_open_alert_is_made() -> None:
    """A reopening fits while its story has no open alert."""
    first, reopen = replace(alert("a1"), status="resolved", story="s1"), replace(ACT, action="reopen")

    assert standing(first).fitting(reopen) == reopen
    assert standing(first, replace(alert("a2"), episode=2, story="s1")).fitting(reopen) is None
    assert standing(replace(first, merged_into="a9")).fitting(reopen) is None
