"""What people judged, as lines that training reads: a label and the words it is about, each text once."""

import re
from collections.abc import AsyncIterator
from hashlib import blake2b
from typing import NamedTuple

from monitor.logs import visible
from monitor.score import SentimentLabel
from monitor.scoring.words import Reader
from monitor.store.sessions import ReadUnit

LABELS: dict[SentimentLabel, str] = {"negative": "neg", "neutral": "neu", "positive": "pos"}
_SIGNS = re.compile(r"[\W_]+")


class Lesson(NamedTuple):
    """A text as the model is given it (the author's own words, else those passed on), with the label a person gave it."""

    label: SentimentLabel
    text: str

    @property
    def key(self) -> bytes:
        """What texts share that differ in signs only."""
        return blake2b((_SIGNS.sub("", self.text) or self.text).encode(), digest_size=16).digest()

    @property
    def line(self) -> bytes:
        """The lesson as training reads it."""
        return f"{LABELS[self.label]}\t{self.text}\n".encode()


class Lessons:
    """
    What people say of a subject's mentions (None: of any subject's) published since then, as lessons.

    `texts`: how many there are; `torn`: how many more are called this by one person and that by another, or for another subject, so
    that they teach nothing; `gone`: how many were judged whose words are kept no more, or say nothing.
    """

    def __init__(self, unit: ReadUnit, subject: str | None, since: int) -> None:
        self._unit, self._subject, self._since = unit, subject, since
        self._labels: dict[bytes, SentimentLabel | None] = {}  # 16 bytes a text; None: torn
        self.gone = 0

    async def survey(self) -> None:
        """Look at all of them, to know which are torn."""
        async for lesson in self._all():
            if lesson is None:
                self.gone += 1
            elif self._labels.setdefault(lesson.key, lesson.label) != lesson.label:
                self._labels[lesson.key] = None

    @property
    def texts(self) -> int:
        return len(self._labels) - self.torn

    @property
    def torn(self) -> int:
        return sum(label is None for label in self._labels.values())

    def head(self, about: str) -> bytes:
        """The first line: where the lessons are from. Without a tab, so no reader takes it for one of them."""
        said = f"# yuqing sentiment export: {about}; 人的判断 {self.texts} 段, 不是随机抽样"
        return (visible(" ".join(said.split())) + "\n").encode()

    async def lines(self) -> AsyncIterator[bytes]:
        """The lessons, each text once, the first published first; after `survey`."""
        left = {key for key, label in self._labels.items() if label is not None}
        async for lesson in self._all():
            if lesson and lesson.key in left:
                left.remove(lesson.key)
                yield lesson.line

    async def _all(self) -> AsyncIterator[Lesson | None]:
        """Every judged mention; None: without words."""
        reader = Reader()
        async for portion in self._unit.opinions.all(subject=self._subject, since=self._since, judged=True):
            labelled = [(one.digest, one.judged.label) for one in portion if one.judged and one.judged.label]
            told = await self._unit.spread.told({digest for digest, _ in labelled})
            for digest, label in labelled:
                text = " ".join(reader.read(told[digest].mention).spoken.split()) if digest in told else ""
                yield Lesson(label, text) if text else None
