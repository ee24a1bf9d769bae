"""Cutting Chinese into words by jieba's dictionary: the only place that knows jieba."""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from importlib import util
from math import log
from pathlib import Path

LONGEST = 4_000  # characters that are cut: the tone of a text is set long before, and the time must be bounded
_PIECE = re.compile(r"([\u4e00-\u9fd5a-zA-Z0-9+#&._%\-]+)|\r\n|.", re.DOTALL)
_NEVER = float("-inf")
_PREFIX = -1.0  # what the dictionary knows only as the beginning of words


class Segmenter:
    """
    jieba's dictionary and most probable path, without its guess at unknown words: its time grows with the square of the text.

    The words are those of jieba.lcut(text, HMM=False); looking up words and finding the path in one pass takes less than half its
    time, and without jieba's own modules there is less to load. `logs`: ln of how often each word was met, of all words together `total`.
    """

    def __init__(self, logs: Mapping[str, float], total: float) -> None:
        self._logs, self._total = logs, total

    def cut(self, text: str, longest: int | None = LONGEST) -> list[str]:
        """The words of the beginning of a text, punctuation and spaces among them; of all of it where `longest` is None."""
        words: list[str] = []
        for piece in _PIECE.finditer(text[:longest]):
            if piece.lastindex:
                self._cut_block(piece[0], words)
            else:
                words.append(piece[0])
        return words

    def _cut_block(self, block: str, words: list[str]) -> None:
        """The words of an unbroken stretch; Latin letters and figures that are no words stay together."""
        ends, start, loose = self._ends(block), 0, False
        while start < len(block):
            end = ends[start]
            char = end == start + 1 and block[start].isascii() and block[start].isalnum()
            if char and loose:
                words[-1] += block[start]
            else:
                words.append(block[start:end])
            start, loose = end, char

    def _ends(self, block: str) -> list[int]:
        """Where the most probable word that begins at each place ends; of equals the longest."""
        get, total, length = self._logs.get, self._total, len(block)
        best, ends = [0.0] * (length + 1), [0] * length
        after = 0.0
        for start in range(length - 1, -1, -1):
            last = start + 1
            met = get(block[start])
            if met is None:  # no word begins so
                after = best[start] = after - total
                ends[start] = last
                continue
            top = met - total + after if met >= 0.0 else _NEVER
            end = last + 1
            while end <= length and (met := get(block[start:end])) is not None:
                if met >= 0.0 and (value := met - total + best[end]) >= top:
                    top, last = value, end
                end += 1
            if top == _NEVER:
                top = after - total
            after = best[start] = top
            ends[start] = last
        return ends


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


@cache
def load_segmenter() -> Segmenter:
    """Read jieba's dictionary, once a process."""
    logs: dict[str, float] = {}
    known: dict[int, float] = {}  # one number for all words met as often
    total = 0
    for word, met in _dictionary():
        total += met
        if met not in known:
            known[met] = log(met) if met else _PREFIX
        logs[word] = known[met]
        for end in range(1, len(word)):
            logs.setdefault(word[:end], _PREFIX)
    return Segmenter(logs, log(total))
