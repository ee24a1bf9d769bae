"""Titles and samples: what people read of a story is clean, short and names nobody who should not be named."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.clock import moment
from monitor.mention import Mention
from monitor.stories.title import SAMPLE_LENGTH, TITLE_LENGTH, heading, sample, shown, title
from tests.unit.escalation.making import START, scored


def mention(**fields: str | None) -> Mention:
    """A mention with these words."""
    return Mention(source="t", id="1", published_at=moment(START), **fields)  # type: ignore[arg-type]


@given(st.text(), st.integers(1, 60))
def test_what_is_shown_is_one_clean_line(text: str, length: int) -> None:
    """Never a control, bidi or surrogate character, never a line break, never longer than asked."""
    line = shown(text, length)

    assert len(line) <= length
    assert line == line.strip()
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs"} for char in line)


def test_a_long_text_is_cut_with_a_mark() -> None:
    """What was cut ends in …; what fits is whole."""
    assert shown("一" * 50, 10) == "一" * 9 + "…"
    assert shown("一" * 10, 10) == "一" * 10


def test_a_title_is_the_first_words_there_are() -> None:
    """Headline, else what is passed on, else its own words, else what was spoken."""
    assert title(mention(title="红十字会公布善款去向", quoted="原来那一条说了什么", text="转发微博")) == "红十字会公布善款去向"
    assert title(mention(quoted="原来那一条说了什么", text="转发微博")) == "原来那一条说了什么"
    assert title(mention(quoted="原文", text="转发")) == "原文"
    assert title(mention(title=" \u202e\n ", text="自己的话")) == "自己的话"
    assert title(mention(transcript="字幕")) == "字幕"
    assert title(mention(text="\u200b")) == "(无文字)"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("@小王 大家好，转发微博 在云杉酸奶里喝出了活虫! http://t.cn/abc [怒]", "在云杉酸奶里喝出了活虫!"),
        ("【7.6万箱含氯可口可乐流入市场】2月初，管道改造", "7.6万箱含氯可口可乐流入市场"),
        ("【寻！】7月12日晚8点，有人丢了包", "【寻！】7月12日晚8点，有人丢了包"),
        ("求扩散：某某集团的门店倒闭跑路了//@甲: 真的吗//@乙: 求证", "某某集团的门店倒闭跑路了"),
        ("回复@甲: 某某集团的门店倒闭跑路了", "某某集团的门店倒闭跑路了"),
        ("气死我了，转给大家看看！某某集团的门店倒闭跑路了", "某某集团的门店倒闭跑路了"),
        ("真是气死人了！！大家快看：某某集团的门店倒闭跑路了", "某某集团的门店倒闭跑路了"),
        ("气死我了，某某集团", "气死我了，某某集团"),
        ("震惊世界的某某集团门店倒闭跑路了", "震惊世界的某某集团门店倒闭跑路了"),
        ("看看某某集团的门店倒闭跑路了", "看看某某集团的门店倒闭跑路了"),
        ("#某某集团# 门店倒闭跑路了", "某某集团 门店倒闭跑路了"),
        ("转发微博", "转发微博"),
    ],
)
def test_a_title_passes_over_what_tells_nothing(text: str, words: str) -> None:
    """Greetings, cries, names, links, faces and earlier reposters are left out, a headline in 【】 stands alone if it tells enough."""
    assert title(mention(text=text)) == words


def test_a_title_ends_where_a_sentence_does() -> None:
    """A long text is cut after a whole sentence, else after a clause, else where it must be."""
    assert title(mention(text="一" * 24 + "。" + "二" * 40)) == "一" * 24 + "。"
    assert title(mention(text="一" * 24 + "，" + "二" * 40)) == "一" * 24 + "…"
    assert title(mention(text="一" * 50)) == "一" * 39 + "…"


def test_headings_are_ranked_by_what_they_tell() -> None:
    """A headline before an original's words, those before a comment's few, and nothing said last."""
    ranked = [
        mention(title="红十字会公布善款去向"), mention(text="红十字会的善款到底去哪了"), mention(text="不知道", quoted="某事"),
        mention(text="！！！"), mention(text="\u200b"),
    ]  # fmt: skip

    assert [heading(one).rank for one in ranked] == [0, 1, 2, 3, 4]


@given(st.text(max_size=200))
def test_a_title_is_never_empty_or_long(text: str) -> None:
    """Whatever was said, there is a title that fits a message."""
    assert 0 < len(title(mention(text=text))) <= TITLE_LENGTH


def test_a_sample_shows_no_pseudonym() -> None:
    """The author does not stand in a sample; a name only where one is kept readable."""
    one = scored("1", START, author="0123456789abcdef", url="https://a.cn/1")

    assert "0123456789abcdef" not in str(sample(one))
    assert "name" not in sample(one)
    assert sample(replace(one, name="某日报"))["name"] == "某日报"


def test_a_sample_is_short_and_whole() -> None:
    """Where it was said, when, and how it was taken; a long text is cut."""
    shown_one = sample(scored("1", START, text="某某" * 200, severity=0.7, url="https://a.cn/1"))

    assert shown_one == {
        "source": "t", "id": "1", "text": ("某某" * 200)[: SAMPLE_LENGTH - 1] + "…", "platform": "微博", "url": "https://a.cn/1",
        "published_at": "2026-03-02T08:00:00Z", "sentiment": "negative", "severity": 0.7,
    }  # fmt: skip
