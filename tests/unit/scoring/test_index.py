"""Which rules a text wakes, whatever the automata they are spread over."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.scoring import index
from monitor.scoring.index import Index
from monitor.scoring.rules import parse

WORDS = st.text(st.sampled_from("甲乙丙丁戊"), min_size=1, max_size=4)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(WORDS, min_size=1, max_size=30), st.text(st.sampled_from("甲乙丙丁戊己"), max_size=60), st.integers(1, 31))
def test_shards_change_nothing(monkeypatch: pytest.MonkeyPatch, words: list[str], text: str, size: int) -> None:
    """However few words an automaton may hold, a text wakes the rules whose words it holds, and those alone."""
    monkeypatch.setattr(index, "SHARD", size)
    view = Index([parse(word).tree for word in words]).view(text)

    assert view.triggered == {number for number, word in enumerate(words) if word in text}
    assert view.silent == (not view.triggered)
