"""
Phrases that rise in a pile of texts: what holds together, stands by itself, and is said by more people than before.

Candidates are runs of two to six characters (an ASCII word counts as one) that are frequent, whose halves belong together (mutual
information), and that have many neighbours on either side (branching entropy). They rise where a greater share of the authors use
them than in the texts before (log-likelihood ratio). Counted are authors and texts, never copies; see `corpus.py`.
"""

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress, islice
from math import log
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation

from monitor.scoring.lexicon import lexicon_words
from monitor.scoring.segment import frequencies

LONGEST = 6
LEAST = 3  # authors
SUPPORT = 10_000  # of so many authors at least one must use it
COHESION = 2.0  # ln of how much likelier the whole is than its halves by chance
FREEDOM = 0.6  # nats
SIGNIFICANT = 10.83  # of the log-likelihood ratio: p < 0.001
TIMES = 2.0
CANDIDATES = 200_000
ALIKE = 0.6  # two phrases of which one holds the other are one where their counts are so alike
EXAMPLES = 3
COMMON = 1_000  # words that the dictionary met as often (应该, 知道, 支持) say nothing by themselves
_TYPES = 1_000_000  # strings counted at once; beyond it those met once are let go
_PIECES = re.compile(r"https?://[!-~]+|@[\w\-·]{1,30}|\[[^\[\]]{1,8}\]|([\u4e00-\u9fff]+|[a-z][a-z0-9+.\-]*[a-z0-9+]|[0-9]+(?:[.:%/\-][0-9]+)*|[a-z])")
_FIRST, _LAST = 0xE000, 0xF8FF  # private characters: each stands for an ASCII word
_NUMBER = "\uf8ff"  # and the last for any number
_BREAK = "\n"


class Text(NamedTuple):
    """A text once, however often it was copied: folded words, its author's number, the number by which the caller knows it."""

    words: str
    author: int
    number: int


class Phrase(NamedTuple):
    """A phrase with the texts and authors that use it now and used it before, how sure its rise is, and examples by number."""

    words: str
    authors: int
    texts: int
    authors_before: int
    texts_before: int
    times: float
    significance: float
    cohesion: float
    freedom: float
    examples: tuple[int, ...]


class Alphabet:
    """Spells texts so that a character is a word: Chinese characters as they are, ASCII words and numbers as private ones."""

    def __init__(self) -> None:
        self._of: dict[str, str] = {}
        self._words: dict[str, str] = {_NUMBER: "0"}

    def spelled(self, text: str) -> str:
        """The runs of words, parted by breaks."""
        out: list[str] = []
        end = 0
        for found in _PIECES.finditer(text):
            word = found[1]
            gap = text[end : found.start()]
            if gap and out and not (gap.isspace() and word and (word.isascii() or out[-1] >= chr(_FIRST))):
                out.append(_BREAK)  # a space beside an ASCII word parts nothing
            end = found.end()
            out.append(_BREAK if word is None else self._sign(word) if word.isascii() else word)
        return "".join(out)

    def _sign(self, word: str) -> str:
        if word[0].isdigit():
            return _NUMBER
        known = self._of.get(word)
        if known is None:
            if len(self._of) >= _LAST - _FIRST:
                return _BREAK
            known = self._of[word] = chr(_FIRST + len(self._of))
            self._words[known] = word
        return known

    def written(self, spelled: str) -> str:
        """What was spelled, to be read; two ASCII words with a space between."""
        out = ""
        for sign in spelled:
            word = self._words.get(sign, sign)
            out += f" {word}" if out and word.isascii() and out[-1].isascii() else word
        return out


class Known:
    """What is no news: words of rules, and what is never a phrase."""

    def __init__(self, literals: Iterable[str]) -> None:
        found = {literal for literal in literals if len(literal) > 1}
        lexicon = lexicon_words("phrases")
        self._functional = frozenset(lexicon["functional"])
        self._boilerplate = tuple(lexicon["boilerplate"])
        self._all = _BREAK.join(sorted(found))
        self._literals = AhoCorasick(sorted(found) or [_BREAK], implementation=Implementation.ContiguousNFA)

    def refuses(self, phrase: str) -> bool:
        """Whether a written phrase is no news."""
        if phrase[0] in self._functional or phrase[-1] in self._functional or phrase[0] == "0" or phrase[-1] == "0":
            return True
        if any(word in phrase or phrase in word for word in self._boilerplate):
            return True
        return phrase in self._all or self._held(phrase)

    def _held(self, phrase: str) -> bool:
        """Whether the words of rules leave less than two characters of it."""
        covered = {at for _, start, end in self._literals.find_matches_as_indexes(phrase, overlapping=True) for at in range(start, end)}
        return bool(covered) and len(phrase) - len(covered) < 2  # noqa: PLR2004 - what is left would be no word


def rising(now: Sequence[Text], before: Sequence[Text], known: Known, limit: int) -> list[Phrase]:
    """The phrases that rise, the surest first."""
    alphabet = Alphabet()
    spelled = [alphabet.spelled(text.words) for text in now]
    piles = _Pile(now, spelled), _Pile(before, [alphabet.spelled(text.words) for text in before])
    cohesions = _cohesive(_BREAK.join(spelled), max(LEAST, piles[0].authors // SUPPORT))
    risen = [one for one in _risen(cohesions, *piles) if not known.refuses(alphabet.written(one.words))]
    if not risen:
        return []
    uses = piles[0].uses([one.words for one in risen])
    found = [
        one._replace(words=alphabet.written(one.words), freedom=use.freedom, examples=tuple(use.examples))
        for one, use in zip(risen, uses, strict=True) if use.freedom >= FREEDOM
    ]  # fmt: skip
    common = frequencies({one.words for one in found})
    found = [one for one in found if common.get(one.words, 0) < COMMON]
    return _apart(sorted(found, key=lambda one: (-one.significance, -len(one.words), one.words)), limit)


def _risen(cohesions: Mapping[str, float], now: "_Pile", before: "_Pile") -> Iterator[Phrase]:
    """Those that a greater share of the authors use now; all that enough use, where there is nothing before."""
    candidates = sorted(cohesions)
    for word, (authors, texts), (were, had) in zip(candidates, now.counts(candidates), before.counts(candidates), strict=True):
        if authors < LEAST:
            continue
        times, sure = 0.0, float(authors)
        if before.authors:
            times = (authors / now.authors) / ((were + 0.5) / (before.authors + 1))
            sure = significance(authors, now.authors, were, before.authors)
        if not before.authors or (times >= TIMES and sure >= SIGNIFICANT):
            yield Phrase(word, authors, texts, were, had, times, sure, cohesions[word], 0.0, ())


def significance(part: int, whole: int, part_before: int, whole_before: int) -> float:
    """The log-likelihood ratio of two shares: how hardly chance makes them differ so."""
    share = (part + part_before) / (whole + whole_before)
    return 2 * sum(
        count * log(count / expected)
        for count, expected in (
            (part, share * whole), (whole - part, (1 - share) * whole),
            (part_before, share * whole_before), (whole_before - part_before, (1 - share) * whole_before),
        )
        if count
    )  # fmt: skip


def _cohesive(pile: str, least: int) -> dict[str, float]:
    """
    The frequent strings of up to LONGEST characters whose halves belong together, and how much; each length from the one before.

    Of too many the most frequent ones.
    """
    counts = Counter(pile)
    total = len(pile) - counts.pop(_BREAK, 0)
    frequent = {sign for sign, count in counts.items() if count >= least}
    cohesions = {word: COHESION for word in frequent if word >= chr(_FIRST) and word != _NUMBER}
    marks = bytearray(sign in frequent for sign in pile)
    for size in range(2, LONGEST + 1):
        begun = _both(marks)
        more = {word: count for word, count in _counted(pile, begun, size).items() if count >= least}
        marks = bytearray(len(pile))
        for start in compress(range(len(pile)), begun):
            if pile[start : start + size] in more:
                marks[start] = 1
        counts.update(more)
        for word, count in more.items():
            cohesion = min(log(total * count / (counts[word[:cut]] * counts[word[cut:]])) for cut in range(1, size))
            if cohesion >= COHESION:
                cohesions[word] = cohesion
    return {word: cohesions[word] for word in sorted(cohesions, key=lambda word: (-counts[word], word))[:CANDIDATES]}


def _both(marks: bytearray) -> bytes:
    """Where a string is frequent at its beginning and, one character on, to its end: nowhere else may the longer one be."""
    whole = int.from_bytes(marks, "little")
    return (whole & (whole >> 8)).to_bytes(len(marks), "little")


def _counted(pile: str, begun: bytes, size: int) -> Counter[str]:
    found: Counter[str] = Counter()
    starts = compress(range(len(pile)), begun)
    while portion := [pile[start : start + size] for start in islice(starts, _TYPES)]:
        found.update(portion)
        if len(found) > _TYPES:
            found = Counter({word: count for word, count in found.items() if count > 1})
    return found


class _Pile:
    """Texts by author, spelled: who uses what."""

    def __init__(self, texts: Sequence[Text], spelled: Sequence[str]) -> None:
        self._texts, self._spelled = texts, spelled
        self.authors = len({text.author for text in texts})

    def counts(self, words: Sequence[str]) -> list[tuple[int, int]]:
        """Of each word how many authors and how many texts have it."""
        authors, texts, author = (array("l", [start]) * len(words) for start in (0, 0, -1))
        if words:
            automaton = AhoCorasick(words, implementation=Implementation.ContiguousNFA)
            for text, said in zip(self._texts, self._spelled, strict=True):
                for place in {match[0] for match in automaton.find_matches_as_indexes(said, overlapping=True)}:
                    texts[place] += 1
                    if author[place] != text.author:
                        author[place] = text.author
                        authors[place] += 1
        return list(zip(authors, texts, strict=True))

    def uses(self, words: Sequence[str]) -> "list[_Use]":
        """How each word stands among others."""
        automaton = AhoCorasick(words, implementation=Implementation.ContiguousNFA)
        uses = [_Use() for _ in words]
        for text, said in zip(self._texts, self._spelled, strict=True):
            framed = f"{_BREAK}{said}{_BREAK}"
            for place, start, end in automaton.find_matches_as_indexes(framed, overlapping=True):
                uses[place].met(text, framed[start - 1], framed[end])
        return uses


class _Use:
    """How one phrase is used; texts come by author."""

    def __init__(self) -> None:
        self.examples: list[int] = []
        self._author, self._times = -1, 0
        self._left: Counter[str] = Counter()
        self._right: Counter[str] = Counter()

    def met(self, text: Text, left: str, right: str) -> None:
        """Here it stands; a beginning or an end of a run is a neighbour like no other."""
        self._times += 1
        if text.author != self._author and len(self.examples) < EXAMPLES:
            self._author = text.author
            self.examples.append(text.number)
        self._left[left if left != _BREAK else f"{_BREAK}{self._times}"] += 1
        self._right[right if right != _BREAK else f"{_BREAK}{self._times}"] += 1

    @property
    def freedom(self) -> float:
        """The lesser of the entropies of its neighbours on either side."""
        return min(map(_entropy, (self._left, self._right)))


def _entropy(counts: Counter[str]) -> float:
    total = counts.total()
    return -sum(count / total * log(count / total) for count in counts.values()) if total else 0.0


def _apart(found: Iterable[Phrase], limit: int) -> list[Phrase]:
    """The first of them, without those that are the same phrase cut longer or shorter."""
    kept: list[Phrase] = []
    for one in found:
        if len(kept) == limit:
            break
        if not any(_same(one, other) for other in kept):
            kept.append(one)
    return kept


def _same(one: Phrase, other: Phrase) -> bool:
    within = one.words in other.words or other.words in one.words
    return within and min(one.authors, other.authors) >= ALIKE * max(one.authors, other.authors)
