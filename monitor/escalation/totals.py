"""What a story has gathered over its whole life: the counters of its alert, kept as mentions come and equal when recounted."""

from collections import Counter
from collections.abc import Sequence

from monitor.alert import Counters, ReasonCode
from monitor.mention import Scored
from monitor.stories.title import sample


class Totals:
    """Running counters of one story. `authors` counts pseudonyms, as 64-bit sums."""

    __slots__ = ("authors", "engagement", "farthest", "first", "first_at", "last_at", "latest", "negative", "platforms", "reactions")

    def __init__(self) -> None:
        self.negative = self.engagement = 0
        self.reactions: dict[bytes, int] = {}
        self.authors: Counter[int] = Counter()
        self.platforms: dict[str, None] = {}
        self.first_at = self.last_at = 0
        self.first: Scored | None = None
        self.farthest: Scored | None = None
        self.latest: Scored | None = None

    def add(self, scored: Scored, author: int) -> None:
        """Count one mention that is new to the story."""
        mention = scored.mention
        self.reactions[mention.digest] = mention.engagement
        self.negative += scored.score.negative
        self.engagement += mention.engagement
        self.authors[author] += 1
        self.platforms.setdefault(mention.platform or mention.source)
        self.first_at = min(self.first_at or scored.at, scored.at)
        self.last_at = max(self.last_at, scored.at)
        if scored.spreads:
            self.first = self.first or scored
            self.latest = scored
            if self.farthest is None or (mention.followers or 0) > (self.farthest.mention.followers or 0):
                self.farthest = scored

    def observe(self, digest: bytes, engagement: int) -> None:
        """Give one mention's reactions their newest count."""
        if digest in self.reactions:
            self.engagement += engagement - self.reactions[digest]
            self.reactions[digest] = engagement

    @property
    def mentions(self) -> int:
        """How many distinct mentions the story has."""
        return len(self.reactions)

    def counters(self, title: str, indicators: dict[ReasonCode, float]) -> Counters:
        """The counters as an alert carries them, with at most three samples: the first, the farthest heard, the latest."""
        return counted(
            title, indicators, [one for one in (self.first, self.farthest, self.latest) if one], mentions=self.mentions,
            authors=len(self.authors), negative=self.negative, platforms=tuple(self.platforms), engagement=self.engagement,
            first_at=self.first_at, last_at=self.last_at,
        )  # fmt: skip


def counted(
    title: str, indicators: dict[ReasonCode, float], samples: Sequence[Scored], *, mentions: int, authors: int, negative: int,
    platforms: tuple[str, ...], engagement: int, first_at: int, last_at: int,
) -> Counters:  # fmt: skip
    """Counters with each sample once."""
    chosen = {one.mention.digest: one for one in reversed(samples)}
    return Counters(
        title=title, mentions=mentions, authors=authors, negative=negative, platforms=platforms, engagement=engagement,
        first_at=first_at, last_at=last_at, samples=tuple(sample(one) for one in reversed(chosen.values())),
        indicators={code.value: value for code, value in indicators.items()},
    )  # fmt: skip
