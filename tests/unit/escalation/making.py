"""Scored mentions made short, and a ledger that keeps what a desk decided as the store would."""

from collections.abc import Sequence

from msgspec.structs import replace

from monitor.alert import Level
from monitor.clock import MINUTE, micros, moment
from monitor.escalation.desk import Desk
from monitor.escalation.effects import AlertChange, Effects, NewHit, StoryRow, mention_with
from monitor.escalation.policy import Policy, load_policy
from monitor.mention import Kind, Mention, Scored, Tick
from monitor.score import Emotion, Score, Sentiment
from monitor.stories.grouping import HORIZON
from monitor.subject import Subject

START = micros(moment(0).replace(year=2026, month=3, day=2, hour=8))
ILL = Sentiment("negative", 0.9, 0.05, 0.05)
CALM = Sentiment("neutral", 0.1, 0.8, 0.1)
NO_EMOTION = Emotion("none", 0, 0, 0, 0, 0, 0, 1)
SUBJECT = Subject(name="某某集团", rules=("某某",))


def default_policy() -> Policy:
    """The shipped policy."""
    policy, problems = load_policy()
    assert policy is not None, problems
    return policy


def scored(
    item: str, at: int, *, text: str = "", author: str | None = None, ill: bool = True, quoted: str | None = None, root: str | None = None,
    subject: str = SUBJECT.name, platform: str = "微博", role: str | None = None, severity: float = 0.0, kind: Kind = "post",
    likes: int = 0, seen: int = 0, as_if: bool = True, url: str | None = None, received: int | None = None, views: int = 0,
) -> Scored:  # fmt: skip
    """One scored mention, said and received at `at`."""
    mention = Mention(
        source="t", id=item, text=text or f"某某 {item}", published_at=moment(at), author=author or f"author {item}", quoted=quoted,
        root=root, platform=platform, kind=kind, likes=likes, seen_at=moment(seen) if seen else None, url=url, views=views,
    )  # fmt: skip
    score = Score(subject=subject, hits=(), sentiment=ILL if ill else CALM, severity=severity)
    return Scored(received_at=received or at, mention=mention, score=score, emotion=NO_EMOTION, role=role, as_if=as_if)


def desk(floor: Level = Level.NONE, policy: Policy | None = None) -> Desk:
    """An empty desk for one subject, under the shipped policy if no other is given."""
    return Desk({SUBJECT.name: replace(SUBJECT, floor=floor)}, {"": policy or default_policy()}, str.casefold)


class Ledger:
    """What a store would hold after some effects, and everything that was decided, in order."""

    def __init__(self) -> None:
        self.rows: dict[str, StoryRow] = {}
        self.hits: dict[tuple[str, bytes], NewHit] = {}
        self.known: dict[tuple[str, bytes], int] = {}
        self.changes: list[AlertChange] = []
        self.now = 0

    def keep(self, desk: Desk) -> None:
        """Drain the desk into the ledger."""
        effects: Effects = desk.drain()
        self.now = desk.now
        for hit in effects.hits:
            self.hits[hit.scored.score.subject, hit.digest] = hit
        for moved in effects.moved:
            key = (moved.subject, moved.digest)
            self.hits[key] = replace(self.hits[key], story=moved.story)
        for seen in effects.observed:
            hit = self.hits[seen.subject, seen.digest]
            said = replace(hit.scored, mention=mention_with(hit.scored.mention, seen.mention))
            self.hits[seen.subject, seen.digest] = replace(hit, scored=said)
        self.rows |= effects.stories
        self.changes += effects.changes

    def rebuilt(self, fresh: Desk | None = None) -> Desk:
        """A new desk restored from what is kept, as after a crash."""
        fresh = fresh or desk()
        live = [row for row in self.rows.values() if row.live]
        names = {row.id: row for row in live}
        hits = [
            hit for hit in self.hits.values()
            if hit.story in names and (not names[hit.story].residual or hit.scored.received_at >= self.now - HORIZON)
        ]  # fmt: skip
        fresh.restore(live, hits, self.now)
        return fresh


def feed(at: Desk, ledger: Ledger, records: Sequence[Scored | Tick], *, batch: int = 1, crash_every: int = 0) -> Desk:
    """Run records through a desk, draining every `batch`, and rebuilding it after every `crash_every` drains."""
    drains = 0
    for n, record in enumerate(records):
        if isinstance(record, Tick):
            at.tick(record)
        else:
            pair = (record.score.subject, record.mention.digest)
            if at.observe(record, n, ledger.known.get(pair)):
                ledger.known[pair] = record.mention.seen
        if n % batch == batch - 1 or n == len(records) - 1:
            ledger.keep(at)
            drains += 1
            if crash_every and drains % crash_every == 0:
                at = ledger.rebuilt()
    return at


def levels(changes: Sequence[AlertChange]) -> list[str]:
    """The levels an alert went through, as words."""
    return [change.transition.to_level.word for change in changes if change.transition and change.transition.to_level is not None]


def minutes(count: float) -> int:
    """Micros of some minutes."""
    return int(count * MINUTE)
