"""
Which rules are worth a look in a text: one automaton over the words they need, one over the classes of their variants.

What it tells is necessary, not sufficient: a rule it names may not hold, a rule it does not name cannot.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from ahocorasick_rs import AhoCorasick, Implementation

from monitor.scoring.fold import fold
from monitor.scoring.memo import Memo
from monitor.scoring.needed import Choice
from monitor.scoring.patterns import Together
from monitor.scoring.rule_tree import Node, Regex, Variant
from monitor.scoring.variants import class_patterns, in_classes
from monitor.scoring.views import View

LONGEST = 32  # characters of a word that are looked for: more would let one rule fill the memory
STRETCH = 4_096  # characters looked through at once: a text of one character finds a word at each of them
REMEMBERED = 2_400_000  # characters of texts
TOGETHER = 50  # expressions asked as one
_RUN = re.compile(rf"(.)\1{{{LONGEST},}}", re.DOTALL)  # what no word tells from a shorter one
_NONE: frozenset[int] = frozenset()


class Index:
    """Numbers rules by their order, and tells of a text the numbers of those worth a look."""

    def __init__(self, trees: Sequence[Node]) -> None:
        words: dict[str, list[int]] = defaultdict(list)
        classes: dict[str, list[int]] = defaultdict(list)
        patterns: dict[str, list[int]] = defaultdict(list)
        choice = Choice(trees)
        for number, tree in enumerate(trees):
            for atom in choice.needed(tree):
                match atom:
                    case Regex(pattern):
                        patterns[pattern].append(number)
                    case Variant(text):
                        for spelled in class_patterns(text):
                            classes[spelled].append(number)
                    case _:
                        words[atom.text[:LONGEST]].append(number)
        self._words = _Automaton(words) if words else None
        self._classes = _Automaton(classes) if classes else None
        self._patterns = _Patterns(patterns) if patterns else None
        self._memo: Memo[View] = Memo(REMEMBERED)

    def view(self, text: str) -> View:
        """The text as rules look at it."""
        view = self._memo.get(text)
        if view is None:
            view = self._view(text)
            self._memo.put(text, view)
        return view

    def _view(self, text: str) -> View:
        """What no automaton asks for is not made: most texts hold nothing, and half of the work on them is folding."""
        triggered, folded = _NONE, None
        if self._words or self._patterns:
            folded = fold(text)
            triggered = self._words.found(folded) if self._words else _NONE
        if self._classes:
            triggered |= self._classes.found(in_classes(text))
        if self._patterns and folded is not None:
            triggered |= self._patterns.found(folded)
        return View(text, triggered, folded)


class _Automaton:
    """Every string of a set, found in one pass."""

    def __init__(self, numbers: Mapping[str, Sequence[int]]) -> None:
        strings = sorted(numbers)
        self._numbers = [tuple(numbers[string]) for string in strings]
        self._overlap = max(map(len, strings), default=1) - 1
        self._automaton = AhoCorasick(strings, implementation=Implementation.ContiguousNFA)

    def found(self, text: str) -> frozenset[int]:
        """The numbers of the strings in the text."""
        if len(text) > STRETCH:
            return _NONE.union(*map(self._found, self._stretches(_RUN.sub(_shortened, text))))
        return self._found(text)

    def _found(self, text: str) -> frozenset[int]:
        matches = self._automaton.find_matches_as_indexes(text, overlapping=True)
        if not matches:
            return _NONE
        return _NONE.union(*(self._numbers[string] for string in {match[0] for match in matches}))

    def _stretches(self, text: str) -> Iterator[str]:
        """Overlapping by as much as a string may be cut."""
        step = STRETCH - self._overlap
        return (text[start : start + STRETCH] for start in range(0, len(text), step))


def _shortened(run: re.Match[str]) -> str:
    return run[1] * LONGEST


class _Patterns:
    """Expressions that must be asked of every text, a few of them at once."""

    def __init__(self, numbers: Mapping[str, Sequence[int]]) -> None:
        patterns = sorted(numbers)
        self._numbers = [numbers[pattern] for pattern in patterns]
        self._parts = [(start, Together(patterns[start : start + TOGETHER])) for start in range(0, len(patterns), TOGETHER)]

    def found(self, text: str) -> frozenset[int]:
        """The numbers of the rules whose expressions find something in the text."""
        encoded = text.encode()
        return _NONE.union(*(self._numbers[start + found] for start, part in self._parts for found in part.found(encoded)))
