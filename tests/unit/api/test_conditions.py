"""If-Match: which versions a header accepts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.conditions import versions_of


@pytest.mark.parametrize(
    ("header", "versions"),
    [
        (None, None), ("*", None), (" * ", None), ('"3.7"', (3,)), ('"3.7", "4.0"', (3, 4)), ('W/"3.7"', ()), ('"3"', ()), ("3.7", ()),
        ('"x.y"', ()), ("", ()), ('"3.7",, "a"', (3,)), ('"' + "9" * 5_000 + '.1"', ()), ('"-1.0"', ()), ('"٣.0"', (3,)),
    ],
)  # fmt: skip
def test_only_strong_tags_of_our_own_form_name_versions(header: str | None, versions: tuple[int, ...] | None) -> None:
    """A header that names none of them accepts none; no header, or a star, accepts any."""
    assert versions_of(header) == versions


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.text(max_size=20))
def test_the_counter_never_matters(version: int, counter: int, noise: str) -> None:
    """Our own tag is always understood, whatever else stands in the header."""
    found = versions_of(f'"{version}.{counter}",{noise}')

    assert found is not None
    assert version in found
