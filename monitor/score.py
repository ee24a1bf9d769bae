"""A Score: what one mention says about one subject, with the Hits that made it and the shape `yuqing score` prints."""

from typing import Annotated, Literal

import msgspec

SentimentLabel = Literal["negative", "neutral", "positive"]
EmotionLabel = Literal["anger", "worry", "sadness", "doubt", "support", "surprise", "none"]
FloorWord = Literal["blue", "yellow", "orange"]
SEVERE = 0.5
Place = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Name = Annotated[str, msgspec.Meta(max_length=800)]  # what an index of PostgreSQL takes in any script


class Sentiment(msgspec.Struct, frozen=True, gc=False):
    """Probabilities that add up to 1, and the likeliest label."""

    label: SentimentLabel
    negative: float
    neutral: float
    positive: float


class Emotion(msgspec.Struct, frozen=True, gc=False):
    """Probabilities over the seven emotions, and the likeliest."""

    label: EmotionLabel
    anger: float
    worry: float
    sadness: float
    doubt: float
    support: float
    surprise: float
    none: float


class Hit(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """
    A rule that matched; `text` is the slice [start, end) in code points of that field's original words.

    `harmless`: the word beside it by which it tells of no event (a drill, a film), so that it adds nothing to severity.
    """

    rule: str
    category: str
    field: str
    text: str
    start: Place
    end: Place
    harmless: str | None = None


class Floor(msgspec.Struct, frozen=True, gc=False):
    """首条即报: one sensitive mention that this rule hits opens at once at that level."""

    level: FloorWord
    rule: str


class Score(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """
    What a mention says about one subject.

    `severity` is 0..1, by crisis terms alone from 0.5 on; `advert` marks an advertisement; `passes_on` says that the words it quotes are
    themselves negative or severe, so whoever passes them on spreads them, whatever few words of their own they add. `floor` is the
    highest of the rules that hit. `version` is that of the keyword rules it was scored by, `libraries` that of each library whose rules
    hit.
    """

    subject: Name
    hits: tuple[Hit, ...]
    sentiment: Sentiment
    severity: float
    advert: bool = False
    passes_on: bool = False
    floor: Floor | None = None
    version: str = ""
    libraries: dict[str, str] = {}

    @property
    def negative(self) -> bool:
        """Whether the author speaks ill of it."""
        return self.sentiment.label == "negative"

    @property
    def sensitive(self) -> bool:
        """Contract 1: negative or severe, and no advertisement; levels count only such mentions."""
        return (self.negative or self.severity >= SEVERE) and not self.advert


class MentionScore(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """
    Everything scored about one mention: a line of `yuqing score`.

    `role`: its author's, where somebody has looked it up; `version`: of the keyword rules, as of Score.
    """

    source: str
    id: str
    sentiment: Sentiment
    emotion: Emotion
    subjects: tuple[Score, ...]
    role: str | None = None
    version: str = ""
