"""`lexicon`: unmistakable words of praise and blame, and what stands before them: negation, degree, a turn of the sentence."""

import re
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from monitor.scoring.lexicon import Lexicon, load_lexicon
from monitor.scoring.sentiment.base import SPEECHLESS_ROW, Shares, softmax

BEFORE = 8  # characters before a word that say how it is meant
WEIGHT, NEUTRAL = 0.9, 0.3
TURNED = 0.5  # 不好 is less bad than 坏
AFTER_TURN, BEFORE_TURN = 1.5, 0.6
LONGEST = 4_000
_NEGATION = re.compile("并非|绝非|没有|没|不|无|未|别|非(?!常)|莫|勿|难以|谈不上|算不上")
_STRONG = re.compile("非常|特别|十分|极其|极|太|超级|超|最|真是|真|好不|十足|相当|很|巨|贼|狂|格外|尤其")
_WEAK = re.compile("有点|有些|稍微|略|还算|勉强|比较|一般")
_CLAUSE = re.compile(r"[\s,.!?;:、。…~]")
_TURN = re.compile("但是|但|可是|可惜|然而|不过|却|只是|就是")


class RulesModel:
    """Adds up the words found; √ of each side, so that a list of abuse is not surer than sure."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon

    def probabilities(self, texts: Sequence[str]) -> Shares:
        """The protocol's."""
        said = self.leanings(texts)
        silent, said = np.isnan(said), np.nan_to_num(said)
        shares = softmax(np.stack([-said, np.full(len(said), NEUTRAL), said], axis=1))
        shares[silent] = SPEECHLESS_ROW
        return shares

    def leanings(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """How far each text leans to the positive; NaN where no word of the lexicon stands."""
        return np.array([self._one(text[:LONGEST]) for text in texts], np.float64)

    def _one(self, text: str) -> float:
        sides = {"negative": 0.0, "positive": 0.0}
        turns = [turn.start() for turn in _TURN.finditer(text)]
        for label, start in self._lexicon.find_places(text):
            side, weight = _meant(label, _CLAUSE.split(text[max(0, start - BEFORE) : start])[-1])
            if turns:
                weight *= AFTER_TURN if start > turns[-1] else BEFORE_TURN
            sides[side] += weight
        if not any(sides.values()):
            return float("nan")
        return WEIGHT * float(sides["positive"] ** 0.5 - sides["negative"] ** 0.5)


def _meant(label: str, before: str) -> tuple[str, float]:
    """The side a word speaks for after what stands before it, and how loud."""
    weight = 1.5 if _STRONG.search(before) else 0.6 if _WEAK.search(before) else 1.0
    if len(_NEGATION.findall(before)) % 2 == 0:
        return label, weight
    return ("positive" if label == "negative" else "negative"), weight * TURNED


def voice(leanings: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leanings as scores of three classes beside other models': what leans to a side speaks against the neutral; silence says nothing."""
    said = np.nan_to_num(leanings)
    return np.stack([-said, -np.abs(said), said], axis=1)


@cache
def load_rules() -> RulesModel:
    """The shipped lexicon's."""
    return RulesModel(load_lexicon("polarity"))
