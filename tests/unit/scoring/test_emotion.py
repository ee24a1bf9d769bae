"""Emotions by the lexicon."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.scoring.emotion import LABELS, load_emotion
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
    assert load_emotion().classify(fold(text)).label == label


@given(st.text(alphabet="气愤支持担心不没[怒]哭 a", max_size=30))
def test_shares(text: str) -> None:
    """They add up to 1 and the label is the likeliest."""
    emotion = load_emotion().classify(text)
    shares = {label: getattr(emotion, label) for label in LABELS}
    assert math.isclose(sum(shares.values()), 1.0, abs_tol=1e-3)
    assert shares[emotion.label] == max(shares.values())
