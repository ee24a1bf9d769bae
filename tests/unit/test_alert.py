"""Levels, transitions and alerts as the outside sees them: the shapes of the contract."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.alert import (
    POLICY,
    REASON_ZH,
    Alert,
    Counters,
    Level,
    Mute,
    Reason,
    ReasonCode,
    Transition,
    alert_id,
    residual_id,
    story_id,
)
from tests.unit.escalation.making import START

COUNTERS = Counters(
    title="某某", mentions=3, authors=2, negative=1, platforms=("微博", "抖音"), engagement=9, first_at=START, last_at=START + 1_000_000,
    samples=({"id": "1"},), indicators={"heat": 12.5},
)  # fmt: skip
REASON = Reason(ReasonCode.AUTHORS_1H, 30.0, 20.0)
ALERT = Alert(
    id="a1", subject="某某集团", story="s1", episode=1, level=Level.ORANGE, policy_level=Level.RED, status="open", opened_at=START,
    changed_at=START, counters=COUNTERS, reasons=(REASON,), seq=7,
)  # fmt: skip


def test_a_figure_has_one_form() -> None:
    """Whoever made the reason and wherever it was kept: the same bytes."""
    made, read = Reason(ReasonCode.NOTED, 0, 0), msgspec.json.decode(msgspec.json.encode(Reason(ReasonCode.NOTED)), type=Reason)

    assert msgspec.json.encode(made.wire()) == msgspec.json.encode(read.wire()) == b'{"code":"noted","value":0.0,"threshold":0.0}'


def transition(**fields: object) -> dict[str, object]:
    """The wire form of a transition."""
    made: dict[str, object] = {"at": START, "alert": "a1", "subject": "某某集团", "story": "s1", "actor": POLICY, "reasons": (REASON,)}
    return Transition(**made | fields).wire()  # type: ignore[arg-type]


def test_levels_rise() -> None:
    """NONE < BLUE < YELLOW < ORANGE < RED, each with its word and its colour."""
    assert [(level.word, level.zh) for level in Level] == [
        ("none", "无"), ("blue", "蓝"), ("yellow", "黄"), ("orange", "橙"), ("red", "红"),
    ]  # fmt: skip
    assert all(one < other for one, other in pairwise(Level))


def test_a_level_by_its_word() -> None:
    """Every word is its level again; another word is none."""
    assert [Level.of(level.word) for level in Level] == list(Level)
    with pytest.raises(KeyError):
        Level.of("purple")


def test_every_reason_has_words() -> None:
    """Staff read each code in Chinese, and no two are the same."""
    assert set(REASON_ZH) == set(ReasonCode)
    assert len(set(REASON_ZH.values())) == len(ReasonCode)


def test_a_change_of_level() -> None:
    """`from` and `to` are words, reasons are figures, what is absent is left out."""
    assert transition(from_level=Level.NONE, to_level=Level.BLUE) == {
        "at": "2026-03-02T08:00:00Z", "alert": "a1", "subject": "某某集团", "story": "s1", "from": "none", "to": "blue",
        "actor": "policy", "reasons": [{"code": "authors_1h", "value": 30.0, "threshold": 20.0}],
    }  # fmt: skip


def test_a_change_of_status() -> None:
    """It has the two statuses instead of levels, and who did it with what words."""
    wire = transition(from_status="open", to_status="acknowledged", actor="api", by="小李", note="在看", recorded_at=START, reasons=())

    assert (wire["from_status"], wire["to_status"]) == ("open", "acknowledged")
    assert (wire["by"], wire["note"], wire["recorded_at"], wire["reasons"]) == ("小李", "在看", "2026-03-02T08:00:00Z", [])
    assert not {"from", "to"} & set(wire)


def test_an_alert_has_every_field_of_the_contract() -> None:
    """Colour words, never a bare numeral; counters beside; a link to itself."""
    wire = ALERT.wire("http://h")

    assert set(wire) >= {
        "id", "subject", "story", "title", "level", "level_zh", "status", "opened_at", "changed_at", "seq", "mentions", "authors",
        "reasons", "assignee", "url", "policy_level", "previous", "next", "negative", "platforms", "engagement", "first_at", "last_at",
        "samples", "drill",
    }  # fmt: skip
    assert (wire["level"], wire["level_zh"], wire["policy_level"]) == ("orange", "橙", "red")
    assert wire["url"] == "http://h/v1/alerts/a1"
    assert (wire["first_at"], wire["last_at"]) == ("2026-03-02T08:00:00Z", "2026-03-02T08:00:01Z")
    assert msgspec.json.decode(msgspec.json.encode(wire)) == wire


def test_how_an_alert_ended_is_shown() -> None:
    """Why, whether raising it was right, until when its story is quiet, and what it became part of; null where nothing is known."""
    named = ("resolution", "verdict", "muted_until", "merged_into")
    ended = replace(ALERT, resolution="known", verdict="right", mute=Mute(START, Level.RED, 1), merged_into="a2")

    assert [ALERT.wire("")[name] for name in named] == [None] * 4
    assert [ended.wire("")[name] for name in named] == ["known", "right", "2026-03-02T08:00:00Z", "a2"]


def test_what_an_act_said_is_on_its_transition() -> None:
    """Who is to see to it (null: nobody any more), until when, why it ended, what it became part of; what was not said is left out."""
    said = transition(assignee="", until=START, resolution="known", verdict="false", merged_into="a2")

    assert {name: said[name] for name in said if name not in transition()} == {
        "assignee": None, "until": "2026-03-02T08:00:00Z", "resolution": "known", "verdict": "false", "merged_into": "a2",
    }  # fmt: skip


def test_a_stored_alert_is_read_back() -> None:
    """The stored form keeps everything, levels and reasons typed."""
    assert msgspec.json.decode(msgspec.json.encode(ALERT), type=Alert) == ALERT


@given(st.lists(st.tuples(st.sampled_from(["甲", "乙", "甲乙"]), st.binary(min_size=16, max_size=16)), unique=True, min_size=2))
def test_stories_have_ids_of_their_own(founders: list[tuple[str, bytes]]) -> None:
    """Another subject or another founder is another story; the same one is the same."""
    ids = [story_id(*founder) for founder in founders]

    assert len(set(ids)) == len(ids)
    assert ids == [story_id(*founder) for founder in founders]
    assert not {residual_id(subject) for subject, _ in founders} & set(ids)


@given(st.integers(1, 999), st.integers(1, 999))
def test_episodes_sort_by_their_number(one: int, other: int) -> None:
    """An alert's id as text is in the order of its episodes."""
    assert (alert_id("s1", one) < alert_id("s1", other)) == (one < other)
    assert alert_id("s1", one) != alert_id("s2", one)


def test_a_floor_names_its_rule() -> None:
    """Whose floor it is stands in the reason's shape and words; a subject's own floor has no rule."""
    own, ruled = Reason(ReasonCode.FLOOR, 1, 1), Reason(ReasonCode.FLOOR, 1, 1, "触电身亡")
    assert own.wire() == {"code": "floor", "value": 1.0, "threshold": 1.0}
    assert ruled.wire() == {"code": "floor", "value": 1.0, "threshold": 1.0, "rule": "触电身亡"}
    assert own.zh == "该主题一条敏感信息即达此级"
    assert ruled.zh == "命中规则“触电身亡”的一条敏感信息即达此级"
