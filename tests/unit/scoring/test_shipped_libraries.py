"""The shipped libraries: what must be severe, and the false friends that must not."""

from collections.abc import Sequence
from functools import cache
from importlib import resources

import pytest
import yaml

from monitor.errors import Problem
from monitor.score import SEVERE
from monitor.scoring.fold import fold
from monitor.scoring.hits import ADVERT
from monitor.scoring.library import Library, load_libraries
from monitor.scoring.matcher import Matcher
from monitor.scoring.rules import parse


@cache
def shipped() -> tuple[Sequence[Library], Sequence[Problem]]:
    """Read once."""
    return load_libraries([])


def severity(text: str) -> float:
    """How severe these words are."""
    return Matcher.build([], shipped()[0]).risk(text, 0)


def test_they_are_without_fault() -> None:
    """No problem, no name twice, risks weigh something, adverts nothing."""
    libraries, problems = shipped()
    assert not problems
    assert len({library.name for library in libraries}) == len(libraries)
    assert all((library.weight > 0) is (library.category != ADVERT) for library in libraries)
    assert all(library.shipped for library in libraries)


@pytest.mark.parametrize(
    "text",
    [
        "客机坠毁，机上人员全部遇难", "酒店发生火灾，3人死亡", "工人坠楼身亡", "一名乘客抢救无效去世", "踩踏事件致多人受伤",
        "車禍致2人死亡",
        "学生集体食物中毒", "牛奶过期还在卖", "吃出蟑螂", "喝了地沟油", "理财平台跑路，非法集资", "卡里的钱不翼而飞",
        "副行长受贿被立案调查",
        "善款被挪用", "千万用户信息泄露", "女职员遭性骚扰", "保安殴打顾客", "化工厂爆炸事故", "男子持刀砍人", "业主拉横幅维权，停工讨薪",
    ],
)  # fmt: skip
def test_what_is_severe(text: str) -> None:
    """Flat words about harm are severe by themselves."""
    assert severity(text) >= SEVERE


@pytest.mark.parametrize(
    "text",
    [
        "今天天气不错", "死亡搁浅新作发布", "大火收汁即可出锅", "清仓跳楼价大甩卖", "道德绑架要不得",
        "反诈中心提醒，谨防诈骗骗局", "事故未造成人员伤亡", "我要投诉你们", "航班延误两小时", "求证！请大家转发", "门店停业装修",
        "票房炸弹",
        "骨折价促销", "红十字会送来物资", "笑死我了", "累死了", "超市周年庆",
    ],
)  # fmt: skip
def test_false_friends(text: str) -> None:
    """Games, recipes, sales talk, warnings and a single complaint are not severe."""
    assert severity(text) < SEVERE


@pytest.mark.parametrize("name", ["emotion", "polarity"])
def test_a_lexicon_word_has_one_label(name: str) -> None:
    """No word stands under two labels, or twice under one."""
    listed = yaml.safe_load(resources.files("keywords").joinpath(f"lexicons/{name}.yaml").read_text("utf-8"))
    words = [fold(word) for line in listed.values() for word in line.split()]
    assert sorted(words) == sorted(set(words))


def test_the_example_subjects_can_be_copied() -> None:
    """Every rule is one, every library named is there."""
    subjects = yaml.safe_load(resources.files("keywords").joinpath("examples/subjects.yaml").read_text("utf-8"))
    assert all(parse(rule).tree for subject in subjects for rule in subject["rules"])
    assert {name for subject in subjects for name in subject.get("libraries", ())} <= {library.name for library in shipped()[0]}
