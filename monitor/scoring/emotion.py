"""Which of six emotions a text shows, by a small lexicon of our own; a first, plain answer that says so by its `none`."""

from collections import Counter
from typing import get_args

from monitor.score import Emotion, EmotionLabel
from monitor.scoring.lexicon import Lexicon, load_lexicon

LABELS: tuple[EmotionLabel, ...] = get_args(EmotionLabel)
NONE_WEIGHT = 0.5  # what stands against the words found: one word makes two thirds, two four fifths

# Of most texts: one of it is remembered, not one a text
UNMOVED = Emotion(label="none", anger=0.0, worry=0.0, sadness=0.0, doubt=0.0, support=0.0, surprise=0.0, none=1.0)


class EmotionModel:
    """Shares of the emotion words found; a negated word does not count."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon

    def classify(self, folded: str) -> Emotion:
        """The emotion of a folded text, faces like [怒] included."""
        counts = Counter(label for label, negated in self._lexicon.find(folded) if not negated)
        if not counts:
            return UNMOVED
        total = counts.total() + NONE_WEIGHT
        shares = {label: round(counts[label] / total, 4) for label in LABELS} | {"none": round(NONE_WEIGHT / total, 4)}
        return Emotion(label=max(LABELS, key=lambda label: shares[label]), **shares)


def load_emotion() -> EmotionModel:
    """The shipped lexicon's."""
    return EmotionModel(load_lexicon("emotion"))
