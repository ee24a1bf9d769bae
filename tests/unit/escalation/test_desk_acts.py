"""The desk with people at it: acts on alerts between merges, sleeps, wakes and corrections, in every order, with kills."""

from collections.abc import Sequence
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.alert import Alert, Level, Resolution, Transition
from monitor.clock import DAY, HOUR
from monitor.escalation.acting import FITTING
from monitor.escalation.effects import Act
from monitor.mention import Scored
from tests.unit.escalation.making import SUBJECT, Ledger, Record, desk, feed, lived
from tests.unit.escalation.test_acting import chained
from tests.unit.escalation.test_desk_lives import Fitting, stream_of

REASONS: tuple[Resolution, ...] = ("handled", "false_alarm", "known", "faded")


def with_acts(seed: int) -> list[Record]:
    """A stretch of everything, and acts on alerts between; which alert is for `Service` to say."""
    chance, out = Random(seed), list[Record]()
    for n, record in enumerate(stream_of(seed, acts=True)):
        out.append(record)
        if isinstance(record, Scored) and chance.random() < 0.5:
            at = record.received_at + chance.choice([0, 1, HOUR])
            out.append(Act(
                id=1_000 + n, partition=0, offset=n, subject=SUBJECT.name, story="", alert="", action=chance.choice(list(FITTING)), at=at,
                actor="小王", level=chance.choice(list(Level)), until=chance.choice([0, at + HOUR, at + 3 * DAY]),
                reason=chance.choice(REASONS), assignee=chance.choice(["", "李四"]),
            ))  # fmt: skip
    return out


class Service:
    """Lets an act through to an alert it fits, as services/acts.py does; the id of the act is the die."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._others = ledger, Fitting(ledger)

    def __call__(self, act: Act) -> Act | None:
        """The act as it takes effect, or None where it would be refused."""
        if act.action not in FITTING:
            return self._others(act)
        alerts = {change.alert.id: change.alert for change in self._ledger.changes}
        fitting = [alert for alert in alerts.values() if alert.status in FITTING[act.action]]
        if not fitting:
            return None
        alert = fitting[act.id % len(fitting)]
        story = self._whole(alert.story)
        running = any(not other.ended and other.story == story for other in alerts.values())
        if act.action == "reopen" and (running or alert.merged_into or story != alert.story):
            return None
        newest = self._ledger.rows[story].state.alert
        if act.action == "reopen" and newest and newest.id != alert.id:
            return None
        target = None if newest and newest.id == alert.id else alert
        return replace(act, alert=alert.id, story=story, at=max(act.at, self._ledger.now, alert.changed_at), target=target)

    def _whole(self, story: str) -> str:
        while into := self._ledger.rows[story].merged_into:
            story = into
        return story


def run(stream: Sequence[Record], *, crash_every: int = 0, live: int = 100) -> Ledger:
    """Everything decided of a stream, acts included."""
    ledger = Ledger()
    feed(
        desk(live=live, waiting=20), ledger, stream, crash_every=crash_every, fresh=lambda: desk(live=live, waiting=20),
        fitting=Service(ledger),
    )  # fmt: skip
    return ledger


def histories(ledger: Ledger) -> dict[str, tuple[Alert, list[Transition]]]:
    """Every alert as it ended, with its transitions."""
    found: dict[str, tuple[Alert, list[Transition]]] = {}
    for change in ledger.changes:
        said = found[change.alert.id][1] if change.alert.id in found else []
        found[change.alert.id] = change.alert, said + ([change.transition] if change.transition else [])
    return found


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(1, 4), st.sampled_from([2, 100]))
@example(131910321, 1, 2)  # somebody leaves the residual story, whose own level then stands on nothing
def test_people_and_kills(seed: int, crash_every: int, live: int) -> None:
    """A desk rebuilt at any point from what was stored takes up the acts as one that never stopped, awake or asleep."""
    stream = with_acts(seed)
    one, other = run(stream, live=live), run(stream, crash_every=crash_every, live=live)

    assert other.changes == one.changes
    assert {key: row.state.alert for key, row in other.rows.items()} == {key: row.state.alert for key, row in one.rows.items()}


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(1, 4), st.sampled_from([2, 100]))
def test_people_and_kills_around_a_late_tick(seed: int, crash_every: int, live: int) -> None:
    """Live, too, with ticks that come after records of their minute, or not at all."""
    stream = lived(with_acts(seed), seed)
    one, other = run(stream, live=live), run(stream, crash_every=crash_every, live=live)

    assert other.changes == one.changes


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 1 << 32))
def test_every_history_reads_true(seed: int) -> None:
    """Levels from none, statuses from open (or from what was reopened), each from where the last left off; one open alert a story."""
    ledger = run(with_acts(seed))
    found = histories(ledger)
    running = [alert.story for alert, _ in found.values() if not alert.ended]

    assert len(running) == len(set(running))
    for alert, history in found.values():
        levels: list[tuple[object, object]] = [(one.from_level, one.to_level) for one in history if one.to_level is not None]
        statuses: list[tuple[object, object]] = [(one.from_status, one.to_status) for one in history if one.to_status]
        if history and history[0].to_status == "open":
            statuses.pop(0)
        assert chained(levels, Level.NONE)
        assert chained(statuses, "open")
        assert alert.level == (levels[-1][1] if levels else Level.NONE)
        assert alert.status == (statuses[-1][1] if statuses else "open")
        assert [one.at for one in history] == sorted(one.at for one in history)
    for story, row in ledger.rows.items():
        assert row.state.alert is None or row.merged_into or row.state.alert == found[row.state.alert.id][0], story
