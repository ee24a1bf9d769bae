"""
The mentions of a residual story: those that wait alone, until company or HORIZON comes.

Unlike other stories' totals these shrink, so every counter can be taken back, and first, last and farthest are kept in heaps whose
spent entries are passed over. All answers are functions of who waits now: a rebuilt story gives the same.
"""

import heapq
from collections import Counter
from itertools import islice

import msgspec

from monitor.alert import Counters, ReasonCode
from monitor.escalation.complaints import Complaint, headed, largest
from monitor.escalation.effects import mention_with
from monitor.escalation.windows import bump
from monitor.mention import Mention, Scored
from monitor.stories.grouping import HORIZON
from monitor.stories.title import TITLE_LENGTH, sample
from monitor.stories.title import title as title_of

_LOOKED_AT = 24  # of the newest that wait: enough to see which complaints are the largest, few enough to look at each minute

_SPENT = 64  # entries of heaps that may outlive those they tell of

_Heap = list[tuple[int, int, bytes]]


class _One:
    """Who waits: in which order it came, by whom and where it was said, and the whole of it in bytes."""

    __slots__ = ("author", "body", "engagement", "negative", "order", "platform", "told", "words")

    def __init__(self, scored: Scored, order: int, author: int) -> None:
        mention = scored.mention
        self.order, self.author, self.platform = order, author, mention.platform or mention.source
        self.negative, self.engagement, self.told = scored.score.negative, mention.engagement, scored.spreads
        self.words = mention.words
        self.body = _encode(scored)

    @property
    def scored(self) -> Scored:
        return _decode(self.body)


class Waiting:
    """Mentions by digest, with their counters."""

    def __init__(self) -> None:
        self.expired: list[bytes] = []
        self._ones: dict[bytes, _One] = {}
        self._told: dict[bytes, _One] = {}  # in the order of the log
        self._authors: Counter[int] = Counter()
        self._platforms: Counter[str] = Counter()
        self._negative = self._engagement = 0
        self.words = 0  # characters of all that wait
        self._oldest: _Heap = []
        self._newest: _Heap = []
        self._expiring: _Heap = []

    def __len__(self) -> int:
        return len(self._ones)

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._ones

    def get(self, digest: bytes) -> Scored | None:
        """One that waits, as last seen."""
        one = self._ones.get(digest)
        return one.scored if one else None

    def order(self, digest: bytes) -> int:
        """The place in the log of one that waits."""
        return self._ones[digest].order

    def add(self, scored: Scored, order: int, author: int) -> None:
        """One more waits; `order` is its place in the log."""
        one, digest = _One(scored, order, author), scored.mention.digest
        self._ones[digest] = one
        self._count(one, 1)
        heapq.heappush(self._oldest, (scored.at, order, digest))
        heapq.heappush(self._newest, (-scored.at, order, digest))
        heapq.heappush(self._expiring, (scored.received_at, order, digest))
        if one.told:
            last = next(reversed(self._told.values()), None)
            self._told[digest] = one
            if last and last.order > order:  # it was here before: a person corrected it
                self._told = dict(sorted(self._told.items(), key=lambda item: item[1].order))

    def take(self, digest: bytes) -> Scored | None:
        """One leaves; None if it does not wait here."""
        one = self._ones.pop(digest, None)
        if one is None:
            return None
        self._told.pop(digest, None)
        self._count(one, -1)
        if max(map(len, (self._oldest, self._newest, self._expiring))) > 2 * len(self._ones) + _SPENT:
            self._tidy()
        return one.scored

    def observe(self, mention: Mention) -> None:
        """One was seen again: its reactions take the newest values."""
        one = self._ones.get(mention.digest)
        if one:
            self._engagement += mention.engagement - one.engagement
            one.engagement = mention.engagement
            before = one.scored
            one.body = _encode(msgspec.structs.replace(before, mention=mention_with(before.mention, mention)))

    def expire(self, now: int) -> None:
        """Those for whom nobody came in time leave, and are listed in `expired` for whoever keeps something of them."""
        while self._expiring and (self._expiring[0][2] not in self._ones or self._expiring[0][0] + HORIZON < now):
            digest = heapq.heappop(self._expiring)[2]
            if self.take(digest):
                self.expired.append(digest)

    def counters(self, title: str, indicators: dict[ReasonCode, float]) -> Counters:
        """The counters of those that wait, told by the largest complaints; platforms by name: whoever brought one first may have left."""
        complaints = largest(self._complaints())
        return Counters(
            title=headed(title, complaints, TITLE_LENGTH), mentions=len(self._ones), authors=len(self._authors),
            negative=self._negative, platforms=tuple(sorted(self._platforms)), engagement=self._engagement,
            first_at=self._top(self._oldest), last_at=self.last_at,
            samples=tuple(sample(self._ones[complaint.digest].scored) for complaint in complaints),
            indicators={code.value: value for code, value in indicators.items()},
        )  # fmt: skip

    @property
    def last_at(self) -> int:
        """The moment of the newest, micros; 0 when nobody waits."""
        return -self._top(self._newest)

    def _complaints(self) -> list[Complaint]:
        newest = islice(reversed(self._told.values()), _LOOKED_AT)
        return [_complaint(one.scored, one.order) for one in newest]

    def _top(self, heap: _Heap) -> int:
        """The least key of those that still wait; 0 for none."""
        while heap and heap[0][2] not in self._ones:
            heapq.heappop(heap)
        return heap[0][0] if heap else 0

    def _tidy(self) -> None:
        """Most of those in the heaps wait no more: let go of them."""
        for heap in (self._oldest, self._newest, self._expiring):
            heap[:] = [entry for entry in heap if entry[2] in self._ones]
            heapq.heapify(heap)

    def _count(self, one: _One, by: int) -> None:
        self.words += by * one.words
        self._negative += by * one.negative
        self._engagement += by * one.engagement
        bump(self._authors, one.author, by)
        bump(self._platforms, one.platform, by)


def _complaint(scored: Scored, order: int) -> Complaint:
    mention = scored.mention
    words = f"{mention.title or ''} {mention.text or mention.quoted or ''}"
    far = (mention.followers or 0) + mention.engagement + (mention.views or 0)
    return Complaint(digest=mention.digest, order=order, far=far, title=title_of(mention), words=words)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Scored).decode
