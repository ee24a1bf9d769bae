"""Cutting Chinese into words: the only place that knows jieba."""

import warnings
from collections.abc import Collection
from functools import cache
from importlib import import_module, util
from pathlib import Path
from typing import Any

LONGEST = 4_000  # characters that are cut: the tone of a text is set long before, and the time must be bounded
_SILENT = 100  # above every level of the logger that jieba sets to DEBUG when it is imported


class Segmenter:
    """jieba's dictionary and most probable path, without its guess at unknown words: its time grows with the square of the text."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def cut(self, text: str) -> list[str]:
        """The words of the beginning of a text, punctuation and spaces among them."""
        words: list[str] = self._tokenizer.lcut(text[:LONGEST], HMM=False)
        return words


def frequencies(words: Collection[str]) -> dict[str, int]:
    """How often jieba's dictionary met each of these words; those it does not know are absent. Reads the file, not into memory."""
    found = util.find_spec("jieba")
    if found is None or found.origin is None:
        return {}
    with (Path(found.origin).parent / "dict.txt").open(encoding="utf-8") as dictionary:
        rows = (line.split(" ", 2) for line in dictionary)
        return {row[0]: int(row[1]) for row in rows if row[0] in words}


@cache
def load_segmenter() -> Segmenter:
    """Read jieba's dictionary, once a process: about 0.9 s, 100 MB with jieba's own modules."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jieba's invalid escapes, and what it says of pkg_resources
        jieba: Any = import_module("jieba")
    jieba.setLogLevel(_SILENT)
    tokenizer = jieba.Tokenizer()
    # Not initialize(): that trusts, and leaves, a marshal file under a fixed name in the shared temporary folder.
    with (Path(jieba.__file__).parent / "dict.txt").open("rb") as dictionary:
        tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(dictionary)
    tokenizer.initialized = True
    return Segmenter(tokenizer)
