"""Frames: words of harm that tell of no event add nothing, and say by which word."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.mention import Mention
from monitor.scoring.explaining import explain, rules_of
from monitor.scoring.library import load_libraries
from monitor.scoring.library_file import Library, LibraryRule
from monitor.scoring.matcher import Matcher
from monitor.scoring.rules import parse
from monitor.scoring.unreal import load_unreal
from monitor.scoring.views import View
from monitor.subject import Subject

AT = datetime(2026, 1, 1, tzinfo=UTC)
SHIPPED = tuple(load_libraries([])[0])
WATCHED = Subject(name="云岭", rules=("云岭",))


def matcher(*libraries: Library) -> Matcher:
    """Of the shipped libraries and these."""
    return Matcher.build([WATCHED], [*SHIPPED, *libraries])


def mention(text: str, **more: str) -> Mention:
    """Of the watched subject."""
    return Mention(source="t", id="1", published_at=AT, text=text, **more)  # type: ignore[arg-type]  # strings only


@pytest.mark.parametrize(
    ("harmless", "by"),
    [
        ("云岭小学消防演练 模拟教学楼起火", "演练"),
        ("云岭影业新片《深渊》定档 男主坠楼身亡", "新片"),
        ("云岭社区：如何预防煤气中毒", "如何预防"),
        ("云岭县火灾起数同比下降三成", "同比下降"),
    ],
)
def test_the_hit_says_by_which_word(harmless: str, by: str) -> None:
    """The words still hit, each names the frame, and the risk is none."""
    (match,) = matcher().match(mention(harmless), 0)
    words = [hit.harmless for hit in match.hits if hit.category != "subject"]
    assert words
    assert None not in words
    assert by in words
    assert match.risk == 0.0
    assert match.harms == ()


@pytest.mark.parametrize(
    "real",
    [
        "云岭小学消防演练发生意外 两名学生烧伤送医",
        "云岭工厂谎称演练 实为液氨泄漏",
        "云岭影城放映新片时起火 观众受伤",
        "云岭化工厂爆炸致三人死亡 如何防止悲剧重演",
        "云岭电影院起火",
        "云岭集团老板因诈骗被抓 曾拍摄电影",
    ],
)
def test_what_happened_counts(real: str) -> None:
    """A frame that something makes real again is none; nor is a longer word that merely holds a frame's."""
    (match,) = matcher().match(mention(real), 0)
    assert match.risk >= 0.5


def test_another_sentence_is_no_frame() -> None:
    """A frame reaches no further than its sentence: yesterday's drill excuses no fire of today."""
    (match,) = matcher().match(mention("云岭昨天办了消防演练。今天仓库起火。"), 0)
    assert match.risk >= 0.5


def test_a_frame_is_of_its_own_text() -> None:
    """A drill that is quoted excuses no fire in one's own words."""
    (match,) = matcher().match(mention("云岭仓库起火", quoted="云岭消防演练"), 0)
    assert match.risk >= 0.5


def test_rules_of_ones_own_always_count() -> None:
    """A rule of a library that is not shipped counts in a frame too."""
    mine = Library("mine", "演练", 0.8, (LibraryRule(parse("起火"), 0.8),))
    subject = Subject(name="云岭", rules=("云岭",), libraries=("mine",))
    (match,) = Matcher.build([subject], [*SHIPPED, mine]).match(mention("云岭消防演练 模拟起火"), 0)
    assert match.risk == 0.8


def test_what_explains_says_the_same() -> None:
    """`keywords test` marks the hits that the service marks."""
    one = mention("云岭小学消防演练 模拟教学楼起火")
    (match,) = matcher().match(one, 0)
    held = explain(rules_of([WATCHED], SHIPPED), one, 0, 0).held
    assert {hit for each in held for hit in each.hits} == set(match.hits)


@given(st.text(alphabet="演练电影防火灾致 。,起爆炸。x\U0001f525Ａ", max_size=60))
def test_spans_are_of_the_original(text: str) -> None:
    """A frame is found where its word stands in the text as it came, whatever folds to more or fewer characters."""
    frames = load_unreal().frames(View(text))
    for at in range(len(text)):
        word = frames.around((at, at + 1), "安全事故") if frames else None
        assert word is None or word in text
