"""The bounded memory."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.scoring.memo import OVERHEAD, Memo


def test_it_remembers() -> None:
    """What was put is got; what was not is None."""
    memo: Memo[str, int] = Memo(1_000)
    memo.put("a", 1)
    assert memo.get("a") == 1
    assert memo.get("b") is None


def test_what_is_met_again_stays() -> None:
    """A text met in every generation outlives the stream around it."""
    memo: Memo[str, int] = Memo(20 * OVERHEAD)
    memo.put("quoted", 1)
    for number in range(1_000):
        memo.put(f"own {number}", 0)
        assert memo.get("quoted") == 1
    assert memo.get("own 1") is None


@given(st.lists(st.text(max_size=300), max_size=60), st.integers(200, 2_000))
def test_it_is_bounded(texts: list[str], bound: int) -> None:
    """However much passes, no more than its bound is kept."""
    memo: Memo[str, str] = Memo(bound)
    for text in texts:
        memo.put(text, text)
    kept = {text for text in texts if memo.get(text) is not None}
    assert sum(len(text) + OVERHEAD for text in kept) <= bound
    assert len(memo) * OVERHEAD <= bound
    assert all(memo.get(text) in (text, None) for text in texts)
