"""Samples: three mentions that differ, the same however the story was taken in."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.mention import Scored
from monitor.stories.samples import Samples
from tests.unit.escalation.making import START, scored

MOST = 9


def spoken(item: int, text: str, platform: str = "微博", followers: int = 0, *, ill: bool = True) -> Scored:
    """A mention with these words."""
    one = scored(str(item), START + item, text=text, platform=platform, ill=ill)
    return replace(one, mention=replace(one.mention, followers=followers))


def taken(mentions: Sequence[tuple[int, Scored]]) -> Samples:
    """Samples of a story that took these in, each with its place in the log."""
    samples = Samples()
    for order, one in mentions:
        samples.add(one, order)
    return samples


def test_the_first_is_always_shown() -> None:
    """A story of one mention shows it."""
    samples = taken([(7, spoken(1, "在云杉酸奶里喝出了活虫"))])

    assert [one["id"] for one in samples.chosen()] == ["1"]
    assert samples.title == "在云杉酸奶里喝出了活虫"


def test_three_are_shown_that_differ() -> None:
    """Beside the first stand one of another platform and tone with other words, and the farthest heard, not the copies between."""
    copies = [(n, spoken(n, "在云杉酸奶里喝出了活虫, 孩子进了医院")) for n in range(1, 60)]
    report = (60, spoken(60, "云杉乳业回应: 已封存同批次产品", "新闻", ill=False))
    loud = (61, spoken(61, "我家的也有, 大家千万别买", followers=5_000_000))
    samples = taken([*copies, report, loud, (62, spoken(62, "在云杉酸奶里喝出了活虫, 孩子进了医院！"))])

    assert {one["id"] for one in samples.chosen()} == {"1", "60", "61"}
    assert samples.chosen()[0]["id"] == "1"


def test_own_words_are_compared() -> None:
    """Whoever only passes the first on with a word is no different one, where others speak for themselves; nor by the chain behind."""
    first = "在云杉酸奶里喝出了活虫, 孩子进了医院, 客服说会处理"
    passing = [(n, spoken(n, f"{words}//@原作c4:{first}")) for n, words in enumerate(("孩子吃了怎么办", "求后续", "转给妈妈看"), start=2)]
    own = [(7, spoken(7, "我家昨天也买了一箱, 正要去退")), (8, spoken(8, "市场监管局的电话有人打过吗"))]

    shown = [str(one["id"]) for one in taken([(1, spoken(1, first)), *passing, *own]).chosen()]

    assert shown[0] == "1"
    assert set(shown) & {"7", "8"}


def test_a_title_is_that_of_the_best_mention() -> None:
    """A headline that comes later tells better than the first comment."""
    headline = spoken(2, "", "新闻")
    headline = replace(headline, mention=replace(headline.mention, title="云杉酸奶喝出活虫，市监局介入调查"))

    assert taken([(1, spoken(1, "不会吧")), (2, headline)]).title == "云杉酸奶喝出活虫，市监局介入调查"
    assert Samples().title == ""


people = st.lists(
    st.builds(
        spoken, st.integers(1, 1_000), st.sampled_from(["甲乙丙丁", "某某的酸奶", "有虫子啊", "别买了吧", "转发微博", "啊"]),
        st.sampled_from(["微博", "新闻", "抖音", "论坛", "贴吧"]), st.integers(0, 5), ill=st.booleans(),
    ),
    max_size=30,
)  # fmt: skip


@given(people, st.randoms(use_true_random=False), st.integers(0, 30))
def test_samples_are_those_of_the_set(mentions: list[Scored], random: object, cut: int) -> None:
    """In whatever order they are taken in, and merged from whatever two stories, the same three are shown under the same title."""
    told = list(enumerate(mentions))
    lived = taken(told)
    mixed = list(told)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    merged = taken(mixed[:cut])
    merged.merge(taken(mixed[cut:]))

    assert taken(mixed).chosen() == merged.chosen() == lived.chosen()
    assert taken(mixed).title == merged.title == lived.title
    assert len(lived._kept) <= MOST
