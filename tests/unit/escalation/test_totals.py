"""Totals: the counters of a story's whole life, equal to a recount of its mentions."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.clock import HOUR
from monitor.escalation.story import author_key
from monitor.escalation.totals import Totals
from monitor.mention import Scored
from tests.unit.escalation.making import START, scored

SEEDS = st.integers(0, 1 << 32)


def some(seed: int) -> list[Scored]:
    """Mentions of a few authors on a few platforms, from a seed."""
    chance = Random(seed)
    return [
        scored(f"m{n}", START + chance.randint(0, 9) * HOUR, author=f"a{chance.randint(0, 3)}", ill=chance.random() < 0.5,
               platform=chance.choice("甲乙丙"), likes=chance.randint(0, 9))
        for n in range(chance.randint(1, 30))
    ]  # fmt: skip


def gathered(mentions: list[Scored]) -> Totals:
    """The totals of some mentions."""
    totals = Totals()
    for order, one in enumerate(mentions):
        totals.add(one, author_key(one.mention), order)
    return totals


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_running_totals_equal_a_recount(seed: int) -> None:
    """Every figure of an alert is what counting its mentions again gives."""
    mentions = some(seed)
    counters = gathered(mentions).counters("某某", {})

    assert counters.mentions == len(mentions)
    assert counters.authors == len({one.mention.author for one in mentions})
    assert counters.negative == sum(one.score.negative for one in mentions)
    assert counters.engagement == sum(one.mention.engagement for one in mentions)
    assert (counters.first_at, counters.last_at) == (min(one.at for one in mentions), max(one.at for one in mentions))
    assert counters.platforms == tuple(dict.fromkeys(one.mention.platform for one in mentions))


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_an_observation_is_the_newest_count(seed: int) -> None:
    """Engagement seen again replaces what was seen before."""
    mentions, chance = some(seed), Random(seed)
    totals = gathered(mentions)
    newest = {one.mention.digest: one.mention.engagement for one in mentions}
    for _ in range(10):
        digest, after = chance.choice(mentions).mention.digest, chance.randint(0, 99)
        totals.observe(newest[digest], after)
        newest[digest] = after

    assert totals.engagement == sum(newest.values())


@settings(max_examples=100, deadline=None)
@given(SEEDS, st.integers(0, 30))
def test_two_that_are_united_are_as_one(seed: int, cut: int) -> None:
    """The totals of two stories, whatever mentions of the log each has, become those of one that had all."""
    mentions, chance = some(seed), Random(cut)
    mine = [chance.random() < 0.5 for _ in mentions]
    one, other = Totals(), Totals()
    for order, said in enumerate(mentions):
        (one if mine[order] else other).add(said, author_key(said.mention), order)
    one.unite(other)

    assert one.counters("某某", {}) == gathered(mentions).counters("某某", {})


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_samples_are_the_sensitive_ones(seed: int) -> None:
    """At most three, each once, none harmless; the first among them."""
    mentions = some(seed)
    ill = [one.mention.id for one in mentions if one.score.sensitive]
    samples = [sample["id"] for sample in gathered(mentions).counters("某某", {}).samples]

    assert len(samples) == len(set(samples)) <= 3
    assert set(samples) <= set(ill)
    assert set(ill[:1]) <= set(samples)


def test_the_farthest_heard_is_a_sample() -> None:
    """Of three samples one is by the account with the most followers."""
    mentions = [scored(f"m{n}", START + n) for n in range(9)]
    far = replace(mentions[4], mention=replace(mentions[4].mention, followers=1_000_000))

    assert [sample["id"] for sample in gathered([*mentions[:4], far, *mentions[5:]]).counters("", {}).samples][:2] == ["m0", "m4"]


def test_platforms_are_told_up_to_a_hundred() -> None:
    """Names that a sender makes up do not fill the memory: the first hundred are told, in whatever order they were taken in."""
    mentions = [scored(f"m{n}", START, platform=f"p{n}") for n in range(150)]
    one, other = Totals(), Totals()
    for order in reversed(range(150)):
        (one if order % 3 else other).add(mentions[order], 1, order)
    one.unite(other)

    assert one.counters("", {}).platforms == tuple(f"p{n}" for n in range(100))


def test_nothing_gathered() -> None:
    """A story without a mention has zeros and no samples."""
    counters = Totals().counters("某某", {})

    assert (counters.mentions, counters.authors, counters.first_at, counters.samples) == (0, 0, 0, ())
