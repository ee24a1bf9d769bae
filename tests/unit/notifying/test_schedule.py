"""The laws of trying again."""

from email.utils import formatdate
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import DAY, HOUR, MINUTE, SECOND
from monitor.notifying.schedule import RetryPolicy, fraction, retry_after
from tests.unit.notifying.making import AT

POLICY = RetryPolicy()
SLOWEST = 14 * SECOND  # the longest a try may take
IDS = st.text(max_size=30)


def moments(notification: str, took: int) -> list[int]:
    """When every try of a message begins, counted from the first, to a receiver that always fails after `took`."""
    begun = [AT]
    while (again := POLICY.next_try(notification, tries=len(begun), first_try_at=AT, now=begun[-1] + took)) is not None:
        begun.append(again)
        assert len(begun) < 200
    return [at - AT for at in begun]


@given(IDS, st.integers(0, SLOWEST))
def test_the_whole_plan(notification: str, took: int) -> None:
    """Five tries in the first minute, gaps of at most two minutes in the first hour, growing gaps, the last at 72 h."""
    tries = moments(notification, took)
    assert tries[4] <= MINUTE
    gaps = [later - earlier for earlier, later in pairwise(tries)]
    assert all(gap <= 2 * MINUTE for gap, begun in zip(gaps, tries, strict=False) if begun < HOUR - 2 * MINUTE)
    assert all(gap <= 5 * HOUR for gap in gaps)
    assert 71 * HOUR <= tries[-1] <= 72 * HOUR
    assert len(tries) < 100


@given(IDS, st.integers(1, 100), st.integers(0, 71 * HOUR), st.integers(1, DAY))
def test_a_demand_is_met_never_early_and_hardly_late(notification: str, tries: int, elapsed: int, asked: int) -> None:
    """Retry-After: not earlier, at most a quarter later; here a tenth, so that there is room for a busy machine."""
    now = AT + elapsed
    again = POLICY.next_try(notification, tries=tries, first_try_at=AT, now=now, retry_after=asked)
    assert again is not None
    assert now + asked <= again <= now + asked + asked // 8 + 1


@given(IDS, st.integers(1, 100), st.integers(0, 80 * HOUR), st.one_of(st.none(), st.integers(-DAY, 400 * DAY)))
def test_never_in_the_past_and_always_the_same(notification: str, tries: int, elapsed: int, asked: int | None) -> None:
    """A plan never lies in the past, and asked twice it is the same; after 72 h there is none."""
    now = AT + elapsed
    plan = POLICY.next_try(notification, tries=tries, first_try_at=AT, now=now, retry_after=asked)
    assert plan == POLICY.next_try(notification, tries=tries, first_try_at=AT, now=now, retry_after=asked)
    assert (plan is None) == (elapsed >= 72 * HOUR)
    assert plan is None or plan >= now


def test_a_clock_set_back_starts_the_plan_anew() -> None:
    """What was tried first in what is now the future is tried again as soon as if that had been now."""
    assert POLICY.next_try("m", tries=1, first_try_at=HOUR, now=0) == POLICY.next_try("m", tries=1, first_try_at=0, now=0)


def test_an_absurd_demand_does_not_bury_a_message() -> None:
    """Somebody's Retry-After of a year is not taken at its word."""
    again = POLICY.next_try("m", tries=1, first_try_at=AT, now=AT + SECOND, retry_after=365 * DAY)
    assert again is not None
    assert again <= AT + MINUTE


def test_messages_do_not_come_in_step() -> None:
    """The jitter differs by message and by try, and stays within [0, 1)."""
    drawn = {fraction(f"m{number}", tries) for number in range(50) for tries in range(4)}
    assert len(drawn) == 200
    assert all(0 <= one < 1 for one in drawn)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("3", 3 * SECOND), (" 120 ", 120 * SECOND), ("0", None), ("", None), (None, None), ("-5", None), ("soon", None), ("1.5", None),
        ("9" * 40, None), ("٣", None), ("Wed, 99 Foo 2026 99:99:99 GMT", None), ("\x00", None),
        (formatdate(AT / SECOND + 90, usegmt=True), 90 * SECOND),
        (formatdate(AT / SECOND + 90).replace("-0000", ""), 90 * SECOND),
        (formatdate(AT / SECOND - 90, usegmt=True), None),
    ],
)  # fmt: skip
def test_retry_after_in_both_its_forms(header: str | None, wait: int | None) -> None:
    """Seconds or an HTTP date; anything else, and the past, ask for nothing."""
    assert retry_after(header, AT) == wait


@given(st.text(max_size=60))
def test_any_header_is_ordinary(header: str) -> None:
    """No text in the header raises, and none asks for a wait that is not in the future."""
    wait = retry_after(header, AT)
    assert wait is None or wait > 0
