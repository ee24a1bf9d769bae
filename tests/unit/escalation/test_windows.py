"""Windows: running counts that equal a recount from scratch, whatever was added, taken out or let go of."""

import tracemalloc
from collections.abc import Sequence
from math import log, log1p
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alert import Level, ReasonCode
from monitor.clock import DAY, HOUR, MINUTE, SECOND
from monitor.escalation.policy import INDICATORS
from monitor.escalation.windows import SPANS, Fact, Lift, Windows, reach, reaction_weight
from tests.unit.escalation.making import START

SEEDS = st.integers(0, 1 << 32)
AGES = [0, 0, SECOND, 5 * MINUTE, 10 * MINUTE - 1, 10 * MINUTE, 10 * MINUTE + 1, HOUR - 1, HOUR, 5 * HOUR, DAY - 1, DAY, 3 * DAY]
PAUSES = [0, 0, 1, SECOND, 4 * MINUTE, 10 * MINUTE, 50 * MINUTE, HOUR, 7 * HOUR, DAY, 2 * DAY]


def made(chance: Random, now: int, order: int, ages: Sequence[int] = AGES) -> Fact:
    """A fact of one of a few authors, platforms, outlets, of one age or another when heard at `now`."""
    return Fact(
        at=now - chance.choice(ages), heard=now, order=order, digest=order.to_bytes(16, "big"), voice=order,
        author=chance.randint(0, 5), platform=chance.choice("甲乙丙"), outlet=chance.choice([None, "晚报", "日报"]),
        media=chance.choice([None, None, "晚报", "日报"]),
        kol=chance.choice([None, None, 1, 2]), severity=chance.choice([0.0, 0.5, 0.9]), sensitive=chance.random() < 0.7,
        weight=chance.randint(0, 9_000), reach=chance.choice([0, 0, 700, 50_000]),
        lift=chance.choice([None, None, None, Lift(Level.BLUE, "死亡"), Lift(Level.ORANGE, "死亡"), Lift(Level.ORANGE, "爆炸")]),
    )  # fmt: skip


def recounted(facts: list[Fact], now: int) -> dict[ReasonCode, float]:
    """The indicators by their definition: everything in (now - span, now] looked at again."""
    ten, hour, day = ([fact for fact in facts if fact.at > now - span] for span in SPANS)
    authors = [len({fact.author for fact in window}) for window in (ten, hour, day)]
    media, kol = {fact.said.media for fact in day} - {None}, {fact.said.kol for fact in day} - {None}
    platforms, outlets = {fact.said.platform for fact in day}, {fact.outlet for fact in day} - {None}
    x = 2 * log1p(authors[2]) + 3 * log1p(authors[1]) + log1p(sum(fact.weight for fact in day) / 1000)
    x += 3 * log1p(len(media)) + 2 * log1p(len(kol)) + 3 * log(max(1, len(platforms)))
    counts: list[float] = [sum(fact.said.sensitive for fact in day), *authors, len(platforms), len(outlets), len(media), len(kol)]
    highest = max((fact.said.severity for fact in day), default=0.0)
    fresh = len({fact.author for fact in day if fact.at > now - HOUR or (fact.heard > now - HOUR and fact.late)})
    growth = round(fresh / max(1.0, (authors[2] - fresh) / 23), 2)
    farthest = max((fact.reach for fact in day), default=0)
    return dict(zip(INDICATORS, [*counts, highest, farthest, growth, round(100 * x / (x + 20), 1) if day else 0.0], strict=True))


@settings(max_examples=150, deadline=None)
@given(SEEDS)
def test_running_counts_equal_a_recount(seed: int) -> None:
    """After any adds (late and out of order), removals, new weights and pauses the indicators and the floor are those of a recount."""
    chance, windows, facts, now = Random(seed), Windows(), list[Fact](), START
    for order in range(chance.randint(1, 60)):
        now += chance.choice(PAUSES)
        windows.advance(now)
        act = chance.random()
        if act < 0.7:
            fact = made(chance, now, order)
            windows.add(fact, now)
            facts.append(fact)
        elif facts and act < 0.85:
            gone = facts.pop(chance.randrange(len(facts)))
            windows.remove(gone.digest)
        elif facts:
            known, weight, far = chance.choice(facts), chance.randint(0, 9_000), chance.choice([0, 700, 51_000])
            assert windows.reweigh(known.digest, weight, far) == (known.at > now - DAY)
            known.weight, known.reach = weight, far
        assert windows.indicators() == recounted(facts, now)
        assert windows.lift == max((fact.said.lift for fact in facts if fact.at > now - DAY and fact.said.lift), default=None)


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_the_order_of_adding_changes_nothing(seed: int) -> None:
    """Facts added at one moment in any order weigh the same, as when a story is rebuilt."""
    chance = Random(seed)
    facts = [made(chance, START, order) for order in range(chance.randint(0, 40))]
    one, other = Windows(), Windows()
    for fact in facts:
        one.add(fact, START)
    for fact in chance.sample(facts, len(facts)):
        other.add(fact, START)

    assert one.indicators() == other.indicators()
    assert one.lift == other.lift
    assert one.next_expiry() == other.next_expiry()


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_nothing_changes_before_the_next_expiry(seed: int) -> None:
    """Until `next_expiry` every indicator stays; at it, a fact leaves a window."""
    chance, windows = Random(seed), Windows()
    facts = [made(chance, START, order) for order in range(chance.randint(1, 20))]
    for fact in facts:
        windows.add(fact, START)
    expiry = windows.next_expiry()
    if expiry is None:
        assert all(fact.at <= START - DAY for fact in facts)
        return
    before, inside = windows.indicators(), counted(facts, expiry - 1)
    windows.advance(expiry - 1)
    assert windows.indicators() == before
    assert counted(facts, expiry) < inside


def counted(facts: list[Fact], now: int) -> int:
    """How many memberships of facts in windows there are."""
    return sum(fact.at > now - span for fact in facts for span in SPANS) + sum(fact.late and fact.heard > now - HOUR for fact in facts)


def test_memory_is_let_go_of() -> None:
    """What has left the day's window is not held: a story that talks for ever takes no more memory."""
    windows, chance = Windows(), Random(1)
    for order in range(3_000):
        now = START + order * 10 * MINUTE
        windows.advance(now)
        windows.add(made(chance, now, order), now)

    assert len(windows.facts) <= 144 + 257


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_of_too_many_the_latest_count(seed: int) -> None:
    """However many are said in a day, so many are kept: the latest; the indicators are those of a recount of these."""
    chance, windows, facts, now = Random(seed), Windows(), list[Fact](), START
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("monitor.escalation.windows.MOST", 20)
        patch.setattr("monitor.escalation.windows._SPENT", 3)
        for order in range(chance.randint(30, 90)):
            now += chance.choice([0, SECOND, 4 * MINUTE, 50 * MINUTE])
            windows.advance(now)
            facts.append(made(chance, now, order))
            windows.add(facts[-1], now)
            gone = set(windows.spill())
            facts = [fact for fact in facts if fact.digest not in gone and fact.at > now - DAY]
            assert len(facts) <= 23
            assert windows.indicators() == recounted(facts, now)
            assert not any(windows.counts(digest) for digest in gone)


def test_what_is_too_old_is_not_taken() -> None:
    """A fact of a day ago or earlier is in no window and changes nothing."""
    windows = Windows()
    windows.add(made(Random(1), START, 0, [DAY]), START)

    assert not windows.facts
    assert windows.remove((0).to_bytes(16, "big")) is None


def test_a_window_is_open_at_its_old_end() -> None:
    """A window of span s holds (now - s, now]: a fact exactly s old has left it."""
    windows = Windows()
    windows.add(made(Random(1), START, 0, [0]), START)
    windows.advance(START + 10 * MINUTE - 1)
    assert windows.indicators()[ReasonCode.AUTHORS_10M] == 1

    windows.advance(START + 10 * MINUTE)
    assert windows.indicators()[ReasonCode.AUTHORS_10M] == 0
    assert windows.indicators()[ReasonCode.AUTHORS_1H] == 1


@given(st.integers(0, 1 << 53), st.integers(0, 1 << 53))
def test_reactions_weigh_by_their_logarithm(engagement: int, views: int) -> None:
    """More reactions never weigh less, ten times as many weigh hardly more, and a view less than a reaction."""
    assert reaction_weight(engagement + 1, views) >= reaction_weight(engagement, views)
    assert reaction_weight(engagement * 10, views) - reaction_weight(engagement, views) <= 2_304
    assert reaction_weight(0, views) <= reaction_weight(views, 0)


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_heat_is_between_0_and_100_and_rises_with_each_voice(seed: int) -> None:
    """The index stays in its scale, and one more author at the same moment never cools a story."""
    chance, windows, last = Random(seed), Windows(), 0.0
    for order in range(chance.randint(1, 60)):
        windows.add(made(chance, START, order, AGES[:-2]), START)
        heat = windows.indicators()[ReasonCode.HEAT]
        assert last <= heat < 100
        last = heat


@pytest.mark.parametrize("code", INDICATORS)
def test_an_empty_window_says_nothing(code: ReasonCode) -> None:
    """Before anything is said every indicator is 0."""
    assert Windows().indicators()[code] == 0


def test_reach_keeps_two_digits() -> None:
    """A view is one, a reaction ten; the figure is rounded down, so that it never tells more than was seen."""
    assert [reach(0, views) for views in (0, 7, 99, 100, 119, 54_321)] == [0, 7, 99, 100, 110, 54_000]
    assert reach(5_499, 12) == 55_000


def test_a_fact_takes_little_room() -> None:
    """Of 5,000 mentions by as many accounts of a few outlets, decoded each by itself, one takes at most 650 bytes in all windows."""
    windows, many = Windows(), 5_000
    tracemalloc.start()
    for order in range(many):
        at = START + order
        fact = Fact(
            at=at, heard=int(str(at)), order=order, digest=order.to_bytes(16, "big"), voice=(1 << 60) + order,
            author=(1 << 61) + order, platform="".join("微博"), outlet=f"论坛{order % 9}", media=None, kol=None,
            severity=float("0.7"), sensitive=True, weight=0,
        )  # fmt: skip
        windows.add(fact, at)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken / many < 650
