"""The shipped risk library judged by headlines of our own: what happens to somebody counts, the same words of everyday life do not."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from monitor.score import SEVERE
from monitor.scoring.hits import ADVERT
from monitor.scoring.library import Library, load_libraries
from monitor.scoring.matcher import Matcher
from monitor.scoring.rule_tree import AllOf, AnyOf, Node, Not, Without, Word

HARMLESS = "-"


@cache
def risks() -> tuple[Library, ...]:
    """The libraries that tell of harm."""
    return tuple(library for library in load_libraries([])[0] if library.category != ADVERT)


@cache
def judged(file: str = "headlines.tsv") -> dict[str, list[tuple[str, bool]]]:
    """Category → its headlines, and whether each counts as a risk."""
    matcher = Matcher.build([], risks())
    found: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    for line in Path(__file__).with_name(file).read_text("utf-8").splitlines():
        category, headline = line.split("\t")
        found[category].append((headline, matcher.risk(headline, 0) >= SEVERE))
    return found


def alone(node: Node) -> Iterator[str]:
    """The words each of which is enough by itself."""
    match node:
        case Word(text):
            yield text
        case AnyOf(parts):
            for part in parts:
                yield from alone(part)
        case Without(part):
            yield from alone(part)
        case AllOf(parts):
            wanted = [part for part in parts if not isinstance(part, Not)]
            yield from alone(wanted[0]) if len(wanted) == 1 else ()


def enough(library: Library) -> list[str]:
    """Every word of a library that is a hit by itself."""
    return [word for rule in library.rules for word in alone(rule.rule.tree)]


def test_every_category_is_judged() -> None:
    """At least fourteen categories, each with its headlines; 150 of harm and 150 harmless ones at least."""
    categories = {library.category for library in risks()}
    assert len(categories) >= 14
    assert judged().keys() == categories | {HARMLESS}
    assert min(map(len, judged().values())) >= 7
    assert sum(len(those) for category, those in judged().items() if category != HARMLESS) >= 150
    assert len(judged()[HARMLESS]) >= 150


def test_plain_headlines_are_risks() -> None:
    """Nine of ten over all, and eight of ten in every category."""
    missed = {category: [headline for headline, risk in those if not risk] for category, those in judged().items() if category != HARMLESS}
    shares = {category: len(those) / len(judged()[category]) for category, those in missed.items()}
    assert max(shares.values()) <= 0.2, missed
    assert sum(map(len, missed.values())) <= 0.1 * sum(len(judged()[category]) for category in missed), missed


def test_everyday_words_are_not() -> None:
    """At most one in twenty of the harmless headlines counts as a risk."""
    wrong = [headline for headline, risk in judged()[HARMLESS] if risk]
    assert len(wrong) <= 0.05 * len(judged()[HARMLESS]), wrong


def test_the_flattest_headlines_of_all() -> None:
    """
    Of headlines that nothing was made for, as flat as can be (保护区里建起别墅), two of five count, and of harmless ones one in ten.

    They tell how far words alone reach: to make rules for them would say nothing any more.
    """
    flat = judged("headlines_flat.tsv")
    told = [risk for category, those in flat.items() if category != HARMLESS for _, risk in those]
    assert len(told) >= 300
    assert sum(told) >= 0.4 * len(told)
    assert sum(risk for _, risk in flat[HARMLESS]) <= 0.1 * len(flat[HARMLESS])


def test_two_thousand_words() -> None:
    """So many that each is a hit by itself, after folding; more with those that need company."""
    assert len({word for library in risks() for word in enough(library)}) >= 2_000


def test_a_word_says_one_thing() -> None:
    """No word is enough by itself twice, neither in a library nor in two: one harm told once must not weigh as two."""
    counted = Counter(word for library in risks() for word in enough(library))
    assert not [word for word, times in counted.items() if times > 1]


def test_no_word_stands_in_vain() -> None:
    """Inside a rule no word contains another that is enough: it could never add anything."""
    for library in risks():
        for rule in library.rules:
            words = [part.text for part in rule.rule.tree.parts if isinstance(part, Word)] if isinstance(rule.rule.tree, AnyOf) else []
            assert not [word for word in words if any(other != word and other in word for other in words)], library.name


def test_a_rule_can_be_read_at_a_glance() -> None:
    """No rule of the risk libraries is longer than a paragraph: it stands in every hit."""
    assert max(len(rule.rule.source) for library in risks() for rule in library.rules) <= 400
