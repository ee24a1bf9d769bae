"""
Which rules are worth a look in a text: one automaton over the words they need, one over the classes of their variants.

What it tells is necessary, not sufficient: a rule it names may not hold, a rule it does not name cannot. A rule is woken by the
rarest of its words alone, but those of every part are looked for: a text with none of them has no say, and the matcher leaves it out.
Of a rule that may hold across texts, number n, any of those words tells ~n as well: the text has a say in it.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain, repeat

from ahocorasick_rs import AhoCorasick, Implementation

from monitor.scoring.fold import fold
from monitor.scoring.lots import lots
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
_Woken = Collection[_Waking]


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
            for atom in () if located(tree) else choice.telling(tree):
                if isinstance(atom, Regex) and atom not in needed:  # to ask it of every text would be too dear
                    loose.add(number)
                else:
                    asked.add(atom, (~number,))
        self.loose = frozenset(loose)
        wholes = wholes_of(trees)
        self._segmenter = make_segmenter(segmenter, wholes if teaching is None else wholes_of(teaching)) if wholes else None
        self._words = _Automaton(asked.words) if asked.words else None
        self._classes = _Automaton(asked.classes) if asked.classes else None
        self._patterns = _Patterns(asked.patterns) if asked.patterns else None
        self._memo: Memo[str, View] = Memo(REMEMBERED)

    def view(self, text: str) -> View:
        """The text as rules look at it."""
        return self.views((text,))[text]

    def views(self, texts: Iterable[str]) -> dict[str, View]:
        """Each text as rules look at it."""
        return self._memo.all(texts, self._views)

    def _views(self, texts: Sequence[str]) -> list[View]:
        """What no automaton asks for is not made: most texts hold nothing, and half of the work on them is folding."""
        folded = list(map(fold, texts)) if self._words or self._patterns else None
        found: list[Sequence[_Woken]] = []
        if self._words and folded:
            found.append(self._words.found(folded))
        if self._classes:
            found.append(self._classes.found(list(map(in_classes, texts))))
        if self._patterns and folded:
            found.append(list(map(self._patterns.found, folded)))
        woken = [list(chain.from_iterable(each)) for each in zip(*found, strict=True)] if found else [[]] * len(texts)
        return list(map(self._view, texts, folded or repeat(None), woken))

    def _view(self, text: str, folded: str | None, woken: Sequence[_Waking]) -> View:
        if not woken:
            return View(text, _NONE, folded, silent=True, segmenter=self._segmenter)
        told = _NONE.union(*woken)
        joined = frozenset(~number for number in told if number < 0)
        return View(text, told - {~number for number in joined}, folded, joined=joined, segmenter=self._segmenter)


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

    def found(self, texts: Sequence[str]) -> Sequence[_Woken]:
        """Whom the strings in each text wake, each once."""
        owners: Sequence[int] = range(len(texts))
        pieces = texts
        if any(len(text) > STRETCH for text in texts):
            cut = [(number, piece) for number, text in enumerate(texts) for piece in self._pieces(text)]
            owners, pieces = [number for number, _ in cut], [piece for _, piece in cut]
        found: dict[int, set[int]] = {}
        for lot in lots(pieces):
            for first, part in self._parts:
                for match in part.find_matches_as_indexes(lot.text, overlapping=True):
                    found.setdefault(owners[lot.owner(match[1])], set()).add(first + match[0])
        return [[self._waking[string] for string in found[number]] if number in found else () for number in range(len(texts))]

    def _pieces(self, text: str) -> Iterable[str]:
        """Overlapping by as much as a string may be cut."""
        if len(text) <= STRETCH:
            return (text,)
        text, step = _RUN.sub(_shortened, text), STRETCH - self._overlap
        return [text[start : start + STRETCH] for start in range(0, len(text), step)]


def _shortened(run: re.Match[str]) -> str:
    return run[1] * LONGEST


class _Patterns:
    """Expressions that must be asked of every text, a few of them at once."""

    def __init__(self, waking: Mapping[str, Sequence[int]]) -> None:
        patterns = sorted(waking)
        self._waking = [tuple(waking[pattern]) for pattern in patterns]
        self._parts = [(start, Together(patterns[start : start + TOGETHER])) for start in range(0, len(patterns), TOGETHER)]

    def found(self, text: str) -> _Woken:
        """Whom the expressions that find something in the text wake."""
        encoded = text.encode()
        return [self._waking[start + found] for start, part in self._parts for found in part.found(encoded)]
