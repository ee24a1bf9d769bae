"""Folding: the one spelling in which rules and texts are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.scoring.fold import fold, original_span, origins

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=40)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("紅十字會", "红十字会"),
        ("衞生 瞭解 砲轟 店舖 敍述 妳們 麻痺 牴觸 気", "卫生 了解 炮轰 店铺 叙述 你们 麻痹 抵触 气"),
        ("著名 甚至 慰藉", "著名 甚至 慰藉"),
        ("ＡＢＣ１２３", "abc123"),
        ("Café CAFE\u0301", "cafe cafe"),
        ("红\u200b十\u200d字\ufeff会", "红十字会"),
        ("红\u202e会\u2066", "红会"),
        ("👍🏽", "👍"),
        ("❤\ufe0f", "❤"),
        ("STRASSE ß İ", "strasse ss i"),
        ("㈱", "(株)"),
        ("⾦", "金"),
        ("软\u00ad连字", "软连字"),
        ("a\u3000b", "a b"),
        ("", ""),
        ("\ud800坏", "\ufffd坏"),
        ("\0\n\t", "\0\n\t"),
    ],
)
def test_what_is_folded(text: str, folded: str) -> None:
    """Script, width, case, marks and invisible characters make no difference."""
    assert fold(text) == folded


@given(ANY_TEXT)
def test_folding_twice_changes_nothing_more(text: str) -> None:
    """Folding is idempotent, whatever the text."""
    assert fold(fold(text)) == fold(text)


@given(ANY_TEXT, ANY_TEXT)
def test_each_character_by_itself(left: str, right: str) -> None:
    """No character's folding depends on its neighbours."""
    assert fold(left + right) == fold(left) + fold(right)


@given(ANY_TEXT)
def test_every_place_leads_back(text: str) -> None:
    """The original character at each place folds to what stands there."""
    folded, places = fold(text), origins(text)
    assert len(places) == len(folded)
    assert list(places) == sorted(places)
    assert all(char in fold(text[place]) for char, place in zip(folded, places, strict=True))


def test_spans_take_whole_original_characters() -> None:
    """A span inside an expanded character is that whole character; invisible ones between are kept."""
    places = origins("甲㈱\u200b乙")
    assert original_span(places, 2, 3) == (1, 2)
    assert original_span(places, 0, 5) == (0, 4)


def test_surrogates_never_come_out() -> None:
    """The folded text can always be encoded: the automaton behind takes no surrogates."""
    fold("".join(map(chr, range(0xD7F0, 0xE010)))).encode()
