"""Leaving whole sets out: what the recipe says about texts of a kind it has never seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from services.training.copies import near_copies
from services.training.corpus import Rows
from services.training.embeddings import Vectors
from services.training.recipe import Learnt, learn, net_scores
from services.training.table import Floats

KEPT_BACK, KEPT_LEAST, KEPT_MOST = 0.05, 400, 0.25  # of each set, to calibrate by and to tell what is had in domain; of small ones more
# What is held out together: sets of one origin, and goods' reviews that share their shops
FOLDS: dict[str, tuple[str, ...]] = {
    "smp": ("smp_usual_emo",),
    "goods": ("shop10", "ecom3", "htl", "eprstmt"),
    "finseed": ("finseed",),
    "weibo100k": ("weibo100k",),
    "nlpcc": ("nlpcc13_emo", "nlpcc14_emo", "clue_emo"),
    "stock": ("stock",),
    "waimai": ("waimai",),
}


@dataclass(frozen=True, slots=True)
class Answers:
    """What was said about the texts of a set: scores of the table and of the network, for tone and emotion."""

    table: Floats
    net: Floats
    emotion_table: Floats
    emotion_net: Floats


def unseen(sets: Mapping[str, Rows], held: Sequence[str], vectors: Vectors, ours: Sequence[Rows], seed: int = 1) -> dict[str, Answers]:
    """The answers about the held sets of a recipe that saw only the others, near-copies left out."""
    others = [*(rows for name, rows in sets.items() if name not in held), *ours]
    learnt = learn([without_copies(rows, [sets[name] for name in held]) for rows in others], vectors, seed)
    return {name: answers_of(learnt, sets[name], vectors) for name in held}


def split(rows: Rows, seed: int) -> tuple[Rows, Rows]:
    """What is taught and what is kept back, without near-copies of each other."""
    share = min(KEPT_MOST, max(KEPT_BACK, KEPT_LEAST / max(1, len(rows))))
    back = np.random.default_rng(seed).random(len(rows)) < share
    kept, taught = rows.chosen(np.flatnonzero(back)), rows.chosen(np.flatnonzero(~back))
    return taught.chosen(np.flatnonzero(~near_copies(taught.texts, kept.texts))), kept


def answers_of(learnt: Learnt, rows: Rows, vectors: Vectors) -> Answers:
    """What was learnt says about a set."""
    net, emotion_net = net_scores(learnt, rows.texts, vectors)
    return Answers(learnt.tone.scores(rows.texts), net, learnt.emotion.scores(rows.texts), emotion_net)


def without_copies(rows: Rows, held: Sequence[Rows]) -> Rows:
    """The rows that are no near-copy of what is held out."""
    others = [text for one in held for text in one.texts]
    return rows.chosen(np.flatnonzero(~near_copies(rows.texts, others)))
