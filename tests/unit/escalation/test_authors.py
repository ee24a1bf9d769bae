"""Authors: as many as a set would have, in a tenth of its room."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.escalation.authors import Heard, heard


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(1, 60), st.integers(1, 9_000))
def test_it_counts_as_a_set_does(seed: int, some: int, many: int) -> None:
    """Whoever comes, how often, and in how many stories that are united later: each counts once."""
    chance, sets, counted = Random(seed), (set[int](), set[int]()), list[Heard]([(), ()])
    for number in (some, many):
        for _ in range(number):
            author, which = chance.getrandbits(chance.choice([6, 13, 64])), chance.randint(0, 1)
            sets[which].add(author)
            counted[which] = heard(counted[which], author)
    assert [len(one) for one in counted] == [len(one) for one in sets]
    for author in counted[1]:
        counted[0] = heard(counted[0], author)
    assert len(counted[0]) == len(sets[0] | sets[1])
    assert all(author in counted[0] for author in sets[1])
