"""The tree of a story: what hangs under what, whatever is missing, circular, deep or wide."""

import random
from collections.abc import Callable
from hashlib import blake2b
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.stories.tree import Leaf, Place, Tree


def name(item: int) -> bytes:
    """The identity of the numbered mention."""
    return blake2b(str(item).encode(), digest_size=16).digest()


def leaf(item: int, parent: int | None = None, root: int | None = None) -> Leaf:
    """The numbered mention, said at that moment."""
    return Leaf(name(item), item, None if root is None else name(root), None if parent is None else name(parent))


def children(tree: Tree, under: int | None) -> list[bytes]:
    """All children of a place, walked page by page."""
    digest = None if under is None else name(under)
    found: list[Place] = []
    while page := tree.below(digest, 2, found[-1].key if found else None):
        found += page
    return [place.digest for place in found]


def test_a_mention_hangs_under_its_parent() -> None:
    """Biggest branch first, then the earliest."""
    tree = Tree([leaf(1), leaf(2, 1, 1), leaf(3, 1, 1), leaf(4, 3, 1), leaf(5)])

    assert children(tree, None) == [name(1), name(5)]
    assert children(tree, 1) == [name(3), name(2)]
    assert tree.get(name(1)) == Place(name(1), present=True, at=1, children=2, descendants=3)
    assert [place.digest for place in tree.busiest(10)] == [name(1), name(3)]
    assert tree.top(name(4)) == tree.get(name(1))


def test_a_missing_parent_is_stepped_over() -> None:
    """Where the parent is not had, the root holds it."""
    tree = Tree([leaf(1), leaf(3, 2, 1)])

    assert children(tree, 1) == [name(3)]
    assert (tree.missing, tree.below_missing) == (0, 0)


def test_a_missing_original_keeps_its_place() -> None:
    """Reposts of what was never collected are one branch, under a place that says so."""
    tree = Tree([leaf(2, 1, 1), leaf(3, 2, 1), leaf(4, 9, 1), leaf(5, 7)])

    assert children(tree, None) == [name(1), name(7)]
    assert tree.get(name(1)) == Place(name(1), present=False, at=2, children=2, descendants=3)
    assert (tree.missing, tree.below_missing) == (2, 4)
    assert tree.above(name(2)) == tree.get(name(1))
    assert tree.top(name(3)) == tree.get(name(2))


def test_cycles_are_cut_at_their_earliest() -> None:
    """Mentions that answer each other, or themselves, are all there once."""
    tree = Tree([leaf(1, 3), leaf(2, 1), leaf(3, 2), leaf(4, 4), leaf(5, 3)])

    assert children(tree, None) == [name(1), name(4)]
    assert children(tree, 1) == [name(2)]
    assert children(tree, 3) == [name(5)]


def test_what_is_not_there_has_no_children() -> None:
    """An unknown place, and a tree of nothing."""
    assert Tree([]).below(None, 10) == []
    assert Tree([leaf(1)]).below(name(2), 10) == []
    assert Tree([leaf(1)]).get(b"short") is None
    assert Tree([leaf(1), leaf(1, 2)]).mentions == 1


leaves = st.lists(
    st.builds(leaf, st.integers(0, 12), st.none() | st.integers(0, 15), st.none() | st.integers(0, 15)),
    max_size=20, unique_by=lambda one: one.digest,
)  # fmt: skip


@given(leaves, st.randoms(use_true_random=False))
def test_every_mention_is_in_the_tree_once(found: list[Leaf], order: random.Random) -> None:
    """Walked from the top, every mention and missing original comes exactly once; the order they came in changes nothing."""
    tree = Tree(found)
    seen: list[bytes] = []
    waiting: list[bytes | None] = [None]
    while waiting:
        page = tree.below(waiting.pop(), 100)
        seen += [place.digest for place in page]
        waiting += [place.digest for place in page]
    mixed = list(found)
    order.shuffle(mixed)

    assert len(seen) == len(set(seen)) == tree.mentions + tree.missing
    assert {one.digest for one in found} <= set(seen)
    assert Tree(mixed).below(None, 100) == tree.below(None, 100)


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(lambda n: n - 1, id="a chain"),
        pytest.param(lambda _: 0, id="a star"),
        pytest.param(lambda n: (n + 1) % 100_000, id="a ring"),
        pytest.param(lambda n: 10**9 + n // 2, id="missing"),
    ],
)
def test_a_large_story_costs_linear_time(shape: Callable[[int], int]) -> None:
    """A hundred thousand in a chain, under one root, in a ring or under missing ones: seconds, and no recursion."""
    found = [leaf(n, shape(n)) for n in range(1, 100_000)]
    began = process_time()

    tree = Tree([leaf(0, 1 if shape(1) != 0 else None), *found])

    assert tree.mentions == 100_000
    assert tree.below(None, 1)[0].descendants > 0
    assert process_time() - began < 20
