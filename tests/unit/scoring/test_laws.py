"""The engine equals a slow and obvious evaluator, on random rules and texts, whatever the rules beside them."""

from datetime import UTC, datetime

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from monitor.mention import Mention
from monitor.scoring.library_file import Library, LibraryRule
from monitor.scoring.matcher import Matcher
from monitor.scoring.places import Scope, places, witnesses
from monitor.scoring.rule_tree import Whole, atoms, located
from monitor.scoring.rules import Rule, RuleError, parse
from monitor.scoring.views import View
from monitor.subject import Subject
from tests.unit.scoring.obvious import folded, spans, true_of

PIECES = [*"红十字紅洪石骗和服务女子好aB1 *！\u200bＡ_", "马扁", "产品", "ab"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
WORDS = st.sampled_from(["红", "红十", "十字", "红十字", "骗子", "好", "和服", "a", "ab", "1", "女子", '"红 十"', r"\*", "红a"])
PREFIXED = st.tuples(st.sampled_from(["", "", "=", "~"]), WORDS).map("".join)
REGEXES = st.sampled_from(["/红.?字/", "/a+/", "/[红十]+/", "/^红/", "/字$/", "/b|1/"])
FIELDS = ("title", "text", "quoted", "source", "region", "topic", "kind")


def _joined(rules: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Two rules, grouped, joined by any operator; or one in a field, or denied."""
    operators = st.sampled_from(["|", "+", "-", "!", " OR ", " AND ", " NOT ", " NEAR/0 ", " NEAR/3 ", " BEFORE/2 ", "｜", "＋"])
    grouped = rules.map("({})".format)
    part = st.one_of(PREFIXED, grouped)
    named = st.tuples(st.sampled_from(FIELDS), part).map(":".join)
    denied = part.map("-{}".format)
    return st.one_of(st.tuples(part, operators, part).map("".join), named, denied, grouped)


SOURCES = st.recursive(st.one_of(PREFIXED, REGEXES), _joined, max_leaves=8)


def read(source: str) -> Rule | None:
    """The rule, if it is one."""
    try:
        return parse(source)
    except RuleError:
        return None


RULES = SOURCES.map(read).filter(bool)


@given(st.lists(RULES, min_size=1, max_size=6), TEXTS, TEXTS, TEXTS, TEXTS)
@settings(max_examples=400, deadline=None)
def test_the_engine_equals_the_obvious(rules: list[Rule], title: str, text: str, quoted: str, topic: str) -> None:
    """A rule hits where it is true, and nowhere else: alone, among others, and after other texts."""
    source, at = "红十字ab", datetime(2026, 1, 1, tzinfo=UTC)
    one = Mention(source=source, id="1", published_at=at, title=title, text=text, quoted=quoted, topics=(topic, "红"))
    said = {"title": [title], "text": [text], "quoted": [quoted]}
    fields = folded({**said, "topic": [topic, "红"], "source": [source], "kind": ["post"]})
    subjects = [Subject(name=str(number), rules=(rule.source,)) for number, rule in enumerate(rules)]
    matcher = Matcher.build(subjects, [Library("l", "l", 0.5, tuple(LibraryRule(rule, 0.5) for rule in rules), shipped=True)])
    taught = [atom.text for rule in rules for atom in atoms(rule.tree) if isinstance(atom, Whole)]
    for _ in range(2):
        hit = {match.subject for match in matcher.match(one, 0)}
        assert hit == {str(number) for number, rule in enumerate(rules) if true_of(rule.tree, fields, taught=taught)}


@given(RULES, TEXTS)
@settings(max_examples=300, deadline=None)
def test_places_are_those_of_the_obvious(rule: Rule, text: str) -> None:
    """Not only whether, but where: every span, and no other; the words shown lie within one of them."""
    assume(located(rule.tree))
    fold = folded({"text": [text]})["text"][0]
    view = View(text)
    found = places(rule.tree, view)
    assert {(place.start, place.end) for place in found} == spans(rule.tree, fold)
    assert all(place.start <= start < end <= place.end for place in found for start, end in place.words)


@given(RULES, TEXTS)
@settings(max_examples=200, deadline=None)
@example(parse("-(-红)"), "红")
def test_what_holds_has_witnesses(rule: Rule, text: str) -> None:
    """A rule that hits shows a word that made it hit: there is no hit without a place."""
    fields = folded({"text": [text]})
    scope = Scope([("text", View(text))])
    if true_of(rule.tree, fields):
        assert list(witnesses(rule.tree, scope))


FEW = st.sampled_from(["红", "十", "字", "红十", "十字", "红十字", "~红十", "=十", "a", "(红|a)", "/十+/", "(红 BEFORE/1 十)"])
PLACED = st.tuples(FEW, st.sampled_from(["!", *(f" {name}/{n} " for name in ("NEAR", "BEFORE") for n in range(4))]), FEW).map("".join)
CROWDED = st.lists(st.sampled_from([*"红红十十字洪a*。 "]), min_size=2, max_size=16).map("".join)


@given(st.one_of(PLACED, st.tuples(PLACED, st.sampled_from(["!", " NEAR/2 "]), FEW).map("".join)), CROWDED)
@settings(max_examples=1_500, deadline=None)
@example("红!红十", "红十")
@example("~红十", "红***十")
@example("~红十", "红****十")
def test_distances_and_exceptions_are_exact(source: str, text: str) -> None:
    """Where few characters crowd, each limit is met: one more character between, or an end in common, decides."""
    rule = parse(source)
    fold = folded({"text": [text]})["text"][0]
    assert {(place.start, place.end) for place in places(rule.tree, View(text))} == spans(rule.tree, fold)


ORDERED = st.lists(st.tuples(FEW, st.integers(0, 4)), min_size=2, max_size=4).map(
    lambda parts: "".join(f"{word} BEFORE/{n} " for word, n in parts) + "字"
)


@given(st.one_of(ORDERED, PLACED.filter(lambda rule: "!" not in rule)), CROWDED)
@settings(max_examples=400, deadline=None)
def test_where_pairs_are_too_many_the_nearest_tell_the_same(source: str, text: str) -> None:
    """With room for no pair but the nearest, a rule of two words, or of words in order, holds where it did, at places that are true."""
    rule = parse(source)
    fold = folded({"text": [text]})["text"][0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("monitor.scoring.places.MAX_PAIRS", 0)
        found = {(place.start, place.end) for place in places(rule.tree, View(text))}
    every = spans(rule.tree, fold)
    assert found <= every
    assert bool(found) == bool(every)
