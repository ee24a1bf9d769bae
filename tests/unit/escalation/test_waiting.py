"""Waiting: who waits alone, and nothing of those who no longer do."""

from monitor.clock import SECOND
from monitor.escalation.waiting import Waiting
from tests.unit.escalation.making import START, scored


def test_who_has_left_takes_no_room() -> None:
    """Thousands that came and found company leave a few spent entries, however often the counters are asked for."""
    waiting = Waiting()
    for n in range(3_000):
        one = scored(f"m{n}", START + n * SECOND)
        waiting.add(one, n, n)
        waiting.expire(START + n * SECOND)
        assert waiting.last_at == START + n * SECOND
        waiting.take(one.mention.digest)

    assert [len(heap) <= 70 for heap in (waiting._oldest, waiting._newest, waiting._expiring)] == [True] * 3
    assert (len(waiting), waiting.last_at) == (0, 0)
