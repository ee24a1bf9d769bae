"""
The Scorer: mentions in, what they say out. Stateless but for bounded memories that change no answer.

A mention's sentiment is that of its author's own words, or of the words it passes on where it has none; its severity is that of
every word it carries. Which is why a flat repost of a deadly fire is sensitive, and a kind word about a hated brand is not.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from itertools import chain
from pathlib import Path

import msgspec

from monitor.clock import micros
from monitor.errors import ConfigError, Problem
from monitor.mention import Mention
from monitor.score import SEVERE, Emotion, MentionScore, Score, Sentiment
from monitor.scoring.emotion import EmotionModel, as_emotions, load_emotion
from monitor.scoring.library import CHINA, load_libraries
from monitor.scoring.match import Match
from monitor.scoring.matcher import Asked, Matcher
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
TOLD = 4_800_000  # … of whole mentions, in which the same words passed on are counted each time
ANSWERS = frozenset({"comment", "answer", "danmaku"})


class _About(msgspec.Struct, frozen=True, gc=False):
    """What words say of one subject; `ill`: those passed on are negative or severe."""

    match: Match
    sentiment: Sentiment
    advert: bool
    ill: bool


class _Told(msgspec.Struct, frozen=True, gc=False):
    """What words say, whoever says them; `own`: whether any are the author's."""

    own: bool
    sentiment: Sentiment
    emotion: Emotion
    subjects: tuple[_About, ...]


class Scorer:
    """Scores batches; a batch of 64 or more is cheapest, and its size changes nothing."""

    def __init__(self, matcher: Matcher, model: SentimentModel, emotion: EmotionModel) -> None:
        self._matcher = matcher
        self._model = model
        self._emotion = emotion
        self._targeter = load_targeter()
        self._reader = Reader()
        self._sentiments: Memo[str, Sentiment] = Memo(REMEMBERED)
        self._emotions: Memo[str, Emotion] = Memo(REMEMBERED)
        self._told: Memo[Asked, _Told] = Memo(TOLD, _words)

    def score(self, batch: Sequence[Mention], at: Sequence[int] | None = None) -> list[MentionScore]:
        """
        One MentionScore a mention, in order.

        `at`: when each was received (micros), which decides what is valid; absent: as it says of itself (collected, else published).
        """
        moments = [micros(mention.collected_at or mention.published_at) for mention in batch] if at is None else at
        asked = list(map(self._matcher.asked, batch, moments))
        first = dict(zip(reversed(asked), zip(reversed(batch), reversed(moments), strict=True), strict=True))
        told = self._told.all(asked, lambda missing: self._read([first[one] for one in missing]))
        return [self._scored(mention, told[one]) for mention, one in zip(batch, asked, strict=True)]

    @property
    def keywords(self) -> Keywords:
        """What it scores by."""
        return self._matcher.keywords

    def with_matcher(self, matcher: Matcher, model: SentimentModel | None = None) -> "Scorer":
        """A scorer of other subjects and libraries, with the same model unless another is given."""
        return Scorer(matcher, model or self._model, self._emotion)

    def _read(self, mentions: Sequence[tuple[Mention, int]]) -> list[_Told]:
        """What the words of mentions received then say."""
        views = self._matcher.views(mention for mention, _ in mentions)
        said = [self._reader.read(mention, lambda text: views[text].folded if text else "") for mention, _ in mentions]
        matches = [self._matcher.match(mention, at, views) for mention, at in mentions]
        heard = list(map(self._targeter.hear, said, matches))
        whole = (text for one in said for text in (one.spoken, one.quoted))
        verdicts = (verdict for those in heard for one in those for verdict in (one.own, one.quoted) if verdict is not None)
        settled = Settled(self._judged(chain(whole, (verdict.focus for verdict in verdicts))))
        emotions = self._moved(text for one in said for text in ((one.faced,) if one.own else (one.faced, one.spoken)))
        severe = (self._severe(mention, at) if those else False for (mention, at), those in zip(mentions, heard, strict=True))
        return [
            _Told(bool(one.own), settled.sentiments[one.spoken], _felt(one, emotions), tuple(self._abouts(one, those, settled, severe=ill)))
            for one, those, ill in zip(said, heard, severe, strict=True)
        ]

    def _judged(self, texts: Iterable[str]) -> dict[str, Sentiment]:
        """The sentiment of each distinct text; the model sees those not remembered, all at once."""
        judged = self._sentiments.all(texts, lambda missing: as_sentiments(self._model.probabilities(missing)))
        return judged | {"": SPEECHLESS}

    def _moved(self, texts: Iterable[str]) -> dict[str, Emotion]:
        """The emotion of each distinct text."""
        return self._emotions.all(texts, lambda missing: as_emotions(self._emotion.probabilities(missing)))

    def _severe(self, mention: Mention, at: int) -> bool:
        """Whether what it passes on is severe by itself."""
        return mention.quoted is not None and self._matcher.risk(mention.quoted, at) >= SEVERE

    def _abouts(self, said: Said, heard: Sequence[Heard], settled: Settled, *, severe: bool) -> Iterator[_About]:
        for one in heard:
            quoted = settled.of(said.quoted, one.quoted)
            sentiment = self._targeter.nodded(settled.of(said.spoken, one.own), quoted, one.nod)
            yield _About(one.match, sentiment, one.advert, severe or quoted.label == "negative")

    def _scored(self, mention: Mention, told: _Told) -> MentionScore:
        version, passing = self.keywords.version, _passes(mention, told)
        subjects = tuple(
            Score(
                subject=one.match.subject,
                hits=one.match.hits,
                sentiment=one.sentiment,
                severity=severity(one.match.risk, one.sentiment.negative, mention),
                advert=one.advert,
                passes_on=passing and one.ill,
                floor=one.match.floor,
                version=version,
                libraries=one.match.libraries,
            )
            for one in told.subjects
        )
        return MentionScore(mention.source, mention.id, told.sentiment, told.emotion, subjects, version=version)


def _passes(mention: Mention, told: _Told) -> bool:
    """Whether it spreads the words it quotes."""
    return bool(mention.quoted) and (mention.kind == "repost" or (mention.kind in ANSWERS and not told.own))


def _words(asked: Asked) -> int:
    """How many characters a mention has."""
    return sum(map(len, filter(None, asked[:4])))


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
    return Scorer(build_matcher(subjects, library_paths, zone, segmenter), build_model(sentiment), load_emotion())


def build_model(sentiment: str) -> SentimentModel:
    """The model of a configuration; ConfigError where its file is none."""
    try:
        return load_model(sentiment)
    except ValueError as wrong:
        problem = f"不是情感模型文件（{wrong}），请用 python -m services.training 写出的 table.npz"
        raise ConfigError([Problem(sentiment, 1, 0, problem)]) from wrong


def build_matcher(
    subjects: Sequence[Subject], library_paths: Sequence[Path | str] = (), zone: tzinfo = CHINA, segmenter: str = FAST
) -> Matcher:
    """The Matcher of a configuration; ConfigError as above."""
    libraries, problems = load_libraries(library_paths, zone)
    if problems:
        raise ConfigError(problems)
    return Matcher.build(subjects, libraries, segmenter)
