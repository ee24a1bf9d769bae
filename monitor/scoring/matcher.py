"""
Which subjects a mention hits, by which rules and where.

A rule's tree is looked at only where the index found one of the words it needs. A rule without a field looks at title, text,
quoted and transcript together: `A+B` holds where A is in the title and B in the text. Texts in which no rule has a word have no say,
so the thousands who pass on one text and add 转发微博 get one answer, worked out once.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from monitor.mention import Mention
from monitor.score import Hit
from monitor.scoring.hits import (
    ADVERT,
    MAX_HITS,
    OWN,
    Entry,
    counts,
    first,
    floor_of,
    framed,
    harms_of,
    hits_of,
    of_library,
    of_subject,
    risk_of,
    words_of,
)
from monitor.scoring.index import Index
from monitor.scoring.library_file import Library
from monitor.scoring.match import Match
from monitor.scoring.memo import Memo
from monitor.scoring.places import Scope, Seen, holds
from monitor.scoring.rule_tokens import FIELDS as NAMED
from monitor.scoring.rule_tree import fields, located
from monitor.scoring.segment import FAST
from monitor.scoring.unreal import load_unreal
from monitor.scoring.versions import Keywords
from monitor.scoring.views import View
from monitor.subject import Subject

FIELDS = ("title", "text", "quoted", "transcript")
MANUAL = "manual"
Views = Mapping[str, View]
Asked = tuple[str, str | None, str | None, str | None, tuple[Hashable, ...]]
REMEMBERED = 1_200_000  # characters of texts whose matches are kept


class _Group(NamedTuple):
    """Numbers of rules: those that hold where they stand in one text `alone`, and those that ask for more, or for a field."""

    name: str
    alone: frozenset[int]
    joined: frozenset[int]


class Matcher:
    """Built once from the subjects and libraries; then only asked."""

    def __init__(self, subjects: Sequence[Subject], libraries: Sequence[Library], segmenter: str = FAST) -> None:
        """From checked configuration: a rule that cannot be read raises RuleError."""
        self.keywords = Keywords(subjects, libraries)
        self._subjects = {subject.name: subject for subject in subjects}
        self._limited = {subject.name: subject for subject in subjects if _is_limited(subject)}
        self._ends = sorted(subject.valid_until for subject in subjects if subject.valid_until is not None)
        self._entries: list[Entry] = []
        self._watchers: dict[int, tuple[str, ...]] = {}
        risks: list[int] = []
        for subject in subjects:
            self._add(of_subject(subject), (subject.name,))
        shipped = {library.name for library in libraries if library.shipped}
        for library in libraries:
            naming = tuple(subject.name for subject in subjects if library.name in subject.libraries)
            begin = len(self._entries)
            if naming or library.name in shipped:
                self._add(of_library(library), naming)
            if library.name in shipped:
                risks += range(begin, len(self._entries))
        self._watched, self._shipped = frozenset(self._watchers), frozenset(risks)
        self._watching, self._risks = self._group("watching", self._watchers), self._group("risks", risks)
        self._dated = tuple(library for library in libraries if library.valid_from is not None or library.valid_until is not None)
        self._index = Index([entry.tree for entry in self._entries], segmenter)
        asked = {field for entry in self._entries for field in fields(entry.tree)}
        self._named = tuple(field for field in NAMED if field in asked and field not in FIELDS)
        self._matches: Memo[str, tuple[Match, ...]] = Memo(REMEMBERED)
        self._told_risks: Memo[str, float] = Memo(REMEMBERED)
        self._unreal = load_unreal()

    def _add(self, entries: Iterable[Entry], watchers: tuple[str, ...]) -> None:
        for entry in entries:
            if watchers:
                self._watchers[len(self._entries)] = watchers
            self._entries.append(entry)

    def _group(self, name: str, numbers: Iterable[int]) -> "_Group":
        alone = frozenset(number for number in numbers if located(self._entries[number].tree))
        return _Group(name, alone, frozenset(numbers) - alone)

    @classmethod
    def build(cls, subjects: Sequence[Subject], libraries: Sequence[Library], segmenter: str = FAST) -> "Matcher":
        """From checked configuration: a rule that cannot be read raises RuleError."""
        return cls(subjects, libraries, segmenter)

    def asked(self, mention: Mention, at: int) -> Asked:
        """All that `match` looks at: the same of two mentions has one answer."""
        more: tuple[Hashable, ...] = ()
        if self._dated or self._limited or self._named or mention.subjects:
            more = (self._era(at), mention.subjects, *self._asked_of_limits(mention, at), *self._asked_by_name(mention))
        return mention.text, mention.quoted, mention.title, mention.transcript, more

    def _asked_of_limits(self, mention: Mention, at: int) -> Iterable[Hashable]:
        if self._limited:
            yield from (bisect_right(self._ends, at), mention.kind, mention.platform or mention.source, mention.region)

    def _asked_by_name(self, mention: Mention) -> Iterable[Hashable]:
        return (tuple(field_values(mention, field)) for field in self._named)

    def views(self, mentions: Iterable[Mention]) -> Views:
        """The texts of mentions as rules look at them, made together, which is cheaper."""
        return self._index.views(text for mention in mentions for text in _texts(mention) if text)

    def match(self, mention: Mention, at: int, views: Views | None = None) -> tuple[Match, ...]:
        """The subjects it hits, by name; `at` (micros) is when we received it, `views` those of its texts."""
        seen = self._look(mention, self.views((mention,)) if views is None else views)
        by_hand = sorted({name for name in mention.subjects if name in self._subjects}) if mention.subjects else []
        if not by_hand and all(self._watched.isdisjoint(view.triggered) for _, view in seen):
            return ()  # most of a stream is about nobody we watch
        if len(seen) > 1:
            seen = [one for one in seen if self._says(one, seen)]
        matches = self._remembered(seen, by_hand, at)
        if not self._limited:
            return matches
        return tuple(match for match in matches if self._lets(match.subject, mention, at))

    def _remembered(self, seen: Sequence[Seen], by_hand: Sequence[str], at: int) -> tuple[Match, ...]:
        """As `_found`; most mentions have one text with a say, and the answer is kept with it."""
        if len(seen) == 1 and not by_hand:
            [(field, view)] = seen
            key = self._era(at) + field
            matches = view.matched.get(key)
            if matches is None:
                matches = view.matched[key] = self._found(seen, by_hand, at)
            return matches
        told = "".join([f"\0{field}{len(view.text)} {view.text}" for field, view in seen])
        key = f"{self._era(at)}{by_hand or ''}{told}"
        known = self._matches.get(key)
        if known is None:
            known = self._found(seen, by_hand, at)
            self._matches.put(key, known)
        return known

    def risk(self, text: str, at: int) -> float:
        """How severe these words are by themselves, by the shipped risk libraries."""
        key = self._era(at) + text
        known = self._told_risks.get(key)
        if known is None:
            seen = [("quoted", self._index.view(text))]
            risks = self._framed(self._holding(self._risks, seen, at), seen)
            known = risk_of(entry for number, hits in risks.items() if counts(entry := self._entries[number], hits))
            self._told_risks.put(key, known)
        return known

    def _era(self, at: int) -> str:
        """Which of the libraries with dates say something at that moment."""
        return "".join(["01"[library.valid(at)] for library in self._dated]) if self._dated else ""

    def _look(self, mention: Mention, views: Views) -> list[Seen]:
        """The texts of it that have a say."""
        named = [(field, self._index.view(text)) for field in self._named for text in field_values(mention, field)] if self._named else []
        texts = [(field, views[text]) for field, text in zip(FIELDS, _texts(mention), strict=True) if text]
        loose = self._index.loose
        if loose and not all(loose.isdisjoint(one.triggered) for _, one in (*texts, *named)):
            return [*texts, *named]
        return [one for one in (*texts, *named) if not one[1].silent]

    def _says(self, one: Seen, seen: Sequence[Seen]) -> bool:
        """Whether a text beside others adds anything: a rule holds in it alone, or it has a say in one that the others, too, may wake."""
        field, view = one
        if field not in FIELDS or not all(self._index.loose.isdisjoint(other.triggered) for _, other in seen):
            return True
        if self._standing(self._watching, field, view) or self._standing(self._risks, field, view):
            return True
        return bool(view.joined) and not all(view.joined.isdisjoint(other.triggered) for _, other in seen)

    def _found(self, seen: Sequence[Seen], by_hand: Sequence[str], at: int) -> tuple[Match, ...]:
        """The subjects hit by these texts or by hand, whomever else they may let through."""
        watching = self._holding(self._watching, seen, at)
        hit: dict[str, list[int]] = {name: [] for name in by_hand}
        for number in watching:
            for name in self._watchers[number]:
                hit.setdefault(name, []).append(number)
        if not hit:
            return ()
        risks = self._holding(self._risks, seen, at)
        told = self._framed({**watching, **risks}, seen)
        return tuple(self._matched(name, dict.fromkeys((*hit[name], *risks)), told, by_hand=name in by_hand) for name in sorted(hit))

    def _holding(self, group: "_Group", seen: Sequence[Seen], at: int) -> dict[int, Sequence[Hit]]:
        """Which rules of a group hold, in their order, with their hits."""
        held: dict[int, Sequence[Hit]] = {}
        for field, view in seen:
            if field in FIELDS:
                for number, hits in self._standing(group, field, view).items():
                    held[number] = (*held[number], *hits) if number in held else hits
        joined = {number for _, view in seen for number in group.joined & view.triggered}
        if joined:
            scope = _scope(seen)
            held |= {number: hits_of(self._entries[number], scope, seen) for number in joined if holds(self._entries[number].tree, scope)}
        return {number: held[number] for number in sorted(held) if not self._dated or self._entries[number].valid(at)}

    def _framed(self, held: Mapping[int, Sequence[Hit]], seen: Sequence[Seen]) -> Mapping[int, Sequence[Hit]]:
        """The hits, those named harmless that tell of no event."""
        if self._shipped.isdisjoint(held):
            return held
        frames = self._unreal.by_field(one for one in seen if one[0] in FIELDS)
        return {number: framed(self._entries[number], hits, frames) for number, hits in held.items()} if frames else held

    def _standing(self, group: "_Group", field: str, view: View) -> Mapping[int, Sequence[Hit]]:
        """The hits of a group's rules that ask for one place in one text, remembered with the text."""
        told = view.told.get((group.name, field))
        if told is None:
            scope, woken = Scope([(field, view)]), group.alone & view.triggered
            each = ((number, hits_of(self._entries[number], scope, scope.own)) for number in woken)
            told = view.told[group.name, field] = {number: hits for number, hits in each if hits}
        return told

    def _matched(self, name: str, numbers: Iterable[int], told: Mapping[int, Sequence[Hit]], *, by_hand: bool) -> Match:
        entries = [self._entries[number] for number in numbers]
        each = {(self._entries[number].source, self._entries[number].category): told[number] for number in numbers}
        hits = list(chain.from_iterable(each.values()))
        shown = [Hit(MANUAL, MANUAL, "text", "", 0, 0)] if by_hand else []
        shown += first(hits, MAX_HITS - len(shown))
        adverts = frozenset(hit.field for hit in hits if hit.category == ADVERT)
        named = dict.fromkeys(entry.library.name for entry in entries if entry.library)
        libraries = {library: self.keywords.versions[library] for library in named}
        names = words_of(hit for hit in hits if hit.category == OWN and hit.field in FIELDS)
        real = [(self._entries[number], told[number]) for number in numbers]
        if any(hit.harmless for hit in hits):
            real = [(entry, [hit for hit in those if hit.harmless is None]) for entry, those in real if counts(entry, those)]
        harms = sorted({group for entry, those in real for group in harms_of(entry, those)})
        return Match(name, tuple(shown), risk_of(entry for entry, _ in real), adverts, floor_of(entries), libraries, names, tuple(harms))

    def _lets(self, name: str, mention: Mention, at: int) -> bool:
        """Whether a subject is still watched, and its filters let the mention through; who is named by hand passes them."""
        subject = self._limited.get(name)
        return subject is None or (_alive(subject, at) and (name in mention.subjects or _admits(subject, mention)))


def _texts(mention: Mention) -> tuple[str | None, ...]:
    """Those of FIELDS."""
    return mention.title, mention.text, mention.quoted, mention.transcript


def _scope(seen: Sequence[Seen]) -> Scope:
    named: dict[str, list[Seen]] = defaultdict(list)
    for one in seen:
        named[one[0]].append(one)
    return Scope([one for one in seen if one[0] in FIELDS], named)


def field_values(mention: Mention, field: str) -> Sequence[str]:
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


def _alive(subject: Subject, at: int) -> bool:
    return subject.valid_until is None or at < subject.valid_until


def _is_limited(subject: Subject) -> bool:
    return bool(subject.kinds or subject.platforms or subject.regions or subject.valid_until is not None)
