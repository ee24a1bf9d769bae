"""The desk over whole lives: stories that merge, sleep and wake, and what people do to them: the same however it is run."""

from collections.abc import Sequence
from functools import partial
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.alert import Level, residual_id, story_id
from monitor.clock import DAY, HOUR, MINUTE, SECOND
from monitor.escalation.correcting import puts_back, takes_out
from monitor.escalation.crowding import FACTS, LOOK, ROOM, WORDS
from monitor.escalation.effects import Act, Judgement
from monitor.escalation.settling import LIVE, WAITING
from monitor.mention import Scored, Tick, identity
from monitor.stories.grouping import HORIZON
from tests.unit.escalation.making import START, SUBJECT, Ledger, Record, desk, feed, levels, scored

LINES = [
    "某某集团的牛奶里喝出了活虫, 客服让我自己去化验, 太让人愤怒了, 大家以后千万不要再买他们家的东西",
    "城南路某某集团的门店昨晚突然起火, 消防车来了四辆, 楼上住户全部被疏散, 原因还在调查之中",
    "某某集团拖欠三百名工人的工资已经半年, 工人们今天早上在总部门口拉起横幅讨要说法",
    "有记者暗访发现某某集团把过期的面包重新贴上日期再卖, 店长承认一直都是这样做的",
]
SEEDS = st.integers(0, 1 << 32)
GAPS = [0, SECOND, 7 * SECOND, 40 * SECOND, MINUTE, HOUR, 2 * DAY, 8 * DAY]


def said(chance: Random, n: int, at: int) -> Scored:
    """One mention: a line, a rewording, a repost that ties two, or talk of its own."""
    text = chance.choice([*LINES, *(line + " 转给大家看看" for line in LINES), f"某某 {n * 7919} 随便说说", f"某某 {n}"])
    one = scored(
        f"m{n}", at, text=text, author=f"a{chance.randint(0, 25)}", ill=chance.random() < 0.7,
        root=f"m{chance.randint(0, max(n, 1))}" if chance.random() < 0.4 else None,
        quoted=chance.choice(LINES) if chance.random() < 0.2 else None, platform=chance.choice(["微博", "抖音", "新闻"]),
        likes=chance.randint(0, 5), views=chance.choice([0, 0, 0, 900, 60_000]), severity=chance.choice([0.0, 0.0, 0.9]),
        url=chance.choice([None, None, None, "https://e.cn/1", "https://e.cn/2"]),
    )  # fmt: skip
    return replace(one, mention=replace(one.mention, parent=f"m{chance.randint(0, max(n, 1))}" if chance.random() < 0.3 else None))


def act(chance: Random, n: int, at: int) -> Act:
    """Something a person does, to a story that there may be."""
    story, into = (story_id(SUBJECT.name, identity("t", f"m{chance.randint(0, n)}")) for _ in range(2))
    action = chance.choice(["merge", "exclude", "score", "score"])
    judgement = Judgement(
        label=chance.choice([None, "positive", "negative"]), relevant=chance.choice([None, False, False, True]), actor="张三", at=at
    ) if action == "score" else None  # fmt: skip
    return Act(
        id=n, partition=0, offset=n, subject=SUBJECT.name, story=story, alert="",
        into=into if action == "merge" else "", action=action, at=at, actor="张三", judgement=judgement,
        mentions=tuple(identity("t", f"m{chance.randint(0, n)}") for _ in range(3)),
    )  # fmt: skip


def stream_of(seed: int, *, acts: bool) -> list[Record]:
    """A stretch of mentions, later looks, silences and acts; made from a seed, so that it prints short."""
    chance, at, out = Random(seed), START, list[Record]()
    for n in range(chance.randint(10, 70)):
        at += chance.choice(GAPS[:6] if chance.random() < 0.9 else GAPS)
        if acts and n > 3 and chance.random() < 0.15:
            out.append(act(chance, n, at))
        elif n % 7 == 6 and isinstance(before := chance.choice(out), Scored):
            again = scored(before.mention.id, at, likes=chance.randint(0, 99), views=chance.choice([0, 70_000]), seen=at)
            out.append(replace(before, received_at=at, mention=replace(again.mention, text=before.mention.text)))
        else:
            out.append(said(chance, n, at))
    return [*out, Tick(at=at + MINUTE, as_if=True, end=True)]


class Fitting:
    """Acts as the service lets them through: on stories there are, on mentions where they are."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._was: dict[bytes, str] = {}  # where what was taken out had been

    def __call__(self, act: Act) -> Act | None:
        """The act as it takes effect, or None where it would be refused."""
        rows, hits = self._ledger.rows, self._ledger.hits
        if act.action == "merge":
            fits = all(key in rows and rows[key].merged_into is None for key in (act.story, act.into))
            return act if fits and act.story != act.into else None
        there = [hits[SUBJECT.name, digest] for digest in act.mentions if (SUBJECT.name, digest) in hits]
        out = [hit.digest for hit in there if (SUBJECT.name, hit.digest) in self._ledger.out]
        if puts_back(act) and out:
            return replace(act, story=self._whole(self._was[out[0]]), mentions=tuple(out[:1]))
        story = next((hit.story for hit in there if hit.story), "")
        inside = tuple(dict.fromkeys(hit.digest for hit in there if hit.story == story))
        if not story or (act.action == "exclude" and rows[story].residual):
            return None
        if act.action == "exclude" and act.id % 3 == 0:  # all of it
            inside = tuple(hit.digest for hit in hits.values() if hit.story == story)
        fitting = replace(act, story=story, mentions=inside if act.action == "exclude" else inside[:1])
        if takes_out(fitting):
            self._was |= dict.fromkeys(fitting.mentions, story)
        return fitting

    def _whole(self, story: str) -> str:
        while into := self._ledger.rows[story].merged_into:
            story = into
        return story


def decided(
    stream: Sequence[Record], *, batch: int = 1, crash_every: int = 0, live: int = LIVE, waiting: int = WAITING, facts: int = FACTS,
    room: int = ROOM, words: int = WORDS,
) -> Ledger:  # fmt: skip
    """Everything decided of a stream; acts are let through as the service would."""
    ledger = Ledger()
    fresh = partial(desk, live=live, waiting=waiting, facts=facts, room=room, words=words)
    feed(fresh(), ledger, stream, batch=batch, crash_every=crash_every, fresh=fresh, fitting=Fitting(ledger))
    return ledger


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(1, 4))
def test_a_story_too_large_is_rebuilt_as_it_lived(seed: int, crash_every: int) -> None:
    """What the windows of a large story let go of is recorded: a desk rebuilt at any point counts the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("monitor.escalation.windows.MOST", 4)
        patch.setattr("monitor.escalation.windows._SPENT", 1)
        stream = stream_of(seed, acts=False)
        assert_same(decided(stream), decided(stream, crash_every=crash_every))


def assert_same(one: Ledger, other: Ledger) -> None:
    """Two runs decided the same, and left the same behind."""
    assert other.changes == one.changes
    assert other.hits == one.hits
    assert other.out == one.out
    assert {key: (row.mentions, row.live, row.merged_into, row.keys, row.settled) for key, row in other.rows.items()} == {
        key: (row.mentions, row.live, row.merged_into, row.keys, row.settled) for key, row in one.rows.items()
    }


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 17), st.integers(0, 4), st.booleans())
def test_batches_and_crashes_change_nothing(seed: int, batch: int, crash_every: int, acts: bool) -> None:  # noqa: FBT001 - drawn
    """Merges, exclusions, corrections, later looks: the same whatever the batches, and from what was stored at any point."""
    stream = stream_of(seed, acts=acts)

    assert_same(decided(stream), decided(stream, batch=1 if acts else batch, crash_every=crash_every))


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 17), st.integers(0, 4), st.integers(1, 5), st.integers(1, 6))
def test_with_little_room_too(seed: int, batch: int, crash_every: int, live: int, waiting: int) -> None:
    """Where few stories may live and few mentions wait, what sleeps, wakes and leaves is decided by the log alone."""
    stream = stream_of(seed, acts=False)
    one = decided(stream, live=live, waiting=waiting)

    assert_same(one, decided(stream, batch=batch, crash_every=crash_every, live=live, waiting=waiting))
    awake = [row for row in one.rows.values() if row.live and not row.residual]
    held = [row for row in awake if row.state.level or (row.state.alert and not row.state.alert.ended)]
    assert len(awake) <= max(live, len(held))
    assert all(row.mentions <= waiting for row in one.rows.values() if row.residual)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 17), st.integers(0, 4), st.integers(3, 12), st.integers(2_000, 9_000), st.integers(40, 200), st.booleans())
def test_what_all_stories_take_is_bounded(
    seed: int, batch: int, crash_every: int, facts: int, room: int, words: int, acts: bool  # noqa: FBT001 - drawn
) -> None:  # fmt: skip
    """Where all together may count few mentions, be known by little and wait with few words, what goes is decided by the log alone."""
    stream, fewer = stream_of(seed, acts=acts), partial(decided, facts=facts, room=room, words=words)

    assert_same(fewer(stream), fewer(stream, batch=1 if acts else batch, crash_every=crash_every))


def test_the_largest_stories_count_less_and_the_quietest_sleep() -> None:
    """Of two crowds and a small story only the crowds lose facts, to the same number; where room is short the longest quiet sleep."""
    crowds = [scored(f"{line}-{n}", START + n * SECOND, text=LINES[line]) for n in range(40) for line in (0, 1)]
    few = [scored(f"2-{n}", START + n * SECOND, text=LINES[2]) for n in range(3)]
    later = START + MINUTE
    ledger = decided([*few, *crowds, Tick(at=later, as_if=True)], facts=64)
    counted = [sum(hit.counted for hit in ledger.hits.values() if hit.story == story) for story in sorted(ledger.rows)]

    assert sorted(counted) == [0, 3, 26, 26]  # nobody waits alone; seven eighths of 64 less the 3, in two
    calm = [scored(f"2-{n}", START + n * SECOND, text=LINES[2], ill=False) for n in range(3)]
    quiet = decided([*calm, scored("x", later, text=LINES[3]), scored("y", later + LOOK, text=LINES[3])], room=1_000)
    assert [row.live for row in quiet.rows.values() if row.title == LINES[2][:40]] == [False]


@settings(max_examples=60, deadline=None)
@given(SEEDS)
@example(3_245_220_484)  # what was put aside is acted on while it sleeps, and said again after a crash
@example(1_058_199_182)
def test_acts_with_little_room(seed: int) -> None:
    """A person may act on what sleeps: it is counted again, and sleeps on."""
    stream = stream_of(seed, acts=True)

    assert_same(decided(stream, live=2, waiting=3), decided(stream, live=2, waiting=3, crash_every=1))


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_chains_read_true(seed: int) -> None:
    """Each alert's levels and statuses begin where the last left off, no story has two open alerts, no mention is lost."""
    ledger, stream = Ledger(), stream_of(seed, acts=True)
    feed(desk(Level.YELLOW if seed % 2 else Level.NONE), ledger, stream, fitting=Fitting(ledger))
    at: dict[str, Level] = {}
    newest = {}
    for change in ledger.changes:
        newest[change.alert.id] = change.alert
        if change.transition and change.transition.to_level is not None:
            assert change.transition.from_level == at.get(change.alert.id, Level.NONE)
            at[change.alert.id] = change.transition.to_level
    open_ones = [alert.story for alert in newest.values() if not alert.ended]

    assert len(open_ones) == len(set(open_ones))
    assert all(newest[key].level == level for key, level in at.items())
    assert all(ledger.rows[story].merged_into is None for story in open_ones)
    assert {hit.digest for hit in ledger.hits.values()} == {one.mention.digest for one in stream if isinstance(one, Scored)}
    assert all(hit.story in ledger.rows or pair in ledger.out for pair, hit in ledger.hits.items())
    assert all(ledger.rows[hit.story].merged_into is None for hit in ledger.hits.values() if hit.story)


def crowd(line: str, name: str, first: int, count: int = 40) -> list[Scored]:
    """A post, and accounts that repeat it."""
    post = scored(f"{name}0", first, text=line)
    return [post, *(scored(f"{name}{n}", first + n * SECOND, text=f"{line} 转{n}") for n in range(1, count))]


def merge_of(one: str, other: str, n: int, at: int) -> Act:
    """A person says that two stories are one."""
    keys = [story_id(SUBJECT.name, identity("t", item)) for item in (one, other)]
    return Act(
        id=1, partition=0, offset=n, subject=SUBJECT.name, story=keys[0], into=keys[1], alert="", action="merge", at=at, actor="张三"
    )


def test_two_alerts_of_merged_stories_are_one() -> None:
    """The alert opened first follows the older story; the other ends at none, resolved, and says into which it went."""
    first, second = crowd(LINES[0], "p", START), crowd(LINES[1], "q", START + HOUR)
    ledger = Ledger()
    feed(desk(), ledger, [*first, *second, merge_of("q0", "p0", 80, START + 2 * HOUR + MINUTE), Tick(at=START + 2 * HOUR, as_if=True)])
    alerts = {change.alert.id: change.alert for change in ledger.changes}
    (kept, lost) = sorted(alerts.values(), key=lambda alert: alert.opened_at)
    ended = next(change.transition for change in ledger.changes if change.transition and change.transition.merged_into)

    assert (lost.status, lost.level, lost.merged_into) == ("resolved", Level.NONE, kept.id)
    assert ended.at >= START + 2 * HOUR + MINUTE  # as of no earlier than somebody did it
    assert (ended.to_level, ended.to_status, ended.merged_into, ended.actor) == (Level.NONE, "resolved", kept.id, "张三")
    assert (kept.status, kept.counters.mentions) == ("open", 80)
    assert ledger.rows[lost.story].merged_into == kept.story
    assert {hit.story for hit in ledger.hits.values()} == {kept.story}


def test_an_alert_follows_to_the_older_story() -> None:
    """Where only the younger story has an alert it goes with it, and its next level is told of the older story."""
    calm, ill = crowd(LINES[0], "p", START, 3), crowd(LINES[1], "q", START + HOUR)
    calm = [replace(one, score=replace(one.score, sentiment=replace(one.score.sentiment, label="neutral"))) for one in calm]
    ledger = Ledger()
    feed(desk(), ledger, [*calm, *ill, merge_of("p0", "q0", 43, START + 2 * HOUR), Tick(at=START + 9 * DAY, as_if=True, end=True)])
    older = story_id(SUBJECT.name, identity("t", "p0"))

    assert len({change.alert.id for change in ledger.changes}) == 1
    assert ledger.changes[-1].alert.story == older
    assert levels(ledger.changes)[-1] == "none"
    assert ledger.changes[-1].alert.status == "resolved"


def test_a_mention_that_links_two_stories_makes_them_one() -> None:
    """A repost of one that answers the other ties them: all their mentions are in the older."""
    tie = scored("tie", START + 2 * HOUR, text="这两件事是一回事", root="p0", kind="repost")
    tie = replace(tie, mention=replace(tie.mention, parent="q0"))
    ledger = Ledger()
    feed(desk(), ledger, [*crowd(LINES[0], "p", START), *crowd(LINES[1], "q", START + HOUR), tie])

    assert {hit.story for hit in ledger.hits.values()} == {story_id(SUBJECT.name, identity("t", "p0"))}


def test_a_settled_story_wakes() -> None:
    """After weeks a repost of its root wakes it: same story, next episode, all mentions counted."""
    again = [scored(f"again{n}", START + 30 * DAY + n * SECOND, root="p0", text=f"又来 {n}") for n in range(40)]
    ledger = Ledger()
    feed(desk(), ledger, [*crowd(LINES[0], "p", START), Tick(at=START + 10 * DAY, as_if=True), *again])
    first, second = dict.fromkeys(change.alert.id for change in ledger.changes)
    newest = {change.alert.id: change.alert for change in ledger.changes}

    assert newest[first].status == "resolved"
    assert newest[second].previous == first
    assert newest[second].counters.mentions > 40
    assert len({hit.story for hit in ledger.hits.values()}) == 1


def test_what_is_taken_out_counts_no_more() -> None:
    """Of forty, thirty-five are taken out: the alert's counters and its level follow; a later look at one changes nothing."""
    stream = crowd(LINES[0], "p", START)
    story = story_id(SUBJECT.name, identity("t", "p0"))
    out = tuple(one.mention.digest for one in stream[5:])
    act = Act(
        id=1, partition=0, offset=40, subject=SUBJECT.name, story=story, alert="", action="exclude", at=START, actor="张三", mentions=out
    )
    late = replace(
        stream[9], received_at=START + HOUR, mention=replace(stream[9].mention, views=9_000_000, seen_at=stream[-1].mention.published_at)
    )
    ledger = Ledger()
    feed(desk(), ledger, [*stream, act, late, Tick(at=START + 2 * HOUR, as_if=True, end=True)])

    assert ledger.changes[-1].alert.counters.mentions == 5
    assert ledger.changes[-1].alert.counters.authors == 5
    assert levels(ledger.changes)[-1] in {"blue", "none"}
    assert sum(hit.story == "" for hit in ledger.hits.values()) == 35


def test_a_copy_of_what_is_still_there_joins_it() -> None:
    """Only some who say it were taken out: another who says it is one of those that stayed; who says what is gone is not."""
    stream = [*crowd(LINES[0], "p", START, 5), scored("odd", START + MINUTE, text=LINES[1], root="p0")]
    story = story_id(SUBJECT.name, identity("t", "p0"))
    out = (identity("t", "p3"), identity("t", "odd"))
    act = Act(
        id=1, partition=0, offset=6, subject=SUBJECT.name, story=story, alert="", action="exclude", at=START, actor="张三", mentions=out
    )
    again, other = scored("x", START + HOUR, text=f"{LINES[0]} 转3"), scored("y", START + HOUR, text=LINES[1])
    ledger = Ledger()
    feed(desk(), ledger, [*stream, act, again, other], crash_every=1)
    where = {hit.scored.mention.id: hit.story for hit in ledger.hits.values()}

    assert (where["x"], where["odd"]) == (story, "")
    assert where["y"] not in {story, ""}
    assert (mute := ledger.rows[where["y"]].state.mute) is not None
    assert mute.least == Level.ORANGE


def test_a_copy_counts_when_what_it_copied_is_taken_out() -> None:
    """One voice counts once; when the first is taken out the second is counted."""
    stream = [scored("p0", START, text=LINES[0], author="甲", url="https://e.cn/1"), *crowd(LINES[0], "q", START + SECOND, 3)]
    stream[1] = replace(stream[1], mention=replace(stream[1].mention, url="https://e.cn/1"))
    story = story_id(SUBJECT.name, identity("t", "p0"))
    act = Act(
        id=1, partition=0, offset=4, subject=SUBJECT.name, story=story, alert="", action="exclude", at=START, actor="张三",
        mentions=(identity("t", "p0"),),
    )  # fmt: skip
    ledger = Ledger()
    feed(desk(), ledger, stream)
    before = {hit.scored.mention.id: hit.counted for hit in ledger.hits.values()}
    feed(desk(), ledger := Ledger(), [*stream, act])
    after = {hit.scored.mention.id: hit.counted for hit in ledger.hits.values()}

    assert (before["p0"], before["q0"]) == (True, False)
    assert after["q0"] is True


def test_a_corrected_mention_is_counted_as_corrected() -> None:
    """A person calls one of the residual story harmless, and one of a story: negative ones are fewer by two, then and after a restart."""
    stream: list[Record] = [
        *crowd(LINES[0], "p", START, 30),
        *(scored(f"w{n}", START + HOUR + n, text=f"某某 {n * 7919}") for n in range(30)),
    ]
    keys = [story_id(SUBJECT.name, identity("t", "p0")), residual_id(SUBJECT.name)]
    acts = [
        Act(id=n, partition=0, offset=60, subject=SUBJECT.name, story=key, alert="", action="score", at=START + HOUR, actor="张三",
            mentions=(identity("t", item),), judgement=Judgement(label="positive", actor="张三", at=START + HOUR))
        for n, (key, item) in enumerate(zip(keys, ("p3", "w3"), strict=True))
    ]  # fmt: skip
    ledger = Ledger()
    feed(desk(), ledger, [*stream, *acts, Tick(at=START + 2 * HOUR, as_if=True, end=True)], crash_every=7)
    newest = {change.alert.story: change.alert.counters for change in ledger.changes}

    assert [newest[key].negative for key in keys] == [29, 29]


def test_quiet_for_longer_than_the_horizon_is_asleep() -> None:
    """What nothing has joined for a week and whose alert has ended is let go of, with keys by which it can be woken."""
    ledger = Ledger()
    feed(desk(), ledger, [*crowd(LINES[0], "p", START, 3), Tick(at=START + HORIZON + DAY, as_if=True)])
    (row,) = (row for row in ledger.rows.values() if not row.residual)

    assert not row.live
    assert row.keys
    assert row.settled == len(row.keys)
