"""
Words of harm that tell of no event: those of an exercise, a story, a memory, a lesson or a figure of speech.

What frames them are words of keywords/lexicons/unreal.yaml. A hit of a shipped risk rule in such a frame counts for nothing and names
the word (`Hit.harmless`), so everybody sees why. A rule of one's own always counts: who wrote it knows what it is for.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import yaml
from ahocorasick_rs import AhoCorasick, MatchKind

from monitor.scoring.fold import fold
from monitor.scoring.views import Span, View, bounded

SENTENCE = re.compile(r"[。！？!?；;\n]")
CLAUSE = re.compile(r"[。！？!?；;\s，,、：:…|]")
LONGEST = 2_000  # characters looked at: a frame stands near the head of a text, or nowhere that matters


class Frame(NamedTuple):
    """How far its words reach: at most so many characters to a word of harm behind them (`ahead` of it) or before them; -1: not at all."""

    name: str
    ahead: int
    behind: int
    clause: bool
    only: frozenset[str]


class Told(NamedTuple):
    """A listed word, at its place in the original text: the frames it makes, and those it makes real again."""

    start: int
    end: int
    frames: tuple[Frame, ...]
    unless: tuple[Frame, ...]


class Frames:
    """The frames of one text, in which spans are asked about."""

    def __init__(self, text: str, told: list[Told]) -> None:
        self._text = text
        self._framing = [(one, frame) for one in told for frame in one.frames]
        self._denying = [(one, frame) for one in told for frame in one.unless]

    def around(self, span: Span, category: str) -> str | None:
        """The word by which a hit of this category at this span tells of no event."""
        for one, frame in self._framing:
            ahead = one.end <= span[0]
            gap = (one.end, span[0]) if ahead else (span[1], one.start)
            if not 0 <= gap[1] - gap[0] <= (frame.ahead if ahead else frame.behind) or (frame.only and category not in frame.only):
                continue
            if not (CLAUSE if frame.clause else SENTENCE).search(self._text, *gap) and not self._real(one, frame):
                return self._text[one.start : one.end]
        return None

    def _real(self, one: Told, frame: Frame) -> bool:
        """Whether a word of the same sentence says that it happened."""
        return any(
            denied is frame and not SENTENCE.search(self._text, min(one.end, other.end), max(one.start, other.start))
            for other, denied in self._denying
        )


class Unreal:
    """Finds the frames of texts."""

    def __init__(self, data: Mapping[str, Mapping[str, Any]]) -> None:
        told: dict[str, tuple[list[Frame], list[Frame]]] = {}
        for name, listed in data.items():
            only = frozenset(listed.get("only", "").split())
            frame = Frame(name, listed.get("ahead", -1), listed.get("behind", -1), listed.get("clause", False), only)
            for key, side in (("words", 0), ("unless", 1), ("hides", None)):
                for word in map(fold, listed.get(key, "").split()):
                    entry = told.setdefault(word, ([], []))
                    if side is not None:
                        entry[side].append(frame)
        self._told = [(tuple(frames), tuple(unless)) for frames, unless in told.values()]
        self._automaton = AhoCorasick(list(told), matchkind=MatchKind.LeftmostLongest)

    def frames(self, view: View) -> Frames | None:
        """Those of a text, looked for once; None: it has none."""
        if view.frames is None:
            view.frames = (self._found(view),)
        return view.frames[0]

    def _found(self, view: View) -> Frames | None:
        head = view.folded[:LONGEST]
        found = self._automaton.find_matches_as_indexes(head)
        if not any(self._told[number][0] for number, _, _ in found):
            return None  # most texts: and only what is told of a frame is made sure of
        told = [Told(*view.original((start, end)), *self._told[number]) for number, start, end in found if bounded(head, start, end)]
        return Frames(view.text, told) if any(one.frames for one in told) else None

    def by_field(self, seen: Iterable[tuple[str, View]]) -> dict[str, Frames]:
        """Those of several texts, by their fields."""
        return {field: frames for field, view in seen if (frames := self.frames(view)) is not None}


@cache
def load_unreal() -> Unreal:
    """With the shipped frames."""
    return Unreal(yaml.safe_load(resources.files("keywords").joinpath("lexicons/unreal.yaml").read_text("utf-8")))
