"""A lexicon: words under labels, found in folded text longest first, with a look at the negation before them."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import resources

import yaml
from ahocorasick_rs import AhoCorasick, MatchKind

from monitor.scoring.fold import fold
from monitor.scoring.lots import lots
from monitor.scoring.views import bounded

NEGATIONS = ("不是", "不够", "不太", "不会", "没有", "并非", "不", "没", "无", "未", "别", "非")


class Lexicon:
    """Which labels a text's words bear; a word inside a longer word of the lexicon does not count (不满 is not 满)."""

    def __init__(self, words: Mapping[str, Sequence[str]]) -> None:
        self._labels = {fold(word): label for label, listed in words.items() for word in listed}
        self._words = list(self._labels)
        self._automaton = AhoCorasick(self._words, matchkind=MatchKind.LeftmostLongest)

    def __len__(self) -> int:
        return len(self._words)

    def find(self, folded: str) -> Iterator[tuple[str, bool]]:
        """Each label met, and whether a negation stands before its word."""
        for label, start in self.find_places(folded):
            yield label, folded[max(0, start - 2) : start].endswith(NEGATIONS)

    def find_all(self, texts: Sequence[str]) -> Iterator[tuple[int, str, bool]]:
        """As `find`, of many texts at once, with the number of the text."""
        for lot in lots(texts):
            for label, start in self.find_places(lot.text):
                yield lot.owner(start), label, lot.text[max(0, start - 2) : start].endswith(NEGATIONS)

    def find_places(self, folded: str) -> Iterator[tuple[str, int]]:
        """Each label met, and where its word begins."""
        for number, start, end in self._automaton.find_matches_as_indexes(folded):
            if bounded(folded, start, end):
                yield self._labels[self._words[number]], start


def load_lexicon(name: str) -> Lexicon:
    """A shipped lexicon of keywords/lexicons."""
    return Lexicon(lexicon_words(name))


def lexicon_words(name: str) -> dict[str, list[str]]:
    """The labels of a shipped lexicon with their words, written in one string with spaces between."""
    text = resources.files("keywords").joinpath(f"lexicons/{name}.yaml").read_text("utf-8")
    return {label: words.split() for label, words in yaml.safe_load(text).items()}
