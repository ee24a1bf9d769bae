"""Happenings: the same told in other words is one story of its subject; what merely shares the subject is not."""

from pathlib import Path

import pytest

from monitor.clock import DAY, HOUR, moment
from monitor.mention import Mention
from monitor.scoring.fold import fold
from monitor.stories.grouping import Grouping
from monitor.stories.rarity import RARE, known, terms
from monitor.stories.telling import weights
from tests.unit.escalation.making import START

PAIRS = Path(__file__).with_name("pairs.tsv")
TOLD = "【云杉超市】柳河县黄婉清女士在云杉超市扫码付款23800元被重复扣款, 店长称系统故障, 三天内退还"
AGAIN = "云杉超市又出事: 黄婉清付款时被多收23800元, 柳河县市场监管局已经介入"


def together(one: str, other: str, *, after: int = HOUR, names: tuple[str, ...] = ("云杉超市",)) -> bool:
    """Whether the second text finds the first."""
    grouping = Grouping(fold, names)
    grouping.found(Mention(source="t", id="a", text=one, published_at=moment(START)), "", START)
    return grouping.find(Mention(source="t", id="b", text=other, published_at=moment(START)), START + after) is not None


@pytest.mark.parametrize(("one", "other"), [
    (TOLD, AGAIN), (AGAIN, TOLD),
    ("男子卖房为母治病打赏女主播22.5万", "男子拿母亲治病钱22.5万打赏女主播"),
    ("2名初中生扶摔倒女子遭索赔22万", "初中生扶摔倒女子遭索赔22万将开庭"),
    ("医院回应丈夫因男医生为妻产检撞墙", "医院已安抚男医生产检丈夫撞墙孕妇"),
])  # fmt: skip
def test_other_words_for_the_same(one: str, other: str) -> None:
    """Names, places and large figures tell, in short headlines too."""
    assert together(one, other)


@pytest.mark.parametrize(("one", "other"), [
    (TOLD, "云杉超市的水果不新鲜, 服务态度也差, 再也不去了"),
    ("云杉超市太让人失望了, 必须给大家一个解释!", "云杉超市必须做出解释, 太失望了"),
    ("柳河县今天下雨, 云杉超市门口积水", "柳河县的云杉超市招聘收银员, 待遇从优"),
    ("云杉超市 云杉超市 云杉超市", "云杉超市 云杉超市 好 云杉超市"),
])  # fmt: skip
def test_the_subject_itself_is_no_happening(one: str, other: str) -> None:
    """Commentary, one shared place, the subject's own name: none is evidence."""
    assert not together(one, other)


def test_it_is_told_within_three_days() -> None:
    """The same words weigh less as days pass, and nothing after three."""
    assert together(TOLD, AGAIN, after=2 * DAY)
    assert not together(TOLD, AGAIN, after=3 * DAY + HOUR)


def test_what_many_stories_of_the_subject_say_tells_nothing() -> None:
    """Two complaints that share only what dozens of others say as well are two complaints."""
    grouping = Grouping(fold, ("云杉超市",))
    said = ["预付卡余额清零", "自助收银机吞钱", "会员积分作废", "生鲜冷柜断电"]
    for n in range(60):
        text = f"云杉超市{said[n % 4]}，{said[(n // 4) % 4]}，我是{chr(0x6000 + 7 * n)}{chr(0x7000 + 11 * n)}村的"
        grouping.found(Mention(source="t", id=f"m{n}", text=text, published_at=moment(START)), f"s{n}", START)
    last = Mention(source="t", id="x", text="在云杉超市遇到会员积分作废，朋友那次是自助收银机吞钱呢", published_at=moment(START))

    assert grouping.find(last, START) is None


@pytest.mark.parametrize(("names", "texts"), [
    (("海川集团", "海川"), (
        "海川集团宣布裁员12%，约4800人受影响", "海川要裁掉近五千人，四千八百个家庭咋办", "消息称海川裁员4800人，占员工总数的百分之十二",
    )),
    (("恒远银行", "恒远"), (
        "恒远银行400万条客户信息被挂在暗网售卖", "恒远银行泄露资料400万条", "暗网惊现恒远银行客户资料，数量达4000000条",
    )),
    (("青柳",), (
        "青柳万象城旋转门夹伤老人，老人被送医抢救", "万象城旋转门夹死青柳老人，警方介入", "青柳万象城通报：七旬老人被旋转门夹伤后不治",
    )),
])  # fmt: skip
def test_a_report_that_waits_alone_keeps_no_others_apart(names: tuple[str, ...], texts: tuple[str, ...]) -> None:
    """Two that tell the same find each other whether or not a third report of it, which found neither, came between them."""
    grouping = Grouping(fold, names)
    for n, text in enumerate(texts[:2]):
        grouping.found(Mention(source="t", id=f"m{n}", text=text, published_at=moment(START)), f"s{n}", START + n)
    ties = grouping.find(Mention(source="t", id="x", text=texts[2], published_at=moment(START)), START + HOUR)

    assert together(texts[0], texts[2], names=names)
    assert ties is not None
    assert ties.home.story == "s0"


def test_rarer_terms_weigh_more() -> None:
    """A name more than an everyday word; a large figure most; a year and a date nothing."""
    assert known()["一个"] < known()["超市"] < known()["婉清"] == RARE < known()["23800"]
    told = ["50000", "#元", "50000", "23800", "#元", "mh370", "#mh"]
    assert [term for term in terms(fold("2013年3月5日, 5w元 5万 23800元 MH370")) if term] == told
    assert known()["#元"] == 0


def test_where_two_common_words_meet_is_nothing_rare() -> None:
    """A pair rarer than both beside it tells no more than the rarer of them; a rare word is rare in all its pairs."""
    assert weights(["案件", "件正", "正在"], [3.5, 6.0, 2.0]) == {"案件": 3.5, "件正": 3.5, "正在": 2.0}
    assert weights(["", "顾怀", "怀远", ""], [0.0, 6.0, 6.0, 0.0]) == {"顾怀": 6.0, "怀远": 6.0}
    assert weights(["", "陇西", "", "陇西", "西地"], [0.0, 6.0, 0.0, 6.0, 2.0]) == {"陇西": 6.0, "西地": 2.0}


def test_figures_of_a_kind_that_differ_speak_against_it() -> None:
    """As many shared words, and another model: another recall. The same model, or none named: the same."""
    recalled, other = "云杉超市召回净水壶{}, 滤芯老化", "云杉超市净水壶{}滤芯漏水了"

    assert together(recalled.format("KX2021"), other.format("KX2021"))
    assert together(recalled.format(""), other.format("KX1987"))
    assert not together(recalled.format("KX2021"), other.format("KX1987"))


@pytest.mark.parametrize("name", ["云杉超市", "中国东方航空集团", "Angelababy", "X20", "华为"])
@pytest.mark.parametrize(("one", "other"), [
    ("{}撒饭艺人", "{}眼神转换好牛"), ("{}演技", "{}眼技"), ("迪丽热巴在{}", "迪丽热巴去{}啦"), ("Christopher和{}", "{}有Christopher啊"),
])  # fmt: skip
def test_a_long_name_alone_is_no_happening(name: str, one: str, other: str) -> None:
    """However long the subject's name, or one other: a headline that shares nothing else tells something else."""
    assert not together(one.format(name), other.format(name), names=(name,))


@pytest.mark.parametrize(("name", "least", "most"), [(name, 0.8, 0.25) for name in ("", "云杉")])
def test_pairs_told_by_people(name: str, least: float, most: float) -> None:
    """
    Of the same told again most find each other; of what only sounds alike, in an empty hour, few do (pairs.tsv), whatever the name.

    Before names were left out and phrases bounded it was 0.89 of the same and 0.36 of the others.
    """
    rows = [line.split("\t") for line in PAIRS.read_text("utf-8").splitlines() if not line.startswith("#")]
    found: dict[str, list[bool]] = {"same": [], "other": []}
    for truth, subject, one, other in rows:
        texts = [text.replace(subject, name or subject) for text in (one, other)]
        found[truth] += [together(*pair, names=(name or subject,)) for pair in (texts, texts[::-1])]

    assert sum(found["same"]) >= least * len(found["same"])
    assert sum(found["other"]) <= most * len(found["other"])
