"""
Which subjects a mention hits, by which rules and where: one automaton over every word of every rule.

A rule's tree is looked at only where one of its positive words stands (the parser guarantees that it has one). A rule without
a field looks at title, text, quoted and transcript together: `A+B` holds where A is in the title and B in the text.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain

from ahocorasick_rs import AhoCorasick

from monitor.mention import Mention
from monitor.score import Hit
from monitor.scoring.fold import fold, fold_with_places, original_span
from monitor.scoring.library_file import Library, LibraryRule
from monitor.scoring.memo import Memo
from monitor.scoring.rules import AllOf, AnyOf, Node, Not, Word, parse, positive_words, words
from monitor.subject import Subject

FIELDS = ("title", "text", "quoted", "transcript")
MAX_HITS = 50  # of one subject in one mention
REMEMBERED = 2_400_000  # characters of texts
ADVERT = "广告"  # the category that marks advertising instead of risk
OWN = "subject"  # the category of a subject's own rules
MANUAL = "manual"

Span = tuple[int, int]
Found = Mapping[str, tuple[Span, ...]]  # word → where it stands in the original text


@dataclass(frozen=True, slots=True)
class Match:
    """One subject hit; `adverts` are the fields in which an advertising rule hit."""

    subject: str
    hits: tuple[Hit, ...]
    severity: float
    adverts: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    """A rule to be matched; compared by identity, so one library named by many subjects is looked at once."""

    source: str
    tree: Node
    category: str
    weight: float
    library: Library | None

    def valid(self, at: int) -> bool:
        return self.library is None or self.library.valid(at)


@dataclass(frozen=True, slots=True)
class _Watched:
    """A subject with the entries that make it hit."""

    subject: Subject
    entries: tuple[_Entry, ...]

    def admits(self, mention: Mention) -> bool:
        """Whether its filters let the mention through."""
        subject = self.subject
        return (
            (not subject.kinds or mention.kind in subject.kinds)
            and (not subject.platforms or (mention.platform or mention.source) in subject.platforms)
            and (not subject.regions or (mention.region or "").startswith(subject.regions))
        )


class Matcher:
    """Built once from the subjects and libraries; then only asked."""

    def __init__(self, watched: Sequence[_Watched], risks: Sequence[_Entry]) -> None:
        self._watched = watched
        self._risks = tuple(risks)
        self._watchers: dict[_Entry, list[int]] = defaultdict(list)
        for number, one in enumerate(watched):
            for entry in one.entries:
                self._watchers[entry].append(number)
        self._by_name = {one.subject.name: number for number, one in enumerate(watched)}
        self._triggers = _triggers(self._watchers)
        self._risk_triggers = _triggers(self._risks)
        self._words = sorted({word.text for entry in chain(self._watchers, self._risks) for word in words(entry.tree)})
        self._automaton = AhoCorasick(self._words)
        self._memo: Memo[Found] = Memo(REMEMBERED)

    @classmethod
    def build(cls, subjects: Sequence[Subject], libraries: Sequence[Library]) -> "Matcher":
        """From checked configuration: a rule that cannot be read raises RuleError."""
        entries = {id(library): tuple(_of_library(library, library.rules)) for library in libraries}
        named: dict[str, list[_Entry]] = defaultdict(list)
        for library in libraries:
            named[library.name] += entries[id(library)]
        shipped = {library.name for library in libraries if library.shipped}
        risks = [entry for library in libraries if library.name in shipped for entry in entries[id(library)]]
        watched = [
            _Watched(subject, (*_own(subject), *chain.from_iterable(named.get(name, ()) for name in subject.libraries)))
            for subject in subjects
        ]
        return cls(watched, risks)

    def match(self, mention: Mention, at: int) -> tuple[Match, ...]:
        """The subjects it hits, by name; `at` (micros) is when we received it."""
        texts = [(field, text, self._found(text)) for field in FIELDS if (text := getattr(mention, field))]
        present = frozenset().union(*(found.keys() for _, _, found in texts))
        holding = [entry for entry in _candidates(self._triggers, present) if entry.valid(at) and holds(entry.tree, present)]
        numbers = {number for entry in holding for number in self._watchers[entry] if self._watched[number].admits(mention)}
        numbers |= {self._by_name[name] for name in mention.subjects if name in self._by_name}
        alive = [self._watched[number] for number in numbers if _alive(self._watched[number].subject, at)]
        if not alive:
            return ()
        risks = self._holding_risks(present, at)
        own = set(holding)
        return tuple(
            _matched(one, [*(entry for entry in one.entries if entry in own), *risks], texts, present, mention)
            for one in sorted(alive, key=lambda one: one.subject.name)
        )

    def severity(self, text: str, at: int) -> float:
        """How severe these words are by themselves, by the shipped risk libraries."""
        return _severity(self._holding_risks(frozenset(self._found(text)), at))

    def _holding_risks(self, present: frozenset[str], at: int) -> list[_Entry]:
        candidates = _candidates(self._risk_triggers, present)
        return [entry for entry in candidates if entry.valid(at) and holds(entry.tree, present)]

    def _found(self, text: str) -> Found:
        found = self._memo.get(text)
        if found is None:
            found = self._find(text)
            self._memo.put(text, found)
        return found

    def _find(self, text: str) -> Found:
        """Every word of every rule in the text, ASCII ends of words at word boundaries; places only if there is one."""
        folded = fold(text)
        matches = self._automaton.find_matches_as_indexes(folded, overlapping=True)
        if not matches:
            return {}
        places = fold_with_places(text)[1]
        spans: dict[str, list[Span]] = defaultdict(list)
        for number, start, end in matches:
            spans_here = spans[self._words[number]]
            if len(spans_here) < MAX_HITS and bounded(folded, start, end):
                spans_here.append(original_span(places, start, end))
        return {word: tuple(dict.fromkeys(here)) for word, here in spans.items() if here}


def bounded(text: str, start: int, end: int) -> bool:
    """Whether the span does not cut an ASCII word in two at either end."""
    return not (_joined(text[start - 1 : start], text[start]) or _joined(text[end - 1], text[end : end + 1]))


def _joined(left: str, right: str) -> bool:
    return _wordly(left) and _wordly(right)


def _wordly(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char == "_")


def holds(node: Node, present: frozenset[str]) -> bool:
    """Whether the tree is true where exactly these words stand."""
    match node:
        case Word(text):
            return text in present
        case Not(part):
            return not holds(part, present)
        case AllOf(parts):
            return all(holds(part, present) for part in parts)
        case AnyOf(parts):
            return any(holds(part, present) for part in parts)


def witnesses(node: Node, present: frozenset[str]) -> Iterator[str]:
    """The words that make a tree true, those of true branches only."""
    match node:
        case Word(text):
            yield text
        case Not():
            return
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                if holds(part, present):
                    yield from witnesses(part, present)


def _of_library(library: Library, rules: Iterable[LibraryRule]) -> Iterator[_Entry]:
    for rule in rules:
        yield _Entry(rule.rule.source, rule.rule.tree, library.category, rule.weight, library)


def _own(subject: Subject) -> Iterator[_Entry]:
    for source in subject.rules:
        yield _Entry(source, parse(source).tree, OWN, 0.0, None)


def _triggers(entries: Iterable[_Entry]) -> dict[str, list[tuple[int, _Entry]]]:
    """Word → the entries it may make true, numbered in their order."""
    triggers: dict[str, list[tuple[int, _Entry]]] = defaultdict(list)
    for number, entry in enumerate(entries):
        for text in {word.text for word in positive_words(entry.tree)}:
            triggers[text].append((number, entry))
    return dict(triggers)


def _candidates(triggers: Mapping[str, list[tuple[int, _Entry]]], present: frozenset[str]) -> list[_Entry]:
    """The entries worth a look, in their order."""
    found = {number: entry for word in present if word in triggers for number, entry in triggers[word]}
    return [found[number] for number in sorted(found)]


def _alive(subject: Subject, at: int) -> bool:
    return subject.valid_until is None or at < subject.valid_until


def _severity(entries: Iterable[_Entry]) -> float:
    """Noisy-or over categories, each by its heaviest rule: two different harms are worse than one told twice."""
    heaviest: dict[str, float] = {}
    for entry in entries:
        if entry.category != ADVERT:
            heaviest[entry.category] = max(heaviest.get(entry.category, 0.0), entry.weight)
    harmless = reduce(lambda product, category: product * (1.0 - heaviest[category]), sorted(heaviest), 1.0)
    return round(1.0 - harmless, 4)


def _matched(
    one: _Watched, entries: Sequence[_Entry], texts: Sequence[tuple[str, str, Found]], present: frozenset[str], mention: Mention
) -> Match:
    ordered = list(dict.fromkeys(entries))
    hits = {hit: None for entry in ordered for hit in _hits(entry, texts, present)}
    by_hand = [Hit(MANUAL, MANUAL, "text", "", 0, 0)] if one.subject.name in mention.subjects else []
    adverts = frozenset(hit.field for hit in hits if hit.category == ADVERT)
    return Match(one.subject.name, (*by_hand, *_first(list(hits), MAX_HITS - len(by_hand))), _severity(ordered), adverts)


def _hits(entry: _Entry, texts: Sequence[tuple[str, str, Found]], present: frozenset[str]) -> Iterator[Hit]:
    made = sorted(set(witnesses(entry.tree, present)))
    for field, text, found in texts:
        for start, end in sorted({span for word in made for span in found.get(word, ())}):
            yield Hit(entry.source, entry.category, field, text[start:end], start, end)


def _first(hits: Sequence[Hit], limit: int) -> list[Hit]:
    """At most so many, in their order; a rule that hits often leaves room for the first hits of the others."""
    if len(hits) <= limit:
        return list(hits)
    met: dict[tuple[str, str], int] = defaultdict(int)
    ranks = []
    for place, hit in enumerate(hits):
        met[hit.rule, hit.category] += 1
        ranks.append((met[hit.rule, hit.category], place))
    return [hits[place] for place in sorted(place for _, place in sorted(ranks)[:limit])]
