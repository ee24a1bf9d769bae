"""Whom a transition is told to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.alert import Level, Transition
from monitor.notifying.routing import NotifyReason, recipients
from monitor.settings import Receiver
from monitor.subject import Subject
from tests.unit.notifying.making import SUBJECT, level_change, note, receiver, status_change

LEVELS = st.sampled_from(Level)


def names(subject: Subject, transition: Transition, level: Level, receivers: list[Receiver]) -> list[str]:
    """The names of those told."""
    return [one.name for one, _ in recipients(subject, transition, level, receivers)]


def test_a_subject_without_receivers_tells_all() -> None:
    """No receiver named: every one is told, in the order configured."""
    rise = level_change(Level.NONE, Level.BLUE)
    assert names(SUBJECT, rise, Level.BLUE, [receiver("b"), receiver("a")]) == ["b", "a"]


def test_a_subject_tells_the_receivers_it_names() -> None:
    """Receivers it does not name hear nothing of it; a name that no receiver has is no error."""
    subject = replace(SUBJECT, receivers=("a", "nobody"))
    assert names(subject, level_change(Level.NONE, Level.RED), Level.RED, [receiver("a"), receiver("b")]) == ["a"]


def test_a_silent_subject_tells_nobody() -> None:
    """`alerts: false` wakes nobody, whatever the level."""
    subject = replace(SUBJECT, alerts=False)
    assert names(subject, level_change(Level.NONE, Level.RED), Level.RED, [receiver()]) == []


@given(LEVELS, LEVELS, st.sampled_from(["blue", "yellow", "orange", "red"]))
def test_min_level_is_met_by_either_end(before: Level, after: Level, least: str) -> None:
    """A change of level is told when the level before or the level after reaches min_level, and says which."""
    told = recipients(SUBJECT, level_change(before, after), after, [receiver(min_level=least)])
    met = before != after and max(before, after) >= Level.of(least)
    assert bool(told) == met
    if met:
        assert told[0][1] == (NotifyReason.TO_LEVEL if after >= Level.of(least) else NotifyReason.FROM_LEVEL)


@given(LEVELS, st.sampled_from(["acknowledged", "handling", "resolved", "reviewed"]), st.sampled_from(["blue", "orange"]))
def test_a_status_is_told_by_the_level_of_its_alert(level: Level, status: str, least: str) -> None:
    """For a change of status min_level is met by the alert's level."""
    change = status_change("open", status)  # type: ignore[arg-type]  # drawn from the statuses
    assert bool(recipients(SUBJECT, change, level, [receiver(min_level=least)])) == (level >= Level.of(least))


def test_a_reopened_alert_is_told() -> None:
    """Taken up again is a change of status as any other."""
    assert names(SUBJECT, status_change("resolved", "open"), Level.RED, [receiver()]) == ["duty"]


@pytest.mark.parametrize("quiet", [note(), level_change(Level.BLUE, Level.BLUE)])
def test_notes_and_standing_levels_wake_nobody(quiet: Transition) -> None:
    """What changes neither level nor status is not told."""
    assert names(SUBJECT, quiet, Level.RED, [receiver()]) == []


@given(LEVELS, LEVELS, LEVELS, st.sampled_from(["blue", "yellow", "orange", "red"]))
def test_a_mute_raises_every_min_level(before: Level, after: Level, below: Level, least: str) -> None:
    """What is told under a mute is what would be told to a receiver who wants only that much; a status by its alert's level."""
    wanting = max(below, Level.of(least))
    told = recipients(SUBJECT, level_change(before, after), after, [receiver(min_level=least)], below)
    ended = recipients(SUBJECT, status_change("open", "resolved"), after, [receiver(min_level=least)], below)

    assert bool(told) == (before != after and max(before, after) >= wanting)
    assert bool(ended) == (after >= wanting)
