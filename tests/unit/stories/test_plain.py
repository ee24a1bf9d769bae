"""Plain: figures, tolls and kinds of happening look the same however they are written; nothing else changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.stories.plain import plain, worth
from monitor.stories.rarity import RARE, known, terms
from tests.unit.stories.test_happening import together


@pytest.mark.parametrize(("said", "like"), [
    ("7死19伤", "造成7人死亡、19人受伤"), ("七人遇难,十九人送医", "7名工人身亡,19名工人受伤"), ("没了七个人,伤了十九个", "7死,19伤"),
    ("塔吊砸死四人", "塔吊致四人死亡"), ("死亡人数升至31人", "31人死亡"), ("43名", "43位"), ("两辆货车", "2车"), ("2号线", "2线"),
    ("三百八十万", "380万"), ("3千万元", "3000万元"), ("三千万元", "0.3亿元"), ("1.2万罐", "12000罐"), ("5000余人", "五千多人"),
])  # fmt: skip
def test_it_is_said_alike(said: str, like: str) -> None:
    """However a figure is written, and however the dead and the hurt are spoken of."""
    assert {term for term in terms(said) if term[:1].isdecimal()} == {term for term in terms(like) if term[:1].isdecimal()}


@pytest.mark.parametrize("text", [
    "千万别去", "万一下雨", "一个人一名员工", "七八个人", "二〇二三年", "第43名", "三亚的百货", "3月3号下午", "十百千",
])  # fmt: skip
def test_what_is_no_figure_stays(text: str) -> None:
    """Words with numerals in them, a place in a row, about so many, one of something."""
    assert plain(text) == text


@given(st.integers(2, 10**12 - 1))
def test_numerals(number: int) -> None:
    """A numeral in Chinese is worth what it says."""
    assert worth(_written(number)) == number


def _written(number: int) -> str:
    for unit, sign in ((10**8, "亿"), (10**4, "万")):
        if number >= unit:
            more = number % unit
            between = "零" if 0 < more < unit // 10 else ""
            return _written(number // unit) + sign + between + (_written(more) if more else "")
    digits = [(int(digit), sign) for digit, sign in zip(f"{number:04}", "千百十 ", strict=True)]
    return "".join(f"{'零一二三四五六七八九'[digit]}{sign.strip()}" for digit, sign in digits if digit)


@given(st.text())
def test_any_text_has_terms(text: str) -> None:
    """Whatever stands in a text, signs of our own too: terms are made, and each tells something or nothing."""
    assert all(known()[term] >= 0 for term in [*terms(text), *terms(plain(text)), *terms(f"={text}=")])


def test_a_kind_of_happening_is_one_term_by_any_of_its_names() -> None:
    """It tells more than the words do; a round sum no more than its own digits; one dead is no mark of anything."""
    assert all("=爆炸=" in terms(text) for text in ("反应釜爆燃", "厂子炸了"))
    assert known()["=爆炸="] >= RARE
    assert known()["30000000"] == known()["3000"] < known()["38265"]
    assert known()["1死"] < known()["2死"] < known()["11死"]


@pytest.mark.parametrize(("one", "other"), [
    ("恒川化工三号车间发生爆炸,造成7人死亡、19人受伤", "恒川化工厂区一反应釜爆燃,七人遇难,十九人送医救治"),
    ("恒川化工总经理魏长河接受审查调查", "魏长河落马,恒川化工回应:生产经营一切正常"),
    ("恒川化工被处罚三百八十万", "监管部门对恒川化工开出380万元罚单"),
])  # fmt: skip
def test_two_marks_are_enough(one: str, other: str) -> None:
    """Two figures of a toll; a name and a kind; a sum and a kind. Not the kind alone, nor with another figure or name."""
    assert together(one, other, names=("恒川化工",))
    assert not together(one, "恒川化工一仓库爆炸,2死5伤", names=("恒川化工",))
    assert not together(one, "恒川化工被罚92万元", names=("恒川化工",))
    assert not together(one, "恒川化工副总经理贺立平落马", names=("恒川化工",))
