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
        ("红会 or 捐款", "大写 OR"),
        ("红会 Not 捐款", "大写 NOT"),
        ("红会 NEAR20 捐款", "NEAR/20"),
        ("红会 near 20 捐款", "NEAR/20"),
        ("红会 near 捐款", "NEAR/20"),
        ("百度！百度百科", "半角的 !"),
        ("＝和服", "半角的 ="),
        ("～红十字", "半角的 ~"),
        ("标题:通报", "title:"),
        ("Title:通报", "title:"),
        ("TITLE：通报", "title:"),
        ("autor:张三", "author:"),
        ("site:weibo.com", "没有 site 这个字段"),
        ("红会，捐款", "要“或”请写 |"),
        ("红会、捐款", "要“或”请写 |"),
        ("网约车/出租车", "要“或”请写 |"),
        ("红*会", "~词"),
        ("红会-红会", "永远不会命中"),
        ("红会+捐款-(表扬|红会)", "永远不会命中"),
        ("title:红会 NOT 红会", "永远不会命中"),
        ("百度百科-百度", "永远不会命中"),
        ("甲乙OR丙丁", "A OR B"),
        ("甲乙 AND丙丁", "A AND B"),
        ("甲乙NEAR/5 丙丁", "A NEAR/5 B"),
        ("甲乙 && 丙丁", "请写 +"),
        ("甲乙＆丙丁", "请写 +"),
        ("甲乙—丙丁", "半角的 -"),
        ("甲乙 – 丙丁", "半角的 -"),
        ("甲乙−丙丁", "半角的 -"),
        ("甲+kind:posts", "没有 posts 这种类型"),
        ("kind:(微博|post)", "platform:"),
    ],
)
def test_what_is_hinted(rule: str, says: str) -> None:
    """One line that says what is read, or what to write instead."""
    [hint] = hints_of(parse(rule))
    assert says in hint.said


@pytest.mark.parametrize(
    ("rule", "column"),
    [
        ("红会 or 捐款", 4), ("甲乙|标题:通报", 4), ("甲+=红，会", 5), ("(甲|乙)+COVID-19", 7), ("甲|~骗", 3), ("甲+(百度!谷歌)", 4),
        ("甲乙OR丙丁", 3), ("甲|甲乙 && 丙丁", 6), ("甲乙—丙丁", 3), ("甲+kind:posts", 8),
    ],
)
def test_a_hint_names_the_column(rule: str, column: int) -> None:
    """From 1, where what is meant otherwise stands."""
    assert [hint.column for hint in hints_of(parse(rule))] == [column]


MEANT = (
    r"COVID\-19", '"COVID-19"', "COVID - 19", "银行-招聘", "百度!百度百科", "~骗子", "/郭.?美/", "红会 NEAR/5 捐款", "=和服",
    '"红会 or 捐款"', '"百度！百度百科"', '"红会，捐款"', r"红会\，捐款", "太好了！", "https://a.cn/b", "24/7", "Re:Zero", "12:30",
    "10,000人", "title:通报", "通报：处理", "红会-红十字会", "a - ab", "ab - a", "AT&T",
    "R&D费用", "甲 OR 乙", "甲乙BAND", "kind:(post|video)", r"甲\—乙", '"甲乙OR丙丁"',
)  # fmt: skip


@pytest.mark.parametrize("rule", MEANT)
def test_what_is_not(rule: str) -> None:
    """What is meant as it stands gets no hint."""
    assert list(hints_of(parse(rule))) == []


def test_a_rule_of_one_mistake_many_times_is_told_of_it_a_few_times() -> None:
    """Five lines of its beginning, however long it is."""
    hints = list(hints_of(parse("牛" + "-x" * 5_000)))
    assert len(hints) == 5
    assert all(len(hint.said) < 200 and hint.said.startswith("规则 牛-x-x") for hint in hints)
