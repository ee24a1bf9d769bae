"""
Whether a rule holds in a mention, and where: its tree asked of the views of the mention's fields.

A place is a span of folded text with the spans of the words it is made of: that of `A NEAR/5 B` reaches from the beginning of the
first to the end of the last, and shows both words. Where words crowd, their pairs would grow with the square of them and more: then
only the nearest are kept, in time that grows with the places.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from operator import attrgetter

import msgspec

from monitor.scoring.patterns import found
from monitor.scoring.rule_tree import ATOMS, AllOf, AnyOf, In, Near, Node, Not, Regex, Variant, Whole, Without, Word
from monitor.scoring.variants import variant_places
from monitor.scoring.views import MAX_PLACES, Span, View, bounded, outside, whole

MAX_SHOWN = 50  # places of one part in one text
MAX_ROOM = 21 * MAX_PLACES  # of all words of one part, enough for a chain of twenty NEARs: those that come after find only FEW more
FEW = 10
MAX_PAIRS = 5_000  # of one NEAR in one text, beyond which only the nearest are kept
MAX_STRETCHES = 500  # of a text, of which such a NEAR looks at the first and the last place of each part
_ENDS = attrgetter("end")
Seen = tuple[str, View]  # a field's name and its text
Pair = tuple["Place", "Place"]
Find = Callable[[Sequence["Place"], Sequence["Place"], int], Iterable[Pair]]


class Place(msgspec.Struct, frozen=True, gc=False):
    """A span of folded text, and the parts that make it one; a word has none. Made by the ten thousand: `words` are looked up later."""

    start: int
    end: int
    parts: "tuple[Place, ...]" = ()

    @property
    def words(self) -> tuple[Span, ...]:
        """The spans of its words."""
        return tuple(chain.from_iterable(part.words for part in self.parts)) if self.parts else ((self.start, self.end),)


class _Room:
    """How many places a part may still find in one text."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_ROOM

    def found(self, spans: Iterator[Span]) -> list[Place]:
        places = [Place(start, end) for start, end in islice(spans, max(FEW, min(MAX_PLACES, self.left)))]
        self.left -= len(places)
        return places


class Scope:
    """The fields of one mention: those every rule looks at, and those it must name."""

    __slots__ = ("_named", "own")

    def __init__(self, own: Sequence[Seen], named: Mapping[str, Sequence[Seen]] | None = None) -> None:
        self.own = own
        self._named = named or {}

    def only(self, field: str) -> "Scope":
        """What `field:` looks at."""
        return Scope(self._named.get(field) or [seen for seen in self.own if seen[0] == field])


def holds(node: Node, scope: Scope) -> bool:
    """Whether the tree is true of these fields."""
    match node:
        case Word(text):
            return any(view.has(text) for _, view in scope.own)
        case AllOf(parts):
            return all(holds(part, scope) for part in parts)
        case AnyOf(parts, plain):
            if plain:
                return any(_one_of(plain, view) for _, view in scope.own)
            return any(holds(part, scope) for part in parts)
        case Not(part):
            return not holds(part, scope)
        case In(field, part):
            return holds(part, scope.only(field))
    return any(_shown(node, view) for _, view in scope.own)


def witnesses(node: Node, scope: Scope) -> Iterator[tuple[str, View, Span]]:
    """The words that make a tree true, those of true branches only, and of each part at most MAX_SHOWN places a field."""
    match node:
        case Not():
            return
        case In(field, part):
            yield from witnesses(part, scope.only(field))
        case Word(text):
            yield from _words([text], scope)
        case AnyOf(_, plain) if plain:
            yield from _words(plain, scope)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                if holds(part, scope):
                    yield from witnesses(part, scope)
        case _:
            for field, view in scope.own:
                for span in _shown(node, view):
                    yield field, view, span


def _words(words: Iterable[str], scope: Scope) -> Iterator[tuple[str, View, Span]]:
    for field, view in scope.own:
        for word in words:
            if word in view.folded:
                yield from ((field, view, span) for span in islice(view.places(word), MAX_SHOWN))


def _one_of(words: tuple[str, ...], view: View) -> bool:
    """Most words of a long list are in no text, and a search alone tells."""
    return any(map(view.folded.__contains__, words)) and any(map(view.has, words))


def _shown(node: Node, view: View) -> tuple[Span, ...]:
    """The words of a part's first places in one text; looked for once, as a rule asks first whether and then where."""
    shown = view.shown.get(id(node))
    if shown is None:
        if isinstance(node, ATOMS):
            shown = tuple(islice(_spans(node, view), MAX_SHOWN))
        else:
            shown = tuple(span for place in places(node, view)[:MAX_SHOWN] for span in place.words)
        view.shown[id(node)] = shown  # the tree outlives the view: both belong to one index
    return shown


def places(node: Node, view: View) -> list[Place]:
    """The places of a located part in one text, by start; the first MAX_PLACES of each word, and MAX_ROOM of all."""
    return _places(node, view, _Room())


def _places(node: Node, view: View, room: _Room) -> list[Place]:
    match node:
        case Without(part, outer):
            kept = _places(part, view, room)
            standing = [one for one in outer if _may_stand(one, view)] if kept else []
            beyond = [(place.start, place.end) for one in standing for place in _places(one, view, room)]
            if not beyond:
                return kept
            left = set(outside([(place.start, place.end) for place in kept], beyond))
            return [place for place in kept if (place.start, place.end) in left]
        case Near(left_part, right_part, within, ordered):
            if not (_may_stand(left_part, view) and _may_stand(right_part, view)):
                return []
            left_places = _places(left_part, view, room)
            return _near(left_places, _places(right_part, view, room), within, ordered=ordered) if left_places else []
        case AnyOf(parts, plain):
            if plain:
                parts = tuple(Word(text, text) for text in plain if text in view.folded)
            return _unique(place for part in parts for place in _places(part, view, room))
    return room.found(_spans(node, view))


def _may_stand(node: Node, view: View) -> bool:
    """False where no word of the part is in the text: told by a search alone, as most words of a long list are in no text."""
    match node:
        case Word(text):
            return text in view.folded
        case AnyOf(_, plain) if plain:
            return any(map(view.folded.__contains__, plain))
    return True


def _spans(node: Node, view: View) -> Iterator[Span]:
    match node:
        case Word(text):
            return view.places(text)
        case Whole(text):
            return (span for span in view.places(text) if whole(view, *span))
        case Variant(text):
            return (span for span in variant_places(text, view.folded) if bounded(view.folded, *span))
        case Regex(pattern):
            return found(pattern, view.folded)
    raise AssertionError(f"{node} has no places of its own: the parser lets only located parts through")


def _near(left: Sequence[Place], right: Sequence[Place], within: int, *, ordered: bool) -> list[Place]:
    if len(left) + len(right) <= MAX_PAIRS:
        pairs = list(islice(_pairs(_following, left, right, within, ordered=ordered), MAX_PAIRS + 1))
        if len(pairs) <= MAX_PAIRS:
            return _unique(Place(one.start, other.end, (one, other)) for one, other in pairs)
    found_pairs = _pairs(_nearest, _thinned(left, within), _thinned(right, within), within, ordered=ordered)
    return _unique(Place(one.start, other.end, (one, other)) for one, other in found_pairs)


def _pairs(find: Find, left: Sequence[Place], right: Sequence[Place], within: int, *, ordered: bool) -> Iterable[Pair]:
    return find(left, right, within) if ordered else chain(find(left, right, within), find(right, left, within))


def _following(first: Sequence[Place], second: Sequence[Place], within: int) -> Iterator[Pair]:
    """Pairs of which the second begins where the first ends, or at most so many characters behind it."""
    starts = [place.start for place in second]
    for one in first:
        for number in range(bisect_left(starts, one.end), bisect_right(starts, one.end + within)):
            yield one, second[number]


def _nearest(first: Sequence[Place], second: Sequence[Place], within: int) -> Iterable[Pair]:
    """Of those pairs one for each place where any ends, and one for each where any begins, made of the nearest that fit."""
    ending = sorted(first, key=_ENDS)
    ends, starts = [place.end for place in ending], [place.start for place in second]
    by_end = {
        other.end: (ending[at - 1], other)
        for other in second
        if (at := bisect_right(ends, other.start)) and other.start - ends[at - 1] <= within
    }
    by_start = {
        one.start: (one, second[at])
        for one in reversed(ending)
        if (at := bisect_left(starts, one.end)) < len(starts) and starts[at] - one.end <= within
    }
    return chain(by_end.values(), by_start.values())


def _thinned(crowd: Sequence[Place], within: int) -> Sequence[Place]:
    """
    Of too many the first and the last of each short stretch of the text, by their starts and by their ends: one alone there stays.

    A stretch is shorter than a quarter of the distance asked, so where the others crowd one as good stands beside.
    """
    width = min(max(map(_ENDS, crowd), default=0) // MAX_STRETCHES, within // 4) + 1
    if len(crowd) <= MAX_PAIRS or width == 1:
        return crowd
    kept = [{getattr(place, side) // width: place for place in way(crowd)} for side in ("start", "end") for way in (iter, reversed)]
    return _unique(place for one in kept for place in one.values())


def _unique(found_places: Iterable[Place]) -> list[Place]:
    """Each span once, by its start and end."""
    once: dict[Span, Place] = {}
    for place in found_places:
        once.setdefault((place.start, place.end), place)
    return [once[span] for span in sorted(once)]
