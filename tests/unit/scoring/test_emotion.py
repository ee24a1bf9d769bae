"""Emotions by the table, with the lexicon beside it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.scoring.emotion import LABELS, as_emotions, load_emotion
from monitor.scoring.fold import fold


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("太气愤了，无耻", "anger"),
        ("[怒][怒]", "anger"),
        ("好担心家人", "worry"),
        ("一路走好", "sadness"),
        ("真的吗？求证", "doubt"),
        ("支持，加油", "support"),
        ("没想到，居然这样", "surprise"),
        ("不喜欢", "none"),
        ("今天开会", "none"),
        ("", "none"),
    ],
)
def test_emotions(text: str, label: str) -> None:
    """Words and faces show an emotion; negated words and plain talk do not."""
    assert as_emotions(load_emotion().probabilities([fold(text)]))[0].label == label


@given(st.text(alphabet="气愤支持担心不没[怒]哭 a", max_size=30))
def test_shares(text: str) -> None:
    """They add up to 1 and the label is the likeliest."""
    emotion = as_emotions(load_emotion().probabilities([text]))[0]
    shares = {label: getattr(emotion, label) for label in LABELS}
    assert math.isclose(sum(shares.values()), 1.0, abs_tol=1e-3)
    assert shares[emotion.label] == max(shares.values())


@pytest.mark.parametrize("text", ["今天去看看", "我在家", "看看", "收到", "刚到公司", "周末去超市买菜"])
def test_a_few_plain_words_show_nothing(text: str) -> None:
    """What the table takes for a feeling in few words, none of which tells one, is not shown; a word of feeling is, however short."""
    assert as_emotions(load_emotion().probabilities([text]))[0].label == "none"
    assert as_emotions(load_emotion().probabilities(["心疼"]))[0].label == "sadness"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("太气愤了[怒]", "anger"), ("[怒][怒]", "anger"), ("[泪]", "sadness"), ("好害怕孩子被感染", "worry"), ("支持[赞]", "support"),
        ("凭什么不公开账目，谁信", "doubt"), ("关于调整公交线路的公告", "none"), ("", "none"), ("转发微博", "none"),
    ],
)  # fmt: skip
def test_the_table_tells_plain_cases(text: str, label: str) -> None:
    """Words and faces show an emotion, where a face alone is enough; notices and placeholders show none."""
    assert as_emotions(load_emotion().probabilities([fold(text)]))[0].label == label


@given(st.lists(st.text(max_size=20), max_size=4))
def test_the_table_answers_each_text_by_itself(texts: list[str]) -> None:
    """Shares add up to 1, and the same text gets the same answer whatever the batch."""
    folded = [fold(text) for text in texts]
    together = load_emotion().probabilities(folded)
    assert together.shape == (len(texts), len(LABELS))
    for row, text in zip(together, folded, strict=True):
        assert math.isclose(row.sum(), 1.0)
        assert (row == load_emotion().probabilities([text])[0]).all()
