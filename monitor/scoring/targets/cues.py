"""
Cues: the words and expressions that tell of whom something is said and how it is meant.

They are data (keywords/lexicons/targeted.yaml). One automaton over all words tells at a glance which kinds a text may hold, by which most
texts are done with; only where those may matter is it made sure which cues stand.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import yaml
from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from monitor.scoring.fold import fold
from monitor.scoring.views import bounded

KINDS = (
    "praise", "blame", "fact", "harm", "turn", "shift", "background", "denial", "unsaid", "disbelief", "doubted", "agree", "disagree",
    "mock", "mended", "sham", "wry", "better", "worse", "fiction", "place", "elsewhere", "people",
)  # fmt: skip
TOLD = ("question", "ask", "extol", "verb")  # kinds that only expressions or verbs make
BITS = {kind: 1 << place for place, kind in enumerate((*KINDS, *TOLD))}
FRAMED, PAIRED, GRAVE = (1 << len(BITS) + place for place in range(3))  # frames are worth a try; … or harm may be told
NAMED = 2  # characters before a suffix that make it a name
FAR, CLOSE = 18, 1  # characters behind a verb in which its object stands
_STARTS = frozenset(',。!?;:…\n\t “”「」【】()、~"')


class Cue(NamedTuple):
    """What a word says: of a kind, and of a verb what it says of the names before and, within `reach` characters, behind it."""

    kind: str
    before: str = "-"
    behind: str = "-"
    step: float = 0.0
    reach: int = FAR


class Found(NamedTuple):
    """A cue in a text."""

    start: int
    end: int
    cue: Cue


class Tried(NamedTuple):
    """An expression that makes a cue."""

    cue: Cue
    pattern: re.Pattern[str]


class Frame(NamedTuple):
    """An expression with named groups for the names within; `pair`: said against a name only where it is compared with a known one."""

    pattern: re.Pattern[str]
    pair: bool


class Glance(NamedTuple):
    """The kinds that a text may hold, and the listed words in it, by number, with their places."""

    bits: int
    words: list[tuple[int, int, int]]


class Cues(NamedTuple):
    """The cues of a text in their order, and the frames worth a try."""

    found: tuple[Found, ...]
    frames: tuple[Frame, ...]
    bits: int


class _Entry(NamedTuple):
    """What a listed word brings: cues, those only at the beginning of a clause, expressions and frames to be tried."""

    cues: list[Cue]
    heads: list[Cue]
    tried: dict[Tried, None]
    frames: dict[Frame, None]
    edged: bool

    @property
    def bits(self) -> int:
        """The kinds it may bring."""
        cues = [*self.cues, *self.heads, *(one.cue for one in self.tried)]
        framed = {PAIRED if frame.pair else FRAMED for frame in self.frames}
        return bits_of(cue.kind for cue in cues if not _idle(cue)) | sum(framed) | (GRAVE if any(map(grave, cues)) else 0)

    @property
    def idle(self) -> bool:
        """Whether it is listed only to hide the words in it: 比赛 compares nothing."""
        return bool(self.cues) and all(map(_idle, self.cues)) and not self.heads


NOTHING = Cues((), (), 0)


class Grammar:
    """The small words around names: what is done to them, where they only tell a place, who tells of others by profession."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.passives = re.compile(_any(data["passives"]))
        self.settings = tuple(data["settings"].split())
        self.objects = re.compile(rf"(?:{_any(data['objects'])})(?:{_any(data['attributes'])}|[^,。!?]{{0,6}}的)?$")
        self.authority = re.compile(f"(?:{_any(data['authority'])})$")
        self._suffixes = re.compile(_any(data["suffixes"]))
        self._functional = frozenset(data["functional"])

    def names(self, text: str) -> Iterator[tuple[int, int]]:
        """What looks like somebody's name: two characters of a name and a suffix, none overlapping."""
        begin = 0
        suffix = self._suffixes.search(text)  # first, as few texts hold one
        while suffix:
            start, end = suffix.start() - NAMED, suffix.end()
            if start >= begin and all(map(self._names, text[start : start + NAMED])):
                yield start, end
                begin = end
            suffix = self._suffixes.search(text, max(begin, suffix.start() + 1))

    def _names(self, character: str) -> bool:
        return "\u4e00" <= character <= "\u9fff" and character not in self._functional


class CueBook:
    """Finds cues; a text without any costs one pass of an automaton."""

    def __init__(self, data: Mapping[str, Any], tones: Mapping[str, str]) -> None:
        self.steps: dict[str, float] = data["steps"]
        self.grammar = Grammar(data)
        self._entries: dict[str, _Entry] = {}
        self._learn_words(data, tones)
        self._learn_expressions(data)
        self._listed = sorted(self._entries)
        self._bits = [self._entries[word].bits for word in self._listed]
        self._automaton = AhoCorasick(self._listed, matchkind=MatchKind.LeftmostLongest, implementation=Implementation.ContiguousNFA)

    def _learn_words(self, data: Mapping[str, Any], tones: Mapping[str, str]) -> None:
        for kind, label in (("praise", "positive"), ("blame", "negative")):
            self._learn(tones[label], Cue(kind))
        for kind in KINDS:
            self._learn(data[kind], Cue(kind))
        for verb in data["verbs"]:
            reach = CLOSE if verb.get("near") else FAR
            self._learn(verb["words"], Cue("verb", verb["before"], verb["behind"], self.steps[verb["step"]], reach))

    def _learn(self, listed: str, cue: Cue) -> None:
        for word in listed.split():
            entry = self._entry(fold(word.removeprefix("^")))
            cues = entry.heads if word.startswith("^") else entry.cues
            if cue not in cues:
                cues.append(cue)

    def _learn_expressions(self, data: Mapping[str, Any]) -> None:
        """A word that holds another hides it from the automaton, so it brings the other's expressions too, unless it stands to hide it."""
        tried: dict[str, dict[Tried, None]] = defaultdict(dict)
        frames: dict[str, dict[Frame, None]] = defaultdict(dict)
        for one in data["patterns"]:
            for word in map(fold, one["if"].split()):
                tried[word][Tried(Cue(one["of"]), re.compile(one["is"]))] = None
        for one in data["frames"]:
            for word in map(fold, one["if"].split()):
                frames[word][Frame(re.compile(one["is"]), one.get("pair", False))] = None
        for word in (*tried, *frames):
            self._entry(word)
        for listed, entry in self._entries.items():
            parts = {listed[start:end] for end in range(1, len(listed) + 1) for start in range(end)}
            for word in [listed] if entry.idle else parts:
                entry.tried.update(tried.get(word, {}))
                entry.frames.update(frames.get(word, {}))

    def _entry(self, word: str) -> _Entry:
        edged = word[0].isascii() or word[-1].isascii()
        return self._entries.setdefault(word, _Entry([], [], {}, {}, edged))

    def glance(self, text: str) -> Glance:
        """What a folded text may hold; one pass of an automaton."""
        words = self._automaton.find_matches_as_indexes(text)
        bits = 0
        for number, _, _ in words:
            bits |= self._bits[number]
        return Glance(bits, words)

    def find(self, text: str, glance: Glance) -> Cues:
        """What stands in the text that was glanced at."""
        if not glance.words:
            return NOTHING
        found: list[Found] = []
        tried: dict[Tried, None] = {}
        frames: dict[Frame, None] = {}
        for number, start, end in glance.words:
            entry = self._entries[self._listed[number]]
            if entry.edged and not bounded(text, start, end):
                continue
            found += [Found(start, end, cue) for cue in entry.cues]
            if entry.heads and (not start or text[start - 1] in _STARTS):
                found += [Found(start, end, cue) for cue in entry.heads]
            tried |= entry.tried
            frames |= entry.frames
        for cue, pattern in tried:
            found += [Found(match.start(), match.end(), cue) for match in pattern.finditer(text)]
        found.sort()
        bits = bits_of({one.cue.kind for one in found}) | glance.bits & (FRAMED | PAIRED | GRAVE)
        return Cues(tuple(found), tuple(frames), bits)


def _idle(cue: Cue) -> bool:
    return cue.kind == "verb" and cue.before == cue.behind == "-"


def grave(cue: Cue) -> bool:
    """Whether it can speak against somebody in a long text, too."""
    return cue.kind == "harm" or "down" in (cue.before, cue.behind)


def bits_of(kinds: Iterable[str]) -> int:
    """These kinds as one number."""
    return sum(BITS[kind] for kind in set(kinds))


@cache
def load_cues() -> CueBook:
    """The shipped cues, once a process."""
    return CueBook(_data("targeted"), _data("polarity"))


def _any(words: str) -> str:
    return "|".join(sorted(words.split(), key=len, reverse=True))


def _data(name: str) -> Any:
    return yaml.safe_load(resources.files("keywords").joinpath(f"lexicons/{name}.yaml").read_text("utf-8"))
