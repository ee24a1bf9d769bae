"""The arithmetic of agreement: sums that fit together, intervals that are right, whatever came in whatever order."""

from collections import Counter
from collections.abc import Sequence
from math import comb, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.escalation.effects import Judgement
from monitor.reporting.agreement import BANDS, EMOTIONS, LABELS, MISTAKES, Agreement, Evaluation, Opinion, Part, Place, wilson
from monitor.score import EmotionLabel, Sentiment, SentimentLabel

WEEK = 7


def week_of(at: int) -> str:
    """A made-up calendar: a week has seven micros."""
    return f"{at // WEEK:04}"


def opinion(number: int, label: SentimentLabel, sure: float = 0.8, judged: Judgement | None = None, **more: object) -> Opinion:
    """What the model says of the mention of that number."""
    rest = (1 - sure) / 2
    sentiment = Sentiment(label, **{one: sure if one == label else rest for one in LABELS})
    subject, emotion = str(more.get("subject", "甲")), more.get("emotion", "none")
    return Opinion(subject, number.to_bytes(16), number, sentiment, emotion, judged)  # type: ignore[arg-type]


JUDGED = st.none() | st.builds(
    Judgement, label=st.none() | st.sampled_from(LABELS), emotion=st.none() | st.sampled_from(EMOTIONS), relevant=st.none() | st.booleans()
)
SAID = st.lists(
    st.tuples(
        st.sampled_from(LABELS), st.floats(0.34, 1.0), JUDGED, st.sampled_from("甲乙丙"), st.sampled_from(EMOTIONS),
        st.none() | st.builds(Place, st.sampled_from(["微博", "抖音"]), st.sampled_from(["post", "comment"])),
    ),
    max_size=60,
)  # fmt: skip
Row = tuple[SentimentLabel, float, Judgement | None, str, EmotionLabel, Place | None]


def evaluated(rows: Sequence[tuple[int, Row]]) -> Evaluation:
    """These, counted in that order."""
    counted = Evaluation(week_of)
    for number, (label, sure, judged, subject, emotion, place) in rows:
        counted.add(opinion(number, label, sure, judged, subject=subject, emotion=emotion), place)
    return counted


def within(agreed: int, judged: int, share: float) -> float:
    """How probable it is that so many or fewer agree where so many truly do."""
    return sum(comb(judged, n) * share**n * (1 - share) ** (judged - n) for n in range(agreed + 1))


@given(st.integers(0, 500), st.integers(0, 500))
def test_an_interval_holds_what_was_seen_and_narrows(agreed: int, others: int) -> None:
    """It lies within 0 and 1, holds the share itself, turns with the question, and is narrower for ten times as many."""
    judged = agreed + others
    low, high = wilson(agreed, judged)
    assert 0 <= low <= (agreed / judged if judged else 0.5) <= high <= 1
    turned = wilson(others, judged)
    assert isclose(low, 1 - turned[1], abs_tol=1e-9)
    if judged:
        more = wilson(10 * agreed, 10 * judged)
        assert more[1] - more[0] < high - low


@pytest.mark.parametrize(
    ("agreed", "judged", "low", "high"), [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)]
)
def test_intervals_are_those_of_the_books(agreed: int, judged: int, low: float, high: float) -> None:
    """Wilson's figures to four places; the last is Newcombe's example."""
    assert [round(one, 4) for one in wilson(agreed, judged)] == [low, high]


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("judged", [20, 100, 400])
def test_an_interval_holds_the_truth_as_often_as_it_says(share: float, judged: int) -> None:
    """Over everything that can be seen of a true share, the interval holds it about 95 times in 100."""
    chance = [within(n, judged, share) - (within(n - 1, judged, share) if n else 0) for n in range(judged + 1)]
    held = sum(p for n, p in enumerate(chance) if wilson(n, judged)[0] <= share <= wilson(n, judged)[1])
    assert 0.92 <= held <= 0.98


@given(SAID)
def test_every_part_adds_up_to_the_whole(rows: list[Row]) -> None:
    """Subjects, weeks and bands of confidence share out the same mentions, judgements and agreement; the matrix has them all."""
    counted = evaluated(list(enumerate(rows)))
    labelled = [(label, judged.label) for label, _, judged, *_ in rows if judged and judged.label]
    whole = counted.all

    assert (whole.mentions, whole.judged) == (len(rows), sum(judged is not None for _, _, judged, *_ in rows))
    assert whole.agreement == Agreement(len(labelled), sum(model == people for model, people in labelled))
    assert counted.confusion == Counter(labelled)
    for parts in (list(counted.subjects.values()), list(counted.weeks.values()), counted.bands):
        assert sum(part.mentions for part in parts) == whole.mentions
        assert sum(part.irrelevant for part in parts) == whole.irrelevant
        assert sum((part.model for part in parts), Counter()) == whole.model
        assert sum((part.people for part in parts), Counter()) == whole.people
        assert Agreement(sum(p.agreement.judged for p in parts), sum(p.agreement.agreed for p in parts)) == whole.agreement
    for views in (counted.found, counted.trusted):
        views_of = [views(label) for label in LABELS]
        assert Agreement(sum(v.judged for v in views_of), sum(v.agreed for v in views_of)) == whole.agreement
    placed = sum(judged is not None and place is not None for _, _, judged, _, _, place in rows)
    assert sum(p.judged for p in counted.platforms.values()) == sum(p.judged for p in counted.kinds.values()) == placed


@given(SAID, st.randoms(use_true_random=False))
def test_the_order_changes_nothing(rows: list[Row], dice: object) -> None:
    """The same mentions shuffled come to the same figures, mistakes included."""
    numbered = list(enumerate(rows))
    shuffled = list(numbered)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = evaluated(numbered), evaluated(shuffled)
    for name in ("all", "subjects", "weeks", "platforms", "kinds", "bands", "confusion", "emotions", "mistakes", "felt"):
        assert getattr(one, name) == getattr(other, name), name


@given(SAID)
def test_only_a_label_agrees_or_not(rows: list[Row]) -> None:
    """Without labels, and without any word at all, nothing is agreed and nothing is a mistake."""
    told = [(label, sure, judged if judged and judged.label is None else None, *rest) for label, sure, judged, *rest in rows]
    counted = evaluated(list(enumerate(told)))  # type: ignore[arg-type]
    assert counted.all.agreement == Agreement(0, 0)
    assert (counted.all.agreement.share, counted.all.agreement.interval) == (None, (0.0, 1.0))
    assert (counted.mistakes, counted.all.confidence) == ([], None)
    assert counted.all.judged == sum(judged is not None for _, _, judged, *_ in told)


def test_the_surest_mistakes_are_kept() -> None:
    """Of many the twenty the model was surest of, the surest first; what was confirmed is none."""
    counted = Evaluation(week_of)
    for number in range(100):
        judged = Judgement(label="neutral" if number % 2 else "negative")
        counted.add(opinion(number, "negative", 0.5 + number / 250, judged))
    assert [mistake.published_at for mistake in counted.mistakes] == list(range(99, 99 - 2 * MISTAKES, -2))


@pytest.mark.parametrize(("sure", "band"), [(0.34, 0), (0.4999, 0), (0.5, 1), (0.9, 5), (0.9499, 5), (0.95, 6), (1.0, 6)])
def test_a_band_begins_at_its_border(sure: float, band: int) -> None:
    """Each mention is in the band whose lower border it has reached, and its confidence is told back."""
    counted = Evaluation(week_of)
    counted.add(opinion(1, "positive", sure, Judgement(label="positive")))
    assert [part.mentions for part in counted.bands] == [int(n == band) for n in range(len(BANDS))]
    assert counted.bands[band].confidence == pytest.approx(sure, abs=1e-6)


def test_emotions_are_compared_apart() -> None:
    """Who only says what is felt says nothing of the label, and the other way round."""
    counted = Evaluation(week_of)
    counted.add(opinion(1, "negative", judged=Judgement(emotion="anger"), emotion="anger"))
    counted.add(opinion(2, "negative", judged=Judgement(emotion="doubt"), emotion="none"))
    counted.add(opinion(3, "negative", judged=Judgement(label="negative"), emotion="none"))
    assert counted.felt == Agreement(2, 1)
    assert counted.emotions == {("anger", "anger"): 1, ("none", "doubt"): 1}
    assert counted.all.agreement == Agreement(1, 1)


def test_a_shift_is_how_much_is_spread_otherwise() -> None:
    """0 for the same shares, 1 for nothing in common, half for half of it; nothing is said of no mentions."""
    bad, mixed = Part(), Part()
    for number in range(4):
        bad.seen(opinion(number, "negative"))
        mixed.seen(opinion(number, "negative" if number % 2 else "positive"))
    good = Part()
    good.seen(opinion(9, "positive"))
    assert (bad.shift(bad), bad.shift(mixed), bad.shift(good), Part().shift(bad)) == (0.0, 0.5, 1.0, 0.0)
