"""Which of six emotions a text shows: by a table learnt from labelled posts, with a lexicon of our own beside it."""

from collections.abc import Sequence
from functools import cache
from typing import get_args

import numpy as np

from monitor.score import Emotion, EmotionLabel
from monitor.scoring.lexicon import Lexicon, load_lexicon
from monitor.scoring.patterns import counts
from monitor.scoring.sentiment.base import Shares, rounded, softmax
from monitor.scoring.sentiment.grams import Grams
from monitor.scoring.sentiment.table import Scores, Table, read_weights
from monitor.scoring.words import clean

LABELS: tuple[EmotionLabel, ...] = get_args(EmotionLabel)
_PLACE: dict[str, int] = {label: place for place, label in enumerate(LABELS)}
DOUBT, NONE = LABELS.index("doubt"), LABELS.index("none")
PLAIN = 2.0 * np.eye(len(LABELS))[NONE]  # scores where nothing is said in words
FACE_ALONE = 2.5  # what a face counts more where it is all that is said
# Of the table model: how far doubt stands behind what is likeliest, and what brings it forward
DOUBT_BEHIND, DOUBTED = 3.0, 3.5
# What a short text without a word of feeling counts as plain, less with each character: the table has little to go by there
PLAIN_SHORT, SHORT = 2.4, 12
HINT = 0.4  # what a word that may belong to a plain question (为什么, 到底) counts of a pattern
MOST = 4  # words of an emotion that count
LONGEST = 4_000
# Ways to say that one does not believe it. A plain question (几点开门, 什么时候发货) is none of them.
_DOUBTS = (
    "凭(?:什么|啥)|谁信|(?:能|可|还敢)信[吗么?]|(?:真|靠谱|可信|是真|属实)的?[吗么]|真的(?:还是|假)|是真的?(?:还是|是)|真的(?:只|就|都|全)?是.{0,12}吗|是真是假|求证|没有?猫腻|(?:证据|依据|报告|真相|说法|账目|良心|监管)(?:呢|在哪|何在)"
    "|(?:到底|究竟)(?:是谁|有没有|有多少|哪|去|怎么|为什么|在|谁|是不是|花)|难道|怎么可能|(?:会|不)是?又?(?:临时工|背锅)|(?:哪里|哪儿)去了|去哪(?:里|儿)?了|为什么(?:不敢|不能|不公|不提|不查|没|偏|总)"
    "|为何(?:不|没|迟|偏)|怎么(?:每次|总是|又|会这么|这么巧)|(?:太|这么|那么|怎么这么)巧|蹊跷|(?:前后|自相)矛盾|解释不通|说(?:不|得)过去|(?:避重就轻|糊弄|忽悠|搪塞)|(?:不会|别)又?是"
    "|有(?:问题|鬼|内幕|猫腻)吧|刷的吧|(?:骗人|假|谣言)的?吧|给谁看|干什么去了|(?:请|要求|必须)(?:正面)?(?:回应|解释|公开|公布)|没有?回答|哪句是真|谁批的|是不是太|(?:物资|钱|款)在哪|质疑|怀疑|存疑|不(?:相|可)信"
)


class EmotionModel:
    """
    A calibrated table over the same features as the tone's, and the words and faces of the lexicon on top.

    Stateless, and the same words get the same answer whatever stands beside them in the batch. No public set tells doubt: it is
    patterns and words alone, measured against the likeliest of the others.
    """

    def __init__(self, table: Table, scale: Scores, word: Scores, shift: Scores, lexicon: Lexicon) -> None:
        self._table, self._scale, self._word, self._shift, self._lexicon = table, scale, word, shift, lexicon

    def probabilities(self, texts: Sequence[str]) -> Shares:
        """A row a folded text, faces like [怒] included: a share for each of LABELS, which add up to 1."""
        if not texts:
            return np.zeros((0, len(LABELS)))
        spoken = [clean(text) for text in texts]  # as the table was taught: a face is no word to it
        scores = self._table.scores(Grams.of(spoken)) * self._scale + self._shift
        words = words_found(self._lexicon, texts)
        silent = [number for number, text in enumerate(spoken) if not text]
        scores[silent] = PLAIN
        words[silent] *= FACE_ALONE
        doubts = HINT * words[:, DOUBT] ** 2 + np.array(counts(_DOUBTS, [text[:LONGEST] for text in texts]))
        scores += self._word * words
        scores[:, NONE] += _plainness(spoken, words)
        scores[:, DOUBT] = np.delete(scores, DOUBT, axis=1).max(axis=1) - DOUBT_BEHIND + DOUBTED * np.sqrt(np.minimum(doubts, MOST))
        return softmax(scores)


def _plainness(texts: Sequence[str], words: Shares) -> Shares:
    """What speaks for no feeling in each text: its shortness, where no word tells one."""
    shortness = np.maximum(0.0, 1.0 - np.array([len(text) for text in texts]) / SHORT)
    return np.where(words.any(axis=1), 0.0, PLAIN_SHORT * shortness)


def words_found(lexicon: Lexicon, texts: Sequence[str]) -> Shares:
    """The root of how many words of each label a text has, negated ones aside: a list of curses is not angrier than angry."""
    heads, width = [text[:LONGEST] for text in texts], len(LABELS)
    places = [number * width + _PLACE[label] for number, label, negated in lexicon.find_all(heads) if not negated]
    found = np.bincount(np.array(places, np.int64), minlength=len(texts) * width).reshape(-1, width)
    return np.sqrt(np.minimum(found, MOST))


def as_emotions(shares: Shares) -> list[Emotion]:
    """Each row with its likeliest label."""
    labels = [LABELS[place] for place in shares.argmax(axis=1).tolist()]
    return [Emotion(label, *row) for label, row in zip(labels, rounded(shares).tolist(), strict=True)]


@cache
def load_emotion() -> EmotionModel:
    """The shipped weights', once a process: 6 MB."""
    weights = read_weights("emotion")
    table = Table.of(weights["weights"].astype(np.int8), float(weights["unit"]), weights["bias"].astype(np.float64))
    scale, word, shift = (weights[name].astype(np.float64) for name in ("scale", "word", "shift"))
    return EmotionModel(table, scale, word, shift, load_lexicon("emotion"))
