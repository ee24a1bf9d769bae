"""
Two sets of rules over the same mentions: what each rule and each subject would have gained and lost.

Gained is a mention that did not hit the subject before, lost one that hits it no more; what other rules hit on both sides is counted
beside. An edited rule is held against what it was. Of every rule and side the first few mentions are kept as examples: memory grows
with the rules, not with the mentions.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from monitor.mention import Mention, Raw, Scored
from monitor.score import Hit
from monitor.scoring.explaining import Asked
from monitor.scoring.match import Match
from services.keywords.pairing import Key, owner_of

EXAMPLES = 3
_AROUND = 30


@dataclass
class Tally:
    """
    What one rule, or one subject, gained and lost, with examples of either.

    `already`: what the rule hits now and did not, while others did before; `still`: what it hits no more, while others do.
    """

    gained: int = 0
    lost: int = 0
    already: int = 0
    still: int = 0
    examples: dict[str, list[dict[str, object]]] = field(default_factory=lambda: {"gained": [], "lost": []})

    def count(self, side: str, mention: Mention, hit: Hit | None) -> None:
        """One more."""
        setattr(self, side, getattr(self, side) + 1)
        kept = self.examples[side]
        if len(kept) < EXAMPLES and (shown := example(mention, hit))["text"] not in {one["text"] for one in kept}:
            kept.append(shown)

    def weight(self) -> tuple[int, int]:
        """How much it differs: first what subjects gain and lose."""
        return self.gained + self.lost, self.already + self.still

    def wire(self) -> dict[str, object]:
        """As JSON has it."""
        return {"gained": self.gained, "lost": self.lost, "already": self.already, "still": self.still, "examples": self.examples}


@dataclass
class Watched(Tally):
    """A subject: how many mentions hit it and how many of them are sensitive, by the old rules and by the new."""

    mentions: list[int] = field(default_factory=lambda: [0, 0])
    sensitive: list[int] = field(default_factory=lambda: [0, 0])


class Comparison:
    """Takes what both sides say of every mention. `was`: what edited rules were; `risks`: rules that only add a risk to what hits."""

    def __init__(self, was: Mapping[Key, Key], risks: Collection[Key]) -> None:
        self.rules: dict[Key, Tally] = defaultdict(Tally)
        self.subjects: dict[str, Watched] = defaultdict(Watched)
        self.mentions = 0
        self._became = {old: new for new, old in was.items()}
        self._risks = risks

    def take(self, raw: Raw, before: Sequence[Match], after: Sequence[Match]) -> None:
        """One mention."""
        for side, matches in enumerate((before, after)):
            for match in matches:
                self.subjects[match.subject].mentions[side] += 1
        if before == after:
            return
        old, new = _by_subject(before), _by_subject(after)
        for name, hit in _beyond(new, old):
            self.subjects[name].count("gained", raw.mention, hit)
        for name, hit in _beyond(old, new):
            self.subjects[name].count("lost", raw.mention, hit)
        by_old, by_new = self._by_rule(before), self._by_rule(after)
        self._count(raw.mention, by_new, by_old, old.keys(), ("gained", "already"))
        self._count(raw.mention, by_old, by_new, new.keys(), ("lost", "still"))

    def _by_rule(self, matches: Iterable[Match]) -> dict[Key, tuple[Hit, set[str]]]:
        """The first hit of each rule, an edited one by what it is now, and the subjects that it made the mention a hit of."""
        found: dict[Key, tuple[Hit, set[str]]] = {}
        for match in matches:
            for hit in match.hits:
                key = hit.rule, hit.category
                found.setdefault(self._became.get(key, key), (hit, set()))[1].add(match.subject)
        return found

    def _count(
        self, mention: Mention, there: Mapping[Key, tuple[Hit, set[str]]], elsewhere: Collection[Key], subjects: Collection[str],
        sides: tuple[str, str],
    ) -> None:  # fmt: skip
        """What rules hit on one side only; `subjects`: those that the mention hits on the other."""
        for key, (hit, mine) in there.items():
            if key in elsewhere:
                continue
            if key in self._risks or not mine <= set(subjects):
                self.rules[key].count(sides[0], mention, hit)
            else:
                setattr(self.rules[key], sides[1], getattr(self.rules[key], sides[1]) + 1)

    def judged(self, before: Iterable[Scored], after: Iterable[Scored]) -> None:
        """What the mentions came to."""
        for side, scored in enumerate((before, after)):
            for one in scored:
                self.subjects[one.score.subject].sensitive[side] += one.sensitive


def _beyond(one: Mapping[str, Hit | None], other: Collection[str]) -> list[tuple[str, Hit | None]]:
    return [(name, hit) for name, hit in one.items() if name not in other]


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


def kinds(old: Iterable[Asked], new: Iterable[Asked], was: Mapping[Key, Key]) -> dict[Key, str]:
    """What became of each rule: new, edited, removed, changed (its weight or its floor, or for whom it counts); others are the same."""
    before, after = _known(old), _known(new)
    changed = {key: "changed" for key in before.keys() & after.keys() if before[key] != after[key]}
    removed = dict.fromkeys(before.keys() - after.keys() - set(was.values()), "removed")
    return changed | dict.fromkeys(after.keys() - before.keys(), "new") | dict.fromkeys(was, "edited") | removed


def owners(*rules: Iterable[Asked]) -> dict[Key, str]:
    """Whose each rule is: a library's name, or a subject's."""
    return {(one.source, one.category): owner_of(one) for each in rules for one in each}


def risks(*rules: Iterable[Asked]) -> set[Key]:
    """Those that make a mention a hit of nobody."""
    every = [one for each in rules for one in each]
    return {(one.source, one.category) for one in every} - {(one.source, one.category) for one in every if one.subjects}


def _known(rules: Iterable[Asked]) -> dict[Key, set[tuple[object, ...]]]:
    found: dict[Key, set[tuple[object, ...]]] = defaultdict(set)
    for one in rules:
        validity = (one.library.valid_from, one.library.valid_until) if one.library else ()
        found[one.source, one.category].add((one.weight, one.floor, *validity, *sorted(subject.name for subject in one.subjects)))
    return found
