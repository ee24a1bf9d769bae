"""
Texts counted once: what people said, without the copies, in bounded memory.

A text that begins or ends as one before it is a copy, whoever passed it on. Beyond the bound only every second text is kept, then every
fourth, by its own words: an even sample.
"""

import re
from hashlib import blake2b

from monitor.scoring.fold import fold
from monitor.scoring.phrases import Text

CHARACTERS = 20_000_000  # of one pile
LONGEST = 2_000  # characters of one text
_EDGE = 16  # characters by which a copy is known
_OVERHEAD = 60  # what a text costs besides its characters
_PASSED_ON = re.compile(r"//\s*@[^:：]{1,40}[:：]?|转发微博|repost")
_SIGNS = re.compile(r"\W+")
_TOPIC = re.compile(r"#[^#]{1,60}#|@[\w\-·]{1,30}")


class Corpus:
    """Takes what was said, and gives each text once."""

    def __init__(self, characters: int = CHARACTERS) -> None:
        self._bound, self._weight, self._one_of = characters, 0, 1
        self._texts: dict[int, Text] = {}  # by the digest of its words
        self._known: set[int] = set()  # the edges of what is kept
        self._authors: dict[str, int] = {}

    @property
    def one_of(self) -> int:
        """1: every text is kept; n: one of n."""
        return self._one_of

    def add(self, words: str, author: str, number: int) -> None:
        """What somebody said (""; nobody knows who); what they pass on is another's."""
        for place, part in enumerate(_PASSED_ON.split(words[:LONGEST])):
            if part:
                self._add(fold(part), author if not place else "", number)

    def _add(self, words: str, author: str, number: int) -> None:
        bare = _bare(words)
        mark, edges = _digest(bare), _edges(bare)
        if not bare or mark % self._one_of or edges & self._known:
            return
        self._known |= edges
        by = self._authors.setdefault(author or f"\0{mark}", len(self._authors))
        self._texts[mark] = Text(words, by, number)
        self._weight += len(words) + _OVERHEAD
        while self._weight > self._bound:
            self._thin()

    def _thin(self) -> None:
        self._one_of *= 2
        self._texts = {mark: text for mark, text in self._texts.items() if not mark % self._one_of}
        self._weight = sum(len(text.words) + _OVERHEAD for text in self._texts.values())
        self._known = {edge for text in self._texts.values() for edge in _edges(_bare(text.words))}

    def texts(self) -> list[Text]:
        """By author, each of them in the order in which they came."""
        return sorted(self._texts.values(), key=lambda text: (text.author, text.number))


def _bare(words: str) -> str:
    """Without signs, topics and names: many who say something of their own begin with one topic."""
    return _SIGNS.sub("", _TOPIC.sub("", words)) or _SIGNS.sub("", words)


def _edges(bare: str) -> set[int]:
    return {_digest(bare[:_EDGE]), ~_digest(bare[-_EDGE:])}


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=7).digest(), "little")
