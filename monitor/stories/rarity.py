"""
Rarity: the terms of a text, and how much each tells.

A term is a pair of neighbouring characters, a foreign word, a figure with its unit, or a kind of happening (plain.py). What stands in
many texts tells little; names, places and large figures tell much. The weights are learned (rarity.tsv): figures, no texts.

After a figure with a unit, a code (a model, a flight) or a kind comes its mark, which tells nothing but that there is one of its kind: two
texts that both have one, and not the same, speak of different ones.
"""

import re
from collections.abc import Iterable
from functools import cache
from importlib import resources
from operator import add

from monitor.stories.plain import KIND, kinds, plain

RARE = 6.0  # of what the table does not know: fewer than 16 of 208,752 texts have it
_EXACT = (0.0, 6.0, 6.0, 7.0, 8.0, 10.0)  # of a figure of five digits and more, by how many there are before the zeros at its end
_DEAD = (0.0, 2.0, 4.0, 6.0, 6.0, 6.0, 6.0, 6.0, 6.0, 6.0, 7.0)  # of so many dead
_FIGURE = (0.0, 0.0, 0.0, 4.0, 6.0)  # of a bare figure by its digits
_FIRST, _AFTER = "\u4e00", "\ua000"  # Chinese characters: none is a figure
LONGEST = 400  # characters whose terms count
_YEARS = range(1990, 2036)

_NOISE = re.compile(r"https?://[\w./?=&%#:~+-]+|@[\w·-]+|\[[^\[\]\s]{1,8}\]")
_TEN_THOUSAND = re.compile(r"(?<=\d)w(?![a-z])")
_PIECE = re.compile(r"=[^\W\d_a-z]+=|[a-z][a-z0-9]*|\d+(?:\.\d+)?[^\W\da-z_]?|[^\W\d_a-z]+|[\W_]+")
MARK = "#"
_DATES = frozenset("年月日号点时分")
_OF_ANYTHING = _DATES | frozenset("百千万亿%倍成多余个第")  # units by which unlike things are counted


def terms(folded: str) -> list[str]:
    """The terms of a folded text in order, "" where one stretch of words ends and another begins."""
    clean = plain(_TEN_THOUSAND.sub("万", _NOISE.sub(" ", folded))[:LONGEST])
    found: list[str] = []
    for piece in _PIECE.findall(clean):
        if piece[0].isalpha() and not "a" <= piece[0] <= "z":
            found.extend(map(add, piece, piece[1:]))
            found.append("")
        else:
            found.extend(_of(piece))
    return found


def _of(piece: str) -> Iterable[str]:
    """The terms of a piece that does not begin with a letter, or that is foreign."""
    first = piece[0]
    if first.isdecimal():
        figure = _figure(piece)
        return ("", figure, f"{MARK}{piece[-1]}" if figure and not _counts_anything(piece[-1]) else "", "")
    if "a" <= first <= "z":
        kind = piece.rstrip("0123456789")
        return ("", piece if len(piece) > 1 else "", f"{MARK}{kind}" if kind != piece else "", "")
    if first == KIND and piece[-1] == KIND and piece[1:-1].isalpha():
        return ("", piece, f"{MARK}{KIND}", "")
    if first == "_" or not first.isalnum():
        return ("",)
    return (*(piece[i : i + 2] for i in range(len(piece) - 1)), "")


def _counts_anything(unit: str) -> bool:
    return unit.isdecimal() or unit in _OF_ANYTHING


def _figure(piece: str) -> str:
    """A large figure by itself, a small one with its unit, a year or the parts of a date not at all."""
    digits = piece.rstrip(piece[-1]) if not piece[-1].isdecimal() else piece
    if piece[-1] in _DATES:
        return ""
    whole = digits.partition(".")[0]
    if len(whole) > 2:  # noqa: PLR2004  # of three digits and more a figure tells something by itself
        return "" if len(whole) == 4 and int(whole) in _YEARS else whole  # noqa: PLR2004
    return piece if digits != piece else ""


class Known(dict[str, float]):
    """
    What sharing a term tells: ln of its rarity, above what all share; "" and a mark nothing. No bare figure is in the table.

    Of what it does not have it remembers nothing, so it stays as large as the table.
    """

    def __missing__(self, term: str) -> float:
        if _FIRST <= term < _AFTER:  # almost always
            return RARE
        if term[0] == MARK:
            return 0.0
        if term.isdecimal():
            return _FIGURE[len(term)] if len(term) < len(_FIGURE) else _EXACT[min(len(term.rstrip("0")), 5)]
        if term[-1] == "死" and term[:-1].isdecimal():
            return _DEAD[min(int(term[:-1]), 10)]
        return RARE


@cache
def known() -> Known:
    """What each term tells; the table is read once, at the first text."""
    weights = Known({"": 0.0} | kinds())
    for line in resources.files("monitor.stories").joinpath("rarity.tsv").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            value, _, known = line.partition("\t")
            weights.update(dict.fromkeys(known.split(" "), float(value)))
    return weights
