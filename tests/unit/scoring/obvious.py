"""A slow and obvious evaluator: what a rule means, by looking at every span of every field. No automaton, no memory, no short cut."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product

from monitor.scoring.fold import fold
from monitor.scoring.rule_tree import AllOf, AnyOf, Atom, In, Near, Node, Not, Regex, Variant, Whole, Without, Word
from monitor.scoring.segment import make_segmenter
from monitor.scoring.variants import is_sign, table

Span = tuple[int, int]
Fields = Mapping[str, Sequence[str]]  # a field's name and its folded texts
EVERYWHERE = ("title", "text", "quoted", "transcript")


def true_of(node: Node, fields: Fields, looked: Sequence[str] = EVERYWHERE, taught: Sequence[str] = ()) -> bool:
    """Whether a rule's tree is true of these fields; `taught`: the words that it, and the rules beside it, want whole."""
    match node:
        case AllOf(parts):
            return all(true_of(part, fields, looked, taught) for part in parts)
        case AnyOf(parts):
            return any(true_of(part, fields, looked, taught) for part in parts)
        case Not(part):
            return not true_of(part, fields, looked, taught)
        case In(field, part):
            return true_of(part, fields, (field,), taught)
    return any(spans(node, text, taught) for field in looked for text in fields.get(field, ()))


def spans(node: Node, text: str, taught: Sequence[str] = ()) -> set[Span]:
    """Where a part of a rule stands in one folded text."""
    match node:
        case AnyOf(parts):
            return {span for part in parts for span in spans(part, text, taught)}
        case Without(part, outer):
            beyond = [span for one in outer for span in spans(one, text, taught)]
            return {(a, b) for a, b in spans(part, text, taught) if not any(c <= a and b <= d for c, d in beyond)}
        case Near(left, right, within, ordered):
            pairs = list(product(spans(left, text, taught), spans(right, text, taught)))
            if not ordered:
                pairs += [(b, a) for a, b in pairs]
            return {(a[0], b[1]) for a, b in pairs if 0 <= b[0] - a[1] <= within}
        case Regex(pattern):
            return {found.span() for found in re.finditer(pattern, text, re.IGNORECASE) if found[0]}
        case Word() | Whole() | Variant():
            every = ((start, end) for start in range(len(text)) for end in range(start + 1, len(text) + 1))
            fits = partial(_is_whole, taught=taught) if isinstance(node, Whole) else _IS[type(node)]
            return {(start, end) for start, end in every if _cut_right(text, start, end) and fits(node.text, text, start, end)}
    raise AssertionError(node)


def _cut_right(text: str, start: int, end: int) -> bool:
    """Whether neither end lies within an ASCII word."""
    return not any(re.fullmatch(r"[a-z0-9_]{2}", text[max(0, place - 1) : place + 1]) for place in (start, end))


def _is_word(word: str, text: str, start: int, end: int) -> bool:
    return text[start:end] == word


def _is_whole(word: str, text: str, start: int, end: int, taught: Sequence[str]) -> bool:
    borders, place = {0}, 0
    for cut in make_segmenter(words=taught).cut(text, None):
        place += len(cut)
        borders.add(place)
    latin = re.compile("[a-z0-9_]")
    begins, ends = start in borders or latin.match(text[start]), end in borders or latin.match(text[end - 1])
    return text[start:end] == word and bool(begins and ends)


def _is_variant(word: str, text: str, start: int, end: int) -> bool:
    return _spells("".join(word.split()), text[start:end])


def _spells(word: str, text: str, *, begun: bool = False) -> bool:
    """Whether a text is nothing but a word's characters, or what may stand for them, with at most three signs between."""
    if not word:
        return not text
    if begun and any(is_sign(char) for char in text[:1]):
        gaps = [count for count in range(1, 4) if len(text) > count and all(map(is_sign, text[:count]))]
        if any(_begins(word, text[count:]) for count in gaps):
            return True
    return _begins(word, text)


def _begins(word: str, text: str) -> bool:
    single, split, _ = table().standing_for(word[0])
    if text[:1] and text[0] in single and _spells(word[1:], text[1:], begun=True):
        return True
    return any(_spells(word[1:], rest, begun=True) for parts in split for rest in _after(parts, text))


def _after(parts: str, text: str) -> list[str]:
    """What may be left of a text that begins with these parts, at most three signs between them."""
    rests = [text[1:]] if text[:1] == parts[0] else []
    for part in parts[1:]:
        rests = [
            rest[count + 1 :]
            for rest in rests
            for count in range(4)
            if all(map(is_sign, rest[:count])) and rest[count : count + 1] == part
        ]
    return rests


_IS: dict[type[Atom], Callable[[str, str, int, int], bool]] = {Word: _is_word, Variant: _is_variant}


def folded(fields: Mapping[str, Sequence[str]]) -> Fields:
    """The fields as rules see them."""
    return {field: [fold(text) for text in texts] for field, texts in fields.items()}
