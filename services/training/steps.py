"""The steps of training, each leaving what it made in a folder, so that one can be repeated without the others."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from services.training.card import write
from services.training.corpus import SETS, Rows, all_texts, read_ours, read_set, unlabelled
from services.training.embeddings import Vectors
from services.training.embeddings import learn as learn_vectors
from services.training.folds import FOLDS, Answers, answers_of, split, unseen
from services.training.network import Net
from services.training.recipe import Learnt, Linear, learn
from services.training.ship import answered, ship

NAMES = ("vectors", "learn", "folds", "ship")
ONE_FOLD = "fold:"
WIDTH = 256
FOLD_MOST = 8_000  # texts of a set when whole sets are left out: seven trainings must fit into an hour


def is_step(name: str) -> bool:
    """Whether a step has this name."""
    return name in NAMES or (name.startswith(ONE_FOLD) and name.removeprefix(ONE_FOLD) in FOLDS)


@dataclass(frozen=True, slots=True)
class Steps:
    """Where everything is."""

    data: Path
    work: Path
    out: Path
    seed: int
    most: int
    staff: Rows | None = None  # what people judged, where it is wanted

    def run(self, name: str) -> None:
        """One step by its name; `fold:NAME` is one of the folds."""
        if not is_step(name):
            raise ValueError(f"no step {name}")
        if name == "vectors":
            self._vectors()
        elif name == "learn":
            self._learn()
        elif name == "folds":
            for fold in FOLDS:
                self._fold(fold)
        elif name == "ship":
            sets = self._sets()
            seen = {name: split(rows, self.seed)[1] for name, rows in sets.items()}
            held = answered(self.work, seen, sets)
            write(ship(self.out, held, read_learnt(self.work / "learnt.npz"), self._known_vectors(), sets))
        else:
            self._fold(name.removeprefix(ONE_FOLD))

    def _ours(self) -> list[Rows]:
        return [*read_ours(), *([self.staff] if self.staff else [])]

    def _sets(self, most: int | None = None) -> dict[str, Rows]:
        return {name: read_set(self.data, name, self.seed, most or self.most) for name in SETS}

    def _vectors(self) -> None:
        learnt = learn_vectors(all_texts(list(self._sets().values())) + unlabelled(self.data), WIDTH, self.seed)
        np.savez(self.work / "vectors.npz", keys=learnt.keys, vectors=learnt.vectors)

    def _known_vectors(self) -> Vectors:
        with np.load(self.work / "vectors.npz") as kept:
            return Vectors(kept["keys"], kept["vectors"])

    def _learn(self) -> None:
        """From all sets but a twentieth of each, and what that says about the twentieth."""
        vectors = self._known_vectors()
        parts = [split(rows, self.seed) for rows in self._sets().values()]
        learnt = learn([*(part for part, _ in parts), *self._ours()], vectors, self.seed)
        _keep_learnt(self.work / "learnt.npz", learnt)
        for _, kept in parts:
            _keep_answers(self.work / f"seen-{kept.name}.npz", answers_of(learnt, kept, vectors), kept)

    def _fold(self, fold: str) -> None:
        held = FOLDS[fold]
        whole, few = self._sets(), self._sets(min(self.most, FOLD_MOST))
        sets = {name: whole[name] if name in held else few[name] for name in SETS}
        for name, answers in unseen(sets, held, self._known_vectors(), self._ours(), self.seed).items():
            _keep_answers(self.work / f"unseen-{name}.npz", answers, sets[name])


def _keep_answers(path: Path, answers: Answers, rows: Rows) -> None:
    np.savez(
        path, table=answers.table, net=answers.net, emotion_table=answers.emotion_table, emotion_net=answers.emotion_net,
        tones=rows.tones, emotions=rows.emotions,
    )  # fmt: skip


def _keep_learnt(path: Path, learnt: Learnt) -> None:
    net = {f"net_{name}": getattr(learnt.net, name) for name in Net.__slots__}
    tone, emotion = learnt.tone, learnt.emotion
    np.savez(path, tone=tone.weights, tone_bias=tone.bias, emotion=emotion.weights, emotion_bias=emotion.bias, **net)


def read_learnt(path: Path) -> Learnt:
    """What `learn` kept."""
    with np.load(path) as kept:
        net = Net(*(kept[f"net_{name}"] for name in Net.__slots__))
        return Learnt(Linear(kept["tone"], kept["tone_bias"]), Linear(kept["emotion"], kept["emotion_bias"]), net)
