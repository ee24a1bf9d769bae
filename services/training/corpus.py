"""The public sets as training sees them: folded and cleaned like a mention's own words, each text once, each set bounded."""

import gzip
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.scoring.fold import fold
from monitor.scoring.words import clean
from services.training.grammar import made

MOST = 20_000  # texts of a set
NEGATIVE, NEUTRAL, POSITIVE = 0, 1, 2
UNKNOWN = -1
JUDGED = ("neg", "neu", "pos")  # as people's judgements are exported
TONES = {
    "neg": NEGATIVE, "angry": NEGATIVE, "anger": NEGATIVE, "disgust": NEGATIVE, "fear": NEGATIVE, "sad": NEGATIVE, "sadness": NEGATIVE,
    "neu": NEUTRAL, "neutral": NEUTRAL, "none": NEUTRAL,
    "pos": POSITIVE, "happy": POSITIVE, "happiness": POSITIVE, "like": POSITIVE,
}  # fmt: skip
ANGER, WORRY, SADNESS, DOUBT, SUPPORT, SURPRISE, NONE = range(7)
EMOTIONS = {
    "worry": WORRY, "support": SUPPORT,
    "angry": ANGER, "anger": ANGER, "disgust": ANGER, "fear": WORRY, "sad": SADNESS, "sadness": SADNESS, "doubt": DOUBT,
    "happy": SUPPORT, "happiness": SUPPORT, "like": SUPPORT, "surprise": SURPRISE, "neutral": NONE, "none": NONE,
}  # fmt: skip
# Sets of one origin: where one is held out, all are
FAMILIES: dict[str, tuple[str, ...]] = {
    "smp": ("smp_usual_emo",),
    "nlpcc": ("nlpcc13_emo", "nlpcc14_emo", "clue_emo"),
    "weibo100k": ("weibo100k",),
    "finance": ("stock", "finseed"),
    "reviews": ("shop10", "ecom3", "htl", "waimai", "book", "eprstmt"),
}
SETS = tuple(name for names in FAMILIES.values() for name in names)
STAFF = "staff"  # what people judged of their own mentions, if whoever trains wants that
OWN, PHRASES, MADE = "own", "phrases", "made"  # ours: what the public sets lack, in sentences, in a few words each, made from frames
WITHOUT_LABELS = ("cold", "thuc_titles", "tnews_unl")
_SIGNS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Rows:
    """Texts with what they say: tone and emotion, UNKNOWN where the set does not tell."""

    name: str
    texts: tuple[str, ...]
    tones: NDArray[np.int64]
    emotions: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)

    def chosen(self, keep: NDArray[np.int64]) -> "Rows":
        """Some of the rows."""
        return Rows(self.name, tuple(self.texts[i] for i in keep), self.tones[keep], self.emotions[keep])


def bare(text: str) -> str:
    """The text without signs: what two copies of it share."""
    return _SIGNS.sub("", text)


def read_set(folder: Path, name: str, seed: int = 1, most: int = MOST) -> Rows:
    """A labelled set: texts of two labels are left out, others stand once."""
    labels: dict[str, tuple[str, str]] = {}
    torn: set[str] = set()
    for label, text in lines(folder / f"{name}.tsv.gz"):
        key = bare(text)
        if key and labels.setdefault(key, (label, text))[0] != label:
            torn.add(key)
    kept = [row for key, row in labels.items() if key not in torn]
    order = np.sort(np.random.default_rng(seed).permutation(len(kept))[:most])
    told = [kept[i] for i in order]
    tones = np.array([TONES.get(label, UNKNOWN) for label, _ in told])
    emotions = np.array([EMOTIONS.get(label, UNKNOWN) for label, _ in told])
    return Rows(name, tuple(text for _, text in told), tones, emotions)


def read_ours() -> list[Rows]:
    """The texts written for this project, with tone and emotion: sentences, phrases many to a line, and what the grammar makes."""
    return [*(_ours(name, _written(name)) for name in (OWN, PHRASES)), _ours(MADE, made())]


class Unreadable(Exception):
    """A file that is not what it should be: where, and what is wrong."""


def read_staff(paths: Sequence[Path]) -> Rows:
    """What `yuqing sentiment export` wrote, of several files each text once; Unreadable names the line that says no label."""
    labels: dict[str, tuple[str, str]] = {}
    for path in paths:
        try:
            with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    label, tab, text = line.rstrip("\n").partition("\t")
                    if tab and label not in JUDGED:
                        raise Unreadable(f"{path}:{number}: the label is {label!r}, not one of {', '.join(JUDGED)}")
                    if not tab and not line.startswith("#") and line.strip():
                        raise Unreadable(f"{path}:{number}: no tab between label and text")
                    text = clean(fold(text))
                    if key := bare(text):
                        labels[key] = label, text
        except (OSError, EOFError, UnicodeError) as error:
            raise Unreadable(f"{path}: {error}") from error
    tones = np.array([TONES[label] for label, _ in labels.values()], np.int64)
    return Rows(STAFF, tuple(text for _, text in labels.values()), tones, np.full(len(tones), UNKNOWN))


def _written(name: str) -> list[tuple[str, str, str]]:
    lines = Path(__file__).with_name(f"{name}.tsv").read_text("utf-8").splitlines()
    parted = [line.split("\t") for line in lines if not line.startswith("#")]
    return [(tone, emotion, text) for tone, emotion, texts in parted for text in texts.split("|")]


def _ours(name: str, told: Sequence[tuple[str, str, str]]) -> Rows:
    tones = np.array([TONES.get(tone, UNKNOWN) for tone, _, _ in told])
    emotions = np.array([EMOTIONS.get(emotion, UNKNOWN) for _, emotion, _ in told])
    return Rows(name, tuple(clean(fold(text)) for _, _, text in told), tones, emotions)


def lines(path: Path) -> Iterator[tuple[str, str]]:
    """Label and text of each line, the text as the scorer would see it."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            label, _, text = line.rstrip("\n").partition("\t")
            yield label, clean(fold(text))


def all_texts(rows: Sequence[Rows]) -> list[str]:
    """The texts of several sets."""
    return [text for one in rows for text in one.texts]


def unlabelled(folder: Path) -> list[str]:
    """Texts without a tone: sets without labels, and beside the folder a stream of posts and titles of a hot list, where they are there."""
    texts = [text for name in WITHOUT_LABELS for _, text in lines(folder / f"{name}.tsv.gz")]
    stream, hot = folder.parent / "weibo-cascades-dev.jsonl.gz", folder.parent / "hot-list-daily.tsv.gz"
    if stream.exists():
        texts += sorted({said for said in _posts(stream) if said})
    if hot.exists():
        with gzip.open(hot, "rt", encoding="utf-8") as file:
            texts += [clean(fold(line.split("\t")[1])) for line in file]
    return texts


def _posts(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            post = json.loads(line)
            for words in (post.get("text"), post.get("quoted")):
                yield clean(fold(words or "").split("//@")[0])
