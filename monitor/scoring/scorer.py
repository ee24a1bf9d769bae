"""
The Scorer: mentions in, what they say out. Stateless but for bounded memories that change no answer.

A mention's sentiment is that of its author's own words, or of the words it passes on where it has none; its severity is that of
every word it carries. Which is why a flat repost of a deadly fire is sensitive, and a kind word about a hated brand is not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import chain
from pathlib import Path

from monitor.clock import micros
from monitor.errors import ConfigError, Problem
from monitor.mention import Mention
from monitor.score import SEVERE, Emotion, MentionScore, Score, Sentiment
from monitor.scoring.emotion import EmotionModel, as_emotions, load_emotion
from monitor.scoring.library import CHINA, load_libraries
from monitor.scoring.matcher import Matcher
from monitor.scoring.memo import Memo
from monitor.scoring.segment import FAST
from monitor.scoring.sentiment.base import SPEECHLESS, SentimentModel, as_sentiments
from monitor.scoring.sentiment.models import load_model
from monitor.scoring.severity import severity
from monitor.scoring.targeted import Heard, Settled, load_targeter
from monitor.scoring.versions import Keywords
from monitor.scoring.words import Reader, Said
from monitor.subject import Subject

REMEMBERED = 1_200_000  # characters of texts
ANSWERS = frozenset({"comment", "answer", "danmaku"})


@dataclass(frozen=True, slots=True)
class _Read:
    """A mention with its words and the moment we received it."""

    mention: Mention
    said: Said
    at: int


class Scorer:
    """Scores batches; a batch of 64 or more is cheapest, and its size changes nothing."""

    def __init__(self, matcher: Matcher, model: SentimentModel, emotion: EmotionModel) -> None:
        self._matcher = matcher
        self._model = model
        self._emotion = emotion
        self._targeter = load_targeter()
        self._reader = Reader()
        self._sentiments: Memo[Sentiment] = Memo(REMEMBERED)
        self._emotions: Memo[Emotion] = Memo(REMEMBERED)

    def score(self, batch: Sequence[Mention], at: Sequence[int] | None = None) -> list[MentionScore]:
        """
        One MentionScore a mention, in order.

        `at`: when each was received (micros), which decides what is valid; absent: as it says of itself (collected, else published).
        """
        moments = [micros(mention.collected_at or mention.published_at) for mention in batch] if at is None else at
        read = [_Read(mention, self._reader.read(mention), moment) for mention, moment in zip(batch, moments, strict=True)]
        heard = [self._targeter.hear(one.said, self._matcher.match(one.mention, one.at)) for one in read]
        whole = (text for one in read for text in (one.said.spoken, one.said.quoted))
        verdicts = (verdict for those in heard for one in those for verdict in (one.own, one.quoted) if verdict is not None)
        settled = Settled(self._judged(chain(whole, (verdict.focus for verdict in verdicts))))
        emotions = self._moved(text for one in read for text in ((one.said.faced,) if one.said.own else (one.said.faced, one.said.spoken)))
        return [self._scored(one, those, settled, emotions) for one, those in zip(read, heard, strict=True)]

    @property
    def keywords(self) -> Keywords:
        """What it scores by."""
        return self._matcher.keywords

    def with_matcher(self, matcher: Matcher) -> "Scorer":
        """A scorer of other subjects and libraries with the same models, which take a second to load."""
        return Scorer(matcher, self._model, self._emotion)

    def _judged(self, texts: Iterable[str]) -> dict[str, Sentiment]:
        """The sentiment of each distinct text; the model sees those not remembered, all at once."""
        judged = self._sentiments.all(texts, lambda missing: as_sentiments(self._model.probabilities(missing)))
        return judged | {"": SPEECHLESS}

    def _moved(self, texts: Iterable[str]) -> dict[str, Emotion]:
        """The emotion of each distinct text."""
        return self._emotions.all(texts, lambda missing: as_emotions(self._emotion.probabilities(missing)))

    def _scored(self, one: _Read, heard: Sequence[Heard], settled: Settled, emotions: dict[str, Emotion]) -> MentionScore:
        subjects = tuple(self._subject_score(one, those, settled) for those in heard)
        sentiment, felt = settled.sentiments[one.said.spoken], _felt(one.said, emotions)
        return MentionScore(one.mention.source, one.mention.id, sentiment, felt, subjects, version=self.keywords.version)

    def _subject_score(self, one: _Read, heard: Heard, settled: Settled) -> Score:
        match = heard.match
        quoted = settled.of(one.said.quoted, heard.quoted)
        sentiment = self._targeter.nodded(settled.of(one.said.spoken, heard.own), quoted, heard.nod)
        return Score(
            subject=match.subject,
            hits=match.hits,
            sentiment=sentiment,
            severity=severity(match.risk, sentiment.negative, one.mention),
            advert=heard.advert,
            passes_on=self._passes_on(one, quoted),
            floor=match.floor,
            version=self.keywords.version,
            libraries=match.libraries,
        )

    def _passes_on(self, one: _Read, quoted: Sentiment) -> bool:
        """Whether it spreads words that are themselves negative or severe."""
        mention, said = one.mention, one.said
        if not mention.quoted or not (mention.kind == "repost" or (mention.kind in ANSWERS and not said.own)):
            return False
        return quoted.label == "negative" or self._matcher.risk(mention.quoted, one.at) >= SEVERE


def _felt(said: Said, emotions: dict[str, Emotion]) -> Emotion:
    """The emotion of the own part, where a face counts; of what speaks for it where that shows none and has no words."""
    emotion = emotions[said.faced]
    return emotion if said.own or emotion.label != "none" else emotions[said.spoken]


def build_scorer(
    subjects: Sequence[Subject],
    library_paths: Sequence[Path | str] = (),
    zone: tzinfo = CHINA,
    segmenter: str = FAST,
    sentiment: str = "default",
) -> Scorer:
    """The Scorer of a configuration; ConfigError with every problem of its libraries. About a second, 110 MB, once a process."""
    matcher = build_matcher(subjects, library_paths, zone, segmenter)
    try:
        model = load_model(sentiment)
    except ValueError as wrong:
        problem = f"不是情感模型文件（{wrong}），请用 python -m services.training 写出的 table.npz"
        raise ConfigError([Problem(sentiment, 1, 0, problem)]) from wrong
    return Scorer(matcher, model, load_emotion())


def build_matcher(
    subjects: Sequence[Subject], library_paths: Sequence[Path | str] = (), zone: tzinfo = CHINA, segmenter: str = FAST
) -> Matcher:
    """The Matcher of a configuration; ConfigError as above."""
    libraries, problems = load_libraries(library_paths, zone)
    if problems:
        raise ConfigError(problems)
    return Matcher.build(subjects, libraries, segmenter)
