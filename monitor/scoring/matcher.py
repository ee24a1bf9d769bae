"""
Which subjects a mention hits, by which rules and where.

A rule's tree is looked at only where the index found one of the words it needs. A rule without a field looks at title, text,
quoted and transcript together: `A+B` holds where A is in the title and B in the text.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain

import msgspec

from monitor.alert import Level
from monitor.mention import Mention
from monitor.score import Hit
from monitor.scoring.fold import fold_with_places, original_span
from monitor.scoring.index import Index
from monitor.scoring.library_file import Library
from monitor.scoring.places import Scope, Seen, holds, witnesses
from monitor.scoring.rule_tokens import FIELDS as NAMED
from monitor.scoring.rule_tree import Node, fields
from monitor.scoring.rules import parse
from monitor.scoring.views import Span, View
from monitor.subject import Subject

FIELDS = ("title", "text", "quoted", "transcript")
MAX_HITS = 50  # of one subject in one mention
ADVERT = "广告"  # the category that marks advertising instead of risk
OWN = "subject"  # the category of a subject's own rules
MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Match:
    """One subject hit; `adverts` are the fields in which an advertising rule hit, `floor` the highest of the rules that did."""

    subject: str
    hits: tuple[Hit, ...]
    severity: float
    adverts: frozenset[str]
    floor: Level


class _Entry(msgspec.Struct, frozen=True, gc=False):
    """A rule to be matched; one library named by many subjects is looked at once."""

    source: str
    tree: Node
    category: str
    weight: float
    floor: Level
    library: Library | None

    def valid(self, at: int) -> bool:
        return self.library is None or self.library.valid(at)


@dataclass(frozen=True, slots=True)
class _Looked:
    """One mention as rules look at it: its scope, every field in it in order, and the numbers of the rules worth a look."""

    scope: Scope
    seen: Sequence[Seen]
    triggered: frozenset[int]


_NOTHING = _Looked(Scope(()), (), frozenset())


class Matcher:
    """Built once from the subjects and libraries; then only asked."""

    def __init__(self, subjects: Sequence[Subject], libraries: Sequence[Library]) -> None:
        """From checked configuration: a rule that cannot be read raises RuleError."""
        self._subjects = subjects
        self._by_name = {subject.name: number for number, subject in enumerate(subjects)}
        self._entries: list[_Entry] = []
        self._watchers: dict[int, tuple[int, ...]] = {}
        self._risks = set[int]()
        for number, subject in enumerate(subjects):
            self._add(_own(subject), (number,))
        shipped = {library.name for library in libraries if library.shipped}
        for library in libraries:
            naming = tuple(number for number, subject in enumerate(subjects) if library.name in subject.libraries)
            if naming or library.name in shipped:
                self._add(_of_library(library), naming, risk=library.name in shipped)
        self._index = Index([entry.tree for entry in self._entries])
        asked = {field for entry in self._entries for field in fields(entry.tree)}
        self._named = tuple(field for field in NAMED if field in asked and field not in FIELDS)

    def _add(self, entries: Iterable[_Entry], watchers: tuple[int, ...], *, risk: bool = False) -> None:
        for entry in entries:
            number = len(self._entries)
            self._entries.append(entry)
            if watchers:
                self._watchers[number] = watchers
            if risk:
                self._risks.add(number)

    @classmethod
    def build(cls, subjects: Sequence[Subject], libraries: Sequence[Library]) -> "Matcher":
        """From checked configuration: a rule that cannot be read raises RuleError."""
        return cls(subjects, libraries)

    def match(self, mention: Mention, at: int) -> tuple[Match, ...]:
        """The subjects it hits, by name; `at` (micros) is when we received it."""
        looked = self._look(mention)
        triggered = looked.triggered
        if not (triggered or mention.subjects):
            return ()
        holding = self._holding(triggered & self._watchers.keys(), looked.scope, at)
        hit: dict[int, list[int]] = {self._by_name[name]: [] for name in mention.subjects if name in self._by_name}
        for entry in holding:
            for number in self._watchers[entry]:
                if number in hit or _admits(self._subjects[number], mention):
                    hit.setdefault(number, []).append(entry)
        alive = [number for number in hit if _alive(self._subjects[number], at)]
        if not alive:
            return ()
        risks = self._holding(triggered & self._risks, looked.scope, at)
        return tuple(
            _matched(self._subjects[number], self._ordered(hit[number], risks), looked, mention)
            for number in sorted(alive, key=lambda number: self._subjects[number].name)
        )

    def severity(self, text: str, at: int) -> float:
        """How severe these words are by themselves, by the shipped risk libraries."""
        view = self._index.view(text)
        risks = self._holding(view.triggered & self._risks, Scope([("quoted", view)]), at)
        return _severity(self._entries[number] for number in risks)

    def _holding(self, numbers: Iterable[int], scope: Scope, at: int) -> list[int]:
        """Which of these rules hold, in their order."""
        entries = self._entries
        return [number for number in sorted(numbers) if entries[number].valid(at) and holds(entries[number].tree, scope)]

    def _ordered(self, own: Sequence[int], risks: Sequence[int]) -> list[_Entry]:
        return [self._entries[number] for number in dict.fromkeys((*own, *risks))]

    def _look(self, mention: Mention) -> _Looked:
        view = self._index.view
        own = [(field, view(text)) for field in FIELDS if (text := getattr(mention, field))]
        named = {field: [(field, view(text)) for text in _values(mention, field)] for field in self._named}
        seen = [*own, *chain.from_iterable(named.values())]
        triggered = [one.triggered for _, one in seen if one.triggered]
        return _Looked(Scope(own, named), seen, frozenset().union(*triggered)) if triggered else _NOTHING


def _values(mention: Mention, field: str) -> Sequence[str]:
    """What a field that a rule must name says of a mention."""
    if field == "topic":
        return mention.topics or ()
    if field == "platform":
        return (mention.platform or mention.source,)
    value = getattr(mention, field)
    return (value,) if value else ()


def _admits(subject: Subject, mention: Mention) -> bool:
    """Whether a subject's filters let the mention through."""
    return (
        (not subject.kinds or mention.kind in subject.kinds)
        and (not subject.platforms or (mention.platform or mention.source) in subject.platforms)
        and (not subject.regions or (mention.region or "").startswith(subject.regions))
    )


def _of_library(library: Library) -> Iterator[_Entry]:
    for rule in library.rules:
        yield _Entry(rule.rule.source, rule.rule.tree, library.category, rule.weight, rule.floor, library)


def _own(subject: Subject) -> Iterator[_Entry]:
    for source in subject.rules:
        yield _Entry(source, parse(source).tree, OWN, 0.0, Level.NONE, None)


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


def _matched(subject: Subject, entries: Sequence[_Entry], looked: _Looked, mention: Mention) -> Match:
    places: dict[str, list[int]] = {}
    hits = {hit: None for entry in entries for hit in _hits(entry, looked, places)}
    by_hand = [Hit(MANUAL, MANUAL, "text", "", 0, 0)] if subject.name in mention.subjects else []
    adverts = frozenset(hit.field for hit in hits if hit.category == ADVERT)
    shown = (*by_hand, *_first(list(hits), MAX_HITS - len(by_hand)))
    return Match(subject.name, shown, _severity(entries), adverts, max((entry.floor for entry in entries), default=Level.NONE))


def _hits(entry: _Entry, looked: _Looked, places: dict[str, list[int]]) -> Iterator[Hit]:
    """Its words where they made it hold, field by field; `places` remembers what was led back to which original."""
    made: dict[tuple[str, str], set[Span]] = defaultdict(set)
    for field, view, span in witnesses(entry.tree, looked.scope, MAX_HITS):
        made[field, view.text].add(span)
    for field, view in looked.seen:
        for start, end in sorted({_original(view, span, places) for span in made.pop((field, view.text), ())}):
            yield Hit(entry.source, entry.category, field, view.text[start:end], start, end)


def _original(view: View, span: Span, places: dict[str, list[int]]) -> Span:
    if view.text not in places:
        places[view.text] = fold_with_places(view.text)[1]
    return original_span(places[view.text], *span)


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
