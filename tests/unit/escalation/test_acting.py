"""What people do to alerts: each act by itself, and all of them in every order."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.alert import MUTING, STATUSES, Alert, Level, Mute, ReasonCode, Resolution, Status, Transition, alert_id
from monitor.clock import DAY, HOUR, MINUTE
from monitor.escalation.acting import FITTING, applied
from monitor.escalation.effects import Act, AlertChange, Hand, StoryState
from monitor.escalation.episodes import calmed, faded, fades_at, followed, let_go, let_go_at
from monitor.escalation.step import Change
from tests.unit.escalation.making import START
from tests.unit.escalation.test_episodes import COUNTERS, WHY, alert_of, opened

NOW = START + HOUR
BLUE, YELLOW, ORANGE, RED = Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED


def act(state: StoryState, action: str, *, at: int = NOW, of: Alert | None = None, **more: object) -> Act:
    """An act on the story's newest alert, or on an earlier one."""
    fields: dict[str, object] = {"actor": "小王", "note": "看过了"} | more
    return Act(
        id=1,
        partition=0,
        offset=1,
        subject="某某集团",
        story="s1",
        alert=(of or alert_of(state)).id,
        action=action,
        at=at,
        target=of,
        **fields,  # type: ignore[arg-type]
    )


def at_status(status: Status, level: Level = BLUE) -> StoryState:
    """A story with an alert of that status."""
    state = opened(level)
    return replace(state, alert=replace(alert_of(state), status=status))


def one(changes: list[AlertChange]) -> tuple[Alert, Transition]:
    """The only change, which has a transition and is marked as an act's."""
    (change,) = changes
    assert change.transition is not None
    assert change.acted
    return change.alert, change.transition


@pytest.mark.parametrize(("action", "before", "after", "code"), [
    ("acknowledge", "open", "acknowledged", ReasonCode.ACKNOWLEDGED),
    ("handle", "open", "handling", ReasonCode.HANDLING),
    ("handle", "acknowledged", "handling", ReasonCode.HANDLING),
    ("resolve", "open", "resolved", ReasonCode.HANDLED),
    ("resolve", "handling", "resolved", ReasonCode.HANDLED),
    ("review", "resolved", "reviewed", ReasonCode.REVIEWED),
])  # fmt: skip
def test_acts_that_move_the_status(action: str, before: Status, after: Status, code: ReasonCode) -> None:
    """The alert has the new status, at its level; the transition says from what to what, who and why."""
    state = at_status(before)
    changed, (alert, said) = (pair := applied(state, act(state, action, by="李四")))[0], one(pair[1])

    assert (
        changed.alert == alert == replace(alert_of(state), status=after, changed_at=NOW, resolution=alert.resolution, verdict=alert.verdict)
    )
    assert (said.from_status, said.to_status, said.from_level, said.to_level) == (before, after, None, None)
    assert (said.actor, said.by, said.note, said.at, said.recorded_at) == ("小王", "李四", "看过了", NOW, None)
    assert [(reason.code, reason.threshold) for reason in said.reasons] == [(code, 0)]


@pytest.mark.parametrize(("assignee", "kept"), [("李四", "李四"), ("", None)])
def test_assigning_says_who_or_that_nobody_any_more(assignee: str, kept: str | None) -> None:
    """The transition has neither level nor status, and shows an unassigning as null."""
    state = at_status("acknowledged")
    state = replace(state, alert=replace(alert_of(state), assignee="前一位"))
    alert, said = one(applied(state, act(state, "assign", assignee=assignee))[1])

    assert (alert.assignee, alert.status) == (kept, "acknowledged")
    assert said.wire()["assignee"] == kept
    assert not {"from", "to", "from_status", "to_status"} & said.wire().keys()


@pytest.mark.parametrize("status", STATUSES)
def test_a_note_changes_nothing_but_the_history(status: Status) -> None:
    """At any status."""
    state = at_status(status)
    alert, said = one(applied(state, act(state, "note"))[1])

    assert alert == replace(alert_of(state), changed_at=NOW)
    assert (said.note, said.to_status, said.to_level) == ("看过了", None, None)


@pytest.mark.parametrize("level", Level)
def test_a_level_set_by_hand(level: Level) -> None:
    """It holds from now, also when it is the level there was; the policy's own stays to be seen."""
    state = at_status("open", YELLOW)
    after, (alert, said) = (pair := applied(state, act(state, "level", level=level, until=NOW + DAY)))[0], one(pair[1])

    assert (alert.level, alert.policy_level, after.level) == (level, YELLOW, YELLOW)
    assert after.hand == Hand(level, NOW + DAY, NOW)
    assert (said.from_level, said.to_level, said.until, said.reasons[0].code) == (YELLOW, level, NOW + DAY, ReasonCode.HAND)
    assert after.none_since == (NOW if level is Level.NONE else 0)


@pytest.mark.parametrize("reason", ["handled", "false_alarm", "known", "irrelevant", "faded"])
def test_an_end_sets_the_bar_and_may_mute(reason: Resolution) -> None:
    """The bar is the policy's level whatever the hand-set one, which ends; three of the reasons mute, for seven days if not said."""
    state = at_status("handling", ORANGE)
    state, _ = applied(state, act(state, "level", level=BLUE))
    after, (alert, said) = (pair := applied(state, act(state, "resolve", reason=reason)))[0], one(pair[1])
    longer, _ = applied(state, act(state, "resolve", reason=reason, until=NOW + 30 * DAY))

    assert (after.bar, after.hand, alert.level) == (ORANGE, None, BLUE)
    assert (alert.resolution, said.resolution, str(said.reasons[0].code)) == (reason, reason, reason)
    assert after.mute == alert.mute == (Mute(NOW + 7 * DAY, ORANGE, 1) if reason in MUTING else None)
    assert longer.mute == (Mute(NOW + 30 * DAY, ORANGE, 1) if reason in MUTING else None)


@pytest.mark.parametrize(("level", "least"), [(Level.NONE, YELLOW), (BLUE, ORANGE), (YELLOW, RED), (ORANGE, RED), (RED, RED)])
def test_a_muted_story_tells_two_levels_above_or_red(level: Level, least: Level) -> None:
    """Above the level the alert ended at."""
    state = at_status("open")
    state = replace(state, alert=replace(alert_of(state), level=level))
    after, _ = applied(state, act(state, "resolve", reason="known"))

    assert after.mute is not None
    assert after.mute.least is least


@pytest.mark.parametrize("status", ["resolved", "reviewed"])
@pytest.mark.parametrize("level", [Level.NONE, ORANGE])
def test_reopening_is_a_new_alert_at_the_policys_level(status: Status, level: Level) -> None:
    """The old one only learns who follows it; the new one begins with the reopening, then its level from none; the mute ends."""
    state = replace(at_status(status), level=level, mute=Mute(NOW + DAY, RED, 1))
    after, (old, *news) = applied(state, act(state, "reopen"))
    new = alert_of(after)
    said = [change.transition for change in news if change.transition]

    assert (old.alert, old.transition) == (replace(alert_of(state), next=alert_id("s1", 2)), None)
    assert (new.id, new.episode, new.previous, new.status, new.level) == (alert_id("s1", 2), 2, old.alert.id, "open", level)
    assert (said[0].from_status, said[0].to_status, said[0].actor, said[0].alert) == (status, "open", "小王", new.id)
    assert [(one.from_level, one.to_level) for one in said[1:]] == ([(Level.NONE, level)] if level else [])
    assert (after.mute, new.mute, after.dirty, after.none_since) == (None, None, True, 0 if level else NOW)
    assert fades_at(after, DAY) == (NOW + DAY if level is Level.NONE else fades_at(opened(), DAY))


def test_an_act_on_an_earlier_episode_leaves_the_newest_alone() -> None:
    """It changes that alert and nothing the desk keeps; reopened, it is followed by an alert after the newest."""
    state = at_status("resolved")
    earlier = replace(alert_of(state), changed_at=START)
    state = replace(state, alert=replace(earlier, id=alert_id("s1", 2), episode=2))
    reviewed, (change,) = applied(state, act(state, "review", of=earlier, verdict="false"))
    reopened, (old, new) = applied(state, act(state, "reopen", of=earlier))[0], applied(state, act(state, "reopen", of=earlier))[1][:2]

    assert (reviewed, change.alert.verdict, change.alert.id) == (state, "false", earlier.id)
    assert (old.alert.id, new.alert.id, new.alert.previous) == (earlier.id, alert_id("s1", 3), earlier.id)
    assert alert_of(reopened).id == alert_id("s1", 3)


def test_what_is_no_act_on_an_alert_changes_nothing() -> None:
    """Nor does one on an alert the story does not know."""
    state = at_status("open")

    assert applied(state, act(state, "merge")) == (state, [])
    assert applied(state, replace(act(state, "note"), alert="another")) == (state, [])
    assert applied(StoryState(), act(state, "note", of=alert_of(state))) == (StoryState(), [])


class Life:
    """A story to which everything happens, by a seed; and all that was decided of its alerts."""

    def __init__(self, seed: int) -> None:
        self.chance, self.now, self.state = Random(seed), START, StoryState()
        self.history: dict[str, list[Transition]] = {}
        self.alerts: dict[str, Alert] = {}

    def live(self, moments: int) -> None:
        """That many moments."""
        for _ in range(moments):
            self.now += self.chance.choice([0, MINUTE, HOUR, 10 * HOUR, 2 * DAY])
            self.chance.choice([self._level, self._level, self._time, self._act, self._act])()
            self._check()

    def _level(self) -> None:
        after = self.chance.choice(list(Level))
        if after != self.state.level:
            change = Change(self.state.level, after, WHY)
            state, found = followed(replace(self.state, level=after), change, "某某集团", "s1", self.now, COUNTERS)
            self._keep(calmed(state, self.now), found)

    def _time(self) -> None:
        if self.now >= let_go_at(self.state):
            state, found = let_go(self.state, self.now, COUNTERS)
            self._keep(calmed(state, self.now), found)
        if self.now >= fades_at(self.state, DAY):
            self._keep(*faded(self.state, self.now, DAY))

    def _act(self) -> None:
        """Any act that fits, on any of its alerts; a little ahead of the log, as the wall clock is."""
        if not self.alerts:
            return
        alert = self.chance.choice(list(self.alerts.values()))
        action = self.chance.choice([name for name, fitting in FITTING.items() if alert.status in fitting])
        if action == "reopen" and any(not other.ended for other in self.alerts.values()):
            return
        at = max(self.now + self.chance.choice([0, 1, MINUTE]), alert.changed_at)
        of = None if alert_of(self.state).id == alert.id else alert
        said = act(
            self.state, action, at=at, of=of, level=self.chance.choice(list(Level)), assignee=self.chance.choice(["", "李四"]),
            until=self.chance.choice([0, at + HOUR]), reason=self.chance.choice(["handled", "false_alarm", "faded"]),
        )  # fmt: skip
        self._keep(*applied(self.state, said))

    def _keep(self, state: StoryState, changes: list[AlertChange]) -> None:
        self.state = state
        for change in changes:
            self.alerts[change.alert.id] = change.alert
            if change.transition:
                self.history.setdefault(change.alert.id, []).append(change.transition)

    def _check(self) -> None:
        state, running = self.state, [alert for alert in self.alerts.values() if not alert.ended]
        assert len(running) <= 1
        assert state.alert is None or state.alert == self.alerts[state.alert.id]
        assert all(alert == state.alert for alert in running)
        for alert in running:
            held = state.hand.level if state.hand else state.level
            assert (alert.level, alert.policy_level) == (held, state.level)
            assert (state.none_since > 0) == (alert.level is Level.NONE)
        assert running or state.hand is None


def chained(steps: list[tuple[object, object]], first: object) -> bool:
    """Whether each step begins where the one before ended."""
    return [before for before, _ in steps] == [first, *(after for _, after in steps)][: len(steps)]


def reads_true(alert: Alert, history: list[Transition]) -> None:
    """Levels and statuses follow from one another, the first level from none; time never goes back; the end is as it stands."""
    levels: list[tuple[object, object]] = [(said.from_level, said.to_level) for said in history if said.to_level is not None]
    statuses: list[tuple[object, object]] = [(said.from_status, said.to_status) for said in history if said.to_status]
    moments = [said.at for said in history]
    if history[0].reasons[0].code == ReasonCode.REOPENED:
        assert statuses.pop(0) in {("resolved", "open"), ("reviewed", "open")}

    assert chained(levels, Level.NONE)
    assert chained(statuses, "open")
    assert alert.level == (levels[-1][1] if levels else Level.NONE)
    assert alert.status == (statuses[-1][1] if statuses else "open")
    assert moments == sorted(moments)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 1 << 32))
def test_in_any_order_the_history_reads_true(seed: int) -> None:
    """Whatever people and policy do: no two open alerts of one story, chains without a break, episodes that name their neighbours."""
    life = Life(seed)
    life.live(40)

    for alert in life.alerts.values():
        reads_true(alert, life.history[alert.id])
        if alert.previous:
            assert life.alerts[alert.previous].next is not None
    assert [alert.episode for alert in life.alerts.values()] == list(range(1, len(life.alerts) + 1))
