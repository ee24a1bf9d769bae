"""Whose words they are."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.mention import Mention
from monitor.scoring.words import Reader, Said, clean


def read(text: str, **fields: Any) -> Said:
    """The words of a mention with this text."""
    return Reader().read(Mention(source="t", id="1", published_at=datetime(2026, 11, 22, tzinfo=UTC), text=text, **fields))


@pytest.mark.parametrize(
    "text",
    [
        "", "转发微博", "转发微博。", "轉發微博", "Repost", "转发", "转", "[怒]", "[怒][怒] [吃惊]", "！！！", "。。。", "😡😡", "[",
        "//@某人:真是太差了", "转发微博//@某人:真是太差了", "@某人", "@某人 @别人",
        "回复@某人:", "http://t.cn/abc", "#话题#", "#话题# 转发微博", "转发理由:转发微博", "\u200b", "【】", "快转微博", "分享图片",
    ],
)  # fmt: skip
def test_no_words_of_its_own(text: str) -> None:
    """Placeholders, faces, names, links, topics and the chain behind // are not the author's words."""
    said = read(text, quoted="银行服务太差")
    assert said.own == ""
    assert said.spoken == said.quoted == "银行服务太差"


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("太差了", "太差了"),
        ("太差了//@某人:很好", "太差了"),
        ("太差了 @某人 http://t.cn/a1", "太差了"),
        ("回复@某人:太差了", "太差了"),
        ("[怒]太差了[怒]", "太差了"),
        ("转发微博有什么用", "转发微博有什么用"),
        ("轉發 這種事", "转发 这种事"),
    ],
)
def test_own_words(text: str, own: str) -> None:
    """What is left is the author's own, folded."""
    assert " ".join(read(text, quoted="别的").own.split()) == own


def test_the_title_is_an_own_word() -> None:
    """Headline and text are read together."""
    assert read("正文", title="标题").own == "标题\n正文"


def test_who_speaks_when_the_author_is_silent() -> None:
    """The quoted text, else the chain, else the transcript, else the topic."""
    chain = "转发微博//@某人:链里的话"
    assert read(chain, quoted="引用", transcript="字幕").spoken == "引用"
    assert read(chain, transcript="字幕").spoken == "链里的话"
    assert read("[怒]", transcript="字幕").spoken == "字幕"
    assert read("#最差快递# [怒]").spoken == "最差快递"
    assert read("[怒]").spoken == ""


def test_faces_and_topics_are_kept_for_the_emotion() -> None:
    """A face is no word, and yet it shows a mind; the passed-on part shows another's."""
    said = read("#话题# [怒] @某人 //@别人:[哈哈]")
    assert "[怒]" in said.faced
    assert "话题" in said.faced
    assert "哈哈" not in said.faced


@given(st.text(alphabet="@#[]/:h tps.转发微博红\n\0", max_size=60))
def test_cleaned_words_are_words(text: str) -> None:
    """Nothing, or something with a letter or digit in it, without spaces around."""
    cleaned = clean(text)
    assert cleaned == cleaned.strip()
    assert not cleaned or any(char.isalnum() for char in cleaned)
