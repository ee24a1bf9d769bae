"""Episodes: how changes of level become the lives of alerts."""

import pytest
from msgspec.structs import replace

from monitor.alert import Alert, Counters, Level, Mute, Reason, ReasonCode, Status, alert_id
from monitor.clock import DAY, HOUR
from monitor.escalation.effects import AlertChange, Hand, StoryState
from monitor.escalation.episodes import calmed, faded, fades_at, followed, let_go, let_go_at, recounted
from monitor.escalation.step import NEVER, Change
from tests.unit.escalation.making import START

WHY = (Reason(ReasonCode.AUTHORS_1H, 3.0, 3.0),)
COUNTERS = Counters(
    title="某某", mentions=1, authors=1, negative=1, platforms=("微博",), engagement=0, first_at=START, last_at=START, samples=(),
    indicators={},
)  # fmt: skip
NONE, BLUE, YELLOW, ORANGE, RED = Level


def moved(state: StoryState, after: Level, now: int = START, mentions: int = 1) -> tuple[StoryState, list[AlertChange]]:
    """The policy's own level becomes another one."""
    change = Change(state.level, after, WHY)
    return followed(replace(state, level=after), change, "某某集团", "s1", now, replace(COUNTERS, mentions=mentions))


def opened(after: Level = BLUE) -> StoryState:
    """A story with its first alert open."""
    return moved(StoryState(), after)[0]


def alert_of(state: StoryState) -> Alert:
    """Its newest alert."""
    assert state.alert is not None
    return state.alert


def ended(after: Level = BLUE, status: Status = "resolved") -> StoryState:
    """A story whose first alert a person has ended while the policy's level was `after`."""
    state = opened()
    return replace(state, level=after, bar=after, alert=replace(alert_of(state), status=status))


def test_the_first_rise_opens_the_first_episode() -> None:
    """Its id is of the story and number one; its transition comes from none, with the reasons."""
    _, (change,) = moved(StoryState(), YELLOW)

    assert (change.alert.id, change.alert.episode, change.alert.previous) == (alert_id("s1", 1), 1, None)
    assert (change.alert.status, change.alert.level, change.alert.policy_level) == ("open", YELLOW, YELLOW)
    assert change.transition is not None
    assert (change.transition.from_level, change.transition.to_level, change.transition.reasons) == (NONE, YELLOW, WHY)


@pytest.mark.parametrize("status", ["open", "acknowledged", "handling"])
def test_a_living_alert_rises_and_falls_with_its_story(status: Status) -> None:
    """The same alert, the same status, the new level and what was counted; nothing is opened."""
    state = opened()
    before = replace(alert_of(state), status=status, assignee="小李")
    for after in (RED, NONE):
        _, (change,) = moved(replace(state, alert=before), after, START + HOUR, mentions=9)
        assert (change.alert.id, change.alert.status, change.alert.assignee) == (before.id, status, "小李")
        assert (change.alert.level, change.alert.counters.mentions, change.alert.changed_at) == (after, 9, START + HOUR)
        assert change.transition is not None
        assert (change.transition.from_level, change.transition.to_level) == (BLUE, after)


@pytest.mark.parametrize("status", ["resolved", "reviewed"])
def test_a_rise_after_the_end_opens_the_next_episode(status: Status) -> None:
    """The old alert learns its follower and stays as it was; the new one begins at none and names the old."""
    before = ended(status=status)
    state, (old, new) = moved(before, ORANGE, START + DAY)

    assert old.transition is None
    assert old.alert == replace(alert_of(before), next=new.alert.id)
    assert (new.alert.id, new.alert.episode, new.alert.previous, new.alert.status) == (alert_id("s1", 2), 2, alert_of(before).id, "open")
    assert new.transition is not None
    assert new.transition.from_level is NONE
    assert state.alert == new.alert


@pytest.mark.parametrize(("at_the_end", "course", "opens"), [
    (ORANGE, [YELLOW], False),  # a fall is no rise
    (ORANGE, [YELLOW, ORANGE], False),  # back where a person has seen it
    (ORANGE, [YELLOW, RED], True),
    (ORANGE, [RED], True),
    (RED, [ORANGE, RED], False),
    (RED, [NONE, BLUE], True),  # it was over, and begins again
    (BLUE, [NONE], False),
    (NONE, [BLUE], True),
])  # fmt: skip
def test_only_more_than_at_the_end_opens_the_next_episode(at_the_end: Level, course: list[Level], opens: bool) -> None:  # noqa: FBT001
    """More than the policy's level at the end, or anything once the story has been at none."""
    state, found = ended(at_the_end), list[AlertChange]()
    for after in course:
        state, more = moved(state, after)
        found += more

    assert bool(found) == opens
    assert alert_of(state).episode == 1 + opens


def test_a_hand_set_level_holds_against_the_policy() -> None:
    """While it holds only `policy_level` moves, without a transition; a rise above it ends it, from the level that held."""
    state = opened(ORANGE)
    state = replace(state, hand=Hand(YELLOW, 0, START), alert=replace(alert_of(state), level=YELLOW))
    state, (fall,) = moved(state, BLUE)
    state, (same,) = moved(state, YELLOW)
    state, (rise,) = moved(state, RED)

    assert (fall.transition, fall.alert.level, fall.alert.policy_level) == (None, YELLOW, BLUE)
    assert (same.transition, same.alert.level) == (None, YELLOW)
    assert rise.transition is not None
    assert (rise.transition.from_level, rise.transition.to_level, state.hand) == (YELLOW, RED, None)


def test_a_fall_to_above_the_hand_set_level_is_no_rise() -> None:
    """Lowered by hand from red, the policy's fall to orange does not raise it."""
    state = opened(RED)
    state = replace(state, hand=Hand(BLUE, 0, START), alert=replace(alert_of(state), level=BLUE))

    assert moved(state, ORANGE)[1][0].transition is None


def test_a_hand_set_level_ends_at_its_time() -> None:
    """It gives way to the policy's own, by policy, with how long it held; no transition where both are the same."""
    state = opened()
    hand = Hand(RED, START + 2 * HOUR, START)
    state = replace(state, hand=hand, alert=replace(alert_of(state), level=RED))
    after, (change,) = let_go(state, START + 2 * HOUR, COUNTERS)
    (same,) = let_go(replace(state, alert=replace(alert_of(state), level=BLUE)), START + 2 * HOUR, COUNTERS)[1]

    assert (let_go_at(state), let_go_at(after), let_go_at(replace(state, hand=replace(hand, until=0)))) == (hand.until, NEVER, NEVER)
    assert change.transition is not None
    assert (change.transition.from_level, change.transition.to_level, change.transition.actor) == (RED, BLUE, "policy")
    assert change.alert.reasons == change.transition.reasons == (Reason(ReasonCode.HAND_ENDED, 2.0, 2.0),)
    assert same.transition is None
    assert let_go(opened(), START, COUNTERS)[1] == []


def test_a_mute_goes_with_the_episodes_after_it_until_its_time() -> None:
    """What opens before is told only from its level on; what opens after is as any other, and the mute is forgotten."""
    mute = Mute(START + 7 * DAY, ORANGE, 1)
    hushed, (_, opening) = moved(replace(ended(NONE), mute=mute), BLUE, START + DAY)
    later, (_, other) = moved(replace(ended(NONE), mute=mute), BLUE, START + 7 * DAY)

    assert (opening.alert.mute, hushed.mute) == (mute, mute)
    assert (other.alert.mute, later.mute) == (None, None)
    assert (opening.alert.least_told(START + DAY), opening.alert.least_told(mute.until)) == (ORANGE, NONE)
    assert replace(opening.alert, episode=1).least_told(START) is NONE  # the alert it ended is told as ever


def test_who_was_told_of_a_muted_story_is_told_how_it_goes_on() -> None:
    """An episode that reached what its mute lets through is muted no more: its fall and its end are told; the next one is muted again."""
    mute = Mute(START + 7 * DAY, ORANGE, 1)
    hushed, _ = moved(replace(ended(NONE), mute=mute), BLUE, START + DAY)
    grown, (rise,) = moved(hushed, ORANGE, START + DAY)
    fallen, (fall,) = moved(grown, NONE, START + 2 * DAY)
    over, (end,) = faded(replace(fallen, none_since=START + 2 * DAY), START + 3 * DAY, DAY)
    _, (_, again) = moved(over, BLUE, START + 4 * DAY)

    assert [change.alert.least_told(START + 3 * DAY) for change in (rise, fall, end)] == [NONE, NONE, NONE]
    assert again.alert.least_told(START + 4 * DAY) is ORANGE


def test_fading_ends_an_alert_by_policy() -> None:
    """It is a change of status with its own reason, and leaves level and counters; the bar is where the policy stands."""
    state = calmed(moved(opened(), NONE)[0], START)
    after, (change,) = faded(state, START + DAY, DAY)

    assert fades_at(state, DAY) == START + DAY
    assert (change.alert.status, change.alert.resolution, change.alert.counters) == ("resolved", "faded", COUNTERS)
    assert change.transition is not None
    assert (change.transition.actor, change.transition.from_status, change.transition.to_status) == ("policy", "open", "resolved")
    assert change.transition.to_level is None
    assert [(reason.code, reason.value, reason.threshold) for reason in change.transition.reasons] == [(ReasonCode.FADED, 24.0, 24.0)]
    assert (after.bar, after.hand, after.none_since, fades_at(after, DAY)) == (NONE, None, 0, NEVER)
    assert faded(StoryState(), START, DAY)[1] == []


@pytest.mark.parametrize(("status", "level", "fades"), [
    ("open", NONE, True), ("open", BLUE, False), ("acknowledged", NONE, False), ("handling", NONE, False), ("resolved", NONE, False),
])  # fmt: skip
def test_only_an_untouched_alert_at_none_fades(status: Status, level: Level, fades: bool) -> None:  # noqa: FBT001 a column of the table
    """By the level that holds, hand-set or not; somebody who has acknowledged decides when it is over."""
    state = opened()
    state = calmed(replace(state, alert=replace(alert_of(state), status=status, level=level)), START)

    assert (fades_at(state, DAY) == START + DAY) == fades
    assert calmed(state, START + HOUR) == state  # the clock runs from the first moment


def test_a_recount_is_no_transition() -> None:
    """Only counters and the moment move."""
    alert = alert_of(opened())
    change = recounted(alert, replace(COUNTERS, mentions=5), START + HOUR)

    assert change.transition is None
    assert change.alert == replace(alert, counters=replace(COUNTERS, mentions=5), changed_at=START + HOUR)


def test_what_follows_an_act_is_not_before_it() -> None:
    """An act's moment may be a little ahead of the log's: the history of an alert never goes back in time."""
    state = opened()
    state = replace(state, alert=replace(alert_of(state), changed_at=START + 5))
    _, (change,) = moved(state, RED, START + 3)

    assert change.transition is not None
    assert (change.transition.at, change.alert.changed_at) == (START + 5, START + 5)
