"""What a story has gathered over its whole life: the counters of its alert, kept as mentions come and equal when recounted."""

import sys
from itertools import chain
from typing import Any, Self

from monitor.alert import Counters, ReasonCode
from monitor.escalation.authors import Heard, heard
from monitor.mention import Scored
from monitor.stories.samples import Samples

PLATFORMS = 100  # of a story are told, the first it came to: whoever sends makes up their names
_NONE = Samples()  # of every story of which nothing is to be shown


class Totals:
    """
    Running counters of one story, with nothing kept of each mention. `authors` counts pseudonyms, as 64-bit sums.

    All are functions of the set of mentions and their places in the log: the same after a merge, or a rebuilding.
    """

    __slots__ = ("_platforms", "authors", "engagement", "first_at", "last_at", "mentions", "negative", "samples")

    def __init__(self) -> None:
        self.mentions = self.negative = self.engagement = 0
        self.authors: Heard = ()
        self._platforms: tuple[Any, ...] = ()  # each after the place in the log at which it came first, in that order
        self.first_at = self.last_at = 0
        self.samples = _NONE

    def add(self, scored: Scored, author: int, order: int) -> None:
        """Count one mention that is new to the story, at its place in the log."""
        mention = scored.mention
        self.mentions += 1
        self.negative += scored.score.negative
        self.engagement += mention.engagement
        self.authors = heard(self.authors, author)
        self._span(scored.at, scored.at)
        self._first_on(mention.platform or mention.source, order)
        if scored.spreads:
            self._shown().add(scored, order)

    def unite(self, other: Self) -> None:
        """Count another story's mentions too; none is in both."""
        self.mentions += other.mentions
        self.negative += other.negative
        self.engagement += other.engagement
        for author in other.authors:
            self.authors = heard(self.authors, author)
        if other.mentions:
            self._span(other.first_at, other.last_at)
        for order, platform in other._came():
            self._first_on(platform, order)
        if other.samples is not _NONE:
            self._shown().merge(other.samples)

    def observe(self, before: int, after: int) -> None:
        """One mention's reactions were counted again."""
        self.engagement += after - before

    def counters(self, title: str, indicators: dict[ReasonCode, float]) -> Counters:
        """The counters as an alert carries them, with at most three samples that differ."""
        return Counters(
            title=self.samples.title or title, mentions=self.mentions, authors=len(self.authors), negative=self.negative,
            platforms=tuple(platform for _, platform in self._came()), engagement=self.engagement,
            first_at=self.first_at, last_at=self.last_at, samples=self.samples.chosen(),
            indicators={code.value: value for code, value in indicators.items()},
        )  # fmt: skip

    def _span(self, first: int, last: int) -> None:
        self.first_at = min(self.first_at or first, first)
        self.last_at = max(self.last_at, last)

    def _first_on(self, platform: str, order: int) -> None:
        known = self._platforms
        if known[1:2] == (platform,) and known[0] <= order:  # almost always
            return
        came = {name: first for first, name in self._came()}
        came[platform] = min(order, came.get(platform, order))
        first = sorted((first, sys.intern(name)) for name, first in came.items())[:PLATFORMS]
        self._platforms = tuple(chain.from_iterable(first))

    def _came(self) -> list[tuple[int, str]]:
        """The platforms with where each came first."""
        return list(zip(self._platforms[::2], self._platforms[1::2], strict=True))

    def _shown(self) -> Samples:
        """Its own samples."""
        if self.samples is _NONE:
            self.samples = Samples()
        return self.samples
