"""A replay killed with SIGKILL again and again ends as one that was never killed; `kills.py` is the same as a program."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.acceptance.kills import Outcome, differences, killed, unkilled
from tests.acceptance.making import SHARED_STREAM, SHARED_SUBJECTS, SUBJECTS, made_stream, shared_slice, write_lines

pytestmark = pytest.mark.timeout(600)
Pair = tuple[Outcome, Outcome]


def both_ways(folder: Path, stream: Path, subjects: Sequence[str], kills: int) -> Pair:
    """A replay left alone, and one killed that often."""
    whole, times = unkilled(folder / "whole", stream, subjects)
    return whole, killed(folder / "killed", stream, subjects, times, kills, seed=kills)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Pair]]]:
    """Both streams, worked on side by side."""
    made, shared = (tmp_path_factory.mktemp(name) for name in ("made", "shared"))
    with ThreadPoolExecutor(2) as pool:
        found = {"made": pool.submit(both_ways, made, write_lines(made / "s.jsonl", made_stream()), SUBJECTS, 6)}
        if SHARED_STREAM.exists():
            found["shared"] = pool.submit(both_ways, shared, shared_slice(shared / "s.jsonl", 5_000), SHARED_SUBJECTS, 4)
        yield found


def test_kills_change_nothing_of_a_made_up_stream(pairs: dict[str, Future[Pair]]) -> None:
    """
    Four levels up and down in several stories: alerts byte for byte equal in another folder, no webhook lost or altered or out of order.

    Repeated are at most those in flight; run again, a finished replay changes nothing and sends nothing.
    """
    whole, broken = pairs["made"].result()
    assert all(f'"to":"{level}"'.encode() in whole.alerts for level in ("blue", "yellow", "orange", "red"))
    assert broken.kills >= 3, "most kills came after the work was done"
    assert differences(whole, broken) == []


def test_kills_change_nothing_of_the_shared_stream(pairs: dict[str, Future[Pair]], tmp_path: Path) -> None:
    """The same of the first real posts."""
    if "shared" not in pairs:
        shared_slice(tmp_path / "s.jsonl", 1)  # says why not
    assert differences(*pairs["shared"].result()) == []
