"""
Cutting Chinese into words: by jieba-rs, or by jieba itself, which it equals. The only place that knows either.

Both take the most probable path through the same dictionary, without a guess at unknown words (jieba's `HMM=False`): the guess
costs a time that grows with the square of the text, and what nobody has written down is no whole word to anybody.
"""

import re
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from importlib import util
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import rjieba

LONGEST = 4_000  # characters that are cut: the tone of a text is set long before, and the time must be bounded
FAST, PLAIN = "rjieba", "jieba"
_WORD = re.compile("[\u4e00-\u9fd5]{2,}")  # what the dictionary can be taught


class Segmenter(Protocol):
    """Cuts texts; the same text gives the same words."""

    def cut(self, text: str, longest: int | None = LONGEST) -> list[str]:
        """The words of the beginning of a text, punctuation and spaces among them; of all of it where `longest` is None."""
        ...

    def knows(self, word: str) -> bool:
        """Whether it is a word of its dictionary, or was taught."""
        ...


class JiebaRs:
    """jieba in Rust: some eighteen times as fast, loaded in 0.1 s, 25 MB; once more where words are taught."""

    def __init__(self, words: Collection[str] = ()) -> None:
        self._cut, self._has = rjieba.cut, rjieba.has_word  # the one that the library has loaded by itself
        if words:
            own = rjieba.Jieba()
            for word, frequency in _weighed(words, own.suggest_freq):
                own.add_word(word, frequency, None)
            self._cut, self._has = own.cut, own.has_word

    def cut(self, text: str, longest: int | None = LONGEST) -> list[str]:
        return self._cut(text[:longest], False)  # no guess at unknown words; by name it takes longer

    def knows(self, word: str) -> bool:
        return self._has(word)


class Jieba:
    """jieba itself: what the other is measured against. Loaded in 2 s, 120 MB, and only where it is chosen."""

    def __init__(self, words: Collection[str] = ()) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own, of its age
            import jieba  # noqa: PLC0415 - nobody waits for it who has not chosen it
        self._tokenizer: Any = jieba.Tokenizer()
        # Not by its initialize(): that reads, and trusts, a file that anybody may have left in the temporary folder
        self._tokenizer.FREQ, self._tokenizer.total = self._tokenizer.gen_pfdict(self._tokenizer.get_dict_file())
        self._tokenizer.initialized = True
        for word, frequency in _weighed(words, self._tokenizer.suggest_freq):
            self._tokenizer.add_word(word, frequency)

    def cut(self, text: str, longest: int | None = LONGEST) -> list[str]:
        words: list[str] = self._tokenizer.lcut(text[:longest], HMM=False)
        return words

    def knows(self, word: str) -> bool:
        return bool(self._tokenizer.FREQ.get(word))


SEGMENTERS: Mapping[str, Callable[[Collection[str]], Segmenter]] = MappingProxyType({FAST: JiebaRs, PLAIN: Jieba})


def _weighed(words: Collection[str], suggested: Callable[[str], int]) -> list[tuple[str, int]]:
    """
    New words, each as frequent as it takes to stay in one piece.

    All are weighed by the dictionary as it comes, so that their order does not count; one more than suggested, so that it is not a
    tie, which the two settle differently.
    """
    return [(word, suggested(word) + 1) for word in sorted(words)]


def make_segmenter(kind: str = FAST, words: Iterable[str] = ()) -> Segmenter:
    """A segmenter that knows these words beside its dictionary: the one of the dictionary alone where that has them all."""
    plain = load_segmenter(kind)
    new = frozenset(word for word in words if _WORD.fullmatch(word) and not plain.knows(word))
    return _taught(kind, new) if new else plain


@cache
def load_segmenter(kind: str = FAST) -> Segmenter:
    """The one that knows its dictionary alone, loaded once a process."""
    return SEGMENTERS[kind](())


@lru_cache(maxsize=2)  # before and after a reload, which mostly teaches nothing new
def _taught(kind: str, new: frozenset[str]) -> Segmenter:
    return SEGMENTERS[kind](new)


def frequencies(words: Collection[str]) -> dict[str, int]:
    """How often jieba's dictionary met each of these words; those it does not know are absent. Reads the file, not into memory."""
    return {word: met for word, met in _dictionary() if word in words}


def _dictionary() -> Iterator[tuple[str, int]]:
    """The words of jieba's dictionary, none where it is not installed."""
    found = util.find_spec("jieba")
    if found is None or found.origin is None:
        return
    with (Path(found.origin).parent / "dict.txt").open(encoding="utf-8") as dictionary:
        for line in dictionary:
            word, met, _ = line.split(" ", 2)
            yield word, int(met)
