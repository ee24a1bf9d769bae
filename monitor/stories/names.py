"""A subject's own names: what all its mentions say, so that sharing it tells nothing about what happened."""

import re
from collections.abc import Iterable

MOST = 64
_WORD = re.compile(r"[^\W_]{2,}")
_OPERATORS = re.compile(r"\b(?:NEAR|BEFORE)/\d+|\b[a-z]+:|/[^/]*/")


def own_names(name: str, rules: Iterable[str]) -> tuple[str, ...]:
    """The subject's name and the words of its keyword rules (contract 7), the first of them; regexes name nothing."""
    words = (word for rule in rules for word in _WORD.findall(_OPERATORS.sub(" ", rule)))
    return tuple(dict.fromkeys((name, *words)))[:MOST]
