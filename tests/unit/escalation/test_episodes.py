"""Episodes: how changes of level become the lives of alerts."""

import pytest
from msgspec.structs import replace

from monitor.alert import Alert, Counters, Level, Reason, ReasonCode, Status, alert_id
from monitor.clock import DAY, HOUR
from monitor.escalation.episodes import changed, faded, recounted
from monitor.escalation.step import Change
from tests.unit.escalation.making import START

WHY = (Reason(ReasonCode.AUTHORS_1H, 3.0, 3.0),)
COUNTERS = Counters(
    title="某某", mentions=1, authors=1, negative=1, platforms=("微博",), engagement=0, first_at=START, last_at=START, samples=(),
    indicators={},
)  # fmt: skip


def opened(after: Level = Level.BLUE) -> Alert:
    """A first alert."""
    (change,) = changed(None, Change(Level.NONE, after, WHY), "某某集团", "s1", START, COUNTERS)
    return change.alert


def ended(alert: Alert, status: Status = "resolved") -> Alert:
    """The alert after its end."""
    return replace(alert, status=status, level=Level.NONE)


def test_the_first_rise_opens_the_first_episode() -> None:
    """Its id is of the story and number one; its transition comes from none, with the reasons."""
    (change,) = changed(None, Change(Level.NONE, Level.YELLOW, WHY), "某某集团", "s1", START, COUNTERS)

    assert (change.alert.id, change.alert.episode, change.alert.previous) == (alert_id("s1", 1), 1, None)
    assert (change.alert.status, change.alert.level, change.alert.policy_level) == ("open", Level.YELLOW, Level.YELLOW)
    assert change.transition is not None
    assert (change.transition.from_level, change.transition.to_level, change.transition.reasons) == (Level.NONE, Level.YELLOW, WHY)


@pytest.mark.parametrize("status", ["open", "acknowledged", "handling"])
def test_a_living_alert_rises_and_falls_with_its_story(status: Status) -> None:
    """The same alert, the same status, the new level and what was counted; nothing is opened."""
    before = replace(opened(), status=status, assignee="小李")
    for after in (Level.RED, Level.NONE):
        (change,) = changed(before, Change(Level.BLUE, after, WHY), "某某集团", "s1", START + HOUR, replace(COUNTERS, mentions=9))
        assert (change.alert.id, change.alert.status, change.alert.assignee) == (before.id, status, "小李")
        assert (change.alert.level, change.alert.counters.mentions, change.alert.changed_at) == (after, 9, START + HOUR)
        assert change.transition is not None
        assert (change.transition.from_level, change.transition.to_level) == (Level.BLUE, after)


@pytest.mark.parametrize("status", ["resolved", "reviewed"])
def test_a_rise_after_the_end_opens_the_next_episode(status: Status) -> None:
    """The old alert learns its follower and stays as it was; the new one begins at none and names the old."""
    before = ended(opened(), status)
    old, new = changed(before, Change(Level.BLUE, Level.ORANGE, WHY), "某某集团", "s1", START + DAY, COUNTERS)

    assert old.transition is None
    assert old.alert == replace(before, next=new.alert.id)
    assert (new.alert.id, new.alert.episode, new.alert.previous, new.alert.status) == (alert_id("s1", 2), 2, before.id, "open")
    assert new.transition is not None
    assert new.transition.from_level is Level.NONE


def test_fading_ends_an_alert_by_policy() -> None:
    """It is a change of status with its own reason, and leaves level and counters."""
    alert = replace(opened(), level=Level.NONE)
    change = faded(alert, START, START + DAY, DAY)

    assert change.alert.status == "resolved"
    assert change.alert.counters == alert.counters
    assert change.transition is not None
    assert (change.transition.actor, change.transition.from_status, change.transition.to_status) == ("policy", "open", "resolved")
    assert change.transition.to_level is None
    assert [(reason.code, reason.value, reason.threshold) for reason in change.transition.reasons] == [(ReasonCode.FADED, 24.0, 24.0)]


def test_a_recount_is_no_transition() -> None:
    """Only counters and the moment move."""
    alert = opened()
    change = recounted(alert, replace(COUNTERS, mentions=5), START + HOUR)

    assert change.transition is None
    assert change.alert == replace(alert, counters=replace(COUNTERS, mentions=5), changed_at=START + HOUR)
