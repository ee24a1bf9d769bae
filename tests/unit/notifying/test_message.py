"""What a message says, and that it stays small whatever strangers wrote."""

from typing import cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.alert import Level, Other, Transition, Verdict
from monitor.clock import MINUTE, rfc3339
from monitor.notifying.message import LIMIT, Wire, compose, compose_health, kind_of, notification_id, recompose, summary
from tests.unit.notifying.making import AT, URL, alert, level_change, note, status_change

RISE = level_change(Level.NONE, Level.BLUE)
HOSTILE = st.text(st.characters(), max_size=40).map(lambda text: text * 1_000) | st.sampled_from(
    ["\x00" * 30_000, "\ud800" * 5_000, "\u202e" * 10_000, "长" * 10_000, '"\\' * 10_000, ""]
)


def read(body: bytes) -> tuple[Wire, Wire]:
    """The whole body, and its data."""
    whole: Wire = msgspec.json.decode(body)
    return whole, cast("Wire", whole["data"])


@pytest.mark.parametrize(
    ("transition", "n", "kind"),
    [
        (RISE, 1, "alert.opened"),
        (RISE, 4, "alert.raised"),
        (level_change(Level.YELLOW, Level.RED), 2, "alert.raised"),
        (level_change(Level.RED, Level.NONE), 3, "alert.lowered"),
        (level_change(Level.RED, Level.RED), 3, None),
        (status_change("open", "acknowledged"), 2, "alert.acknowledged"),
        (status_change("open", "handling"), 2, "alert.handling"),
        (status_change("open", "resolved"), 2, "alert.resolved"),
        (status_change("resolved", "reviewed"), 5, "alert.reviewed"),
        (status_change("resolved", "open"), 1, "alert.reopened"),
        (note(), 2, None),
    ],
)
def test_the_type_of_every_transition(transition: Transition, n: int, kind: str | None) -> None:
    """Each change has its event type; what is not told has none."""
    assert kind_of(transition, n) == kind


def test_a_small_message_says_everything() -> None:
    """Type, event time of the newest transition, the alert as in the API, all transitions, a line in Chinese."""
    earlier, newest = RISE, level_change(Level.BLUE, Level.ORANGE, at=AT + MINUTE)
    raised = alert(Level.ORANGE, version=2)
    whole, data = read(compose("alert.raised", raised, [earlier, newest], URL))
    assert whole["type"] == "alert.raised"
    assert whole["timestamp"] == rfc3339(AT + MINUTE)
    assert data["alert"] == msgspec.json.decode(msgspec.json.encode(raised.wire(URL)))
    assert data["transition"] == newest.wire()
    assert data["transitions"] == [earlier.wire(), newest.wire()]
    assert "trimmed" not in data
    assert whole["summary"] == "【橙】升级(蓝→橙) 红十字会:善款去向被质疑 原因:10分钟独立发声账号数 35(阈值 30)"


def test_a_persons_act_names_them() -> None:
    """The line in Chinese says who did it."""
    whole, _ = read(compose("alert.handling", alert(), [status_change("open", "handling")], URL))
    assert whole["summary"] == "【蓝】处置中 红十字会:善款去向被质疑 操作人:小王"


@pytest.mark.parametrize(("verdict", "words"), [("right", "(预警属实)"), ("false", "(误报)")])
def test_a_review_says_what_it_found(verdict: Verdict, words: str) -> None:
    """In the one line that everybody reads."""
    said = replace(status_change("resolved", "reviewed"), verdict=verdict)

    assert f"已复核{words} 红十字会" in summary("alert.reviewed", alert(), said)


def test_equal_alerts_make_equal_bytes() -> None:
    """The order in which indicators were gathered does not show."""
    one, other = alert(indicators={"heat": 1.0, "growth": 2.0}), alert(indicators={"growth": 2.0, "heat": 1.0})
    assert compose("alert.opened", one, [RISE], URL) == compose("alert.opened", other, [RISE], URL)


def test_samples_go_first() -> None:
    """Long samples are dropped before anything else, and that is said."""
    big = alert(samples=[{"text": "字" * 5_000}] * 3)
    _, data = read(compose("alert.opened", big, [RISE], URL))
    assert cast("Wire", data["alert"])["samples"] == []
    assert data["trimmed"] == {"samples": 3}
    assert data["transitions"] == [RISE.wire()]


def test_then_the_oldest_transitions() -> None:
    """Of a long history as many of the newest as fit stay, and how many went is said."""
    history = [level_change(Level.BLUE, Level.YELLOW, at=AT + number, note="字" * 100) for number in range(60)]
    body = compose("alert.raised", alert(Level.YELLOW, version=60), history, URL)
    _, data = read(body)
    kept = cast("list[Wire]", data["transitions"])
    assert 20 < len(kept) < 60
    assert kept == [one.wire() for one in history[-len(kept) :]]
    assert data["trimmed"] == {"transitions": 60 - len(kept)}
    assert LIMIT - 1_000 < len(body) < LIMIT


def test_then_long_texts() -> None:
    """A note too long for any message is cut; level, ids and link stay whole."""
    _, data = read(compose("alert.opened", alert(), [level_change(Level.NONE, Level.BLUE, note="字" * 20_000)], URL))
    assert str(cast("Wire", data["transition"])["note"]).endswith("…")
    assert "texts" in cast("Wire", data["trimmed"])
    assert cast("Wire", data["alert"])["url"] == f"{URL}/v1/alerts/a1"


@settings(max_examples=40, deadline=None)
@given(HOSTILE, HOSTILE, st.integers(0, 500), st.integers(1, 20), HOSTILE)
def test_always_small_and_always_json(title: str, words: str, many: int, transitions: int, by: str) -> None:
    """Whatever strangers write, and however much of it there is, a body is JSON in UTF-8 under 20 kB."""
    big = alert(
        title=title, samples=[{"text": words}] * 3, platforms=tuple(f"{words[:500]}{number}" for number in range(many)),
        indicators={f"{words[:50]}{number}": 1.0 for number in range(many)},
    )  # fmt: skip
    history = [replace(level_change(Level.NONE, Level.BLUE, note=words), by=by, actor=by)] * transitions
    body = compose("alert.opened", replace(big, subject=title, assignee=words), history, URL + "/" + "x" * 300)
    assert len(body) < LIMIT
    whole, data = read(body)
    assert whole["timestamp"] == rfc3339(AT)
    assert cast("Wire", data["alert"])["level"] == "blue"
    assert cast("list[Wire]", data["transitions"])


def test_a_merged_message_tells_what_all_of_them_told() -> None:
    """Recomposing keeps the newest's type, time and alert, and takes the longer history."""
    history = [RISE, level_change(Level.BLUE, Level.YELLOW), level_change(Level.YELLOW, Level.RED, at=AT + 5)]
    newest = alert(Level.RED, version=3)
    assert recompose(compose("alert.raised", newest, history[-1:], URL), history) == compose("alert.raised", newest, history, URL)


def test_ids_come_from_content() -> None:
    """The same message has the same id in every process; others have others."""
    assert notification_id("a1", "duty", 1) == "msg_lvsgcipy7g4rikejobjai6gn"
    drawn = {notification_id(one, name, n) for one in ("a1", "a2", "a\ud800") for name in ("duty", "board") for n in range(5)}
    assert len(drawn) == 30


def test_a_receivers_failure_is_told_in_its_own_shape() -> None:
    """Type, when, which receiver, why, since when, how much waits."""
    whole, data = read(compose_health("receiver.failing", "duty", reason="timeout", since=AT, pending=7, at=AT + MINUTE))
    assert whole["type"] == "receiver.failing"
    assert whole["timestamp"] == rfc3339(AT + MINUTE)
    assert data == {"receiver": "duty", "reason": "timeout", "since": rfc3339(AT), "pending": 7}


def test_a_merge_names_the_other_event() -> None:
    """By its title, of which hidden characters are no part, and its id: who ended says where to, who stays says what came."""
    other, none = Other(alert="a9", story="s9", title="另一件\u202e事"), level_change(Level.BLUE, Level.NONE)
    gone, stays = replace(none, merged_into="a9", into=other), replace(none, merged=other)

    assert "原因:并入《另一件 事》(a9)" in summary("alert.resolved", alert(Level.NONE), gone)
    assert "原因:《另一件 事》(a9)并入" in summary("alert.raised", alert(Level.NONE), stays)
    assert read(compose("alert.resolved", alert(Level.NONE), [gone], URL))[1]["transition"] == gone.wire()
    assert gone.wire()["into"] == {"alert": "a9", "story": "s9", "title": "另一件\u202e事"}
