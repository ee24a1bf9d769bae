"""
Two sets of rules over the same mentions: what each rule and each subject would have gained and lost.

Counted is the mention; of every rule and side the first few are kept as examples. Memory grows with the rules, not with the mentions.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from monitor.mention import Mention, Raw, Scored
from monitor.score import Hit
from monitor.scoring.explaining import Asked
from monitor.scoring.matcher import Match

EXAMPLES = 3
_AROUND = 30
Key = tuple[str, str]  # a rule and its category


@dataclass
class Tally:
    """What one rule, or one subject, gained and lost, with examples of either."""

    gained: int = 0
    lost: int = 0
    examples: dict[str, list[dict[str, object]]] = field(default_factory=lambda: {"gained": [], "lost": []})

    def count(self, side: str, mention: Mention, hit: Hit | None) -> None:
        """One more."""
        setattr(self, side, getattr(self, side) + 1)
        kept = self.examples[side]
        if len(kept) < EXAMPLES and (shown := example(mention, hit))["text"] not in {one["text"] for one in kept}:
            kept.append(shown)

    def wire(self) -> dict[str, object]:
        """As JSON has it."""
        return {"gained": self.gained, "lost": self.lost, "examples": self.examples}


@dataclass
class Watched(Tally):
    """A subject: how many mentions hit it and how many of them are sensitive, by the old rules and by the new."""

    mentions: list[int] = field(default_factory=lambda: [0, 0])
    sensitive: list[int] = field(default_factory=lambda: [0, 0])


class Comparison:
    """Takes what both sides say of every mention."""

    def __init__(self) -> None:
        self.rules: dict[Key, Tally] = defaultdict(Tally)
        self.subjects: dict[str, Watched] = defaultdict(Watched)
        self.mentions = 0

    def take(self, raw: Raw, before: Sequence[Match], after: Sequence[Match]) -> None:
        """One mention."""
        for side, matches in enumerate((before, after)):
            for match in matches:
                self.subjects[match.subject].mentions[side] += 1
        if before == after:
            return
        old, new = _by_rule(before), _by_rule(after)
        self._count(self.rules, raw.mention, old, new)
        self._count(self.subjects, raw.mention, _by_subject(before), _by_subject(after))

    def judged(self, before: Iterable[Scored], after: Iterable[Scored]) -> None:
        """What the mentions came to."""
        for side, scored in enumerate((before, after)):
            for one in scored:
                self.subjects[one.score.subject].sensitive[side] += one.sensitive

    @staticmethod
    def _count(tallies: dict, mention: Mention, old: dict, new: dict) -> None:  # type: ignore[type-arg]
        for side, there, elsewhere in (("gained", new, old), ("lost", old, new)):
            for key, hit in there.items():
                if key not in elsewhere:
                    tallies[key].count(side, mention, hit)


def _by_rule(matches: Iterable[Match]) -> dict[Key, Hit]:
    found: dict[Key, Hit] = {}
    for match in matches:
        for hit in match.hits:
            found.setdefault((hit.rule, hit.category), hit)
    return found


def _by_subject(matches: Iterable[Match]) -> dict[str, Hit | None]:
    return {match.subject: next(iter(match.hits), None) for match in matches}


def example(mention: Mention, hit: Hit | None) -> dict[str, object]:
    """A mention by its identity and the words around what hit, those in 【】."""
    text = getattr(mention, hit.field, None) if hit else None
    if hit and isinstance(text, str):
        start, end = max(0, hit.start - _AROUND), hit.end + _AROUND
        said = f"{'…' * bool(start)}{text[start : hit.start]}【{hit.text}】{text[hit.end : end]}{'…' * (end < len(text))}"
    else:
        said = f"【{hit.text}】" if hit else (mention.title or mention.text)[: 2 * _AROUND]
    return {"source": mention.source, "id": mention.id, "field": hit.field if hit else "text", "text": " ".join(said.split())}


def kinds(old: Iterable[Asked], new: Iterable[Asked]) -> dict[Key, str]:
    """What became of each rule: new, removed, changed (its weight or its floor, or for whom it counts); the others are the same."""
    before, after = _known(old), _known(new)
    changed = {key: "changed" for key in before.keys() & after.keys() if before[key] != after[key]}
    return changed | dict.fromkeys(after.keys() - before.keys(), "new") | dict.fromkeys(before.keys() - after.keys(), "removed")


def owners(*rules: Iterable[Asked]) -> dict[Key, str]:
    """Whose each rule is: a library's name, or a subject's."""
    found: dict[Key, str] = {}
    for one in (one for each in rules for one in each):
        found[one.source, one.category] = f"词库 {one.library.name}" if one.library else f"主题 {one.subjects[0].name}"
    return found


def _known(rules: Iterable[Asked]) -> dict[Key, set[tuple[object, ...]]]:
    found: dict[Key, set[tuple[object, ...]]] = defaultdict(set)
    for one in rules:
        validity = (one.library.valid_from, one.library.valid_until) if one.library else ()
        found[one.source, one.category].add((one.weight, one.floor, *validity, *sorted(subject.name for subject in one.subjects)))
    return found
