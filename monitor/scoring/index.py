"""
Which rules are worth a look in a text: one automaton over the words they need, one over the classes of their variants.

What it tells is necessary, not sufficient: a rule it names may not hold, a rule it does not name cannot. A rule is woken by the
rarest of its words alone, but those of every part are looked for: a text with none of them has no say, and the matcher leaves it out.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from ahocorasick_rs import AhoCorasick, Implementation

from monitor.scoring.fold import fold
from monitor.scoring.memo import Memo
from monitor.scoring.needed import Choice
from monitor.scoring.patterns import Together
from monitor.scoring.rule_tree import Atom, Node, Regex, Variant, Whole, atoms, located
from monitor.scoring.segment import FAST, make_segmenter
from monitor.scoring.variants import class_patterns, in_classes
from monitor.scoring.views import View

LONGEST = 32  # characters of a word that are looked for: more would let one rule fill the memory
STRETCH = 4_096  # characters looked through at once: a text of one character finds a word at each of them
REMEMBERED = 2_400_000  # characters of texts
TOGETHER = 50  # expressions asked as one
SHARD = 80_000  # words of one automaton: while it is built, for a fifth of a second, no other thread of the process moves
_RUN = re.compile(rf"(.)\1{{{LONGEST},}}", re.DOTALL)  # what no word tells from a shorter one
_NONE: frozenset[int] = frozenset()
_Waking = tuple[int, ...]  # numbers of rules


class Index:
    """
    Numbers rules by their order, and tells of a text the numbers of those worth a look. `loose`: rules that must see silent texts.

    The words that rules want whole are taught to the segmenter, as jieba's user words are; the other words of rules are mostly
    phrases (强烈谴责, 拉横幅), and to keep those in one piece would hide the words in them. `teaching`: the rules whose words are
    taught, where they are not these.
    """

    def __init__(self, trees: Sequence[Node], segmenter: str = FAST, teaching: Iterable[Node] | None = None) -> None:
        asked, loose, choice = _Asked(), set[int](), Choice(trees)
        for number, tree in enumerate(trees):
            needed = choice.needed(tree)
            for atom in needed:
                asked.add(atom, (number,))
            others = () if located(tree) else choice.telling(tree).difference(needed)
            for atom in others:
                if isinstance(atom, Regex):  # to ask it of every text would be too dear
                    loose.add(number)
                else:
                    asked.add(atom, ())
        self.loose = frozenset(loose)
        wholes = wholes_of(trees)
        self._segmenter = make_segmenter(segmenter, wholes if teaching is None else wholes_of(teaching)) if wholes else None
        self._words = _Automaton(asked.words) if asked.words else None
        self._classes = _Automaton(asked.classes) if asked.classes else None
        self._patterns = _Patterns(asked.patterns) if asked.patterns else None
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
        folded = fold(text) if self._words or self._patterns else None
        found: list[_Waking] = []
        if self._words and folded:
            found += self._words.found(folded)
        if self._classes:
            found += self._classes.found(in_classes(text))
        if self._patterns and folded:
            found += self._patterns.found(folded)
        return View(text, _NONE.union(*found) if found else _NONE, folded, silent=not found, segmenter=self._segmenter)


def wholes_of(trees: Iterable[Node]) -> set[str]:
    """The words that they want whole."""
    return {atom.text for tree in trees for atom in atoms(tree) if isinstance(atom, Whole)}


class _Asked:
    """What is looked for, with the numbers of the rules it wakes."""

    def __init__(self) -> None:
        self.words: dict[str, list[int]] = defaultdict(list)
        self.classes: dict[str, list[int]] = defaultdict(list)
        self.patterns: dict[str, list[int]] = defaultdict(list)

    def add(self, atom: Atom, waking: Iterable[int]) -> None:
        """Look for what stands wherever the atom does."""
        match atom:
            case Regex(pattern):
                self.patterns[pattern] += waking
            case Variant(text):
                for spelled in class_patterns(text):
                    self.classes[spelled] += waking
            case _:
                self.words[atom.text[:LONGEST]] += waking


class _Automaton:
    """Every string of a set, found in one pass; in several where there are so many that to build one would hold up the process."""

    def __init__(self, waking: Mapping[str, Sequence[int]]) -> None:
        strings = sorted(waking)
        self._waking = [tuple(waking[string]) for string in strings]
        self._overlap = max(map(len, strings), default=1) - 1
        size = -(-len(strings) // -(-len(strings) // SHARD))
        starts = range(0, len(strings), size)
        self._parts = [(at, AhoCorasick(strings[at : at + size], implementation=Implementation.ContiguousNFA)) for at in starts]

    def found(self, text: str) -> Collection[_Waking]:
        """Whom the strings in the text wake, each once."""
        if len(text) > STRETCH:
            return set(chain.from_iterable(map(self._found, self._stretches(_RUN.sub(_shortened, text)))))
        return self._found(text)

    def _found(self, text: str) -> Collection[_Waking]:
        found = set[int]()
        for start, part in self._parts:
            if matches := part.find_matches_as_indexes(text, overlapping=True):
                found.update([start + match[0] for match in matches])
        return [self._waking[string] for string in found] if found else ()

    def _stretches(self, text: str) -> Iterator[str]:
        """Overlapping by as much as a string may be cut."""
        step = STRETCH - self._overlap
        return (text[start : start + STRETCH] for start in range(0, len(text), step))


def _shortened(run: re.Match[str]) -> str:
    return run[1] * LONGEST


class _Patterns:
    """Expressions that must be asked of every text, a few of them at once."""

    def __init__(self, waking: Mapping[str, Sequence[int]]) -> None:
        patterns = sorted(waking)
        self._waking = [tuple(waking[pattern]) for pattern in patterns]
        self._parts = [(start, Together(patterns[start : start + TOGETHER])) for start in range(0, len(patterns), TOGETHER)]

    def found(self, text: str) -> list[_Waking]:
        """Whom the expressions that find something in the text wake."""
        encoded = text.encode()
        return [self._waking[start + found] for start, part in self._parts for found in part.found(encoded)]
