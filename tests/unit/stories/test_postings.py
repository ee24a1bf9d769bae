"""Postings: what filing a text under its keys finds again, however large the table, and without the dead."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.stories.node import Filed, Node
from monitor.stories.postings import Postings

NODE = Node(bytes(16), "", 0, 1)


def filed(at: int) -> Filed:
    """A text told at that moment."""
    return Filed(NODE, at, at, told=0, quoted=False, whole=b"", terms=b"", mass=0)


def some_key(chance: Random) -> int:
    """A key that is often had by others, or shares a half with them."""
    return chance.choice([chance.getrandbits(32), chance.getrandbits(6), chance.getrandbits(6) << 16, chance.getrandbits(17)])


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1 << 32), st.sampled_from([3, 300, 22_000]))
def test_what_is_filed_is_found(seed: int, texts: int) -> None:
    """Under each key the newest living texts told no earlier, up to so many, as by looking at all; also without the dead."""
    chance, postings, having = Random(seed), Postings(), dict[int, list[Filed]]()
    for at in range(texts):
        text, keys = filed(at), {some_key(chance) for _ in range(chance.randint(0, 14))}
        postings.file(keys, text)
        text.gone = chance.random() < 0.7
        for key in keys:
            having.setdefault(key, []).append(text)
    asked = [*chance.sample(list(having), min(len(having), 500)), 1 << 31]
    since, most = chance.randint(0, texts), chance.choice([1, 32])
    wanted = {key: [one for one in reversed(having.get(key, ())) if not one.gone and one.at >= since][:most] for key in asked}
    for table in (postings, postings.alive()):
        found: dict[int, list[Filed]] = {}
        table.gather(asked, most, since, found)
        assert found == {key: texts for key, texts in wanted.items() if texts}
    assert not any(text.gone for text in postings.alive().texts())
