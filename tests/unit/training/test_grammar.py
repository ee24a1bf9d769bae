"""Texts made from frames."""

import random
from collections import Counter

import pytest

from services.training.corpus import MADE, UNKNOWN, read_ours
from services.training.grammar import filled, made


def test_the_grammar_makes_the_same_texts_every_time() -> None:
    """Training must repeat to the byte: texts do not depend on the run, none stands twice, none has an open slot."""
    texts = [text for _, _, text in made()]
    assert made() == made()
    assert len(texts) == len(set(texts)) > 8_000
    assert not [text for text in texts if "{" in text or "}" in text]


def test_neither_side_is_taught_more_than_the_other() -> None:
    """Frames are filled for blame as often as for praise within a tenth, so that no domain as such leans to a side; feelings aside."""
    counts = Counter(tone for tone, emotion, _ in made() if emotion == "-")
    assert abs(counts["neg"] - counts["pos"]) < 0.1 * counts["pos"]


def test_what_is_made_has_labels_that_training_knows() -> None:
    """Only what is surprise alone has no tone, and only what tells a feeling has an emotion."""
    rows = next(rows for rows in read_ours() if rows.name == MADE)
    assert ((rows.tones != UNKNOWN) | (rows.emotions != UNKNOWN)).all()
    assert 300 < (rows.tones == UNKNOWN).sum() < 500


def test_a_slot_is_filled_anew_each_time_and_may_hold_others() -> None:
    """Fillings hold slots; a slot that holds itself is refused."""
    slots = {"who": ["{name}公司"], "name": ["甲", "乙"], "loop": ["{loop}"]}
    found = {filled("{who}起诉{who}", slots, random.Random(seed)) for seed in range(20)}
    assert found == {"甲公司起诉甲公司", "甲公司起诉乙公司", "乙公司起诉甲公司", "乙公司起诉乙公司"}
    with pytest.raises(ValueError, match="too deep"):
        filled("{loop}", slots, random.Random(1))
