"""The last step: calibrate by what was held out, write the weights and the figures of the model card."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.scoring.emotion import words_found
from monitor.scoring.lexicon import load_lexicon
from monitor.scoring.sentiment.base import Shares
from monitor.scoring.sentiment.rules import load_rules, voice
from services.training.calibrate import Calibration, Held, Scores, balanced, calibration_error, fit, joined
from services.training.corpus import DOUBT, NEUTRAL, SETS, Rows
from services.training.embeddings import Vectors
from services.training.figures import FEWEST, Labels, emotion_figures, sides, tone_figures
from services.training.folds import FOLDS
from services.training.quantise import network_arrays, table_arrays
from services.training.recipe import Learnt

GATE = 0.75  # network and lexicon are asked where the table is less sure than that
NETWORK, RULES = 0.7, 1.0  # what the network and the lexicon say beside the table
LEAN = np.array([0.1, 0.0, -0.1])  # towards the negative: a complaint that is missed costs more than one too many
OF_SEEN = 2.0  # what a text of the kinds taught counts in the calibration, one of kinds unseen 1
JUDGED = 3_000  # texts of a set that calibrate and tell the figures: more change no third digit
SEEN, UNSEEN, POOLED = "seen", "unseen", "pooled"
MIXED = "ecom3"  # its neutral is praise and blame in one text, not the plain talk that is neutral here

Kept = Mapping[str, NDArray[Any]]
All = Mapping[tuple[str, str], Kept]
Judged = tuple[Scores, Labels]
Figures = dict[str, dict[str, float]]


def ship(out: Path, held: All, learnt: Learnt, vectors: Vectors, sets: Mapping[str, Rows]) -> dict[str, Figures]:
    """Weights into `out`; the figures of the model card."""
    out.mkdir(parents=True, exist_ok=True)
    table, both = tone_calibrations(held)
    emotion = emotion_calibration(held)
    _save(out / "table.npz", table_arrays(learnt.tone) | {"scale": np.asarray(table.scales[0]), "shift": table.shift})
    texts = [text for rows in sets.values() for text in rows.texts]
    said = np.asarray(both.scales[0])
    blend = {"gate": np.array(GATE), "table": said, "network": said * NETWORK, "rules": said * RULES, "shift": both.shift}
    _save(out / "network.npz", network_arrays(learnt.net, vectors, texts) | blend)
    scales = {"scale": np.asarray(emotion.scales[0]), "word": np.asarray(emotion.scales[1]), "shift": emotion.shift}
    _save(out / "emotion.npz", table_arrays(learnt.emotion) | scales)
    return {"fast": all_figures(held, "fast"), "default": all_figures(held, "default"), "emotion": emotions_figures(held)}


def _save(path: Path, arrays: dict[str, Any]) -> None:
    """The same arrays make the same bytes: numpy dates what it packs 1980."""
    np.savez_compressed(path, **arrays)


def answered(work: Path, seen: Mapping[str, Rows], unseen: Mapping[str, Rows]) -> dict[tuple[str, str], Kept]:
    """What was said about each set held out so far, by the trained and by the lexicons, with what is true of it."""
    found: dict[tuple[str, str], Kept] = {}
    for kind, sets in ((SEEN, seen), (UNSEEN, unseen)):
        for name in SETS:
            path = work / f"{kind}-{name}.npz"
            if path.exists():
                found[kind, name] = _some(path, sets[name])
    return found


def _some(path: Path, rows: Rows) -> Kept:
    """The kept answers about at most JUDGED texts of a set."""
    chosen = np.sort(np.random.default_rng(1).permutation(len(rows))[:JUDGED])
    with np.load(path) as kept:
        return {name: array[chosen] for name, array in kept.items()} | _by_words(rows.chosen(chosen))


def _by_words(rows: Rows) -> dict[str, NDArray[Any]]:
    words = np.asarray(words_found(load_lexicon("emotion"), rows.texts))
    words[:, DOUBT] = 0.0
    return {"rules": voice(load_rules().leanings(rows.texts)), "words": words}


def tone_calibrations(held: All) -> tuple[Calibration, Calibration]:
    """That of the table, and that of all voices together for the texts the table is unsure of."""
    table = _leaning(fit(joined([tone_held(key, kept, kept["table"], kept["tones"] >= 0) for key, kept in held.items()])))
    unsure = [tone_held(key, kept, together(kept), (kept["tones"] >= 0) & _unsure(table, kept)) for key, kept in held.items()]
    return table, _leaning(fit(joined(unsure)))


def _leaning(fair: Calibration) -> Calibration:
    return Calibration(fair.scales, fair.shift + LEAN)


def together(kept: Kept) -> NDArray[Any]:
    """What all voices say, before their common scale."""
    return np.asarray(kept["table"] + NETWORK * kept["net"] + RULES * kept["rules"])


def _unsure(table: Calibration, kept: Kept) -> NDArray[np.bool_]:
    return np.asarray(table.shares(_one(kept["table"])).max(axis=1) < GATE)


def _one(scores: NDArray[Any]) -> Scores:
    return np.asarray(scores, np.float64)[None]


def tone_held(key: tuple[str, str], kept: Kept, scores: NDArray[Any], some: NDArray[Any]) -> Held:
    """A set's answers beside the truth, of some of its texts."""
    kind, name = key
    labels = kept["tones"].astype(np.int64)
    if name == MIXED:
        some = some & (labels != NEUTRAL)
    counts = np.bincount(labels[labels >= 0], minlength=3)
    known = (counts > 0) & ((name != MIXED) | (np.arange(3) != NEUTRAL))
    weights = (OF_SEEN if kind == SEEN else 1.0) / counts[labels[some]] / max(1, known.sum())
    return Held(_one(scores[some]), labels[some], np.repeat(known[None], int(some.sum()), axis=0), weights)


def shares_of(model: str, kept: Kept, table: Calibration, both: Calibration) -> Shares:
    """What a model says about a set."""
    alone = table.shares(_one(kept["table"]))
    return alone if model == "fast" else np.where(_unsure(table, kept)[:, None], both.shares(_one(together(kept))), alone)


def all_figures(held: All, model: str) -> Figures:
    """The figures of each set, and of each kind's sets as one."""
    said = answers(held, model)
    one_by_one = {f"{kind} {_fold(kind, name)}{name}": tone_figures(*judged) for (kind, name), judged in said.items()}
    return one_by_one | {f"{kind} {POOLED}": pooled(said, kind) for kind in (SEEN, UNSEEN)}


def answers(held: All, model: str) -> dict[tuple[str, str], Judged]:
    """Shares of every text and its truth: of unseen sets under a calibration that has not seen their fold either."""
    found: dict[tuple[str, str], Judged] = {}
    for names in FOLDS.values():
        if any((UNSEEN, name) in held for name in names):
            fair = tone_calibrations({key: kept for key, kept in held.items() if key[1] not in names})
            found |= {key: _judged(model, kept, fair) for key, kept in held.items() if key[0] == UNSEEN and key[1] in names}
    whole = tone_calibrations(held)
    return found | {key: _judged(model, kept, whole) for key, kept in held.items() if key[0] == SEEN}


def pooled(said: Mapping[tuple[str, str], Judged], kind: str) -> dict[str, float]:
    """ECE over all sets of a kind together: of two classes, and of three where a set's neutral is what is neutral here."""
    mine = {name: judged for (of, name), judged in said.items() if of == kind}
    two = [sides(*judged) for judged in mine.values()]
    three = [judged for name, judged in mine.items() if name != MIXED and (judged[1] == NEUTRAL).any()]
    errors = {"ece": two, "ece_of_three": [(shares[tones >= 0], tones[tones >= 0]) for shares, tones in three]}
    return {column: _error(several) for column, several in errors.items() if several}


def _error(several: Sequence[Judged]) -> float:
    weights = [balanced(labels, 3) for _, labels in several]
    shares, labels = (np.concatenate([judged[place] for judged in several]) for place in range(2))
    return calibration_error(shares, labels, np.concatenate(weights))


def _fold(kind: str, name: str) -> str:
    return next(f"{fold} " for fold, names in FOLDS.items() if name in names) if kind == UNSEEN else ""


def _judged(model: str, kept: Kept, fair: tuple[Calibration, Calibration]) -> Judged:
    return shares_of(model, kept, *fair), kept["tones"].astype(np.int64)


def emotion_calibration(held: All) -> Calibration:
    """That of the emotion table and the lexicon's words; doubt has no public labels and gets no shift."""
    calibration = fit(joined([_emotion_held(kept) for kept in held.values() if (kept["emotions"] >= 0).any()]))
    shift = calibration.shift.copy()
    shift[DOUBT] = 0.0
    return Calibration(calibration.scales, shift)


def _emotion_voices(kept: Kept) -> Scores:
    return np.stack([kept["emotion_table"], kept["words"]]).astype(np.float64)


def _emotion_held(kept: Kept) -> Held:
    labels = kept["emotions"].astype(np.int64)
    counts = np.bincount(labels[labels >= 0], minlength=kept["emotion_table"].shape[1])
    told = (labels >= 0) & (counts >= FEWEST)[np.maximum(labels, 0)]
    known = np.repeat((counts >= FEWEST)[None], int(told.sum()), axis=0)
    return Held(_emotion_voices(kept)[:, told], labels[told], known, balanced(labels[told], len(counts)))


def emotions_figures(held: All) -> Figures:
    """Macro-F1 of each set that has emotions."""
    found: Figures = {}
    for (kind, name), kept in held.items():
        if (kept["emotions"] < 0).all():
            continue
        siblings = next(names for names in FOLDS.values() if name in names)
        others = {key: one for key, one in held.items() if key[1] not in siblings} if kind == UNSEEN else held
        if all((one["emotions"] < 0).all() for one in others.values()):
            continue
        shares = emotion_calibration(others).shares(_emotion_voices(kept))
        figures = emotion_figures(shares, kept["emotions"].astype(np.int64))
        found |= {f"{kind} {name}": figures} if figures else {}
    return found
