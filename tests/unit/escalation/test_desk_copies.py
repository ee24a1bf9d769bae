"""Near-copies of what somebody muted or took out, or of what sleeps, find it again: however the desk is run."""

import pytest

from monitor.alert import Level, residual_id, story_id
from monitor.clock import DAY, HOUR, MINUTE, SECOND
from monitor.escalation.effects import Act
from monitor.mention import Scored, Tick, identity
from tests.unit.escalation.making import START, SUBJECT, Ledger, Record, desk, feed, scored

TEXT = "某某集团的牛奶里喝出了活虫, 客服让我自己去化验, 太让人愤怒了, 大家以后千万不要再买他们家的东西"
OTHER = "城南路某某集团的门店昨晚突然起火, 消防车来了四辆, 楼上住户全部被疏散, 原因还在调查之中"
THIRD = "听说某某集团的董事长上周在机场被带走, 股票停牌, 公司的电话一直没有人接"
COPIES = [f"{TEXT}转", f"{TEXT}甲", f"{TEXT}太可怕了", f"快看：{TEXT}", TEXT.replace("愤怒", "气愤"), TEXT, f"{TEXT}呵呵"]
STORY = story_id(SUBJECT.name, identity("t", "p0"))


def told(name: str, at: int, texts: list[str]) -> list[Scored]:
    """Each by another author, a second apart."""
    return [scored(f"{name}{n}", at + n * SECOND, text=text) for n, text in enumerate(texts)]


def excluded(story: str, offset: int, items: list[str]) -> Act:
    """Somebody takes these out of it."""
    out = tuple(identity("t", item) for item in items)
    return Act(id=1, partition=0, offset=offset, subject=SUBJECT.name, story=story, alert="", action="exclude", at=START + HOUR,
               actor="张三", mentions=out)  # fmt: skip


def ran(stream: list[Record], crash_every: int) -> Ledger:
    """What is decided, with a kill after every so many records."""
    ledger = Ledger()
    feed(desk(), ledger, stream, crash_every=crash_every)
    return ledger


def stories(ledger: Ledger, name: str) -> set[str]:
    """Where the mentions of that name are."""
    return {hit.story for hit in ledger.hits.values() if hit.scored.mention.id.startswith(name)}


KILLS = pytest.mark.parametrize("crash_every", [0, 1, 3])


@KILLS
def test_near_copies_of_what_was_taken_out_are_muted(crash_every: int) -> None:
    """All of a story is taken out: who says nearly the same is put where that is, muted, in no other story."""
    stream: list[Record] = [*told("p", START, [TEXT] * 6), excluded(STORY, 6, [f"p{n}" for n in range(6)])]
    ledger = ran([*stream, *told("x", START + HOUR + MINUTE, COPIES)], crash_every)
    (aside,) = stories(ledger, "x")

    assert aside not in {STORY, residual_id(SUBJECT.name)}
    assert (mute := ledger.rows[aside].state.mute) is not None
    assert mute.until >= START + HOUR + 7 * DAY


@KILLS
@pytest.mark.parametrize("alone", [False, True])
def test_one_that_is_taken_out_is_known_again(crash_every: int, alone: bool) -> None:  # noqa: FBT001 - parametrized
    """One foreign mention of a story, or one that waits alone: near-copies are muted too."""
    odd = scored("odd", START + MINUTE, text=TEXT, root=None if alone else "p0")
    act = excluded(residual_id(SUBJECT.name) if alone else STORY, 5, ["odd"])
    ledger = ran([*told("p", START, [OTHER] * 4), odd, act, *told("x", START + 2 * HOUR, COPIES)], crash_every)
    (aside,) = stories(ledger, "x")

    assert aside not in {STORY, residual_id(SUBJECT.name)}
    assert ledger.rows[aside].state.mute is not None


@KILLS
@pytest.mark.parametrize("day", [0, 3, 6, 9, 20])
def test_of_several_that_were_taken_out_each_stays_out(crash_every: int, day: int) -> None:
    """Two unrelated texts are taken out: when one of them has been said again, the other is still known, however long after."""
    both = [scored("odd", START + MINUTE, text=TEXT, root="p0"), scored("even", START + 2 * MINUTE, text=THIRD, root="p0")]
    stream: list[Record] = [*told("p", START, [OTHER] * 4), *both, excluded(STORY, 6, ["odd", "even"])]
    first, second = START + 2 * HOUR, START + 3 * HOUR + day * DAY
    again: list[Record] = [scored("x", first, text=TEXT), Tick(at=second, as_if=True), scored("y", second, text=f"{THIRD}真的吗")]
    answer = scored("z", second + 4 * DAY, text="是吗", root="even", kind="comment")
    ledger = ran([*stream, *again, answer], crash_every)
    (aside,) = stories(ledger, "x")

    assert aside not in {STORY, residual_id(SUBJECT.name)}
    assert stories(ledger, "y") == stories(ledger, "z") == {aside}


@KILLS
@pytest.mark.parametrize("day", [1, 4, 6, 9])
def test_near_copies_of_a_false_alarm_come_to_it(crash_every: int, day: int) -> None:
    """While it is muted, and when it sleeps, what is nearly the same belongs to it, and so does all that follows."""
    ledger = Ledger()
    at = feed(desk(), ledger, told("p", START, [TEXT] * 40))
    alert = ledger.changes[-1].alert
    act = Act(id=1, partition=0, offset=40, subject=SUBJECT.name, story=STORY, alert=alert.id, action="resolve", at=START + HOUR,
              actor="张三", reason="false_alarm")  # fmt: skip
    later = START + day * DAY + HOUR
    feed(at, ledger, [act, Tick(at=later, as_if=True), *told("x", later, COPIES), *told("y", later + 4 * DAY, COPIES)],
         crash_every=crash_every)  # fmt: skip
    opened = {change.alert.id: change.alert for change in ledger.changes}

    assert stories(ledger, "") == {STORY}
    assert all(one.story == STORY for one in opened.values())
    hushed = [one for one in opened.values() if alert.opened_at < one.opened_at < START + HOUR + 7 * DAY]
    assert bool(hushed) is (day < 7)
    assert all(one.mute and one.mute.least >= Level.YELLOW for one in hushed)


@KILLS
def test_a_sleeping_story_is_known_by_each_of_its_first_texts(crash_every: int) -> None:
    """Two texts in one cascade: when they sleep, a near-copy of the second wakes it as one of the first does; other talk does not."""
    second = [scored(f"q{n}", START + n * SECOND, text=OTHER, root="p0") for n in range(1, 4)]
    later = START + 9 * DAY
    stream: list[Record] = [*told("p", START, [TEXT] * 3), *second, Tick(at=later, as_if=True)]
    ledger = ran(
        [*stream, scored("x", later, text=f"{OTHER}啊"), scored("z", later, text="某某集团今年招聘多少应届毕业生, 有没有人知道")],
        crash_every,
    )

    assert stories(ledger, "x") == {STORY}
    assert stories(ledger, "z") == {residual_id(SUBJECT.name)}
