"""The desk: the same decisions whatever the batches, the crashes and the repeats."""

from collections.abc import Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.alert import Level
from monitor.clock import DAY, HOUR, MINUTE, SECOND, moment
from monitor.mention import Scored, Tick
from monitor.score import Floor, Hit
from monitor.stories.grouping import HORIZON
from tests.unit.escalation.making import ILL, START, Ledger, Record, default_policy, desk, feed, levels, lived, minutes, scored

RUMOUR = "某某集团的牛奶里喝出了活虫, 客服让我自己去化验, 太让人愤怒了, 大家以后千万不要再买他们家的东西"


def crowd(count: int, *, first: int = START, every: int = 10 * SECOND, **more: object) -> list[Scored]:
    """Many authors, each with words of their own."""
    return [scored(f"c{n:04}", first + n * every, text=f"某某 第{n}个人的不满 {n * 7919}", **more) for n in range(count)]  # type: ignore[arg-type]


def test_a_crowd_opens_at_once_and_fades() -> None:
    """Thirty ill mentions in ten minutes open an alert; silence lowers it; a day of quiet ends it, unacknowledged."""
    ledger = Ledger()
    feed(desk(), ledger, [*crowd(30), Tick(at=START + 3 * DAY, as_if=True, end=True)])
    told = [change for change in ledger.changes if change.transition]

    assert levels(ledger.changes)[0] == "blue"
    assert levels(ledger.changes)[-1] == "none"
    assert told[-1].alert.status == "resolved"
    assert told[-1].alert.level is Level.NONE


def test_calm_talk_raises_nothing() -> None:
    """However many speak, what is not sensitive raises no alert."""
    ledger = Ledger()
    feed(desk(), ledger, crowd(300, ill=False))

    assert ledger.changes == []


def test_one_author_is_no_crowd() -> None:
    """A hundred ill mentions by one author raise nothing."""
    ledger = Ledger()
    feed(desk(), ledger, crowd(100, author="the same"))

    assert levels(ledger.changes) == []


def test_reposts_of_a_rumour_are_one_story() -> None:
    """A post, its reposts and a copy by another account are one story with one alert."""
    post = scored("p", START, text=RUMOUR)
    reposts = [scored(f"r{n}", START + n * SECOND, text="转发微博", quoted=RUMOUR, root="p", kind="repost") for n in range(1, 40)]
    copy = scored("q", START + minutes(5), text=f"【转】{RUMOUR}!")
    ledger = Ledger()
    feed(desk(), ledger, [post, *reposts, copy])

    assert len({hit.story for hit in ledger.hits.values()}) == 1
    assert len({change.alert.id for change in ledger.changes}) == 1


def test_a_story_that_comes_back_is_a_new_episode() -> None:
    """A rise after the alert ended opens the next episode, which names the one before it and is named by it."""
    again = [scored(f"again{n}", START + 4 * DAY + n * SECOND, root="c0000", text=f"又来 {n}") for n in range(30)]
    first = [scored(f"c{n:04}", START + n * SECOND, root="c0000" if n else None, text=f"某某 {n * 7919}") for n in range(30)]
    ledger = Ledger()
    feed(desk(), ledger, [*first, *again])
    alerts = {change.alert.id: change.alert for change in ledger.changes}

    assert [alert.episode for alert in alerts.values()] == [1, 2]
    first_alert, second_alert = alerts.values()
    assert second_alert.previous == first_alert.id
    assert first_alert.next == second_alert.id


def test_an_old_archive_raises_nothing() -> None:
    """Mentions published long before we received them are in no window."""
    ledger = Ledger()
    old = [scored(f"o{n}", START - 4 * DAY + n, received=START + n) for n in range(100)]
    feed(desk(), ledger, old)

    assert ledger.changes == []
    assert len(ledger.hits) == 100


def test_a_later_look_at_what_no_longer_waits_changes_no_alert() -> None:
    """Neither before nor after the hourly sweep: else a desk rebuilt between the two would decide otherwise."""
    early = crowd(30, first=START + minutes(30))
    fresh = [scored(f"again{n}", START + HORIZON + n * SECOND, text=f"某某 {n * 104_729} 又一桩新的事") for n in range(30)]
    look = START + HORIZON + minutes(50)
    seen = replace(early[0], received_at=look, mention=replace(early[0].mention, seen_at=moment(look), likes=9))
    between = scored("between", look - minutes(5), text="某某 不相干的一条", ill=False)
    stream: list[Scored | Tick] = [*early, *fresh, between, seen, Tick(at=look + HOUR, as_if=True)]
    assert decided(stream, crash_every=1).changes == decided(stream).changes


def test_one_video_that_is_seen_by_ever_more_rises_with_its_reach() -> None:
    """One ill video by an unknown author, 200 to 200,000 views in three hours and nothing else: 蓝; a million: 黄; it has its own title."""
    looks = [200, 3_000, 40_000, 60_000, 200_000, 1_000_000]
    video = [
        scored("v", START + n * minutes(36), text=RUMOUR, kind="video", views=views, seen=START + n * minutes(36))
        for n, views in enumerate(looks)
    ]
    ledger = Ledger()
    feed(desk(), ledger, video)
    opening = next(change for change in ledger.changes if change.transition)

    assert levels(ledger.changes) == ["blue", "yellow"]
    assert opening.alert.counters.title.startswith("某某集团的牛奶")
    assert [(reason.code, reason.value) for reason in opening.alert.reasons] == [("reach_24h", 60_000)]


def test_many_little_seen_are_not_one_that_is_seen() -> None:
    """Reach is that of one mention: a hundred with a thousand views each reach a thousand."""
    ledger = Ledger()
    feed(desk(), ledger, [replace(one, mention=replace(one.mention, views=1_000, author="the same")) for one in crowd(100)])

    assert ledger.changes == []


def test_own_accounts_never_raise_and_ignored_ones_are_in_no_story() -> None:
    """What the organisation's own accounts say is in the story but in no window; an ignored account's post is stored alone."""
    ledger = Ledger()
    feed(desk(Level.ORANGE), ledger, [*crowd(50, role="own", severity=0.9), *crowd(50, first=START + HOUR, role="ignore", severity=0.9)])
    feed(desk(Level.ORANGE), ignored := Ledger(), crowd(50, role="ignore", severity=0.9))

    assert ledger.changes == ignored.changes == []
    assert {(hit.story, hit.counted) for hit in ignored.hits.values()} == {("", False)}
    assert not any(hit.counted for hit in ledger.hits.values())
    assert all(hit.story for hit in ledger.hits.values())


TEXTS = [RUMOUR, RUMOUR + "!", "某某好", "另一件完全不同的事情: 某某集团的广场上有人维权拉横幅, 警察都来了, 交通堵死"]
SEEDS = st.integers(0, 1 << 32)
GAPS = [0, 0, 1, 7 * SECOND, 7 * SECOND, 40 * SECOND, 40 * SECOND, MINUTE, 3 * HOUR, 2 * DAY, 8 * DAY]


def stream_of(seed: int) -> list[Scored | Tick]:
    """Mentions that repeat, repost, are seen again and stay silent for days, then the end; made from a seed, so that it prints short."""
    chance, at, out = Random(seed), START, []
    for n in range(chance.randint(5, 80)):
        at += chance.choice(GAPS)
        item = f"m{chance.randint(0, 40) if n % 5 == 4 else n + 100}"
        out.append(scored(
            item, at, text=chance.choice(TEXTS) if chance.random() < 0.5 else f"某某 {n}", author=f"a{chance.randint(0, 30)}",
            root=chance.choice([None, None, "m100", "m101", "m103"]), ill=chance.random() < 0.6,
            role=chance.choice([None, None, "media", "kol", "own", "ignore", "watch"]), platform=chance.choice(["微博", "抖音", "新闻"]),
            likes=chance.randint(0, 5), views=chance.choice([0, 900, 60_000, 600_000]), seen=chance.choice([0, at]),
            severity=chance.choice([0.0, 0.9]), floor=chance.choice([None] * 9 + [Floor("yellow", "欠薪"), Floor("orange", "死亡")]),
        ))  # fmt: skip
    return [*out, Tick(at=at, as_if=True, end=True)]


def decided(stream: Sequence[Record], *, batch: int = 1, crash_every: int = 0) -> Ledger:
    """Everything decided of a stream."""
    ledger = Ledger()
    feed(desk(), ledger, stream, batch=batch, crash_every=crash_every)
    return ledger


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 17))
def test_batches_change_nothing(seed: int, batch: int) -> None:
    """Changes, stories and hits are the same however many records lie between drains."""
    stream = stream_of(seed)
    one, many = decided(stream), decided(stream, batch=batch)

    assert many.changes == one.changes
    assert many.hits == one.hits
    assert {row.id: row.mentions for row in many.rows.values()} == {row.id: row.mentions for row in one.rows.values()}


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 9), st.integers(1, 5))
def test_crashes_change_nothing(seed: int, batch: int, crash_every: int) -> None:
    """A desk rebuilt again and again from what was stored decides what one that never stopped decides."""
    stream = stream_of(seed)
    whole, killed = decided(stream), decided(stream, batch=batch, crash_every=crash_every)

    assert killed.changes == whole.changes
    assert killed.hits == whole.hits


@settings(max_examples=80, deadline=None)
@given(SEEDS, st.integers(1, 9), st.integers(1, 5))
def test_crashes_around_a_late_tick_change_nothing(seed: int, batch: int, crash_every: int) -> None:
    """Live, too: whenever a tick comes, a desk rebuilt just before looks at what one that never stopped looks at."""
    stream = lived(stream_of(seed), seed)
    whole, killed = decided(stream), decided(stream, batch=batch, crash_every=crash_every)

    assert killed.changes == whole.changes
    assert killed.hits == whole.hits


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_other_settings_are_taken_up_as_by_a_restored_desk(seed: int) -> None:
    """A desk that goes on under another policy and floor decides what one restored under them does; a removed subject decides nothing."""
    stream = stream_of(seed)
    half = len(stream) // 2
    policy = replace(default_policy(), fade=HOUR, kol_followers=7)
    ledgers = [Ledger(), Ledger()]
    for ledger, restored in zip(ledgers, (False, True), strict=True):
        one, other = feed(desk(), ledger, stream[:half]), desk(Level.BLUE, policy)
        if restored:
            one = ledger.rebuilt(other)
        else:
            one.use(other.subjects, other.policies)
        feed(one, ledger, stream[half:])
    assert ledgers[0].changes == ledgers[1].changes
    assert ledgers[0].hits == ledgers[1].hits

    left = feed(desk(), gone := Ledger(), stream[:half])
    left.use({}, {"": policy})
    before = len(gone.changes)
    feed(left, gone, stream[half:])
    assert gone.changes[before:] == []


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_a_mention_scored_again_under_other_rules_counts_as_first_read(seed: int) -> None:
    """A scorer killed after its append scores a batch again, perhaps by newer rules: what those say changes nothing, stored or decided."""
    chance, stream = Random(seed), [_by("first", record) for record in stream_of(seed)]
    again: list[Scored | Tick] = []
    for n, record in enumerate(stream):
        again.append(record)
        if isinstance(record, Scored) and chance.random() < 0.5:
            earlier = stream[chance.randint(0, n)]
            again.append(_by("second", replace(earlier, received_at=record.received_at)) if isinstance(earlier, Scored) else earlier)
    once, twice = decided(stream), decided(again)

    assert [change.transition for change in twice.changes] == [change.transition for change in once.changes]
    assert {hit.scored.score.version for hit in twice.hits.values()} <= {"first"}
    assert {pair: hit.scored.score for pair, hit in twice.hits.items()} == {pair: hit.scored.score for pair, hit in once.hits.items()}


def _by(version: str, record: Scored | Tick) -> Scored | Tick:
    """As other rules score it: of the second kind worse, and with a hit more."""
    if isinstance(record, Tick):
        return record
    if version == "first":
        return replace(record, score=replace(record.score, version=version))
    worse = {"hits": (Hit("毒", "质量", "text", "毒", 0, 1),), "severity": 1.0, "sentiment": ILL, "floor": Floor("orange", "毒")}
    return replace(record, score=replace(record.score, version=version, **worse))


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_repeats_change_nothing(seed: int) -> None:
    """A mention that comes a second time, at once or a week later, changes no decision."""
    chance, stream = Random(seed), stream_of(seed)
    again: list[Scored | Tick] = []
    for n, record in enumerate(stream):
        again.append(record)
        if isinstance(record, Scored) and chance.random() < 0.5:
            earlier = stream[chance.randint(0, n)]
            again.append(replace(earlier, received_at=record.received_at) if isinstance(earlier, Scored) else earlier)

    assert [change.transition for change in decided(again).changes] == [change.transition for change in decided(stream).changes]
