"""
Which few words a rule needs: the matcher looks at a rule only where one of them stands.

Of parts joined by + one is enough, and the rarest is chosen; of parts joined by | every one is needed. How rare a word is, is
guessed from its length and from how many rules of the same library hold it: a word that many rules share would wake them all.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from monitor.scoring.rule_tree import AllOf, AnyOf, Atom, In, Near, Node, Not, Regex, Variant, Without, Word, atoms, leaves

_COMMONNESS = (1.0, 1.0, 0.1, 0.01, 0.001)  # of a word, by its length; longer ones are as rare as the last
_VARIANT = 3.0  # so much more often than the word itself
_REGEX = 1e9  # must be asked of every text: chosen only where nothing else is needed


class Choice:
    """Chooses among the words of rules that will be matched together."""

    def __init__(self, trees: Iterable[Node]) -> None:
        self._held = Counter(atom.text for tree in trees for atom in _literals(tree))

    def needed(self, tree: Node) -> tuple[Atom, ...]:
        """The words one of which stands wherever the rule holds; each once."""
        if isinstance(tree, Word):
            return (tree,)
        found = self._needed(tree)
        if found is None:
            raise AssertionError(f"{tree} needs no word: the parser refuses such a rule")
        return tuple(dict.fromkeys(found[1]))

    def telling(self, tree: Node) -> set[Atom]:
        """The words without which a text has no part of the rule, denied ones among them, and so no say in whether it holds."""
        return {atom for leaf in leaves(tree) for atom in self.needed(leaf)}

    def _needed(self, node: Node) -> tuple[float, Sequence[Atom]] | None:
        """What it costs to look for them, and the words; None where the node can be true without any."""
        match node:
            case Not():
                return None
            case AllOf(parts):
                return min(filter(None, map(self._needed, parts)), key=_cost, default=None)
            case Near(left, right):
                return min(filter(None, map(self._needed, (left, right))), key=_cost, default=None)
            case AnyOf(parts):
                return self._all(parts)
            case In(_, part) | Without(part):
                return self._needed(part)
            case Regex():
                return _REGEX, (node,)
        factor = _VARIANT if isinstance(node, Variant) else 1.0
        return factor * _COMMONNESS[min(len(node.text), 4)] * self._held[node.text], (node,)

    def _all(self, parts: Iterable[Node]) -> tuple[float, Sequence[Atom]] | None:
        cost, needed = 0.0, list[Atom]()
        for part in parts:
            found = self._needed(part)
            if found is None:
                return None
            cost += found[0]
            needed += found[1]
        return cost, needed


def _cost(found: tuple[float, Sequence[Atom]]) -> float:
    return found[0]


def _literals(tree: Node) -> Iterable[Word]:
    return () if isinstance(tree, Word) else (atom for atom in atoms(tree) if not isinstance(atom, Regex))  # type: ignore[misc]
