"""
A dry run: the rules in force and those that would be, over the retained log, both decided in memory.

Nothing is written and nobody is told. Both sides begin with empty desks, and what people did is not done again, so what differs
between them is the rules' doing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from monitor.bus.base import Bus
from monitor.mention import Raw, Scored, Tick
from monitor.scoring.explaining import Asked, rules_of
from monitor.scoring.library_file import Library
from monitor.scoring.matcher import Matcher
from monitor.scoring.scorer import Scorer
from monitor.settings import Settings
from services.keywords.comparing import Comparison, kinds, owners, risks
from services.keywords.outcome import Outcome, compared
from services.keywords.pairing import edited
from services.keywords.retained import Stretch, raws_of
from services.recording.backtest import Backtest
from services.wiring import Scoring, desk_maker

_ANY_KEY = b"trial"  # pseudonyms are counted here, never shown or kept
_BATCH = 512


@dataclass(frozen=True)
class Rules:
    """One side: the settings, and the libraries that are loaded for them."""

    settings: Settings
    libraries: tuple[Library, ...]

    def asked(self) -> list[Asked]:
        """Every rule that counts for somebody."""
        return [one for one in rules_of(self.settings.subjects, self.libraries) if one.subjects or one.risk]


class _Side:
    """One set of rules at work."""

    def __init__(self, rules: Rules, scorer: Scorer) -> None:
        self.matcher = Matcher.build(rules.settings.subjects, rules.libraries, rules.settings.segmenter)
        self._score = Scoring(scorer.with_matcher(self.matcher), rules.settings, _ANY_KEY)
        self.outcome = Outcome()
        self._backtest = Backtest(desk_maker(rules.settings)(), self.outcome.take, _BATCH)
        self._offset = 0

    def decide(self, raws: Sequence[Raw]) -> list[Scored]:
        """Score and decide mentions."""
        scored = [one for one in self._score(raws) if one.score.subject]
        for one in scored:
            self._backtest.observe(one, self._offset)
            self._offset += 1
        return scored

    def end(self, at: int) -> None:
        """Time has come to there."""
        self._backtest.end(Tick(at=at, as_if=True, end=True))


class Trial:
    """Runs both sides; `report` is what they came to."""

    def __init__(self, old: Rules, new: Rules, scorer: Scorer) -> None:
        self._rules = (old.asked(), new.asked())
        self._was = edited(*self._rules)
        self._sides = (_Side(old, scorer), _Side(new, scorer))
        self._comparison = Comparison(self._was, risks(*self._rules))

    async def run(self, bus: Bus, found: Stretch, now: int, on_progress: Callable[[int], object]) -> None:
        """Through with the stretch."""
        last = 0
        async for read, raws in raws_of(bus, found, now):
            self._take(raws)
            last = max(last, raws[-1].received_at)
            on_progress(read)
        for side in self._sides if last else ():
            side.end(last)

    def _take(self, raws: Sequence[Raw]) -> None:
        """Only what hits by one of them is scored: most of a stream hits nothing."""
        old, new = self._sides
        self._comparison.mentions += len(raws)
        hitting: list[Raw] = []
        for raw in raws:
            before, after = old.matcher.match(raw.mention, raw.received_at), new.matcher.match(raw.mention, raw.received_at)
            if before or after:
                hitting.append(raw)
                self._comparison.take(raw, before, after)
        self._comparison.judged(old.decide(hitting), new.decide(hitting))

    def report(self) -> dict[str, object]:
        """What differs, as JSON has it: rules and subjects with the greatest difference first."""
        changes, whose, was = kinds(*self._rules, self._was), owners(*self._rules), self._was
        tallies = self._comparison.rules
        by_name = sorted(changes.keys() | tallies.keys())
        keys = sorted(by_name, key=lambda key: (key in changes, tallies[key].weight()), reverse=True)
        rules = [
            {"rule": key[0], "category": key[1], "owner": whose.get(key, ""), "change": changes.get(key, "same")}
            | ({"was": was[key][0]} if key in was else {})
            | tallies[key].wire()
            for key in keys
        ]
        subjects = [
            {"subject": name, "mentions": one.mentions, "sensitive": one.sensitive} | one.wire()
            for name, one in sorted(self._comparison.subjects.items(), key=lambda each: (-each[1].gained - each[1].lost, each[0]))
        ]
        alerts = compared(*(side.outcome.alerts() for side in self._sides))
        return {"mentions": self._comparison.mentions, "subjects": subjects, "rules": rules, "alerts": alerts}
