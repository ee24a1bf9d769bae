"""A replay killed with SIGKILL again and again ends as one that was never killed; `kills.py` is the same as a program."""

from pathlib import Path

import pytest

from tests.acceptance.kills import differences, killed, unkilled
from tests.acceptance.making import SHARED_SUBJECTS, SUBJECTS, made_stream, shared_slice, write_lines

pytestmark = pytest.mark.timeout(600)


def test_kills_change_nothing_of_a_made_up_stream(tmp_path: Path) -> None:
    """
    Four levels up and down in several stories: alerts byte for byte equal in another folder, no webhook lost or altered or out of order.

    Repeated are at most those in flight; run again, a finished replay changes nothing and sends nothing.
    """
    stream = write_lines(tmp_path / "made.jsonl", made_stream())
    whole, times = unkilled(tmp_path / "whole", stream, SUBJECTS)
    assert all(f'"to":"{level}"'.encode() in whole.alerts for level in ("blue", "yellow", "orange", "red"))
    assert differences(whole, killed(tmp_path / "killed", stream, SUBJECTS, times, 6, seed=3)) == []


def test_kills_change_nothing_of_the_shared_stream(tmp_path: Path) -> None:
    """The same of the first real posts."""
    stream = shared_slice(tmp_path / "shared.jsonl", 5_000)
    whole, times = unkilled(tmp_path / "whole", stream, SHARED_SUBJECTS)
    assert differences(whole, killed(tmp_path / "killed", stream, SHARED_SUBJECTS, times, 3, seed=5)) == []
