"""A sketch knows the near-copies of its text, and nothing else."""

import pytest

from monitor.stories.shingles import bare, shingled
from monitor.stories.sketch import SKETCHED, Sketches, alike, as_keys, parted, sketch

TEXT = "某某集团的牛奶里喝出了活虫，客服让我自己去化验，太让人愤怒了，大家以后千万不要再买他们家的东西"
OTHER = "城南路某某集团的门店昨晚突然起火，消防车来了四辆，楼上住户全部被疏散，原因还在调查之中"
COPIES = [
    TEXT, f"{TEXT}转", f"{TEXT}太可怕了", f"快看：{TEXT}", f"{TEXT}！！！@张三", TEXT.replace("愤怒", "气愤"), TEXT.replace("客服", "他们"),
]  # fmt: skip
OTHERS = [OTHER, TEXT[:14], "某某集团的牛奶怎么样，好喝吗，想给孩子买一箱试试看，大家有没有推荐", f"{TEXT}{OTHER}{OTHER[::-1]}"]


@pytest.mark.parametrize("names", [(), ("某某集团", "某某")])
def test_near_copies_are_known(names: tuple[str, ...]) -> None:
    """A tail, a word before it, one word another: it is known; a piece of it, other talk of the same, more than it: not."""
    kept = sketch(shingled(bare(TEXT), ()).whole)

    assert [alike(shingled(bare(one), names), kept) for one in COPIES] == [True] * len(COPIES)
    assert [alike(shingled(bare(one), names), kept) for one in OTHERS] == [False] * len(OTHERS)


def test_sketches_go_among_keys_and_come_back() -> None:
    """What was put among a story's keys is what is read from them, the other keys stay in order; too few shingles are no sketch."""
    sketches = tuple(sketch(shingled(bare(one), ()).whole) for one in (TEXT, OTHER, "某某集团倒闭了吧"))
    exact = (1 << 63, 5, 1 << 40)

    assert parted((*exact, *as_keys(sketches)), 3) == (exact, sketches)
    assert [len(one) // 4 for one in sketches] == [SKETCHED, SKETCHED, 5]
    assert sketch(shingled("某某集团倒闭了", ()).whole) == b""


def test_stories_are_found_by_their_sketches() -> None:
    """Each by its own, until it is removed."""
    by = {"a": (sketch(shingled(bare(TEXT), ()).whole),), "b": (sketch(shingled(bare(OTHER), ()).whole),)}
    sketches = Sketches()
    for story, own in by.items():
        sketches.add(story, own)
    words = shingled(bare(f"{TEXT}转"), ())

    assert sketches.near(words, by) == ["a"]
    sketches.keep("a", by["a"], by["a"])
    assert sketches.near(words, by) == ["a"]
    sketches.keep("a", by["a"])
    assert sketches.near(words, by) == []
