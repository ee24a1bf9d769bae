"""SnowNLP's weights over our tokens."""

import math
import sys
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.score import Sentiment
from monitor.scoring.fold import fold
from monitor.scoring.segment import LONGEST, load_segmenter
from monitor.scoring.sentiment.base import SPEECHLESS, as_sentiments, softmax
from monitor.scoring.sentiment.snownlp import load_snownlp


def judge(*texts: str) -> list[Sentiment]:
    """The sentiments of texts, judged in one batch."""
    return as_sentiments(load_snownlp().probabilities([fold(text) for text in texts]))


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("这家店的服务太差了，再也不会来了", "negative"),
        ("垃圾银行，骗子！", "negative"),
        ("黑心超市卖过期食品，强烈谴责", "negative"),
        ("红十字会把善款弄到哪里去了？太让人失望", "negative"),
        ("服務態度惡劣，投訴無門", "negative"),
        ("非常好，服务热情，下次还来", "positive"),
        ("感谢志愿者，为你们点赞", "positive"),
        ("质量很好，我很满意", "positive"),
    ],
)
def test_plain_words(text: str, label: str) -> None:
    """Unmistakable praise and blame are told apart."""
    assert judge(text)[0].label == label


@pytest.mark.parametrize(("plain", "negated"), [("满意", "不满意"), ("喜欢", "不喜欢"), ("推荐", "不推荐"), ("靠谱", "不靠谱")])
def test_negation_turns_a_word(plain: str, negated: str) -> None:
    """A negation right before a word of praise makes it worse."""
    first, second = judge(plain, negated)
    assert second.negative > first.negative


@pytest.mark.parametrize("text", ["", "!!!", "qwxyzzy", "\0"])
def test_nothing_known_is_neutral(text: str) -> None:
    """No known token and no unmistakable word: neutral."""
    assert judge(text) == [SPEECHLESS]


@given(st.lists(st.text(max_size=20), max_size=4))
def test_probabilities(texts: Sequence[str]) -> None:
    """They add up to 1, the label is the likeliest, and the batch changes nothing."""
    together = judge(*texts)
    assert together == [judge(text)[0] for text in texts]
    for one in together:
        shares = {"negative": one.negative, "neutral": one.neutral, "positive": one.positive}
        assert math.isclose(sum(shares.values()), 1.0, abs_tol=1e-9)
        assert all(0.0 <= share <= 1.0 for share in shares.values())
        assert shares[one.label] == max(shares.values())


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_softmax_never_overflows(negative: float, neutral: float, positive: float) -> None:
    """Any finite scores make probabilities."""
    one = as_sentiments(softmax(np.array([[negative, neutral, positive]])))[0]
    assert math.isclose(one.negative + one.neutral + one.positive, 1.0, abs_tol=1e-9)
    assert min(one.negative, one.neutral, one.positive) >= 0.0


def test_snownlp_itself_is_never_imported() -> None:
    """Its weights are read without its 400 MB of segmenter and tagger."""
    before = "snownlp" in sys.modules  # another test may have
    load_snownlp.__wrapped__()
    assert ("snownlp" in sys.modules) is before


def test_cutting_is_bounded() -> None:
    """Only the beginning of an endless text is cut."""
    assert sum(map(len, load_segmenter().cut("红" * 100_000))) == LONGEST
