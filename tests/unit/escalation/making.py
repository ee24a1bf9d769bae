"""Scored mentions made short, and a ledger that keeps what a desk decided as the store would."""

from collections.abc import Callable, Sequence
from functools import cache
from random import Random

from msgspec.structs import replace

from monitor.alert import Level
from monitor.clock import MINUTE, micros, moment
from monitor.escalation.correcting import puts_back
from monitor.escalation.crowding import FACTS, ROOM, WORDS
from monitor.escalation.desk import Desk
from monitor.escalation.effects import (
    Act,
    AlertChange,
    Effects,
    Known,
    NewHit,
    StoryRow,
    as_judged,
    judged_again,
    mention_with,
)
from monitor.escalation.policy import Policy, load_policy
from monitor.escalation.settling import LIVE, WAITING, Asleep
from monitor.mention import Kind, Mention, Scored, Tick
from monitor.score import Emotion, Floor, Score, Sentiment
from monitor.stories.grouping import HORIZON
from monitor.subject import Subject

START = micros(moment(0).replace(year=2026, month=3, day=2, hour=8))
ILL = Sentiment("negative", 0.9, 0.05, 0.05)
CALM = Sentiment("neutral", 0.1, 0.8, 0.1)
NO_EMOTION = Emotion("none", 0, 0, 0, 0, 0, 0, 1)
SUBJECT = Subject(name="某某集团", rules=("某某",))


@cache
def default_policy() -> Policy:
    """The shipped policy."""
    policy, problems = load_policy()
    assert policy is not None, problems
    return policy


def scored(
    item: str, at: int, *, text: str = "", author: str | None = None, ill: bool = True, quoted: str | None = None, root: str | None = None,
    subject: str = SUBJECT.name, platform: str = "微博", role: str | None = None, severity: float = 0.0, kind: Kind = "post",
    likes: int = 0, seen: int = 0, as_if: bool = True, url: str | None = None, received: int | None = None, views: int = 0,
    floor: Floor | None = None,
) -> Scored:  # fmt: skip
    """One scored mention, said and received at `at`."""
    mention = Mention(
        source="t", id=item, text=text or f"某某 {item}", published_at=moment(at), author=author or f"author {item}", quoted=quoted,
        root=root, platform=platform, kind=kind, likes=likes, seen_at=moment(seen) if seen else None, url=url, views=views,
    )  # fmt: skip
    score = Score(subject=subject, hits=(), sentiment=ILL if ill else CALM, severity=severity, floor=floor)
    return Scored(received_at=received or at, mention=mention, score=score, emotion=NO_EMOTION, role=role, as_if=as_if)


def desk(
    floor: Level = Level.NONE, policy: Policy | None = None, *, live: int = LIVE, waiting: int = WAITING, facts: int = FACTS,
    room: int = ROOM, words: int = WORDS,
) -> Desk:  # fmt: skip
    """An empty desk for one subject, under the shipped policy if no other is given."""
    subjects = {SUBJECT.name: replace(SUBJECT, floor=floor)}
    return Desk(subjects, {"": policy or default_policy()}, str.casefold, live=live, waiting=waiting, facts=facts, room=room, words=words)


class Ledger:
    """What a store would hold after some effects, and everything that was decided, in order."""

    def __init__(self) -> None:
        self.rows: dict[str, StoryRow] = {}
        self.hits: dict[tuple[str, bytes], NewHit] = {}
        self.places: dict[tuple[str, bytes], int] = {}
        self.out: set[tuple[str, bytes]] = set()
        self.changes: list[AlertChange] = []
        self.now = self.read = 0

    def keep(self, desk: Desk) -> None:
        """Drain the desk into the ledger."""
        effects: Effects = desk.drain()
        self.now = desk.now
        for recalled in effects.recalled:
            self.places |= {pair: recalled.offset for pair, hit in self.hits.items() if hit.story == recalled.story}
        for hit in effects.hits:
            self.hits[hit.scored.score.subject, hit.digest] = hit
            self.places[hit.scored.score.subject, hit.digest] = hit.offset
        for seen in effects.observed:
            said = self.hits[seen.subject, seen.digest].scored
            self._change((seen.subject, seen.digest), scored=replace(said, mention=mention_with(said.mention, seen.mention)))
        for word in effects.judged:
            hit = self.hits[word.subject, word.digest]
            judged = judged_again(hit.judged, word.judgement)
            self._change((word.subject, word.digest), judged=judged, scored=as_judged(hit.scored, judged))
        for moved in effects.moved:
            self._change((moved.subject, moved.digest), story=moved.story)
            pair = (moved.subject, moved.digest)
            self.out = self.out | {pair} if moved.out else self.out - {pair}
            if moved.place is not None:
                self.places[pair] = moved.place
        for counted in effects.counted:
            self._change((counted.subject, counted.digest), counted=counted.counted)
        for merged in effects.merged:
            for pair in [pair for pair, hit in self.hits.items() if hit.story == merged.story]:
                self._change(pair, story=merged.into)
        self.rows |= effects.stories
        self.changes += effects.changes

    def _change(self, pair: tuple[str, bytes], **fields: object) -> None:
        self.hits[pair] = replace(self.hits[pair], **fields)

    def known(self, of: Scored) -> Known | None:
        """What is kept of a mention."""
        pair = (of.score.subject, of.mention.digest)
        hit = self.hits.get(pair)
        return Known(hit.scored.mention.seen, hit.story, hit.scored.mention.engagement, pair in self.out) if hit else None

    def recall(self, desk: Desk, story: str, offset: int, act: Act | None = None) -> None:
        """Give a desk, drained before, one story back."""
        desk.recall(self.rows[story], offset, act)
        for hit in sorted((hit for hit in self.hits.values() if hit.story == story), key=lambda hit: hit.offset):
            desk.take(hit)
        desk.ready()

    def rebuilt(self, fresh: Desk | None = None) -> Desk:
        """A new desk restored from what is kept, as after a crash."""
        fresh = fresh or desk()
        live = [row for row in self.rows.values() if row.live]
        names = {row.id: row for row in live}
        hits = [
            hit for hit in self.hits.values()
            if hit.story in names and (not names[hit.story].residual or hit.scored.received_at >= self.now - HORIZON)
        ]  # fmt: skip
        asleep = sorted(
            (Asleep(row.subject, row.id, row.keys, row.settled) for row in self.rows.values() if row.keys), key=lambda one: one.settled
        )
        fresh.restore(live, asleep, max((row.settled for row in self.rows.values()), default=0), self.now)
        for hit in sorted(hits, key=lambda hit: (self.places[hit.scored.score.subject, hit.digest], hit.offset)):
            fresh.take(hit)
        fresh.ready()
        return fresh


Record = Scored | Tick | Act


def feed(
    at: Desk, ledger: Ledger, records: Sequence[Record], *, batch: int = 1, crash_every: int = 0, fresh: Callable[[], Desk] | None = None,
    fitting: Callable[[Act], Act | None] | None = None,
) -> Desk:  # fmt: skip
    """
    Run records through a desk, draining every `batch`, and rebuilding it (as `fresh`) after every `crash_every` drains.

    `fitting`: an act as it is let through, or not at all, by what is kept when it is done.
    """
    drains = 0
    for n, record in enumerate(records):
        let = fitting(record) if fitting and isinstance(record, Act) else record
        if let is not None:
            one(at, ledger, let, ledger.read)
        ledger.read += 1
        if n % batch == batch - 1 or n == len(records) - 1:
            ledger.keep(at)
            drains += 1
            if crash_every and drains % crash_every == 0:
                at = ledger.rebuilt(fresh() if fresh else None)
    return at


def lived(stream: Sequence[Record], seed: int) -> list[Record]:
    """
    A stream as it is lived: a tick as a minute has come, or late, after records of that minute, or not at all while nobody is up.

    Now and then somebody replays into it.
    """
    chance, ticked, out = Random(seed), START // MINUTE, list[Record]()
    for record in stream:
        if isinstance(record, Tick):
            continue
        minute = (record.received_at if isinstance(record, Scored) else record.at) // MINUTE
        before, after = chance.random() < 0.6, chance.random() < 0.6
        tick = Tick(at=minute * MINUTE)
        if minute > ticked and before:
            out.append(tick)
        out.append(replace(record, as_if=chance.random() < 0.1) if isinstance(record, Scored) else record)
        if minute > ticked and after and not before:
            out.append(tick)
        if before or after:
            ticked = max(ticked, minute)
    return [*out, *(Tick(at=(ticked + n) * MINUTE) for n in range(1, 30))]


def one(at: Desk, ledger: Ledger, record: Record, n: int) -> None:
    """One record through a desk, with the stories that it needs."""
    if isinstance(record, Tick):
        at.tick(record)
    elif isinstance(record, Act):
        if puts_back(record):
            ledger.keep(at)
            for digest in sorted(record.mentions):
                if (record.subject, digest) in ledger.out:
                    at.put_back(ledger.hits[record.subject, digest], record)
        for story in at.needs(record):
            ledger.keep(at)
            ledger.recall(at, story, n, record)
        at.act(record)
    else:
        woken = at.lacks(record, ledger.known(record))
        if woken is not None:
            ledger.keep(at)
            ledger.recall(at, woken, n)
        at.observe(record, n, ledger.known(record))


def levels(changes: Sequence[AlertChange]) -> list[str]:
    """The levels an alert went through, as words."""
    return [change.transition.to_level.word for change in changes if change.transition and change.transition.to_level is not None]


def minutes(count: float) -> int:
    """Micros of some minutes."""
    return int(count * MINUTE)
