"""How alerts stand in a backtest: an act is done again where it fits, by the rules of the desk's own acts."""

import pytest
from msgspec.structs import replace

from monitor.alert import Alert
from monitor.escalation.effects import Act, AlertChange, Effects, Judgement, NewHit, StoryState
from services.acts import ActError, DoesNotFit, NoSuchAlert, Past
from services.corrections import NoSuchMention, NoSuchStory
from services.recording.archive import Archive
from services.recording.standing import Standing
from tests.contract.store.records import START, alert, story
from tests.unit.escalation.making import scored

ACT = Act(id=0, partition=0, offset=0, subject="红十字会", story="s1", alert="a1", action="acknowledge", at=START, actor="张三")
HERE = scored("m1", START, subject="红十字会")


def standing(*alerts: Alert) -> Standing:
    """After these were decided, in stories of their own: s1 to s3, the last part of the first, and a residual one."""
    newest = {one.story: one for one in alerts}
    rows = [story("s1"), story("s2"), story("s3", merged_into="s1"), story("r1", residual=True), story("s9", subject="别的")]
    rows = [replace(row, state=StoryState(alert=newest.get(row.id))) for row in rows]
    hit = NewHit(offset=0, digest=HERE.mention.digest, scored=HERE, story="s1", counted=True)
    archive = Archive()
    archive.keep(Effects(stories={row.id: row for row in rows}, hits=[hit]))
    found = Standing(archive)
    found.take([AlertChange(one, None) for one in alerts])
    return found


def refused(found: Standing, act: Act) -> type[ActError] | None:
    """Why an act does not fit."""
    try:
        found.fitting(act, START)
    except ActError as error:
        return type(error)
    return None


def test_an_act_is_done_where_it_fits() -> None:
    """On an alert that is there, in a status that allows it; the desk is told of an alert that is no longer its story's newest."""
    first = replace(alert("a1"), status="resolved", story="s1")
    second = replace(alert("a2"), episode=2, story="s1")
    review, resolve = replace(ACT, action="review"), replace(ACT, action="resolve", alert="a2")
    both = standing(first, second)

    assert refused(standing(), ACT) is NoSuchAlert
    assert refused(standing(first), ACT) is DoesNotFit
    assert both.fitting(review, START).target == first
    assert both.fitting(resolve, START + 9).at == max(START + 9, second.changed_at)
    assert both.fitting(resolve, START).target is None
    assert refused(both, replace(resolve, until=START)) is Past


def test_no_second_open_alert_is_made() -> None:
    """A reopening fits while its story has no open alert, and is not part of another."""
    first, reopen = replace(alert("a1"), status="resolved", story="s1"), replace(ACT, action="reopen")

    assert refused(standing(first), reopen) is None
    assert refused(standing(first, replace(alert("a2"), episode=2, story="s1")), reopen) is DoesNotFit
    assert refused(standing(replace(first, merged_into="a9")), reopen) is DoesNotFit
    assert refused(standing(replace(first, story="s3")), reopen) is DoesNotFit


@pytest.mark.parametrize(
    ("one", "into", "why"),
    [
        ("s1", "s2", None), ("s3", "s2", None), ("s3", "s1", DoesNotFit), ("s1", "r1", DoesNotFit), ("s1", "s9", DoesNotFit),
        ("s1", "x", NoSuchStory),
    ],
)  # fmt: skip
def test_stories_are_merged_where_they_can_be(one: str, into: str, why: type[ActError] | None) -> None:
    """Two happenings of one subject, each as what it is part of by then."""
    merge = replace(ACT, action="merge", alert="", story=one, into=into)
    found = standing()

    assert refused(found, merge) is why
    if why is None:
        assert (found.fitting(merge, START).story, found.fitting(merge, START).into) == ("s1", "s2")


def test_mentions_are_taken_out_and_judged_where_they_are() -> None:
    """Of the alert's story; a stranger is refused, and so is an action that is none."""
    digest = HERE.mention.digest
    exclude = replace(ACT, action="exclude", mentions=(digest,))
    score = replace(ACT, action="score", alert="", story="s2", mentions=(digest,), judgement=Judgement(label="positive"))
    found = standing(replace(alert("a1"), story="s1"), replace(alert("a2"), story="s2"))

    assert found.fitting(exclude, START).story == "s1"
    assert refused(found, replace(exclude, alert="a2")) is NoSuchMention
    assert refused(found, replace(exclude, mentions=(b"x" * 16,))) is NoSuchMention
    assert found.fitting(score, START).story == "s1"
    assert refused(found, replace(score, subject="别的")) is NoSuchMention
    assert refused(found, replace(score, judgement=None)) is refused(found, replace(ACT, action="frown")) is DoesNotFit
