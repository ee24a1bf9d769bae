"""What a story has gathered over its whole life: the counters of its alert, kept as mentions come and equal when recounted."""

import sys
from typing import Self

from monitor.alert import Counters, ReasonCode
from monitor.escalation.authors import Authors
from monitor.mention import Scored
from monitor.stories.samples import Samples

PLATFORMS = 100  # of a story are told, the first it came to: whoever sends makes up their names


class Totals:
    """
    Running counters of one story, with nothing kept of each mention. `authors` counts pseudonyms, as 64-bit sums.

    All are functions of the set of mentions and their places in the log: the same after a merge, or a rebuilding.
    """

    __slots__ = ("_platforms", "authors", "engagement", "first_at", "last_at", "mentions", "negative", "samples")

    def __init__(self) -> None:
        self.mentions = self.negative = self.engagement = 0
        self.authors = Authors()
        self._platforms: tuple[tuple[int, str], ...] = ()  # with the place in the log at which each came first, in that order
        self.first_at = self.last_at = 0
        self.samples = Samples()

    def add(self, scored: Scored, author: int, order: int) -> None:
        """Count one mention that is new to the story, at its place in the log."""
        mention = scored.mention
        self.mentions += 1
        self.negative += scored.score.negative
        self.engagement += mention.engagement
        self.authors.add(author)
        self._span(scored.at, scored.at)
        self._first_on(mention.platform or mention.source, order)
        if scored.spreads:
            self.samples.add(scored, order)

    def unite(self, other: Self) -> None:
        """Count another story's mentions too; none is in both."""
        self.mentions += other.mentions
        self.negative += other.negative
        self.engagement += other.engagement
        self.authors.unite(other.authors)
        if other.mentions:
            self._span(other.first_at, other.last_at)
        for order, platform in other._platforms:
            self._first_on(platform, order)
        self.samples.merge(other.samples)

    def observe(self, before: int, after: int) -> None:
        """One mention's reactions were counted again."""
        self.engagement += after - before

    def counters(self, title: str, indicators: dict[ReasonCode, float]) -> Counters:
        """The counters as an alert carries them, with at most three samples that differ."""
        return Counters(
            title=self.samples.title or title, mentions=self.mentions, authors=len(self.authors), negative=self.negative,
            platforms=tuple(platform for _, platform in self._platforms), engagement=self.engagement,
            first_at=self.first_at, last_at=self.last_at, samples=self.samples.chosen(),
            indicators={code.value: value for code, value in indicators.items()},
        )  # fmt: skip

    def _span(self, first: int, last: int) -> None:
        self.first_at = min(self.first_at or first, first)
        self.last_at = max(self.last_at, last)

    def _first_on(self, platform: str, order: int) -> None:
        for first, known in self._platforms:
            if known == platform and first <= order:
                return
        others = [one for one in self._platforms if one[1] != platform]
        self._platforms = tuple(sorted((*others, (order, sys.intern(platform)))))[:PLATFORMS]
