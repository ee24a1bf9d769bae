"""
What every rule says of one mention: which hit and where, which nearly did and what they lacked.

The matcher answers for the stream and looks only where an index points; here every rule is one that somebody may ask about. What hits
here is what hits there (a test holds them together).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, tzinfo
from itertools import chain

import msgspec

from monitor.clock import moment
from monitor.mention import Mention
from monitor.score import Hit
from monitor.scoring.hits import MAX_HITS, Entry, framed, hits_of, of_library, of_subject
from monitor.scoring.index import Index
from monitor.scoring.lacking import Lack, asked, lacking
from monitor.scoring.library_file import Library
from monitor.scoring.library_table import day_of
from monitor.scoring.matcher import FIELDS, field_values
from monitor.scoring.places import Scope, Seen, holds
from monitor.scoring.rule_tokens import FIELDS as NAMED
from monitor.scoring.rule_tree import Whole, Word
from monitor.scoring.segment import FAST
from monitor.scoring.unreal import load_unreal
from monitor.subject import Subject

CANDIDATES = 3_000  # rules whose lack is worked out, those first of which most words are there
KEPT_OUT = 0.1  # the cost of a rule that holds and does not count: expired, or its subject does not take such mentions


class Asked(Entry, frozen=True, gc=False):
    """A rule of a subject (`library` None) or of a library, with the subjects for which it counts; `risk`: of a shipped risk library."""

    subjects: tuple[Subject, ...]
    risk: bool = False


class Held(msgspec.Struct, frozen=True):
    """A rule that hit, where, and the subjects that it makes the mention a hit of: none for a risk rule, or one that nobody names."""

    asked: Asked
    hits: tuple[Hit, ...]
    subjects: tuple[str, ...]


class Missed(msgspec.Struct, frozen=True):
    """A rule that did not hit though some of its words are there."""

    asked: Asked
    lack: Lack


class Explained(msgspec.Struct, frozen=True):
    """All there is to say of a mention; `missed` of `nearly` rules that nearly hit, the nearest first."""

    subjects: tuple[str, ...]
    held: tuple[Held, ...]
    missed: tuple[Missed, ...]
    nearly: int


def rules_of(subjects: Sequence[Subject], libraries: Sequence[Library]) -> list[Asked]:
    """Every rule there is: those of the subjects, then those of all libraries, whether anybody names them or not."""
    risks = {library.name for library in libraries if library.shipped}
    rules = [_asked(entry, (subject,), risk=False) for subject in subjects for entry in of_subject(subject)]
    for library in libraries:
        naming = tuple(subject for subject in subjects if library.name in subject.libraries)
        rules += [_asked(entry, naming, risk=library.name in risks) for entry in of_library(library)]
    return rules


def _asked(entry: Entry, subjects: tuple[Subject, ...], *, risk: bool) -> Asked:
    return Asked(entry.source, entry.tree, entry.category, entry.weight, entry.floor, entry.library, subjects, risk)


def explain(
    rules: Sequence[Asked], mention: Mention, at: int, most: int, *, zone: tzinfo = UTC, segmenter: str = FAST,
    all_rules: Sequence[Asked] | None = None,
) -> Explained:  # fmt: skip
    """
    What the rules say of a mention received at that moment (micros), with at most so many that nearly hit; `zone`: of the times told.

    `all_rules`: those of the service, where these are some of them: of all in force the words wanted whole are taught, as it does.
    """
    in_force = [one.tree for one in (rules if all_rules is None else all_rules) if one.subjects or one.risk]
    index = Index([one.tree for one in rules], segmenter, in_force)
    own: list[Seen] = [(field, index.view(text)) for field in FIELDS if (text := getattr(mention, field))]
    named = {field: [(field, index.view(text)) for text in field_values(mention, field)] for field in NAMED if field not in FIELDS}
    frames = load_unreal().by_field(own)
    scope, seen = Scope(own, named), [*own, *chain.from_iterable(named.values())]
    held: list[Held] = []
    missed: list[Missed] = []
    triggered = frozenset[int]().union(*(view.triggered for _, view in seen))
    holding = [number for number in sorted(triggered) if holds(rules[number].tree, scope)]
    for one in map(rules.__getitem__, holding):
        subjects, refused = _counting(one, mention, at, zone)
        if refused:
            missed.append(Missed(one, Lack(KEPT_OUT, refused, 1)))
        else:
            held.append(Held(one, tuple(framed(one, hits_of(one, scope, seen)[:MAX_HITS], frames)), subjects))
    answered = set(holding)
    missed += _missed((one for number, one in enumerate(rules) if number not in answered), scope, seen)
    missed.sort(key=lambda one: (one.lack.cost, -one.lack.present, len(one.asked.source), one.asked.source))
    hit = {*mention.subjects, *chain.from_iterable(one.subjects for one in held)}
    return Explained(tuple(sorted(hit)), tuple(held), tuple(missed[:most]), len(missed))


def _counting(one: Asked, mention: Mention, at: int, zone: tzinfo) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The subjects for which a rule that holds counts; or, where it counts for nobody, why."""
    if one.library is not None and not one.library.valid(at):
        return (), (_expired(one.library, at, zone),)
    reasons = {subject.name: refusal(subject, mention, at, zone) for subject in one.subjects}
    counting = tuple(name for name, reason in reasons.items() if not reason)
    if counting or one.risk:
        return counting, ()
    if not reasons:
        return (), ("没有监测主题使用这个词库",)
    return (), tuple(f"主题 {name} {reason}" for name, reason in reasons.items())


def refusal(subject: Subject, mention: Mention, at: int, zone: tzinfo = UTC) -> str:
    """Why a subject does not take a mention, whatever its words; empty: it does."""
    platform = mention.platform or mention.source
    if subject.valid_until is not None and at >= subject.valid_until:
        return f"的 valid_until 已过（{_day(subject.valid_until, zone)}）"
    if subject.kinds and mention.kind not in subject.kinds:
        return f"只看类型 {'、'.join(subject.kinds)}，这条是 {mention.kind}"
    if subject.platforms and platform not in subject.platforms:
        return f"只看平台 {'、'.join(subject.platforms)}，这条是 {platform}"
    if subject.regions and not (mention.region or "").startswith(subject.regions):
        return f"只看地区 {'、'.join(subject.regions)}，这条是 {mention.region or '未知'}"
    return ""


def _expired(library: Library, at: int, zone: tzinfo) -> str:
    if library.valid_from is not None and at < library.valid_from:
        return f"词库自 {_day(library.valid_from, zone)} 起才有效（valid_from）"
    return f"词库有效期 {day_of(library.valid_until, zone, days=1)} 止（valid_until），已失效"


def _day(at: int, zone: tzinfo) -> str:
    return moment(at).astimezone(zone).isoformat(timespec="minutes")


def _missed(rules: Iterable[Asked], scope: Scope, seen: Sequence[Seen]) -> Iterator[Missed]:
    """The rules of which some word is there, with what they lack."""
    for one in _begun(rules, "\n".join(view.folded for _, view in seen)):
        lack = lacking(one.tree, scope)
        if lack.cost and lack.present:
            yield Missed(one, lack)


def _begun(rules: Iterable[Asked], text: str) -> list[Asked]:
    """The rules of which a word stands somewhere; of too many those that have the fewest more."""
    pairs = {text[at : at + 2] for at in range(len(text))}  # most words are told by their beginning: one look, however long the text
    found: list[tuple[int, int, Asked]] = []
    for number, one in enumerate(rules):
        words = [atom.text for atom in asked(one.tree) if isinstance(atom, (Word, Whole))]
        there = sum((len(word) == 1 or word[:2] in pairs) and word in text for word in words)
        if there:
            found.append((len(words) - there, number, one))
    return [one for _, _, one in sorted(found, key=lambda each: each[:2])[:CANDIDATES]]
