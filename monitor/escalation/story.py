"""A story in the desk's memory: its windows, its totals and its state; and what of a mention they see."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Protocol

from msgspec.structs import replace

from monitor.alert import Counters, Level, Other
from monitor.escalation import episodes
from monitor.escalation.correcting import noted, reason, signed
from monitor.escalation.effects import Act, AlertChange, StoryRow, StoryState
from monitor.escalation.policy import Policy, steady
from monitor.escalation.step import NEVER, Change, next_deadline, step
from monitor.escalation.totals import Totals
from monitor.escalation.waiting import Waiting
from monitor.escalation.windows import Fact, Lift, Windows, reach, reaction_weight
from monitor.mention import Mention, Scored
from monitor.stories.grouping import Node
from monitor.stories.keys import key_of
from monitor.stories.title import title

RESIDUAL_TITLE = "散点信息"
MAX_RULE = 100  # characters of a rule that a reason names
_STILL = (0, 0, 0, 0)
_BEGUN = StoryState()
_NOBODY = Waiting()  # of every story but a residual one; nobody is ever put there
_SILENT = Windows()  # of every story in which nobody ever spoke ill; nothing is ever counted there


class Ruled(Protocol):
    """What a story takes from its subject."""

    @property
    def name(self) -> str: ...
    @property
    def floor(self) -> Level: ...


class Story:
    """One live story. The residual one (`residual`) has no node: its mentions are those that wait alone."""

    __slots__ = ("due", "founder", "id", "keys", "node", "opened_at", "policy", "residual", "settled", "state", "subject", "title",
                 "totals", "waiting", "windows")  # fmt: skip

    def __init__(self, subject: Ruled, policy: Policy, row: StoryRow) -> None:
        self.id = row.id
        self.residual, self.founder, self.title, self.opened_at = row.residual, row.founder, row.title, row.opened_at
        self.follow(subject, policy)
        self.node: Node | None = None
        self.windows = _SILENT
        self.totals = Totals()
        self.waiting = Waiting() if row.residual else _NOBODY
        self.state = row.state
        self.keys, self.settled = row.keys, row.settled
        self.due = NEVER

    def add(self, scored: Scored, order: int, now: int) -> bool:
        """Take a mention in; whether the windows counted it (False: harmless, or a copy of one they hold)."""
        self.windows.advance(now)
        author = self._total(scored, order)
        if not scored.spreads:
            return False
        made = fact(scored, author, order)
        if self.windows.heard(made.voice):
            return False
        self._count(made, now)
        return True

    def adopt(self, scored: Scored, order: int, known: Fact | None, now: int) -> bool:
        """Take over a mention from the residual story, with the weight it had there; whether the windows still count it."""
        self.totals.add(scored, author_key(scored.mention), order)
        if known is None:
            return False
        self.windows.advance(now)
        if self.windows.heard(known.voice):
            return False
        self._count(known, now)
        return True

    def restore(self, scored: Scored, order: int, *, counted: bool) -> None:
        """Take in a stored mention as it was when the story was last evaluated."""
        waits_no_more = self.residual and order < self.state.waiting_from
        author = author_key(scored.mention) if waits_no_more else self._total(scored, order)
        if counted:
            self._count(fact(scored, author, order), self.state.evaluated_at)

    def observe(self, mention: Mention, before: int, now: int) -> bool:
        """
        A mention of ours was seen again: its reactions, `before` until now, take the newest values.

        False: it waited here, and no longer does.
        """
        digest = mention.digest
        self.waiting.expire(now)
        self.windows.advance(now)
        ours = not self.residual or digest in self.waiting
        if ours:
            self.totals.observe(before, mention.engagement)
            self.waiting.observe(mention)
        engagement, views = mention.engagement, mention.views or 0
        # One that waits no more for want of room may still be in the windows
        return self.windows.reweigh(digest, reaction_weight(engagement, views), reach(engagement, views)) or ours

    def follow(self, subject: Ruled, policy: Policy) -> None:
        """Be decided by these from now on: settings change."""
        self.subject, self.policy = subject, steady(policy) if self.residual else policy

    def take_over(self, gone: "Story", now: int) -> list[bytes]:
        """All that another story counted is counted here; whose facts were dropped."""
        self.totals.unite(gone.totals)
        if gone.windows is _SILENT:
            return []
        return self._windows().unite(gone.windows, now)

    def _count(self, made: Fact, now: int) -> None:
        self._windows().add(made, now)

    def _windows(self) -> Windows:
        """Its own."""
        if self.windows is _SILENT:
            self.windows = Windows()
        return self.windows

    def _total(self, scored: Scored, order: int) -> int:
        """Count the mention among all of the story's; who said it."""
        author = author_key(scored.mention)
        if self.residual:
            self.waiting.add(scored, order, author)
        else:
            self.totals.add(scored, author, order)
        return author

    def touch(self) -> None:
        """Its alert's counters are no longer the newest."""
        if self.state.alert and not self.state.alert.ended:
            self.state = replace(self.state, dirty=True)

    def evaluate(self, now: int, *, recount: bool) -> list[AlertChange]:
        """Step at `now`; with `recount` (a tick) also let the alert's counters catch up."""
        self.windows.advance(now)
        self.waiting.expire(now)
        indicators = self.windows.indicators()
        before = self.state
        lift = self.windows.lift
        floor, rule = lift if lift and lift.level > self.subject.floor else (self.subject.floor, None)
        state, change = step(self.policy, floor, before, indicators, now, rule=rule)
        found: list[AlertChange] = []
        if change or (recount and before.dirty) or now >= episodes.let_go_at(before):
            counters = self._gathered.counters(self.title, indicators)
            state, found = self._lived(state, change, now, counters, recount=recount)
        if now >= episodes.fades_at(state, self.policy.fade):
            state, ended = episodes.faded(state, now, self.policy.fade)
            found += ended
        self.state = state if state is before else replace(state, evaluated_at=now)
        return found

    def corrected(self, now: int, act: Act) -> list[AlertChange]:
        """
        What an act on its mentions, worked in by now, is to its newest alert: always one line that tells who did what.

        Where it leaves nothing that counts, the level is none at once: nothing could hold it. A level set by a person holds on.
        """
        found = self._emptied(now, act)
        if self.state.alert and not any(change.transition for change in found):
            found.append(noted(self.state.alert, act))
        return found

    def _emptied(self, now: int, act: Act) -> list[AlertChange]:
        self.windows.advance(now)
        if self.windows.facts or not self.state.level:
            return []
        counters = self._gathered.counters(self.title, self.windows.indicators())
        change = Change(self.state.level, Level.NONE, (reason(act),))
        state = replace(self.state, level=Level.NONE, raising=_STILL, clearing=_STILL, dirty=False)
        state, found = episodes.followed(state, change, self.subject.name, self.id, now, counters)
        self.state = episodes.calmed(state, now)
        return [replace(one, transition=signed(one.transition, act) if one.transition else None) for one in found]

    def _lived(
        self, stepped: StoryState, change: Change | None, now: int, counters: Counters, *, recount: bool
    ) -> tuple[StoryState, list[AlertChange]]:
        """What the moment means for the alert: first what a person set ends, then the policy's level moves."""
        state, found = replace(stepped, level=self.state.level), list[AlertChange]()
        if now >= episodes.let_go_at(state):
            state, found = episodes.let_go(state, now, counters)
        if change:
            state, more = episodes.followed(replace(state, level=stepped.level), change, self.subject.name, self.id, now, counters)
            found += more
        elif not found and recount and state.dirty and state.alert:
            found = [episodes.recounted(state.alert, counters, now)]
            state = replace(state, alert=found[-1].alert)
        return episodes.calmed(replace(state, dirty=state.dirty and not found), now), found

    def mark(self, now: int) -> None:
        """Remember that it was evaluated at `now`, for whoever rebuilds it."""
        self.state = replace(self.state, evaluated_at=now)

    def next_due(self) -> int:
        """From which moment on a tick may change something, 0 where any may; NEVER if none can."""
        if self.state.dirty:
            return 0
        due = next_deadline(self.policy, self.state)
        expiry = self.windows.next_expiry()
        if expiry is not None:
            due = min(due, expiry)
        return min(due, episodes.let_go_at(self.state), episodes.fades_at(self.state, self.policy.fade))

    @property
    def held(self) -> bool:
        """Whether the desk must keep it, however quiet it is: an alert of it is open, or its level still falls."""
        alert = self.state.alert
        return self.residual or bool(self.state.level) or (alert is not None and not alert.ended)

    @property
    def silent(self) -> bool:
        """Whether no moment can change its level or its alert until somebody speaks ill again: nothing counts, runs or is open."""
        state = self.state
        at_rest = not self.windows.facts and not state.level and not state.dirty and state.raising == _STILL
        return at_rest and (state.alert is None or state.alert.ended)

    @property
    def named(self) -> Other:
        """It and its newest alert, for whoever it merges with."""
        alert = self.state.alert
        return Other(alert=alert.id if alert else None, story=self.id, title=alert.counters.title if alert else self.title)

    @property
    def age(self) -> tuple[int, str]:
        """By which of two stories the older is told."""
        return self.opened_at, self.id

    def row(self, *, live: bool) -> StoryRow:
        """The story as stored."""
        mentions = len(self.waiting) if self.residual else self.totals.mentions
        last_at = self._gathered.last_at or self.opened_at
        return StoryRow(
            id=self.id, subject=self.subject.name, founder=self.founder, residual=self.residual, title=self.title,
            opened_at=self.opened_at, last_at=last_at, mentions=mentions, live=live, state=self.state, keys=self.keys,
            settled=self.settled,
        )  # fmt: skip

    @property
    def _gathered(self) -> Totals | Waiting:
        return self.waiting if self.residual else self.totals


def begun(id_: str, subject: str, scored: Scored, *, residual: bool) -> StoryRow:
    """A story that begins with this mention."""
    return StoryRow(
        id=id_, subject=subject, founder=scored.mention.digest, residual=residual, mentions=0, live=True, state=_BEGUN,
        title=RESIDUAL_TITLE if residual else title(scored.mention), opened_at=scored.received_at, last_at=0,
    )  # fmt: skip


def fact(scored: Scored, author: int, order: int) -> Fact:
    """What the windows see of a mention."""
    mention = scored.mention
    return Fact(
        at=scored.at, heard=scored.received_at, order=order, digest=mention.digest, voice=_voice(mention), author=author,
        platform=mention.platform or mention.source, outlet=mention.outlet,
        media=(mention.outlet or scored.name or mention.author or mention.source) if scored.role == "media" else None,
        kol=author if scored.role == "kol" else None, severity=scored.score.severity, sensitive=scored.sensitive,
        weight=reaction_weight(mention.engagement, mention.views or 0), reach=reach(mention.engagement, mention.views or 0),
        lift=_lift(scored),
    )  # fmt: skip


def _lift(scored: Scored) -> Lift | None:
    floor = scored.score.floor
    return Lift(Level.of(floor.level), floor.rule[:MAX_RULE]) if floor and scored.sensitive else None


def author_key(mention: Mention) -> int:
    """Who speaks: the pseudonym; of the nameless, all of one outlet (or platform) together, so that they cannot pass for a crowd."""
    if mention.author:
        return _sum((mention.author,))
    return _sum(("", mention.platform or mention.source, mention.outlet or ""))


def _voice(mention: Mention) -> int:
    """What counts once: one URL however many sources bring it, else one author's same words."""
    if mention.url:
        return _sum(("url", mention.url))
    return _sum((mention.author or mention.id, mention.text, mention.quoted or "", mention.title or ""))


def _sum(parts: Iterable[str]) -> int:
    return key_of(blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).digest())
