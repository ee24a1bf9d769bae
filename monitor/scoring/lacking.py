"""
What a rule that does not hold lacks: for whoever wrote it and wonders why a text was missed.

A word that is not there costs 1; what is there and does not count (part of a longer word, too far away, excluded, in another field)
costs less, so that the cheapest lacks are the nearest misses. Reasons are for staff, in Chinese.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from monitor.scoring.places import Place, Scope, holds, places, witnesses
from monitor.scoring.rule_tree import AllOf, AnyOf, Atom, In, Near, Node, Not, Regex, Variant, Whole, Without, Word
from monitor.scoring.views import View

ABSENT = 1.0
WRONG = 0.5  # there, but not as it must be
_NAMED = 3  # words named of a long list
_SHOWN = 20  # characters of a word
_COMPARED = 2_000  # places of each part between which the distance is measured


class Lack(NamedTuple):
    """How much a tree lacks (0: it holds), why, and how many of its words are there."""

    cost: float
    reasons: tuple[str, ...]
    present: int


_NOTHING = Lack(0.0, (), 0)


def lacking(node: Node, scope: Scope) -> Lack:
    """What the tree lacks in these fields."""
    match node:
        case Not(part):
            return _excluded(part, scope) if holds(part, scope) else _NOTHING
        case In(field, part):
            return _elsewhere(field, part, scope)
        case AllOf(parts):
            return _sum(lacking(part, scope) for part in parts)
        case AnyOf(parts):
            return _nearest(parts, scope)
        case Without():
            return _within(node, scope)
        case Near():
            return _apart(node, scope)
    return _atom(node, scope)


def asked(node: Node) -> Iterator[Atom]:
    """The atoms that help to make it true: those under NOT and behind `!` do not."""
    match node:
        case Not():
            return
        case Without(part, _) | In(_, part):
            yield from asked(part)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from asked(part)
        case Near(left, right):
            yield from chain(asked(left), asked(right))
        case _:
            yield node


def _sum(lacks: Iterator[Lack]) -> Lack:
    found = list(lacks)
    return Lack(sum(one.cost for one in found), tuple(chain.from_iterable(one.reasons for one in found)), sum(one.present for one in found))


def _atom(node: Atom, scope: Scope) -> Lack:
    if holds(node, scope):
        return Lack(0.0, (), 1)
    if isinstance(node, (Word, Whole)):
        for _, view in scope.own:
            start = view.folded.find(node.text)
            if start >= 0:
                return Lack(WRONG, (_cut(node, view, start),), 1)
    return Lack(ABSENT, (f"缺 {_written(node)}",), 0)


def _cut(node: Word | Whole, view: View, start: int) -> str:
    """Why a word that stands there does not count."""
    text = view.folded
    bounded = next(view.places(node.text), None)
    if bounded:
        return f"“{_brief(node.written)}” 不是整词（分词：{'/'.join(_cutting(view, *bounded))}）"
    end = start + len(node.text)
    while start > 0 and _joins(text[start - 1]):
        start -= 1
    while end < len(text) and _joins(text[end]):
        end += 1
    return f"“{_brief(node.written)}” 在 “{_brief(text[start:end])}” 之内，不是独立的词"


def _joins(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char == "_")


def _cutting(view: View, start: int, end: int) -> list[str]:
    """The words of the text that the span touches, and one on either side."""
    words, at, touched = view.cut(), 0, list[int]()
    for number, word in enumerate(words):
        if at < end and at + len(word) > start:
            touched.append(number)
        at += len(word)
    return words[max(0, touched[0] - 1) : touched[-1] + 2]


def _excluded(part: Node, scope: Scope) -> Lack:
    _, view, (start, end) = next(witnesses(part, scope), (None, None, (0, 0)))
    said = view.folded[start:end] if view else ""
    return Lack(WRONG, (f"被 -{_brief(said)} 排除" if said else "被 - 后面的部分排除",), 0)


def _elsewhere(field: str, part: Node, scope: Scope) -> Lack:
    """What a part lacks in its field; it may be there in another."""
    lack = lacking(part, scope.only(field))
    if not lack.cost:
        return lack
    others = [name for name, view in scope.own if name != field and holds(part, Scope([(name, view)]))]
    if others:
        return Lack(WRONG, (f"只在 {field} 里找，而它在 {'、'.join(dict.fromkeys(others))} 里",), max(lack.present, 1))
    return lack._replace(reasons=tuple(f"{field} 里{'' if reason.startswith('“') else ' '}{reason}" for reason in lack.reasons))


def _nearest(parts: Sequence[Node], scope: Scope) -> Lack:
    """Of parts of which one is enough the one that lacks least; where none is begun, all of them."""
    lacks = [lacking(part, scope) for part in parts]
    best = min(lacks, key=lambda lack: (lack.cost - min(lack.present, 1), lack.cost))
    if not best.cost or best.present:
        return best
    named = "、".join(_written(atom) for part in parts[:_NAMED] for atom in list(asked(part))[:1])
    more = f" 等 {len(parts)} 个" if len(parts) > _NAMED else ""
    return Lack(min(lack.cost for lack in lacks), (f"缺 {named}{more}之一",), 0)


def _within(node: Without, scope: Scope) -> Lack:
    """What an `A!B` lacks: A, or one that is not in B."""
    if holds(node, scope):
        return Lack(0.0, (), 1)
    part, outer = node.part, node.outer
    lack = lacking(part, scope)
    if lack.cost:
        return lack
    stands = list(dict.fromkeys(_shown(one) for one in outer if any(places(one, view) for _, view in scope.own)))
    said = "、".join(stands[:_NAMED])
    return Lack(WRONG, (f"{_shown(part)} 都在 {said} 之内",), max(lack.present, 1))


def _apart(node: Near, scope: Scope) -> Lack:
    """What a NEAR lacks: one of its parts, or that they stand close enough in one field."""
    if holds(node, scope):
        return Lack(0.0, (), 2)
    both = _sum(lacking(part, scope) for part in (node.left, node.right))
    if both.cost:
        return both
    name = f"{'BEFORE' if node.ordered else 'NEAR'}/{node.within}"
    nearest = [one for _, view in scope.own if (one := _distance(places(node.left, view), places(node.right, view), ordered=node.ordered))]
    if not nearest:
        return Lack(WRONG, (f"缺 {name}：{_shown(node.left)} 与 {_shown(node.right)} 不在同一个字段",), both.present)
    distance, order = min(nearest)
    if order:
        return Lack(WRONG, (f"缺 {name}：次序相反，{_shown(node.left)} 在 {_shown(node.right)} 之后",), both.present)
    if distance < 0:
        return Lack(WRONG, (f"缺 {name}：{_shown(node.left)} 与 {_shown(node.right)} 相互重叠",), both.present)
    beyond = distance - node.within
    return Lack(WRONG * beyond / (beyond + node.within + 1), (f"缺 {name}：相距 {distance} 字",), both.present)


def _distance(left: Sequence[Place], right: Sequence[Place], *, ordered: bool) -> tuple[int, bool] | None:
    """The least distance between two parts, -1 where they overlap, and whether that is in the wrong order; None: one is not there."""
    if not left or not right:
        return None
    following, preceding = _least(left, right), _least(right, left)
    if ordered:
        return (following, False) if following is not None else (preceding if preceding is not None else -1, preceding is not None)
    found = [one for one in (following, preceding) if one is not None]
    return min(found, default=-1), False


def _least(first: Sequence[Place], second: Sequence[Place]) -> int | None:
    """From an end of the first to the nearest start of the second behind it."""
    ends = sorted({place.end for place in first[:_COMPARED]})
    starts = sorted({place.start for place in second[:_COMPARED]})
    best, at = None, 0
    for end in ends:
        while at < len(starts) and starts[at] < end:
            at += 1
        if at == len(starts):
            break
        best = starts[at] - end if best is None else min(best, starts[at] - end)
    return best


def _shown(node: Node) -> str:
    """A located part by its words."""
    written = [_brief(atom.written) for atom in asked(node)]
    return f"“{'|'.join(written[:_NAMED])}{'|…' if len(written) > _NAMED else ''}”"


def _written(atom: Atom) -> str:
    match atom:
        case Variant(written=written):
            return f"“{_brief(written)}” 或其变体"
        case Regex(written=written):
            return f"合于 /{_brief(written)}/ 的文字"
    return f"“{_brief(atom.written)}”"


def _brief(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
