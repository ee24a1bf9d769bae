"""
Cutting Chinese into words: by jieba-rs, or by jieba itself, which it equals. The only place that knows either.

Both take the most probable path through the same dictionary, without a guess at unknown words (jieba's `HMM=False`): the guess
costs a time that grows with the square of the text, and what nobody has written down is no whole word to anybody.
"""

import re
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
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


class JiebaRs:
    """jieba in Rust: some eighteen times as fast, loaded in 0.1 s, 25 MB."""

    def __init__(self, words: Collection[str] = ()) -> None:
        self._jieba = rjieba.Jieba()
        for word, frequency in _taught(words, self._jieba.has_word, self._jieba.suggest_freq):
            self._jieba.add_word(word, frequency, None)

    def cut(self, text: str, longest: int | None = LONGEST) -> list[str]:
        return self._jieba.cut(text[:longest], hmm=False)


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
        for word, frequency in _taught(words, self._tokenizer.FREQ.get, self._tokenizer.suggest_freq):
            self._tokenizer.add_word(word, frequency)

    def cut(self, text: str, longest: int | None = LONGEST) -> list[str]:
        words: list[str] = self._tokenizer.lcut(text[:longest], HMM=False)
        return words


SEGMENTERS: Mapping[str, Callable[[Collection[str]], Segmenter]] = MappingProxyType({FAST: JiebaRs, PLAIN: Jieba})


def _taught(words: Collection[str], known: Callable[[str], object], suggested: Callable[[str], int]) -> list[tuple[str, int]]:
    """
    The words that the dictionary lacks, each as frequent as it takes to stay in one piece.

    All are weighed by the dictionary as it comes, so that their order does not count; one more than suggested, so that it is not a
    tie, which the two settle differently.
    """
    new = sorted(word for word in set(words) if _WORD.fullmatch(word) and not known(word))
    return [(word, suggested(word) + 1) for word in new]


def make_segmenter(kind: str = FAST, words: Collection[str] = ()) -> Segmenter:
    """A segmenter that knows these words beside its dictionary."""
    return SEGMENTERS[kind](words)


@cache
def load_segmenter(kind: str = FAST) -> Segmenter:
    """The one that knows its dictionary alone, loaded once a process."""
    return make_segmenter(kind)


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
