"""What every sentiment model promises, whatever it is made of."""

import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.score import Sentiment
from monitor.scoring.fold import fold
from monitor.scoring.sentiment.base import LABELS, SPEECHLESS, SentimentModel, as_sentiments
from monitor.scoring.sentiment.network import load_default
from monitor.scoring.sentiment.rules import load_rules
from monitor.scoring.sentiment.snownlp import load_snownlp
from monitor.scoring.sentiment.table import load_table

ODD = tuple(map(fold, (
    "", " ", "\n\t", "!!!", "\0", "\0\0a\0", "😀😡", "[怒][怒]", "红" * 21_845, "a" * 65_536, "哈" * 300, "\ufffd", "\ud800", "𠮷野家",
    "The service was terrible and I want my money back", "サービスが最悪だった", "서비스가 최악이었다", "خدمة سيئة جدا", "12345", "https",
)))  # fmt: skip
PLAIN = ("这家店的服务太差了，再也不会来了", "非常好，服务热情，下次还来", "明天上午九点开会", "垃圾公司，骗子！退钱", "质量很好，我很满意")
SLOWEST = 5.0  # seconds for one odd text on a busy machine; a text whose time grows with its square takes minutes


@pytest.fixture(params=[load_default, load_table, load_snownlp, load_rules], ids=["default", "fast", "snownlp", "lexicon"])
def model(request: pytest.FixtureRequest) -> SentimentModel:
    """Each model."""
    load: Callable[[], SentimentModel] = request.param
    return load()


@pytest.mark.parametrize("texts", [[], ["好"], list(PLAIN), list(ODD)], ids=["none", "one", "plain", "odd"])
def test_a_row_of_shares_a_text(model: SentimentModel, texts: list[str]) -> None:
    """Each text gets three shares that add up to 1, none of them NaN or below 0."""
    shares = model.probabilities(texts)
    assert shares.shape == (len(texts), len(LABELS))
    assert shares.dtype == np.float64
    assert np.isfinite(shares).all()
    assert (shares >= 0).all()
    assert np.allclose(shares.sum(axis=1), 1.0)


def test_the_batch_changes_nothing(model: SentimentModel) -> None:
    """The same text gets the same answer, to the last bit, alone, in another place and beside whatever else."""
    texts = [*PLAIN, *ODD, *("差" * length for length in range(1, 160, 7)), *PLAIN]
    together = model.probabilities(texts)
    alone = np.concatenate([model.probabilities([text]) for text in texts])
    assert np.array_equal(together, alone)
    assert np.array_equal(model.probabilities(texts[::-1])[::-1], together)


@given(st.lists(st.text(max_size=30), max_size=6))
def test_any_text_has_an_answer(texts: list[str]) -> None:
    """Whatever the words, the rounded answer adds up to 1 and its label is the likeliest."""
    for load in (load_default, load_table, load_snownlp, load_rules):
        for one in as_sentiments(load().probabilities([fold(text) for text in texts])):
            shares = dict(zip(LABELS, (one.negative, one.neutral, one.positive), strict=True))
            assert abs(sum(shares.values()) - 1.0) < 1e-9
            assert shares[one.label] == max(shares.values())


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_no_words_no_tone(model: SentimentModel, text: str) -> None:
    """Where nothing is said nobody is blamed or praised."""
    assert as_sentiments(model.probabilities([text])) == [SPEECHLESS]


@pytest.mark.parametrize("text", ["红" * 21_845, "差!" * 16_384, "no " * 21_845, "不" * 21_845])
def test_an_endless_text_takes_bounded_time(model: SentimentModel, text: str) -> None:
    """64 KiB of one character are judged at once."""
    started = time.process_time()
    model.probabilities([text] * 2)
    assert time.process_time() - started < SLOWEST


def test_unmistakable_words(model: SentimentModel) -> None:
    """Plain praise and plain blame are told apart."""
    shares = model.probabilities(list(PLAIN))
    assert [LABELS[place] for place in shares[[0, 1, 3, 4]].argmax(axis=1)] == ["negative", "positive", "negative", "positive"]


def test_rounding_keeps_the_likeliest() -> None:
    """What rounding leaves goes to the largest share."""
    assert as_sentiments(np.array([[1 / 3, 1 / 3, 1 / 3], [0.00004, 0.00004, 0.99992]])) == [
        Sentiment("negative", 0.3334, 0.3333, 0.3333), Sentiment("positive", 0.0, 0.0, 1.0),
    ]  # fmt: skip
