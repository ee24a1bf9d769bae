"""
What a rule is made of: frozen nodes, words folded. Where they hold is decided by `places.py`, how they are written by `rules.py`.

A tree holds no circle, and a hundred thousand of them need not be walked by the collector: gc=False.
"""

from collections.abc import Iterator

import msgspec


class Word(msgspec.Struct, frozen=True, gc=False):
    """A literal: found where its folded text stands; `written` is what the author wrote, operators and quotes removed."""

    text: str
    written: str


class Whole(msgspec.Struct, frozen=True, gc=False):
    """`=word`: a literal that begins and ends where words of the text do."""

    text: str
    written: str


class Variant(msgspec.Struct, frozen=True, gc=False):
    """`~word`: a literal, also as people write it past filters."""

    text: str
    written: str


class Regex(msgspec.Struct, frozen=True, gc=False):
    """`/re/`: its pattern as it is asked of folded text, and as written."""

    pattern: str
    written: str


class Without(msgspec.Struct, frozen=True, gc=False):
    """`A!B!C`: the places of a part that lie within none of the others'."""

    part: "Node"
    outer: "tuple[Node, ...]"


class Near(msgspec.Struct, frozen=True, gc=False):
    """Places of both parts with at most `within` folded characters between them; `ordered`: the left one first."""

    left: "Node"
    right: "Node"
    within: int
    ordered: bool


class In(msgspec.Struct, frozen=True, gc=False):
    """A part that looks at one field only."""

    field: str
    part: "Node"


class Not(msgspec.Struct, frozen=True, gc=False):
    """True where its part is not."""

    part: "Node"


class AllOf(msgspec.Struct, frozen=True, gc=False):
    """True where every part is."""

    parts: "tuple[Node, ...]"


class AnyOf(msgspec.Struct, frozen=True, gc=False):
    """True where one part is; `plain` are its words where it has nothing else: long lists are searched at the speed of a search."""

    parts: "tuple[Node, ...]"
    plain: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        words = tuple(part.text for part in self.parts if isinstance(part, Word))
        if len(words) == len(self.parts):
            msgspec.structs.force_setattr(self, "plain", words)


Literal = Word | Whole | Variant
Atom = Word | Whole | Variant | Regex
Node = Atom | Without | Near | In | Not | AllOf | AnyOf
ATOMS = (Word, Whole, Variant, Regex)


def parts_of(node: Node) -> "tuple[Node, ...]":
    """The nodes right under it, in the order written."""
    if isinstance(node, (AllOf, AnyOf)):
        return node.parts
    if isinstance(node, (In, Not)):
        return (node.part,)
    if isinstance(node, Without):
        return (node.part, *node.outer)
    return (node.left, node.right) if isinstance(node, Near) else ()


def atoms(node: Node) -> Iterator[Atom]:
    """Every atom of the tree, in the order written."""
    if isinstance(node, ATOMS):
        yield node
        return
    for part in parts_of(node):
        yield from atoms(part)


def words(node: Node) -> Iterator[Word]:
    """Every plain word of the tree, in the order written."""
    return (atom for atom in atoms(node) if isinstance(atom, Word))


def fields(node: Node) -> Iterator[str]:
    """Every field it asks for."""
    if isinstance(node, ATOMS):
        return
    if isinstance(node, In):
        yield node.field
    for part in parts_of(node):
        yield from fields(part)


def located(node: Node) -> bool:
    """Whether it has places in a text, and so may stand beside NEAR and `!`: words, and words joined by |."""
    return isinstance(node, (*ATOMS, Without, Near)) or (isinstance(node, AnyOf) and all(map(located, node.parts)))


def leaves(node: Node) -> Iterator[Node]:
    """The largest parts that have places: whether the tree is true depends on which of them stand, and on nothing else."""
    if located(node):
        yield node
        return
    for part in parts_of(node):
        yield from leaves(part)


def needs_a_word(node: Node) -> bool:
    """Whether it can be true only where one of its words stands: what the matcher relies on to find it."""
    match node:
        case Not():
            return False
        case In(_, part):
            return needs_a_word(part)
        case AllOf(parts):
            return any(map(needs_a_word, parts))
        case AnyOf(parts):
            return all(map(needs_a_word, parts))
    return True


def explain(node: Node) -> str:
    """The rule in a Chinese sentence, for people who check what they wrote."""
    match node:
        case Not(part):
            return f"不出现{_shown(part)}" if located(part) else f"并非 ({explain(part)})"
        case In(field, part):
            return f"在 {field} 里 ({explain(part)})"
        case AllOf(parts):
            return ", 且".join(f"({explain(part)})" if isinstance(part, AnyOf) else explain(part) for part in parts)
        case AnyOf(parts) if not located(node) or all(isinstance(part, Word) for part in parts):
            return ", 或".join(f"({explain(part)})" if isinstance(part, AllOf) else explain(part) for part in parts)
    return f"出现{_shown(node)}"


def _shown(node: Node) -> str:
    match node:
        case Word(written=written):
            return f"「{written}」"
        case Whole(written=written):
            return f"整词「{written}」"
        case Variant(written=written):
            return f"「{written}」或其变体"
        case Regex(written=written):
            return f"正则「{written}」"
        case Without(part, outer):
            return f"{_shown(part)}(不算{'、'.join(map(_shown, outer))}里的)"
        case Near(left, right, within, ordered):
            return f"{_shown(left)}{'在前, ' if ordered else '与'}{_shown(right)}{'在后' if ordered else ''}相隔不超过 {within} 字"
    return f"({'或'.join(map(_shown, parts_of(node)))})"
