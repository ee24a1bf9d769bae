"""What the rules that hold in a mention tell of it: the hits shown, how severe it is, the fields that advertise."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, reduce

import msgspec

from monitor.alert import Level
from monitor.score import SEVERE, Floor, Hit
from monitor.scoring.fold import fold
from monitor.scoring.library_file import Library
from monitor.scoring.places import Scope, Seen, witnesses
from monitor.scoring.rule_tree import AnyOf, Node, Variant, Whole, Without, Word
from monitor.scoring.rules import parse
from monitor.scoring.unreal import Frames
from monitor.scoring.views import Span
from monitor.subject import Subject

MAX_HITS = 50  # of one subject in one mention
ADVERT = "广告"  # the category that marks advertising instead of risk
OWN = "subject"  # the category of a subject's own rules


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A rule to be matched; one library named by many subjects is looked at once."""

    source: str
    tree: Node
    category: str
    weight: float
    floor: Level
    library: Library | None

    def valid(self, at: int) -> bool:
        """Whether its library says anything at that moment."""
        return self.library is None or self.library.valid(at)


def of_library(library: Library) -> Iterator[Entry]:
    """The rules of a library."""
    for rule in library.rules:
        yield Entry(rule.rule.source, rule.rule.tree, library.category, rule.weight, rule.floor, library)


def of_subject(subject: Subject) -> Iterator[Entry]:
    """The rules of a subject's own; from checked configuration: one that cannot be read raises RuleError."""
    for source in subject.rules:
        yield Entry(source, parse(source).tree, OWN, 0.0, Level.NONE, None)


def risk_of(entries: Iterable[Entry]) -> float:
    """Noisy-or over categories, each by its heaviest rule: two different harms are worse than one told twice."""
    heaviest: dict[str, float] = {}
    for entry in entries:
        if entry.category != ADVERT:
            heaviest[entry.category] = max(heaviest.get(entry.category, 0.0), entry.weight)
    harmless = reduce(lambda product, category: product * (1.0 - heaviest[category]), sorted(heaviest), 1.0)
    return round(1.0 - harmless, 4)


def floor_of(entries: Iterable[Entry]) -> Floor | None:
    """The highest, with the first rule that carries it."""
    highest = max(entries, key=lambda entry: entry.floor, default=None)
    return Floor(highest.floor.word, highest.source) if highest and highest.floor else None  # type: ignore[arg-type]  # no rule has red


def words_of(hits: Iterable[Hit]) -> tuple[str, ...]:
    """What was said, folded, longest first."""
    words = {_folded(text) for text in {hit.text for hit in hits}} - {""}
    return tuple(words) if len(words) <= 1 else tuple(sorted(words, key=lambda word: (-len(word), word)))


@lru_cache(maxsize=4096)
def _folded(word: str) -> str:
    """Few words make most hits."""
    return fold(word)


def harms_of(entry: Entry, hits: Iterable[Hit]) -> Iterator[tuple[str, ...]]:
    """The words that tell of a severe harm each by itself, or only together, as those of `A NEAR/5 B` do."""
    if entry.category in (OWN, ADVERT) or entry.weight < SEVERE:
        return
    words = words_of(hits)
    if _each_alone(entry):
        yield from ((word,) for word in words)
    elif words:
        yield words


def _each_alone(entry: Entry) -> bool:
    """Whether each of its words is enough."""
    parts = entry.tree.parts if isinstance(entry.tree, AnyOf) else (entry.tree,)
    return all(isinstance(part, Word | Whole | Without | Variant) for part in parts)


def framed(entry: Entry, hits: Sequence[Hit], frames: Mapping[str, Frames]) -> Sequence[Hit]:
    """Its hits, those named harmless that stand in a frame of their field; only those of shipped risk rules may."""
    if entry.library is None or not entry.library.shipped or entry.category == ADVERT:
        return hits
    return [_framed(hit, frames[hit.field]) if hit.field in frames else hit for hit in hits]


def _framed(hit: Hit, frames: Frames) -> Hit:
    word = frames.around((hit.start, hit.end), hit.category)
    return hit if word is None else msgspec.structs.replace(hit, harmless=word)


def counts(entry: Entry, hits: Sequence[Hit]) -> bool:
    """Whether its hits tell of an event: one that is enough by itself stands in no frame, or one of each word that it needs."""
    real = {hit.text for hit in hits if hit.harmless is None}
    return bool(real) if _each_alone(entry) else real >= {hit.text for hit in hits}


def hits_of(entry: Entry, scope: Scope, seen: Sequence[Seen]) -> list[Hit]:
    """Its words where they made it hold, field by field."""
    made: dict[tuple[str, str], set[Span]] = defaultdict(set)
    for field, view, span in witnesses(entry.tree, scope):
        made[field, view.text].add(span)
    hits = []
    for field, view in seen:
        spans = made.pop((field, view.text), ())
        for start, end in sorted({view.original(span) for span in spans}) if spans else ():
            hits.append(Hit(entry.source, entry.category, field, view.text[start:end], start, end))
    return hits


def first(hits: Sequence[Hit], limit: int) -> Sequence[Hit]:
    """At most so many, in their order; a rule that hits often leaves room for the first hits of the others."""
    if len(hits) <= limit:
        return hits
    met: dict[tuple[str, str], int] = defaultdict(int)
    ranks = []
    for place, hit in enumerate(hits):
        met[hit.rule, hit.category] += 1
        ranks.append((met[hit.rule, hit.category], place))
    return [hits[place] for place in sorted(place for _, place in sorted(ranks)[:limit])]
