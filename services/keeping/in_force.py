"""The keyword rules this process works with: which, since when; told to the log, the metrics and whoever asks."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from structlog.stdlib import BoundLogger

from monitor.clock import Clock
from monitor.metrics import Metrics
from monitor.scoring.library import load_libraries
from monitor.scoring.versions import Keywords
from monitor.settings import Settings


class InForce:
    """What is in force is changed whole, by an assignment."""

    def __init__(self, clock: Clock, metrics: Metrics, log: BoundLogger) -> None:
        self._clock, self._metrics, self._log = clock, metrics, log
        self.scored_here = False
        self.keywords: Keywords | None = None  # None: still loading
        self.since: Mapping[str, int] = {}  # moments (micros) by version, the whole one's too; never changed, but for another

    def use(self, keywords: Keywords) -> None:
        """These are in force from now on; what has not changed keeps its moment."""
        before, now = self.keywords, self._clock.now()
        versions = {keywords.version, *keywords.versions.values()}
        self.since = {version: self.since.get(version, now) for version in sorted(versions)}
        self.keywords = keywords
        self._metrics.keywords_info.clear()
        self._metrics.keywords_info.labels(keywords.version).set(1)
        self._metrics.keywords_rules.set(keywords.rules)
        if before is None or before.version != keywords.version:
            known = before.versions if before else {}
            changed = sorted(name for name in {*known, *keywords.versions} if known.get(name) != keywords.versions.get(name))
            self._log.info("keywords in force", version=keywords.version, rules=keywords.rules, changed=changed if before else None)


def read_keywords(settings: Settings) -> Keywords:
    """What a scorer of these settings would score by, for a process that does not score."""
    libraries, _ = load_libraries(settings.libraries, ZoneInfo(settings.timezone))
    return Keywords(settings.subjects, libraries)
