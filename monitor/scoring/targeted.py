"""
Of whom it is said: turns a model's word about a text into what it says of one subject.

A model reads a text; a subject is one of those named in it. Most mentions name one subject and hold no cue: the model's word
stands. Where cues are, `targets/verdicts.py` names the clauses that concern the subject, the model is asked about those, and
steps of log-odds are added (keywords/lexicons/targeted.yaml: clear, decisive). The model's own odds are first brought
down to at most 19:1, for a rule is there where a model may be surely wrong.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from monitor.score import Sentiment, SentimentLabel
from monitor.scoring.fold import fold
from monitor.scoring.match import Match
from monitor.scoring.memo import Memo
from monitor.scoring.targets.cues import BITS, FRAMED, GRAVE, PAIRED, CueBook, Cues, Glance, bits_of, grave, load_cues
from monitor.scoring.targets.negation import SIGNS
from monitor.scoring.targets.scene import REACH, Named, Scene, harms_in, places
from monitor.scoring.targets.verdicts import SHORT, Judge, Verdict
from monitor.scoring.words import Said

LONGEST = 1_000  # characters looked at: what a text is about stands at its head
REMEMBERED = 1_200_000  # characters of texts
TONED = {"praise", "blame", "sham", "fact"}
BAD = bits_of({"blame", "fact", "harm"})
ALONE = bits_of({"denial", "ask", "extol"})  # tell something whether a name stands there or not
MARKS = bits_of({"mock", "sham"})  # … beside something bad
BY_NAME = bits_of({"question", "unsaid", "mock", "harm", "verb", "elsewhere", "place", "people", *TONED}) | FRAMED | PAIRED  # where it does
TONE, TURNS = bits_of(TONED), bits_of({"turn", "background"})
AT_LENGTH = FRAMED | GRAVE  # … even in a long text
DENIAL, DISBELIEF, DOUBTED = BITS["denial"], BITS["disbelief"], BITS["doubted"]
NODS = bits_of({"agree", "disagree"})
LABELS: tuple[SentimentLabel, ...] = ("negative", "neutral", "positive")
DIGITS = 4
FLOOR = 0.05
NOD, NOD_BY = 24, 6  # characters: longer words of one's own are no mere nod, and a nod comes first
DECISIVE, CLEAR = "decisive", "clear"


class Heard(NamedTuple):
    """One subject hit by a mention: what the rules say of the words that speak, and of those passed on; `nod` as `nods` has it."""

    match: Match
    advert: bool
    own: Verdict | None
    quoted: Verdict | None
    nod: int


class _Met(NamedTuple):
    """What is known of a text: what a glance told, and the verdicts for those whom it was asked of."""

    glance: Glance
    verdicts: dict[Named, Verdict | None]


UNKNOWN = Verdict("")
_SILENT = _Met(Glance(0, []), {})


class Targeter:
    """Finds what a text says of one of those it names."""

    def __init__(self, book: CueBook) -> None:
        self._book = book
        self._memo: Memo[str, _Met] = Memo(REMEMBERED)

    def hear(self, said: Said, matches: Sequence[Match]) -> list[Heard]:
        """What the rules say for each subject hit, of one's own words apart from the quoted ones; without any, both are the same."""
        if not matches:
            return []
        if said.own and said.quoted:  # own words beside quoted ones are seldom met again
            spoken, quoted = self._glanced(said.spoken), self._met(said.quoted)
        else:
            spoken = quoted = self._met(said.spoken)
        return [self._of_subject(said, match, named, spoken, quoted) for match, named in zip(matches, _named(matches), strict=True)]

    def _of_subject(self, said: Said, match: Match, named: Named, spoken: _Met, quoted: _Met) -> Heard:
        advert = _advert(match, said)
        own = self.unmeant(said.spoken) if advert else self._of_text(said.spoken, spoken, named)
        if not (said.own and said.quoted):
            return Heard(match, advert, own, own, 0)
        nod = self._nods(said.own, spoken.glance) if spoken.glance.bits & NODS else 0
        return Heard(match, advert, own, self._of_text(said.quoted, quoted, named), nod)

    def verdict(self, text: str, named: Named) -> Verdict | None:
        """The rules' word on the head of a folded text; None: the model's word on the whole text stands."""
        return self._of_text(text, self._met(text), named)

    def _met(self, text: str) -> _Met:
        met = self._memo.get(text)
        if met is None:
            met = self._glanced(text)
            self._memo.put(text, met)
        return met

    def _glanced(self, text: str) -> _Met:
        glance = self._book.glance(text[:LONGEST])
        return _Met(glance, {}) if glance.bits else _SILENT

    def _of_text(self, text: str, met: _Met, named: Named) -> Verdict | None:
        """What a glance excludes is not looked for."""
        bits = met.glance.bits
        if not _tells(bits) and not ((bits & BY_NAME or named.harms) and _stands(named.mine, text)):
            return None
        if met is _SILENT:
            return self._worked_out(text, met.glance, named)
        known = met.verdicts.get(named, UNKNOWN)
        if known is UNKNOWN:
            known = met.verdicts[named] = self._worked_out(text, met.glance, named)
        return known

    def _worked_out(self, whole: str, glance: Glance, named: Named) -> Verdict | None:
        """What the glance did not exclude may still turn out to be nothing."""
        text = whole[:LONGEST]
        cues = self._book.find(text, glance)
        if not _stands(named.mine, text):
            if not _tells(cues.bits):
                return None
            if cues.bits & DENIAL:
                return self._denied(whole, cues.bits)
        elif not (_tells(cues.bits) or (_tells_by_name(text, cues, named) if len(text) <= SHORT else _tells_nearby(text, cues, named))):
            return None
        verdict = Judge(Scene(text, cues, named, self._book), self._book, name=named.subject).verdict()
        return verdict if verdict is None or not self._decided(verdict) else verdict._replace(focus=whole)

    def _denied(self, whole: str, bits: int) -> Verdict | None:
        """Who says of what is passed on that it is not so says nothing of those told of there; as a Judge would find."""
        if bits & DISBELIEF:
            return Verdict(whole, negative=self._book.steps[DECISIVE])
        return None if bits & DOUBTED else self.unmeant(whole)

    def _decided(self, verdict: Verdict) -> bool:
        """Whether no word of a model can change the label: then it need not be asked about a part."""
        steps = verdict[1:]
        return max(steps) >= self._book.steps[DECISIVE] and sum(map(bool, steps)) == 1

    def nods(self, own: str) -> int:
        """1 where short words of one's own only agree with what they pass on, -1 where they only contradict it."""
        return self._nods(own, self._met(own).glance)

    def _nods(self, own: str, glance: Glance) -> int:
        if len(own) > NOD:
            return 0
        kinds = {one.cue.kind for one in self._book.find(own, glance).found if one.start <= NOD_BY}
        return ("agree" in kinds) - ("disagree" in kinds)

    def nodded(self, own: Sentiment, quoted: Sentiment, nod: int) -> Sentiment:
        """Own words that nod to the quoted ones, or shake their head at them, say the same, or the opposite."""
        if not nod or quoted.label == "neutral":
            return own
        step = self._book.steps[CLEAR]
        ill = (quoted.label == "negative") == (nod > 0)
        return settle(own, Verdict("", negative=step) if ill else Verdict("", positive=step))

    def unmeant(self, text: str) -> Verdict:
        """What an advertisement says of a name: nothing."""
        return Verdict(text, neutral=self._book.steps[DECISIVE])


class Settled:
    """The words of a model for a batch of texts, with what the rules add; worked out once for those who pass on one text."""

    def __init__(self, sentiments: dict[str, Sentiment]) -> None:
        self.sentiments = sentiments
        self._known: dict[Verdict, Sentiment] = {}

    def of(self, text: str, verdict: Verdict | None) -> Sentiment:
        """What the text says, the rules having their say."""
        if verdict is None:
            return self.sentiments[text]
        known = self._known.get(verdict)
        if known is None:
            known = self._known[verdict] = settle(self.sentiments[verdict.focus], verdict)
        return known


def settle(word: Sentiment, verdict: Verdict | None) -> Sentiment:
    """The model's word with the rules' steps added to its log-odds."""
    if verdict is None:
        return word
    shares = (max(word.negative, FLOOR), max(word.neutral, FLOOR), max(word.positive, FLOOR))
    weights = [share * math.exp(step) for share, step in zip(shares, verdict[1:], strict=True)]
    return _sentiment(weights)


def _sentiment(weights: Sequence[float]) -> Sentiment:
    """Probabilities of weights: the largest takes what rounding left, and stays the largest."""
    total, likeliest = sum(weights), weights.index(max(weights))
    rounded = [round(weight / total, DIGITS) for weight in weights]
    rounded[likeliest] = 0.0
    rounded[likeliest] = round(1.0 - sum(rounded), DIGITS)
    return Sentiment(LABELS[likeliest], *rounded)


def _tells(bits: int) -> bool:
    """Whether it tells something without a name."""
    return bool(bits & ALONE or (bits & MARKS and bits & BAD))


def _tells_by_name(text: str, cues: Cues, named: Named) -> bool:
    """Whether it may tell something of a name that stands there; one word of praise or blame a model reads as well."""
    if cues.bits & ~TONE & BY_NAME or _harmed(text, named.harms):
        return True
    toned = sum(one.cue.kind in TONED for one in cues.found)
    mixed = toned > 1 or cues.bits & TURNS or not SIGNS.isdisjoint(text) or any(word in text for word in named.others)
    return bool(toned and mixed)


def _tells_nearby(text: str, cues: Cues, named: Named) -> bool:
    """Whether anything that tells in a long text stands near a name."""
    if cues.bits & FRAMED:
        return True
    telling = [one for one in cues.found if grave(one.cue)] if cues.bits & AT_LENGTH else []
    telling += harms_in(text, named.harms)
    return bool(telling) and any(
        start - REACH <= one.start <= end + REACH for start, end in places(text, named.mine) for one in telling
    )


def _stands(words: Sequence[str], text: str) -> bool:
    return words[0] in text or (len(words) > 1 and any(word in text for word in words[1:]))  # asked of every text


def _harmed(text: str, groups: Sequence[Sequence[str]]) -> bool:
    return any(all(word in text for word in group) for group in groups)


def _named(matches: Sequence[Match]) -> list[Named]:
    """By what words each is named; the names of the others tell of whom a clause speaks."""
    names = [match.names or (fold(match.subject),) for match in matches]
    if len(matches) == 1:
        return [Named(matches[0].subject, names[0], (), matches[0].harms)]
    return [
        Named(match.subject, mine, tuple(word for other in names if other is not mine for word in other), match.harms)
        for match, mine in zip(matches, names, strict=True)
    ]


def _advert(match: Match, said: Said) -> bool:
    """An advertisement is one by its own words; a word about somebody's advertisement is not."""
    return bool(match.adverts) and bool(match.adverts if not said.own else match.adverts - {"quoted"})


def load_targeter() -> Targeter:
    """With the shipped cues."""
    return Targeter(load_cues())
