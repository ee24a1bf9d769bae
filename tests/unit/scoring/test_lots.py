"""Texts laid side by side."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.scoring.lexicon import load_lexicon
from monitor.scoring.lots import MOST, lots
from monitor.scoring.patterns import counts

SAID = st.lists(st.sampled_from(["太", "可怕", "不", "愤怒", "凭什么", "真的吗", "\n", "x", "Anger", "?"]), max_size=6).map("".join)


@given(st.lists(st.text(max_size=8) | st.integers(MOST - 3, MOST + 3).map("字".__mul__), max_size=6))
def test_every_place_has_its_owner(texts: list[str]) -> None:
    """The first and the last character of each text are its own, whatever stands beside it."""
    owned = {(lot.owner(place), lot.text[place]) for lot in lots(texts) for place in range(len(lot.text)) if lot.text[place] != "\n"}
    assert owned == {(number, sign) for number, text in enumerate(texts) for sign in text if sign != "\n"}


@given(st.lists(SAID, max_size=6))
def test_neighbours_change_nothing(texts: list[str]) -> None:
    """Words, negations and expressions are found in a text as if it stood alone."""
    lexicon = load_lexicon("emotion")
    together = list(lexicon.find_all(texts))
    assert together == [(number, *found) for number, text in enumerate(texts) for found in lexicon.find(text)]
    assert counts("凭什么|真的.?吗", texts) == [counts("凭什么|真的.?吗", [text])[0] for text in texts]
