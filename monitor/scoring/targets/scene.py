"""A text taken apart into clauses: who is named in each, of whom it speaks, and whether it weighs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

from monitor.scoring.targets.cues import Cue, CueBook, Cues, Found
from monitor.scoring.targets.negation import SIGNS, negated, negations

Span = tuple[int, int]
TURNED = 80  # characters before a turn that it makes background
REACH = 24  # characters between a name and what befalls it
NEAR = 24  # characters around a word within which the others of its group stand
TURNS = ("turn", "shift")
TONES = {"praise": 1.0, "sham": 1.0, "blame": -1.0, "fact": -1.0}
COMPARED = TONES | {"better": 1.0, "worse": -1.0}
_CLAUSE = re.compile(r"[^,。!?;:…\n]+[,。!?;:…\n]*")
_SPACE = re.compile(r"(?<=[\u4e00-\u9fff]) +(?=[\u4e00-\u9fff])")


class Named(NamedTuple):
    """The folded words for the subject and for others, and the words of crisis rules in groups that tell together."""

    subject: str
    mine: tuple[str, ...]
    others: tuple[str, ...] = ()
    harms: tuple[tuple[str, ...], ...] = ()


@dataclass(slots=True)
class Clause:
    """A stretch between two signs."""

    start: int
    end: int
    cues: list[Found] = field(default_factory=list)
    mine: list[Span] = field(default_factory=list)
    others: list[Span] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    concerns: bool = True
    background: bool = False

    def has(self, *kinds: str) -> bool:
        """Whether a cue of one of these kinds stands here."""
        return not self.kinds.isdisjoint(kinds)

    def of(self, kind: str) -> Iterator[Found]:
        """Its cues of a kind."""
        return (one for one in self.cues if one.cue.kind == kind) if kind in self.kinds else iter(())


class Scene:
    """One text as one subject sees it."""

    def __init__(self, text: str, cues: Cues, named: Named, book: CueBook) -> None:
        self.text = text
        self.frames = cues.frames
        self._settings = book.grammar.settings
        self.mine = sorted(places(text, named.mine))
        known = places(text, named.others)
        unknown = self._unknown(cues, book) if self.mine else ()
        self.others = sorted({span for span in (*known, *unknown) if not any(_overlap(span, own) for own in self.mine)})
        self.cues = sorted(self._outside_names({*cues.found, *harms_in(text, named.harms)}))
        self._kinds = {one.cue.kind for one in self.cues}
        self.clauses = list(self._clauses())
        self._topics()
        self._weights()

    def has(self, *kinds: str) -> bool:
        """Whether a cue of one of these kinds stands anywhere."""
        return not self._kinds.isdisjoint(kinds)

    def shielded(self, span: Span) -> bool:
        """Whether the name only tells a place, or people near it."""
        return any(one.start == span[1] and one.cue.kind in ("place", "people") for one in self.cues)

    def focus(self) -> str:
        """The clauses that speak of the subject and weigh."""
        chosen = [clause for clause in self.clauses if clause.concerns and not clause.background]
        return "".join(self.text[clause.start : clause.end] for clause in chosen)

    def tone(self, clauses: Sequence[Clause]) -> float:
        """Praise less blame, negations counted; where they are even, the last word."""
        values = [value for clause in clauses for value in self._tones(clause)]
        return sum(values) or (values[-1] / 2 if values else 0.0)

    def signed(self, clauses: Sequence[Clause]) -> bool:
        """Whether a word of praise or blame there is negated, once or twice, or holds a negation."""
        toned = ((one, clause) for clause in clauses for one in clause.cues if one.cue.kind in TONES)
        return any(
            not SIGNS.isdisjoint(self.text[one.start : one.end])
            or negations(self.text, one.start, clause.start, ill=TONES[one.cue.kind] < 0)
            for one, clause in toned
        )

    def struck(self, clause: Clause, one: Found) -> bool:
        """Whether what befalls somebody there befalls it: its name stands in the same clause, or shortly before."""
        return bool(clause.mine) or any(0 <= one.start - name[1] <= REACH for name in self.mine if not self.shielded(name))

    def compared(self, since: int) -> float:
        """The tone of what is said in comparing: the last word of the first clause behind `since` that has one."""
        for clause in self.clauses:
            if clause.end > since and (values := list(self._tones(clause, since, COMPARED))):
                return values[-1]
        return 0.0

    def _tones(self, clause: Clause, since: int = 0, weights: Mapping[str, float] = TONES) -> Iterator[float]:
        floor = max(clause.start, since)
        for one in clause.cues:
            value = weights.get(one.cue.kind, 0.0)
            if not value or one.start < floor:
                continue
            yield -value if negated(self.text, one.start, floor, ill=value < 0) else value
            floor = one.end

    def _unknown(self, cues: Cues, book: CueBook) -> Iterator[Span]:
        """What looks like the name of somebody nobody watches; no verb is part of one."""
        for span in book.grammar.names(self.text):
            if not any(_overlap((one.start, one.end), span) for one in cues.found):
                yield span

    def _outside_names(self, found: AbstractSet[Found]) -> Iterator[Found]:
        """Cues that are no part of a name; an expression may hold a whole one."""
        names = self.mine + self.others
        for one in found:
            span = (one.start, one.end)
            if not any(_overlap(span, name) and not within(name, span) for name in names):
                yield one

    def _clauses(self) -> Iterator[Clause]:
        cues, mine, others = self.cues[::-1], self.mine[::-1], self.others[::-1]
        for start, end in _bounds(self.text, {one.start for one in self.cues if one.cue.kind in TURNS}):
            clause = Clause(start, end)
            while cues and cues[-1].start < end:
                clause.cues.append(cues.pop())
                clause.kinds.add(clause.cues[-1].cue.kind)
            while mine and mine[-1][0] < end:
                clause.mine.append(mine.pop())
            while others and others[-1][0] < end:
                clause.others.append(others.pop())
            yield clause

    def _topics(self) -> None:
        """A clause without a name goes on about what the one before it was about."""
        mine = True
        for clause in self.clauses:
            if clause.mine:
                mine = not all(map(self.shielded, clause.mine)) and not (clause.others and all(map(self._setting, clause.mine)))
            elif clause.others or clause.has("elsewhere"):
                mine = False
            clause.concerns = mine

    def _setting(self, span: Span) -> bool:
        """Whether the name tells only where to or where from."""
        return self.text[: span[0]].endswith(self._settings)

    def _weights(self) -> None:
        """What is conceded, thought before, or said before the turn is background, unless nothing else is left."""
        background = [clause.has("background") for clause in self.clauses]
        for number, clause in enumerate(self.clauses):
            if clause.has(*TURNS):
                since = next(place for place, earlier in enumerate(self.clauses) if earlier.end >= clause.start - TURNED)
                background[since:number] = [True] * (number - since)
        if not all(ground for clause, ground in zip(self.clauses, background, strict=True) if clause.concerns):
            for clause, ground in zip(self.clauses, background, strict=True):
                clause.background = ground


def within(inner: Span, outer: Span) -> bool:
    """Whether a span lies in another."""
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _bounds(text: str, turns: AbstractSet[int]) -> Iterator[Span]:
    for match in _CLAUSE.finditer(text):
        start, end = match.span()
        cuts = {turn for turn in turns if start < turn < end}
        if " " in match[0]:
            cuts |= {space.end() for space in _SPACE.finditer(text, start, end)}
        for cut in sorted(cuts):
            yield start, cut
            start = cut
        yield start, end


def places(text: str, words: Sequence[str]) -> Iterator[Span]:
    """Where the words stand."""
    for word in words:
        start = text.find(word)
        while start >= 0:
            yield start, start + len(word)
            start = text.find(word, start + len(word))


def harms_in(text: str, groups: Sequence[Sequence[str]]) -> Iterator[Found]:
    """Harms by crisis rules: where the last word of a group stands near all the others."""
    for *others, last in groups:
        for start, end in places(text, [last]):
            near = text[max(0, start - NEAR) : end + NEAR]
            if all(other in near for other in others):
                yield Found(start, end, Cue("harm"))
