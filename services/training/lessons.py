"""What a choice of sets teaches: labels, how much each text counts, which classes its set knows."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.training.corpus import MADE, MOST, OWN, PHRASES, STAFF, Rows
from services.training.table import NOBODYS, Lesson

RARE, COMMON = 0.3, 3.0  # bounds of what a class counts within its set
FEW = 20  # texts of an emotion a set must have to know it
OURS = {OWN: 4.0, PHRASES: 1.0, MADE: 2.0, STAFF: 1.0}  # what a text of ours counts: they are few, and what no other set has
TONES, EMOTIONS = 3, 7


class Taught(NamedTuple):
    """Texts with both lessons; a text of no known class has no weight in that lesson."""

    texts: list[str]
    tones: Lesson
    emotions: Lesson
    domains: NDArray[np.int64]


def taught(sets: Sequence[Rows]) -> Taught:
    """The lessons of several sets."""
    texts = [text for rows in sets for text in rows.texts]
    tones = [_lesson(rows.tones, TONES, 0 if rows.name in OURS else 1, len(rows), rows.name) for rows in sets]
    emotions = [_lesson(rows.emotions, EMOTIONS, 0 if rows.name in OURS else FEW, len(rows), rows.name) for rows in sets]
    domains = np.concatenate([np.full(len(rows), NOBODYS if rows.name in OURS else number) for number, rows in enumerate(sets)])
    return Taught(texts, _joined(tones), _joined(emotions), domains)


def _lesson(labels: NDArray[np.int64], classes: int, few: int, size: int, name: str) -> Lesson:
    told = labels >= 0
    counts = np.bincount(labels[told], minlength=classes)
    known = counts > few if name not in OURS else counts >= 0
    shares = np.clip(counts.sum() / np.maximum(counts, 1) / max(known.sum(), 1), RARE, COMMON)
    shares = shares * min(1.0, (MOST / size) ** 0.5) * OURS.get(name, 1.0)
    safe = np.maximum(labels, 0)
    weights = np.where(told & known[safe], shares[safe], 0.0).astype(np.float32)
    return Lesson(np.where(weights > 0, safe, int(known.argmax())), weights, np.repeat(known[None], len(labels), axis=0))


def _joined(lessons: Sequence[Lesson]) -> Lesson:
    return Lesson(
        np.concatenate([lesson.labels for lesson in lessons]),
        np.concatenate([lesson.weights for lesson in lessons]),
        np.concatenate([lesson.known for lesson in lessons]),
    )
