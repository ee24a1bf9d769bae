"""What the repositories share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.store.rows import chunks, findable, from_cursor, to_cursor

LARGE = st.integers(min_value=-(2**63), max_value=2**63 - 1)
LIST = "alert"


@given(LARGE, st.text(st.characters(exclude_categories=["Cs"])))
def test_cursor_comes_back(number: int, word: str) -> None:
    """The key put into a cursor is the key taken out."""
    assert from_cursor(LIST, to_cursor(LIST, number, word), int, str) == [number, word]


@given(st.text(max_size=200))
def test_made_up_cursor(wild: str) -> None:
    """No text that we did not make passes for a cursor, whatever signs are in it."""
    with pytest.raises(ValueError, match="cursor"):
        from_cursor(LIST, wild, int)


@given(LARGE, st.data())
def test_changed_cursor(number: int, data: st.DataObject) -> None:
    """A cursor with one sign changed is refused, or says what it said."""
    cursor = to_cursor(LIST, number)
    place = data.draw(st.integers(0, len(cursor) - 1))
    sign = data.draw(st.sampled_from("ABCabc019-_"))
    try:
        assert from_cursor(LIST, cursor[:place] + sign + cursor[place + 1 :], int) == [number]
    except ValueError as error:
        assert "cursor" in str(error)  # noqa: PT017 - both ends are right


def test_cursor_of_another_list() -> None:
    """A cursor belongs to its list, and to keys of its form."""
    for kind, types in (("story", (int,)), (LIST, (str,)), (LIST, (int, int)), (LIST, ())):
        with pytest.raises(ValueError, match="cursor"):
            from_cursor(kind, to_cursor(LIST, 5), *types)


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
