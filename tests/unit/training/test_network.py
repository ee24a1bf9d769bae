"""The small network: its slopes, and the whole numbers it is shipped as."""

import numpy as np
import pytest

from monitor.scoring.sentiment.network import Network
from services.training.embeddings import Vectors, keys_of
from services.training.network import Net, Slots, backward, forward, fresh, judge, train, wrong
from services.training.quantise import network_arrays
from services.training.recipe import narrow, slots
from services.training.table import Lesson, softmax

TEXTS = ("很好吃呀", "太差了", "好", "难看死我了", "今天开会", "", "好差")  # no pair twice in a text: the strongest answer is one
WIDTH = 16


def vectors(width: int = WIDTH) -> Vectors:
    """A vector for each character and pair of TEXTS."""
    singles, pairs, _, _ = keys_of(TEXTS)
    keys = np.unique(np.concatenate([singles, pairs]))
    keys = keys[keys & np.uint64(0xFFFFFFFF) != 0]
    return Vectors(keys, np.random.default_rng(5).standard_normal((len(keys), width)).astype(np.float32))


def lesson(classes: int) -> Lesson:
    """Some truth for TEXTS."""
    count = len(TEXTS)
    known = np.ones((count, classes), bool)
    known[2, 1] = False
    return Lesson(np.array([2, 0, 2, 0, 1, 1, 0]), np.linspace(0.5, 2.0, count).astype(np.float32), known)


def loss(net: Net, seen: Slots, table: np.ndarray, tones: Lesson, emotions: Lesson) -> float:
    """What `backward` is the slope of, smoothing aside."""
    pooled = forward(net, table, seen).pooled.astype(np.float64)
    total = 0.0
    for head, bias, taught in ((net.tone, net.tone_bias, tones), (net.emotion, net.emotion_bias, emotions)):
        scores = np.where(taught.known, pooled @ head + bias, -30.0)
        truth = _truth(taught)
        logs = scores - scores.max(axis=1, keepdims=True)
        logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
        total -= float((truth * logs * taught.weights[:, None]).sum()) / len(TEXTS)
    return total


def _truth(taught: Lesson) -> np.ndarray:
    scores = np.zeros(taught.known.shape, np.float32)
    everyone = np.arange(len(taught.labels))
    flat = Lesson(taught.labels, np.full(len(everyone), len(everyone), np.float32), taught.known)
    return softmax(np.where(taught.known, scores, np.float32(-30.0))) - wrong(scores, flat, everyone)


@pytest.mark.parametrize("part", ["single", "pair", "filters", "bias", "tone", "tone_bias", "emotion", "emotion_bias"])
def test_slopes_are_those_of_the_loss(part: str) -> None:
    """Each part's slope is what a small step changes, so the network learns what it is told to."""
    known = vectors()
    table, seen = np.vstack([known.vectors, np.zeros((1, WIDTH), np.float32)]), slots(TEXTS, known)
    net, everyone = fresh(WIDTH, np.random.default_rng(3)), np.arange(len(TEXTS))
    tones, emotions = lesson(3), lesson(7)
    way = forward(net, table, seen)
    tone = wrong(way.pooled @ net.tone + net.tone_bias, tones, everyone)
    emotion = wrong(way.pooled @ net.emotion + net.emotion_bias, emotions, everyone)
    slopes = dict(zip(Net.__slots__, backward(net, way, tone, emotion, np.ones_like(way.pooled)), strict=True))
    weights = getattr(net, part)
    place = np.unravel_index(np.abs(slopes[part]).argmax(), weights.shape)
    kept, step = weights[place], np.float32(2e-3)
    weights[place] = kept + step
    above = loss(net, seen, table, tones, emotions)
    weights[place] = kept - step
    below = loss(net, seen, table, tones, emotions)
    assert (above - below) / (2 * step) == pytest.approx(slopes[part][place], rel=0.08, abs=2e-3)


def test_the_shipped_numbers_say_the_same() -> None:
    """What runs in whole numbers is what was trained, but for their rounding."""
    known = vectors(128)
    net = train(slots(TEXTS, known), narrow(known), lesson(3), lesson(7), epochs=3)
    arrays = network_arrays(net, known, TEXTS)
    shipped = Network.of(arrays)
    whole = [text for text in TEXTS if text]
    assert np.allclose(shipped.scores(whole), judge(net, narrow(known), slots(whole, known))[0], atol=0.05)


def test_the_same_seed_trains_the_same() -> None:
    """Two trainings with one seed agree to the last bit, another seed does not."""
    known = vectors(128)
    first, again, other = (train(slots(TEXTS, known), narrow(known), lesson(3), lesson(7), seed) for seed in (1, 1, 2))
    assert all(np.array_equal(one, two) for one, two in zip(first.parts(), again.parts(), strict=True))
    assert not np.array_equal(first.filters, other.filters)
