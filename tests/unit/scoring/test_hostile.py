"""Hostile rules and texts: bounded time, a clear error, no memory without end."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

import pytest

from monitor.mention import Mention
from monitor.scoring.hits import MAX_HITS
from monitor.scoring.match import Match
from monitor.scoring.matcher import Matcher
from monitor.scoring.places import Scope, holds
from monitor.scoring.rules import RuleError, parse
from monitor.scoring.views import View
from monitor.subject import Subject

LONG = 1_000_000


def seconds(work: Callable[[], object]) -> float:
    """Processor time: a busy neighbour counts for nothing."""
    started = time.process_time()
    work()
    return time.process_time() - started


def matched(text: str, *rules: str) -> tuple[Match, ...]:
    """What a subject with these rules has of that text."""
    one = Mention(source="t", id="1", published_at=datetime(2026, 1, 1, tzinfo=UTC), text=text)
    return Matcher.build([Subject(name="s", rules=rules)], []).match(one, 0)


@pytest.mark.parametrize(
    "rule",
    [
        "(" * 10_000 + "a" + ")" * 10_000,
        "(" * 60_000,
        "-" * 60_000,
        "title:" * 10_000,
        "a!" * 30_000,
        "=" * 60_000,
        "~" * 60_000,
        "a NEAR/3 " * 7_000,
        "a NEAR/3 " * 800 + "a",
        '"' * 60_001,
        "a" * LONG,
        "a|" * (LONG // 2),
        "/" + "(" * 900,
        "/" + "(a+)+" * 1_000 + "/",
        "/((((a{1000}){1000}){1000}){1000}){1000}/",
        "/[/",
    ],
    ids=lambda rule: rule[:20],
)
def test_a_hostile_rule_is_refused_soon(rule: str) -> None:
    """Whatever is nested, repeated or too long: an error with a column, within seconds."""

    def refused() -> None:
        with pytest.raises(RuleError) as caught:
            parse(rule)
        assert 1 <= caught.value.column <= len(rule) + 1
        assert len(caught.value.message) < 300

    assert seconds(refused) < 5.0


@pytest.mark.parametrize(
    "rule",
    [
        "|".join("甲" * count for count in range(1, 300)),
        "甲甲 NEAR/10000 甲|乙",
        "甲 NEAR/9999 甲 NEAR/9999 甲 NEAR/9999 乙",
        "甲!甲甲!甲甲甲",
        "甲" + "!甲甲" * 3_000,
        "甲!" + "!".join("甲" * count for count in range(2, 300)),
        "甲!(" + "|".join("甲" * count for count in range(2, 300)) + ")",
        "(" + "|".join("甲" * count for count in range(1, 300)) + ") NEAR/9 乙",
        "=甲",
        "~甲甲甲甲甲甲",
        "/(甲+)+$/",
        "/(甲?){100}乙|甲{500}/",
        "-甲+" * 2_000 + "甲",
        "甲" * 60_000,
    ],
    ids=lambda rule: rule[:20],
)
def test_a_text_of_one_character(rule: str) -> None:
    """A megabyte of one character costs seconds at most, and never more hits than fit."""
    found: list[tuple[Match, ...]] = []
    assert seconds(lambda: found.append(matched("甲" * (LONG // len("甲".encode())), rule))) < 20.0
    assert all(len(one.hits) <= MAX_HITS for one in found[0])


def test_time_grows_with_the_text_alone() -> None:
    """An expression that would take others for ever is as quick as any."""
    rule = "/(a+)+$/"
    assert seconds(lambda: matched("a" * 100_000 + "!", rule)) < 5.0
    assert matched("a" * 100_000, rule)


@pytest.mark.parametrize("rule", ["/(.{0,70}甲|.{0,70}乙|.{0,70}丙)x/", "/公.{0,200}x/", "/(公.{0,90}司.{0,90}甲)x/", "/[公司]{1,300}甲/"])
def test_the_largest_expressions_are_bounded_on_the_longest_texts(rule: str) -> None:
    """Where RE2 cannot keep its states each character costs all steps: so the steps are bounded, and what one sign folds to."""
    dice = Random(1)
    texts = ["".join(dice.choice("公司") for _ in range(21_000)), "\ufdfa" * 21_000, "公司" * 10_000 + "甲"]
    assert seconds(lambda: [matched(text, rule) for text in texts]) < 10.0


def test_rules_of_one_word_do_not_wake_each_other() -> None:
    """Ten thousand rules that share a common word are not looked at where only that stands."""
    rules = [f"银行+甲{number}号" for number in range(10_000)]
    matcher = Matcher.build([Subject(name="s", rules=tuple(rules))], [])
    one = Mention(source="t", id="1", published_at=datetime(2026, 1, 1, tzinfo=UTC), text="银行" * 100)
    assert matcher._index.view(one.text).triggered == frozenset()


@pytest.mark.parametrize("operator", [" NEAR/10000 ", " BEFORE/10000 ", " NEAR/40 "])
def test_a_chain_of_many_nears_is_bounded_and_right_to_the_end(operator: str) -> None:
    """Twenty NEARs over a text of nearly one character alone cost a second or two, and the last words of the text still count."""
    chain = operator.join("甲" * 20)
    text = "甲" * 19_980 + "。" * 9 + "乙"
    tree = parse(f"{chain}{operator}乙").tree
    found: list[bool] = []
    assert seconds(lambda: found.append(holds(tree, Scope([("text", View(text))])))) < 5.0
    assert found == [True]
    assert not holds(parse(f"{chain}{operator}丙").tree, Scope([("text", View(text))]))
