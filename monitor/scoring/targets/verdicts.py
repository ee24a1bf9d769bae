"""
What the cues of a scene say of its subject: the first rule that knows something decides.

Each rule gives a Verdict: steps of log-odds for negative, neutral and positive, which are added to the model's word on `focus`.
"""

from collections.abc import Callable
from typing import NamedTuple

from monitor.scoring.targets.cues import CueBook
from monitor.scoring.targets.effects import effects
from monitor.scoring.targets.negation import averted, negated
from monitor.scoring.targets.scene import Scene, within

TOLD = ("fact", "harm", "ask", "blame", "praise", "extol")
SHORT = 80  # characters: in a longer text the words of praise and blame belong to more than one may tell apart
BRIEF = 40  # … and praise in a longer one is often of somebody else, or of what would be better
LOUDEST = 1.6  # times the clear step: two plain words are sure, ten are not surer
TURNED = 1.4  # … and one behind a turn is nearly: 虽然贵，但是好


class Verdict(NamedTuple):
    """What is added to the model's word on `focus`."""

    focus: str
    negative: float = 0.0
    neutral: float = 0.0
    positive: float = 0.0


class Judge:
    """Rules over one scene; `book` holds the steps, `name` is the subject's."""

    def __init__(self, scene: Scene, book: CueBook, *, name: str) -> None:
        self._scene = scene
        self._book = book
        self._name = name
        self._short = len(scene.text) <= SHORT
        self._effects = effects(scene, book)
        self._weighing = [clause for clause in scene.clauses if clause.concerns and not clause.background]
        self._tone = scene.tone(self._weighing)

    def verdict(self) -> Verdict | None:
        """That of the first rule that knows something; None: the model's word stands."""
        rules: list[Callable[[], Verdict | None]] = [
            self._question, self._denial, self._rivalry, self._bystander, self._rhetoric, self._mockery, self._befallen, self._feeling,
            self._elsewhere,
        ]  # fmt: skip
        return next((verdict for rule in rules if (verdict := rule()) is not None), None)

    def _question(self) -> Verdict | None:
        """Somebody asks the way; nothing is told."""
        asked = [(one.start, one.end) for one in self._scene.cues if one.cue.kind == "question"]
        told = [(one.start, one.end) for one in self._scene.cues if one.cue.kind in TOLD]
        only = asked and self._scene.mine and all(any(within(one, question) for question in asked) for one in told)
        return self._neutral("clear") if only else None

    def _denial(self) -> Verdict | None:
        """What is denied is not said, unless the denial itself is not believed."""
        scene = self._scene
        told = self._short and (scene.has("harm", "fact") or self._effects.down)
        if not (scene.has("denial") or (scene.has("unsaid") and told)) or not self._spoken_of():
            return None
        if scene.has("disbelief"):
            return self._negative("decisive")
        return None if self._effects.up or scene.has("doubted") else self._neutral("decisive")

    def _rivalry(self) -> Verdict | None:
        """A verb or a comparison speaks for it or against it."""
        up, down, clear = self._effects.up, self._effects.down, self._effects.clear
        if up == down or (clear >= down > up) or (up and (self._mocked() or self._stands("ask"))):
            return None
        return Verdict(self._scene.focus(), negative=down, positive=up)

    def _bystander(self) -> Verdict | None:
        """It is only named beside what is told of others."""
        scene = self._scene
        reports = self._book.grammar.authority.search(self._name) and scene.has("harm", "verb", "fact")
        if self._effects.clear or (self._short and not self._spoken_of()) or (reports and not scene.has("blame", "ask", "mock")):
            return self._neutral("decisive")
        return None

    def _rhetoric(self) -> Verdict | None:
        """A question that is none."""
        if self._stands("extol"):
            return self._positive("decisive")
        return self._negative("decisive") if self._stands("ask") else None

    def _mockery(self) -> Verdict | None:
        """Praise that is none; a strong mark alone makes it likely."""
        if not self._short:
            return None
        if self._mocked():
            return self._negative("decisive")
        return self._negative("clear") if self._scene.mine and self._stands("mock") and not self._meant() else None

    def _mocked(self) -> bool:
        """Praise beside a grievance, or a mark beside anything bad."""
        if self._meant() and not self._scene.has("ask"):
            return False
        named = bool(self._scene.mine)
        marked = self._scene.has("mock") or (named and self._scene.has("wry"))
        return (self._scene.has("sham") and self._bad("fact")) or (marked and self._bad("fact", "blame", "harm"))

    def _meant(self) -> bool:
        """Whether praise and grievance are told apart by a turn, or something was put right."""
        return self._scene.has("turn", "mended")

    def _bad(self, *kinds: str) -> bool:
        return any(not negated(self._scene.text, one.start, 0) for one in self._scene.cues if one.cue.kind in kinds)

    def _befallen(self) -> Verdict | None:
        """What harms it is against it, however flat the words."""
        struck = [one for clause in self._weighing for one in clause.of("harm") if self._scene.struck(clause, one)]
        if self._tone > 1 or all(averted(self._scene.text, one.start, 0) for one in struck):
            return None
        return self._neutral("clear") if self._scene.has("fiction") else self._negative("decisive")

    def _feeling(self) -> Verdict | None:
        """
        The words that concern it and weigh, where a model reads them wrong: after a turn, negated, or beside what is said of others.

        Where they say nothing, a turn away from praise is blame.
        """
        scene = self._scene
        if not (scene.mine and self._short and (scene.others or scene.has("turn", "background") or scene.signed(self._weighing))):
            return None
        tone = self._tone or (-1.0 if scene.has("turn") and self._praise_left() else 0.0)
        if not tone or (tone > 0 and not self._plain(tone)):
            return None
        loud = max(abs(tone), TURNED) if scene.has("turn") else abs(tone)
        step = self._book.steps["clear"] * min(loud, LOUDEST)
        return Verdict(scene.focus(), negative=step) if tone < 0 else Verdict(scene.focus(), positive=step)

    def _plain(self, tone: float) -> bool:
        """Whether praise is meant as it stands: in few words that do not ask, with no harm beside it."""
        return len(self._scene.text) <= BRIEF and not self._asks() and (tone >= 1 or not self._stands("harm"))

    def _asks(self) -> bool:
        return any("?" in self._scene.text[clause.start : clause.end] for clause in self._weighing)

    def _praise_left(self) -> bool:
        """Whether a turn leaves praise behind, and does not only ask."""
        left = [clause for clause in self._scene.clauses if clause.concerns and clause.background]
        return not self._asks() and self._scene.tone(left) > 0

    def _elsewhere(self) -> Verdict | None:
        """Feelings about somebody else are not about it."""
        rest = [clause for clause in self._scene.clauses if not clause.concerns]
        return self._neutral("clear") if self._short and self._scene.tone(rest) else None

    def _stands(self, kind: str) -> bool:
        """Whether a cue of a kind stands, not negated, where it is spoken of."""
        undone = averted if kind == "harm" else negated
        places = ((one, clause) for clause in self._weighing for one in clause.of(kind))
        return any(not undone(self._scene.text, one.start, clause.start) for one, clause in places)

    def _spoken_of(self) -> bool:
        return any(clause.concerns for clause in self._scene.clauses)

    def _negative(self, step: str) -> Verdict:
        return Verdict(self._scene.focus(), negative=self._book.steps[step])

    def _neutral(self, step: str) -> Verdict:
        return Verdict(self._scene.focus(), neutral=self._book.steps[step])

    def _positive(self, step: str) -> Verdict:
        return Verdict(self._scene.focus(), positive=self._book.steps[step])
