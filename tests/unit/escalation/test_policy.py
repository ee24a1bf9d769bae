"""Policies: the shipped one says what the mission says, and a user's mistakes are told at their lines, all at once."""

from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alert import Level, ReasonCode
from monitor.clock import DAY, HOUR, MINUTE, SECOND
from monitor.escalation.policy import INDICATORS, RUNGS, duration, load_policy
from monitor.escalation.step import met
from tests.unit.escalation.making import default_policy

SHIPPED = (files("monitor.escalation") / "default.yaml").read_text("utf-8")


def mistakes(folder: Path, text: str) -> list[str]:
    """What is said of a policy file: line and message."""
    file = folder / "p.yaml"
    file.write_text(text, "utf-8")
    policy, problems = load_policy(file)
    assert (policy is None) == bool(problems)
    assert all(problem.file == str(file) for problem in problems)
    return [f"{problem.line}: {problem.message}" for problem in problems]


def line_of(text: str, words: str) -> int:
    """The line on which some words first stand."""
    return next(n for n, line in enumerate(text.splitlines(), 1) if words in line)


def test_the_shipped_policy_has_four_rungs() -> None:
    """Blue to red in order, each with a meaning, and none that waits more than a minute to rise."""
    policy = default_policy()

    assert tuple(rung.level for rung in policy.rungs) == RUNGS
    assert all(rung.meaning and rung.hold <= MINUTE and rung.keep >= HOUR for rung in policy.rungs)
    assert policy.fade == DAY


def test_a_file_equal_to_the_shipped_one_is_the_same_policy(tmp_path: Path) -> None:
    """A user who copies the default gets the default, with a byte-order mark and CRLF too."""
    file = tmp_path / "p.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + SHIPPED.replace("\n", "\r\n").encode())

    assert load_policy(file) == (default_policy(), [])


@given(st.dictionaries(st.sampled_from(INDICATORS), st.floats(0, 1000)))
def test_what_meets_a_clause_stays_on_it(some: dict[ReasonCode, float]) -> None:
    """Every reading that raises to a level also keeps it: the clearing line is never above the raising one."""
    reading = dict.fromkeys(INDICATORS, 0.0) | some
    for rung in default_policy().rungs:
        if met(rung.clauses, reading):
            assert met(rung.staying, reading)


def test_growth_does_not_keep_a_level() -> None:
    """A crisis that no longer grows is still one: staying never asks for growth."""
    assert all(code is not ReasonCode.GROWTH for rung in default_policy().rungs for clause in rung.staying for code, _ in clause)


@pytest.mark.parametrize(("old", "new", "said"), [
    ("hold: 0s", "hold: 0", "12: hold 应是时长，如 90s"),
    ("clear: 0.5", "clear: half", "14: clear 应是数字，这里是文字 “half”"),
    ("{authors_1h: 3, growth: 3}", "{authors_1h: many}", "16: authors_1h 应是数字"),
    ("    keep: 1h\n", "", "10: 级别 blue 缺少 keep"),
    ("    any:", "    all:", "15: 级别 blue 里没有 “all” 这一项"),
    ("name: default", "name: [a]", "6: name 应是文字"),
    ("fade: 24h", "fade: 24h\nlevles: 1", "9: 策略里没有 “levles” 这一项"),
    ("  blue:", "  none: 5\n  blue:", "10: 级别 none 应是映射"),
    ("hold: 1m", "hold: soon", "'soon' 不是时长"),
    ("clear: 0.5", "clear: 1.5", "clear 应在 0 和 1 之间"),
    ("fade: 24h", "fade: 24 hours", "不是时长"),
    ("kol_followers: 100000", "kol_followers: 0", "kol_followers 应为正整数"),
    ("kol_followers: 100000", "kol_folowers: 100000", "7: 策略里没有 “kol_folowers” 这一项"),
    ("  red:", "  crimson:", "缺少级别 red"),
    ("{authors_1h: 3, growth: 3}", "{autors_1h: 3, growth: 3}", "没有指标 autors_1h"),
    ("{authors_1h: 3, growth: 3}", "{growth: 3}", "一条条件除 growth 外至少要有一个指标"),
    ("{authors_1h: 3, growth: 3}", "{authors_1h: 0}", "authors_1h 的门槛应大于 0"),
    ("{authors_1h: 3, growth: 3}", "{authors_1h: .nan}", "authors_1h 的门槛应大于 0"),
])  # fmt: skip
def test_a_mistake_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Each kind of mistake is one refusal in words, not a traceback and not a surprise at night."""
    assert any(said in line for line in mistakes(tmp_path, SHIPPED.replace(old, new, 1)))


def test_every_mistake_at_once_with_its_line(tmp_path: Path) -> None:
    """Three mistakes are three lines, each at its place."""
    text = SHIPPED.replace("fade: 24h", "fade: x").replace("hold: 1m", "hold: y", 1).replace("{media_24h: 8, authors_1h: 5}", "{heat: 0}")
    said = mistakes(tmp_path, text)

    assert sorted(int(line.partition(":")[0]) for line in said) == [line_of(text, words) for words in ("fade: x", "hold: y", "{heat: 0}")]


@pytest.mark.parametrize("content", [
    b"", b"[]", b"name: [", b"\xff\xfe", b"a: &a [*a]", b"name: \x00", b"[" * 9_000, b"name: 2026-99-99", b"levels: 1",
])  # fmt: skip
def test_what_is_no_policy(tmp_path: Path, content: bytes) -> None:
    """An empty file, another encoding, broken YAML: a line that says so."""
    file = tmp_path / "p.yaml"
    file.write_bytes(content)
    policy, problems = load_policy(file)

    assert policy is None
    assert problems


def test_a_policy_that_is_not_there(tmp_path: Path) -> None:
    """A path that leads nowhere, or to a folder, is told."""
    assert load_policy(tmp_path / "none.yaml")[0] is None
    assert load_policy(tmp_path)[1]


@given(st.integers(0, 999_999_999), st.sampled_from([("s", SECOND), ("m", MINUTE), ("h", HOUR), ("d", DAY)]))
def test_durations(count: int, unit: tuple[str, int]) -> None:
    """A whole number with its unit is that many of them."""
    assert duration(f"{count}{unit[0]}") == count * unit[1]


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "-5m", "5w", "1.5h", "5m ", "9999999999s"])
def test_no_durations(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="不是时长"):
        duration(text)


def test_levels_by_the_mission() -> None:
    """The four meanings in the mission's words: a little, spreading, fast with media or KOL, the whole network."""
    meanings = {rung.level: rung.meaning for rung in default_policy().rungs}

    assert "少量" in meanings[Level.BLUE]
    assert "扩散" in meanings[Level.YELLOW]
    assert "媒体" in meanings[Level.ORANGE]
    assert "全网" in meanings[Level.RED]
