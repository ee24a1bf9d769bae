"""From changes to outbox rows."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.alert import Level, Mute, Transition
from monitor.escalation.effects import AlertChange
from monitor.notifying.message import notification_id
from monitor.notifying.notification import Notification
from monitor.notifying.outgoing import outgoing
from monitor.settings import Receiver
from tests.unit.notifying.making import AT, SUBJECT, URL, alert, changes, level_change, note, receiver, status_change

CLIMB = [
    level_change(Level.NONE, Level.BLUE), note(), level_change(Level.BLUE, Level.YELLOW), level_change(Level.YELLOW, Level.ORANGE),
    status_change("open", "acknowledged"), level_change(Level.ORANGE, Level.RED),
]  # fmt: skip


def rows(
    batch: list[AlertChange], receivers: list[Receiver], told: dict[tuple[str, str], int], history: dict[str, list[Transition]]
) -> list[Notification]:
    """The rows of a batch about the one watched subject."""
    return outgoing(batch, {SUBJECT.name: SUBJECT}, receivers, URL, told=told, history=history, created_at=AT)


def covered(row: Notification) -> list[dict[str, object]]:
    """The transitions a message carries."""
    found: list[dict[str, object]] = msgspec.json.decode(row.body)["data"]["transitions"]
    return found


def test_every_told_transition_makes_a_row() -> None:
    """One message for each change told, none for a note; order, id and reach are those of the transition."""
    made = rows(changes(CLIMB), [receiver()], {}, {})
    assert [(row.n, row.upto, row.type) for row in made] == [
        (1, 1, "alert.opened"), (3, 3, "alert.raised"), (4, 4, "alert.raised"), (5, 5, "alert.acknowledged"), (6, 6, "alert.raised"),
    ]  # fmt: skip
    assert [row.id for row in made] == [notification_id("a1", "duty", row.n) for row in made]
    assert {(row.state, row.tries, row.created_at) for row in made} == {("pending", 0, AT)}


def test_a_message_carries_what_was_not_told_before() -> None:
    """A note is not told by itself, but stands in the next message."""
    made = rows(changes(CLIMB), [receiver()], {}, {})
    assert covered(made[1]) == [CLIMB[1].wire(), CLIMB[2].wire()]


def test_a_receiver_woken_late_hears_the_whole_story() -> None:
    """Who is told from orange on gets what went before with the first message."""
    made = rows(changes(CLIMB), [receiver(min_level="orange")], {}, {})
    assert covered(made[0]) == [one.wire() for one in CLIMB[:4]]


@given(st.integers(0, len(CLIMB)), st.booleans())
def test_the_batches_do_not_show(cut: int, with_own: bool) -> None:  # noqa: FBT001 - drawn
    """Cut the changes anywhere: the rows are the same, whether the history read has the new ones already or not."""
    receivers = [receiver("all"), receiver("high", min_level="orange")]
    whole = changes(CLIMB)
    first = rows(whole[:cut], receivers, {}, {})
    told = {(row.alert, row.receiver): row.upto for row in first}
    history = {"a1": CLIMB if with_own else CLIMB[:cut]}
    assert first + rows(whole[cut:], receivers, told, history) == rows(whole, receivers, {}, {})


def test_counters_alone_tell_nobody() -> None:
    """A change without a transition makes no row."""
    assert rows([AlertChange(alert(), None)], [receiver()], {}, {}) == []


def test_of_a_subject_no_longer_watched_those_are_told_who_know_of_the_alert() -> None:
    """How it ends is not kept from them; nobody hears of it for the first time."""
    both, ended = [receiver("knows"), receiver("new")], changes([status_change("open", "resolved")], since=1)
    made = outgoing(ended, {}, both, URL, told={("a1", "knows"): 1}, history={}, created_at=AT)

    assert [(row.receiver, row.type) for row in made] == [("knows", "alert.resolved")]
    assert outgoing(changes(CLIMB), {}, both, URL, told={}, history={}, created_at=AT) == []


def test_alerts_do_not_mix() -> None:
    """Two alerts in one batch each tell their own story."""
    both = changes(CLIMB[:1], id="a1") + changes(CLIMB[:3], id="a2")
    made = rows(both, [receiver()], {}, {})
    assert [(row.alert, row.n) for row in made] == [("a1", 1), ("a2", 1), ("a2", 3)]
    assert len(covered(made[2])) == 2


def test_a_muted_story_tells_of_its_later_episodes_only_what_is_much_worse() -> None:
    """Then with all that went before; the alert it was muted with, and what comes when the mute is over, are told as ever."""
    climb = [level_change(Level.NONE, Level.YELLOW), level_change(Level.YELLOW, Level.ORANGE), status_change("open", "acknowledged")]
    for episode, until, kinds in (
        (2, AT + 1, ["alert.raised", "alert.acknowledged"]), (1, AT + 1, ["alert.opened", "alert.raised", "alert.acknowledged"]),
        (2, AT, ["alert.opened", "alert.raised", "alert.acknowledged"]),
    ):  # fmt: skip
        mute = Mute(until, Level.ORANGE, 1)
        muted = [replace(change, alert=replace(change.alert, mute=mute, episode=episode)) for change in changes(climb)]
        made = rows(muted, [receiver()], {}, {})
        assert [row.type for row in made] == kinds
        assert len(covered(made[0])) == (2 if kinds[0] == "alert.raised" else 1)
