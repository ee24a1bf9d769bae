"""What the repositories share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.store.rows import Cursors, chunks, findable

NUMBERS = st.integers(0, 2**63 - 1)
IDS = st.text(st.characters(min_codepoint=32, max_codepoint=127), min_size=1, max_size=200)
LIST = Cursors("alert", int)
ALL = Cursors("all", int, str, bytes)


@given(NUMBERS, IDS, st.binary(min_size=16, max_size=16))
def test_cursor_comes_back(number: int, word: str, digest: bytes) -> None:
    """The key put into a cursor is the key taken out."""
    assert ALL.key(ALL.after(number, word, digest)) == [number, word, digest]


@given(st.from_regex(ALL.pattern, fullmatch=True))
def test_whatever_matches_is_a_cursor(cursor: str) -> None:
    """The pattern promises what is taken: whatever matches is a key, and the key is the cursor again."""
    assert ALL.after(*ALL.key(cursor)) == cursor


@given(st.text(max_size=200))
def test_made_up_cursor(wild: str) -> None:
    """No text that we did not make passes for a cursor, whatever signs are in it."""
    with pytest.raises(ValueError, match="cursor"):
        LIST.key(wild)


@given(NUMBERS, IDS, st.binary(min_size=16, max_size=16), st.data())
def test_changed_cursor(number: int, word: str, digest: bytes, data: st.DataObject) -> None:
    """A cursor with one sign changed, or cut, is refused; a text may be cut by whole signs only."""
    cursor = ALL.after(number, word, digest)
    place = data.draw(st.integers(0, len(cursor) - 1))
    sign = data.draw(st.characters(codec="utf-8"))
    for slip in {cursor[:place] + sign + cursor[place + 1 :], cursor[:place], cursor + sign} - {cursor}:
        with pytest.raises(ValueError, match="cursor"):
            ALL.key(slip)


def test_cursor_of_another_list() -> None:
    """A cursor belongs to its list, and to keys of its form."""
    for other in (Cursors("story", int), Cursors("alert", str), Cursors("alert", int, int), Cursors("alert")):
        with pytest.raises(ValueError, match="cursor"):
            other.key(LIST.after(5))


@given(st.lists(st.integers()), st.integers(1, 9))
def test_chunks(values: list[int], size: int) -> None:
    """Chunks are whole, in order, none empty and none too large."""
    found = list(chunks(values, size))
    assert [value for chunk in found for value in chunk] == values
    assert all(0 < len(chunk) <= size for chunk in found)


@given(st.text())
def test_findable(text: str) -> None:
    """Findable is what a database can hold: UTF-8 without a NUL."""
    holds = "\0" not in text and text.encode("utf-8", "ignore").decode() == text
    assert findable(text) is holds
    assert findable("a", text, "字") is holds
