"""The alerts that two sets of rules come to, held against each other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from monitor.alert import Alert, Level
from monitor.clock import rfc3339
from monitor.escalation.effects import Effects

_MEMBERS = 200  # mentions of a story by which it is known again
_ALIKE = 0.5  # the share of the smaller one that two stories must have in common


@dataclass
class Life:
    """An alert as far as it went: how it stood last, the highest it stood, its story's first mentions."""

    alert: Alert
    peak: Level
    members: set[bytes]

    def wire(self) -> dict[str, object]:
        """For people and programs."""
        alert = self.alert
        return {
            "subject": alert.subject, "title": alert.counters.title, "level": self.peak.word, "opened_at": rfc3339(alert.opened_at),
            "mentions": alert.counters.mentions, "alert": alert.id,
        }  # fmt: skip


class Outcome:
    """Follows the decisions of one side."""

    def __init__(self) -> None:
        self._alerts: dict[str, Life] = {}
        self._members: dict[str, set[bytes]] = {}

    def take(self, effects: Effects) -> None:
        """What was decided."""
        for hit in effects.hits:
            self._belongs(hit.story, hit.digest)
        for moved in effects.moved:
            self._belongs(moved.story, moved.digest)
        for merged in effects.merged:
            self._members.setdefault(merged.into, set()).update(self._members.pop(merged.story, ()))
        for change in effects.changes:
            alert, known = change.alert, self._alerts.get(change.alert.id)
            self._alerts[alert.id] = Life(alert, max(alert.level, known.peak if known else Level.NONE), set())

    def _belongs(self, story: str, digest: bytes) -> None:
        members = self._members.setdefault(story, set())
        if len(members) < _MEMBERS:
            members.add(digest)

    def alerts(self) -> list[Life]:
        """Those that stand by themselves, in the order in which they opened."""
        alive = [one for one in self._alerts.values() if not one.alert.merged_into and one.peak]
        for one in alive:
            one.members = self._members.get(one.alert.story, set())
        return sorted(alive, key=lambda one: (one.alert.opened_at, one.alert.id))


def compared(before: Sequence[Life], after: Sequence[Life]) -> dict[str, object]:
    """How many there were and would be, and which: gained, lost, at another level."""
    pairs = dict(_pairs(before, after))
    matched = set(pairs.values())
    olds = {one.alert.id: one for one in before}
    news = {one.alert.id: one for one in after}
    changed = [(olds[old], news[new]) for old, new in pairs.items() if olds[old].peak != news[new].peak]
    return {
        "before": _levels(before),
        "after": _levels(after),
        "gained": [one.wire() for one in after if one.alert.id not in matched],
        "lost": [one.wire() for one in before if one.alert.id not in pairs],
        "changed": [new.wire() | {"level_before": old.peak.word} for old, new in changed],
    }


def _pairs(before: Sequence[Life], after: Sequence[Life]) -> Iterator[tuple[str, str]]:
    """Those of one id; of the others those whose stories share most: a story's id comes from its first mention."""
    same = {one.alert.id for one in before} & {one.alert.id for one in after}
    yield from ((one, one) for one in sorted(same))
    left = [one for one in after if one.alert.id not in same]
    for old in before:
        if old.alert.id in same:
            continue
        shares = [(_share(old, new), -place) for place, new in enumerate(left)]
        share, place = max(shares, default=(0.0, 0))
        if share >= _ALIKE:
            yield old.alert.id, left.pop(-place).alert.id


def _share(one: Life, other: Life) -> float:
    if (one.alert.subject, one.alert.episode) != (other.alert.subject, other.alert.episode):
        return 0.0
    return len(one.members & other.members) / max(1, min(len(one.members), len(other.members)))


def _levels(lives: Sequence[Life]) -> Mapping[str, int]:
    """How many, and of each level as their highest."""
    counts = {level.word: sum(one.peak == level for one in lives) for level in Level if level}
    return {"alerts": len(lives)} | counts
