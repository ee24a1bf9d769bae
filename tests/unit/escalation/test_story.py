"""A story: what its windows see of a mention, what counts once, when it is due and when it is over."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.alert import Level, ReasonCode
from monitor.clock import DAY, HOUR, MINUTE
from monitor.escalation.effects import mention_with
from monitor.escalation.story import Story, author_key, begun, fact
from monitor.mention import Scored
from monitor.score import Floor, FloorWord
from monitor.stories.grouping import Node
from tests.unit.escalation.making import START, SUBJECT, default_policy, scored

SEEDS = st.integers(0, 1 << 32)


def story(first: Scored | None = None) -> Story:
    """A story that begins with a mention; nothing is in it yet."""
    first = first or scored("first", START)
    made = Story(SUBJECT, default_policy(), begun("s1", SUBJECT.name, first, residual=False))
    made.node = Node(first.mention.digest, "s1", START, 0)
    return made


def indicators(of: Story, now: int = START) -> dict[ReasonCode, float]:
    """What its windows show at a moment."""
    of.windows.advance(now)
    return of.windows.indicators()


def test_only_ill_talk_is_counted() -> None:
    """A harmless mention is part of the story, and of no indicator."""
    one = story()

    assert not one.add(scored("a", START, ill=False), 0, START)
    assert one.add(scored("b", START), 1, START)
    assert one.add(scored("c", START, ill=False, severity=0.5), 2, START)
    assert one.totals.mentions == 3
    assert indicators(one)[ReasonCode.SENSITIVE_24H] == 2


def test_who_passes_ill_words_on_is_a_voice_but_no_sensitive_mention() -> None:
    """A repost of sensitive words counts its author, not as a sensitive text of its own."""
    one, repost = story(), scored("a", START, ill=False)
    passing = replace(repost, score=replace(repost.score, passes_on=True))

    assert one.add(passing, 0, START)
    assert indicators(one)[ReasonCode.AUTHORS_1H] == 1
    assert indicators(one)[ReasonCode.SENSITIVE_24H] == 0


def test_an_advertisement_is_not_sensitive() -> None:
    """However ill its words."""
    one, plain = story(), scored("a", START, severity=1.0)

    assert not one.add(replace(plain, score=replace(plain.score, advert=True)), 0, START)


@pytest.mark.parametrize(("first", "second", "counted"), [
    ({"author": "a", "text": "同"}, {"author": "a", "text": "同"}, False),
    ({"author": "a", "text": "同"}, {"author": "b", "text": "同"}, True),
    ({"author": "a", "text": "同"}, {"author": "a", "text": "异"}, True),
    ({"author": "a", "url": "http://x/1"}, {"author": "b", "url": "http://x/1"}, False),
    ({"author": "a", "url": "http://x/1"}, {"author": "b", "url": "http://x/2"}, True),
])  # fmt: skip
def test_what_counts_once(first: dict[str, str], second: dict[str, str], counted: bool) -> None:  # noqa: FBT001 a column of the table
    """One author's same words, or one link however it came, are one voice."""
    one = story()
    assert one.add(scored("1", START, **first), 0, START)  # type: ignore[arg-type]

    assert one.add(scored("2", START, **second), 1, START) == counted  # type: ignore[arg-type]


def test_the_nameless_are_no_crowd() -> None:
    """Mentions without an author count as one voice an outlet."""
    nameless = [replace(scored(str(n), START).mention, author=None) for n in range(5)]

    assert len({author_key(mention) for mention in nameless}) == 1
    assert len({author_key(replace(mention, outlet=f"报{n}")) for n, mention in enumerate(nameless)}) == 5


def test_media_and_kol_are_facts_of_the_role() -> None:
    """A media voice is known by its outlet, else its name; a KOL by its pseudonym."""
    paper = scored("1", START, role="media", author="p")
    outlet = replace(paper, mention=replace(paper.mention, outlet="晚报"))
    star = fact(scored("2", START, role="kol"), 7, 0)

    told = [fact(one, 7, 0).said.media for one in (outlet, replace(paper, name="日报"), paper)]
    assert told == ["晚报", "日报", "p"]
    assert (star.said.kol, star.said.media) == (7, None)


def test_a_later_look_changes_only_what_is_looked_at() -> None:
    """Reactions and `gone` are new; text, author and identity stay."""
    known = scored("1", START, text="原文", likes=1).mention
    seen = scored("1", START, text="改了", author="x", likes=9, seen=START + 1).mention
    after = mention_with(known, seen)

    assert (after.likes, after.seen_at) == (9, seen.seen_at)
    assert replace(after, likes=known.likes, seen_at=known.seen_at) == known


def some(seed: int) -> list[Scored]:
    """A stretch of mentions, from a seed."""
    chance, at, out = Random(seed), START, []
    for n in range(chance.randint(1, 60)):
        at += chance.choice([0, 1, MINUTE, 10 * MINUTE, HOUR, 9 * HOUR, 2 * DAY])
        out.append(scored(
            f"m{n}", at, author=f"a{chance.randint(0, 40)}", ill=chance.random() < 0.8, platform=chance.choice("甲乙丙"),
            role=chance.choice([None, "media", "kol"]), severity=chance.choice([0.0, 0.9]),
            floor=chance.choice([None, None, None, Floor("orange", "死亡")]),
        ))  # fmt: skip
    return out


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_a_story_restored_from_what_was_stored_is_the_same(seed: int) -> None:
    """Windows, totals and the next due moment of a rebuilt story equal those of one that lived."""
    lived, mentions, counted = story(), some(seed), []
    for n, one in enumerate(mentions):
        counted.append(lived.add(one, n, one.received_at))
        lived.evaluate(one.received_at, recount=False)
        lived.mark(one.received_at)
    rebuilt = Story(SUBJECT, default_policy(), lived.row(live=True))
    for n, one in enumerate(mentions):
        rebuilt.restore(one, n, counted=counted[n])
    rebuilt.windows.advance(rebuilt.state.evaluated_at)

    assert rebuilt.windows.indicators() == lived.windows.indicators()
    assert rebuilt.windows.lift == lived.windows.lift
    assert rebuilt.totals.counters("", {}) == lived.totals.counters("", {})
    assert rebuilt.next_due() == lived.next_due()


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_before_it_is_due_nothing_happens(seed: int) -> None:
    """A tick before the due moment decides nothing; that moment lies ahead once the story was looked at."""
    one = story()
    for n, said in enumerate(some(seed)):
        one.add(said, n, said.received_at)
        one.evaluate(said.received_at, recount=False)
        due = one.next_due()
        assert due > said.received_at
        if said.received_at + 1 < due < said.received_at + 10 * DAY:
            assert one.evaluate(due - 1, recount=True) == []
            break


def test_it_is_held_while_something_is_open() -> None:
    """A story may be let go of when it is at none and no alert of it is open; a residual one never is."""
    quiet, open_one = story(), story()
    for n in range(5):
        open_one.add(scored(f"m{n}", START), n, START)
    open_one.evaluate(START, recount=False)

    assert not quiet.held
    assert open_one.state.level is Level.BLUE
    assert open_one.held
    assert Story(SUBJECT, default_policy(), begun("r1", SUBJECT.name, scored("x", START), residual=True)).held


@pytest.mark.parametrize(
    ("subject", "rules", "opened", "told"),
    [
        (Level.NONE, ["blue", "orange", "yellow"], Level.ORANGE, "rule 1"),
        (Level.BLUE, ["yellow"], Level.YELLOW, "rule 0"),
        (Level.ORANGE, ["orange"], Level.ORANGE, None),
        (Level.YELLOW, ["blue"], Level.YELLOW, None),
    ],
)
def test_the_highest_floor_of_subject_and_rules(subject: Level, rules: list[FloorWord], opened: Level, told: str | None) -> None:
    """One sensitive mention that a rule with a floor hits opens its story there; the reason names the rule, if it is not the subject's."""
    one = story()
    one.subject = replace(SUBJECT, floor=subject)
    for n, word in enumerate(rules):
        one.add(scored(f"m{n}", START, floor=Floor(word, f"rule {n}")), n, START)
    [change] = one.evaluate(START, recount=False)

    assert change.alert.level is opened
    assert [(reason.code, reason.rule) for reason in change.alert.reasons] == [(ReasonCode.FLOOR, told)]


def test_a_floor_of_a_rule_holds_for_a_day() -> None:
    """It keeps its level while the mention is in the day's window, and lets it fall, as any, when that is over; a calm one has none."""
    one = story()
    one.add(scored("calm", START, ill=False, floor=Floor("orange", "死亡")), 0, START)
    assert one.evaluate(START, recount=False) == []

    one.add(scored("ill", START, floor=Floor("orange", "死亡")), 1, START)
    assert [change.alert.level for change in one.evaluate(START, recount=False)] == [Level.ORANGE]
    assert one.evaluate(START + DAY - 1, recount=True) == []
    keep = default_policy().rungs[Level.ORANGE - 1].keep
    one.evaluate(START + DAY, recount=True)
    one.evaluate(START + DAY + keep, recount=True)
    assert one.state.level < Level.ORANGE


def test_a_floor_is_the_subjects() -> None:
    """One sensitive mention opens a story at its subject's floor."""
    one = story()
    one.subject = replace(SUBJECT, floor=Level.ORANGE)
    one.add(scored("a", START), 0, START)

    assert [change.alert.level for change in one.evaluate(START, recount=False)] == [Level.ORANGE]
