"""Strangers' words made fit to show."""

from unicodedata import category

from hypothesis import given
from hypothesis import strategies as st

from monitor.notifying.plain import plain


@given(st.text(st.characters(), max_size=200), st.integers(1, 50))
def test_one_short_clean_line(text: str, limit: int) -> None:
    """Never over the limit, nothing hidden, nothing that breaks a line or an encoding; doing it twice changes nothing."""
    shown = plain(text, limit)
    assert len(shown) <= limit
    assert not any(category(character) in {"Cc", "Cf", "Cs"} for character in shown)
    assert shown == shown.strip()
    shown.encode()
    assert plain(shown, limit) == shown


def test_ordinary_words_stay() -> None:
    """Chinese, digits and signs are shown as they are; runs of space become one."""
    assert plain(" 善款 100%\r\n\t去向?\u202e ", 50) == "善款 100% 去向?"
    assert plain("一二三四五", 4) == "一二三…"
