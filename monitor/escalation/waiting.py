"""
The mentions of a residual story: those that wait alone, until company or HORIZON comes.

Unlike other stories' totals these shrink, so every counter can be taken back, and first, last and farthest are kept in heaps whose
spent entries are passed over. All answers are functions of who waits now: a rebuilt story gives the same.
"""

import heapq
from collections import Counter

from msgspec.structs import replace

from monitor.alert import Counters, ReasonCode
from monitor.escalation.effects import mention_with
from monitor.escalation.totals import counted
from monitor.escalation.windows import bump
from monitor.mention import Mention, Scored
from monitor.stories.grouping import HORIZON
from monitor.stories.title import TITLE_LENGTH, shown
from monitor.stories.title import title as title_of

_Heap = list[tuple[int, int, bytes]]


class _One:
    """Who waits, in which order it came, and by whom it was said."""

    __slots__ = ("author", "order", "scored")

    def __init__(self, scored: Scored, order: int, author: int) -> None:
        self.scored, self.order, self.author = scored, order, author

    @property
    def told(self) -> bool:
        return self.scored.spreads


class Waiting:
    """Mentions by digest, with their counters."""

    def __init__(self) -> None:
        self.expired: list[bytes] = []
        self._ones: dict[bytes, _One] = {}
        self._told: dict[bytes, _One] = {}
        self._authors: Counter[int] = Counter()
        self._platforms: Counter[str] = Counter()
        self._negative = self._engagement = 0
        self._oldest: _Heap = []
        self._newest: _Heap = []
        self._farthest: _Heap = []
        self._expiring: _Heap = []

    def __len__(self) -> int:
        return len(self._ones)

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._ones

    def get(self, digest: bytes) -> Scored | None:
        """One that waits, as last seen."""
        one = self._ones.get(digest)
        return one.scored if one else None

    def add(self, scored: Scored, order: int, author: int) -> None:
        """One more waits; `order` is its place in the log."""
        one, mention = _One(scored, order, author), scored.mention
        digest = mention.digest
        self._ones[digest] = one
        self._count(one, 1)
        heapq.heappush(self._oldest, (scored.at, order, digest))
        heapq.heappush(self._newest, (-scored.at, order, digest))
        heapq.heappush(self._expiring, (scored.received_at, order, digest))
        if one.told:
            self._told[digest] = one
            heapq.heappush(self._farthest, (-(mention.followers or 0), order, digest))

    def take(self, digest: bytes) -> Scored | None:
        """One leaves; None if it does not wait here."""
        one = self._ones.pop(digest, None)
        if one is None:
            return None
        self._told.pop(digest, None)
        self._count(one, -1)
        return one.scored

    def observe(self, mention: Mention) -> None:
        """One was seen again: its reactions take the newest values."""
        one = self._ones.get(mention.digest)
        if one:
            self._engagement += mention.engagement - one.scored.mention.engagement
            one.scored = replace(one.scored, mention=mention_with(one.scored.mention, mention))

    def expire(self, now: int) -> None:
        """Those for whom nobody came in time leave, and are listed in `expired` for whoever keeps something of them."""
        while self._expiring and (self._expiring[0][2] not in self._ones or self._expiring[0][0] + HORIZON < now):
            digest = heapq.heappop(self._expiring)[2]
            if self.take(digest):
                self.expired.append(digest)

    def counters(self, title: str, indicators: dict[ReasonCode, float]) -> Counters:
        """The counters of those that wait; platforms by name, since whoever brought one first may have left."""
        ends = (next(iter(self._told.values()), None), self._far(), next(reversed(self._told.values()), None))
        said = title_of(ends[2].scored.mention) if ends[2] else ""
        return counted(
            shown(f"{title}: {said}" if said else title, TITLE_LENGTH), indicators, [one.scored for one in ends if one],
            mentions=len(self._ones), authors=len(self._authors),
            negative=self._negative, platforms=tuple(sorted(self._platforms)), engagement=self._engagement,
            first_at=self._top(self._oldest), last_at=self.last_at,
        )  # fmt: skip

    @property
    def last_at(self) -> int:
        """The moment of the newest, micros; 0 when nobody waits."""
        return -self._top(self._newest)

    def _far(self) -> _One | None:
        self._top(self._farthest)
        return self._ones[self._farthest[0][2]] if self._farthest else None

    def _top(self, heap: _Heap) -> int:
        """The least key of those that still wait; 0 for none."""
        while heap and heap[0][2] not in self._ones:
            heapq.heappop(heap)
        return heap[0][0] if heap else 0

    def _count(self, one: _One, by: int) -> None:
        mention = one.scored.mention
        self._negative += by * one.scored.score.negative
        self._engagement += by * mention.engagement
        bump(self._authors, one.author, by)
        bump(self._platforms, mention.platform or mention.source, by)
