"""Acts in a recording: written, and read in their places."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.alert import Level
from monitor.escalation.effects import Act, Judgement
from services.acts import DoesNotFit, NoSuchAlert
from services.recording.acts import History, Placed, act_of, end_line, end_of, in_time, line_of, why
from tests.contract.store.records import START, alert

ACT = Act(id=0, partition=0, offset=0, subject="红十字会", story="s1", alert="a1", action="acknowledge", at=START, actor="张三")
JUDGED = Judgement(label="negative", actor="张三", note="反话", at=START)


@given(
    st.builds(
        replace, st.just(ACT), at=st.integers(START, START + 10**9), note=st.none() | st.text(max_size=20), by=st.none() | st.just("李四"),
        action=st.sampled_from(["level", "resolve", "note", "score"]), level=st.sampled_from(Level), until=st.just(0) | st.just(START + 5),
        reason=st.sampled_from(["handled", "false_alarm"]), mentions=st.just(()) | st.just((b"\0" * 16,)), target=st.just(alert()),
        judgement=st.none() | st.just(JUDGED),
    ),
    st.integers(START, START + 10**9), st.integers(0, 10**12),
)  # fmt: skip
def test_an_act_is_read_as_it_was_written(act: Act, at: int, turn: int) -> None:
    """Everything comes back, its place too, but what belongs to the log it was done on."""
    assert act_of(line_of(Placed(act, at, turn))) == Placed(replace(act, target=None), at, turn)


def test_an_act_that_says_only_its_moment_follows_what_was_said_then() -> None:
    """Written by hand it has no turn: it takes effect after all mentions of its moment, and is written so again."""
    placed = act_of(b'{"act":{"subject":"x","story":"s1","alert":"a1","action":"note","at":"2026-09-21T14:13:20Z","actor":"y"}}')

    assert placed is not None
    assert placed.at == placed.act.at == START
    assert placed.key > (START, 10**18)
    assert b"taken" not in line_of(placed)


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b'{"act"', b'{"act":1}', b'{"act":{}}', b'{"act":{"at":"x"}}', b'{"id":"1","act":{}}', b'{"act":{"at":5}}', b"\xff"],
)
def test_what_is_no_act_is_none(line: bytes) -> None:
    """A broken line, or another, is left to whoever tells of bad lines."""
    assert act_of(line) is None
    assert end_of(line.replace(b"act", b"end")) is None


def test_the_end_is_read_as_it_was_written() -> None:
    """A moment with an offset; a naive one tells nothing."""
    assert end_of(end_line(START)) == START
    assert end_of(b'{"end":"2026-09-21T14:13:20"}') is None


def test_a_written_act_names_no_place_of_its_log() -> None:
    """Neither its number nor its partition; its moment as everywhere, and its turn among the lines of the case."""
    line = line_of(Placed(ACT, START + 1_000_000, 99)).decode()

    assert '"at":"2026-09-21T14:13:20Z"' in line
    assert line.endswith(',"taken":{"at":"2026-09-21T14:13:21Z","n":99}}')
    assert not [word for word in ("offset", "partition", '"id"', "target", "until") if word in line]


def test_acts_are_done_in_the_order_of_their_moments() -> None:
    """Of one moment in the order of their turns, else in that of the file; one that stands there twice is done once."""
    later, first = Placed(replace(ACT, actor="b"), START + 1, 5), Placed(replace(ACT, actor="a"), START, 9)
    before, after = Placed(replace(ACT, actor="c"), START + 1, 4), Placed(replace(ACT, actor="d"), START + 1, 5)

    assert [placed.act.actor for placed in in_time([later, first, before, after, later])] == ["a", "c", "b", "d"]


def test_the_clock_goes_to_the_last_that_is_told() -> None:
    """The last mention, the last act, or as far as the recording says."""
    act = Placed(ACT, 7, 0)

    assert [History().until(5), History((act,)).until(5), History((act,), 9).until(5), History((), 3).until(5)] == [5, 7, 9, 5]


def test_why_an_act_was_not_done_is_said_in_chinese() -> None:
    """What is missing is named; all else is what stood in the way then."""
    assert (why(NoSuchAlert("x")), why(DoesNotFit("x"))) == ("没有这个预警", "当时的状态不允许")
