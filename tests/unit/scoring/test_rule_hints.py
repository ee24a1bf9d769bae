"""Hints on rules: what is right but probably not meant is told, what is meant is not."""

import pytest

from monitor.scoring.rule_hints import hints_of
from monitor.scoring.rules import parse


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("COVID-19", r"COVID\-19"),
        ("口罩+(N95|KN95)+COVID-19", r"COVID\-19"),
        ("百度!谷歌", "不含"),
        ("百度!百度", "两边相同"),
        ("title:(百度!谷歌)", "不含"),
        ("~骗", "同音"),
        ("/.+/", "几乎命中所有"),
        ("红会 near/5 捐款", "NEAR/5"),
        ("title：通报", "title:"),
    ],
)
def test_what_is_hinted(rule: str, says: str) -> None:
    """One line that says what is read, or what to write instead."""
    [hint] = hints_of(parse(rule))
    assert says in hint


MEANT = (r"COVID\-19", '"COVID-19"', "COVID - 19", "银行-招聘", "百度!百度百科", "~骗子", "/郭.?美/", "红会 NEAR/5 捐款", "=和服")


@pytest.mark.parametrize("rule", MEANT)
def test_what_is_not(rule: str) -> None:
    """What is meant as it stands gets no hint."""
    assert list(hints_of(parse(rule))) == []


def test_a_rule_of_one_mistake_many_times_is_told_of_it_a_few_times() -> None:
    """Five lines of its beginning, however long it is."""
    hints = list(hints_of(parse("牛" + "-x" * 5_000)))
    assert len(hints) == 5
    assert all(len(hint) < 200 and hint.startswith("规则 牛-x-x") for hint in hints)
