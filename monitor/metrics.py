"""
The closed list of metrics: what is not in CATALOG is not measured, and README's table is made from it.

`Metrics` is built on a registry it is given; every attribute is called like its metric without `yuqing_`. Label sets that are
known beforehand stand at 0 from the start, so that a rate sees the first event too; but a lag that nobody has measured is not 0.
"""

from collections.abc import Iterable
from itertools import combinations
from typing import Literal

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from monitor.alert import DEEDS, STATUSES, Level, ReasonCode
from monitor.bus.base import RAW, SCORED, TOPICS

PREFIX = "yuqing_"
OTHER = "other"

Kind = Literal["counter", "gauge", "histogram"]
Stage = Literal["append", "score", "escalate", "notify"]
STAGES: tuple[Stage, ...] = ("append", "score", "escalate", "notify")
IngestOutcome = Literal["accepted", "duplicate", "updated", "rejected"]
INGEST_OUTCOMES: tuple[IngestOutcome, ...] = ("accepted", "duplicate", "updated", "rejected")
NotifyOutcome = Literal["sent", "retried", "merged", "disabled", "refused", "dead"]
NOTIFY_OUTCOMES: tuple[NotifyOutcome, ...] = ("sent", "retried", "merged", "disabled", "refused", "dead")
CONSUMERS = ((RAW, "score"), (SCORED, "escalate"))
DeadReason = Literal["invalid", "failed"]
DEAD_REASONS: tuple[DeadReason, ...] = ("invalid", "failed")

_QUICK = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)


class Spec(msgspec.Struct, frozen=True):
    """One metric: its name without the prefix, its kind, what it says, its labels."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


CATALOG: tuple[Spec, ...] = (
    Spec("mentions_ingested_total", "counter", "Mentions taken in, by source and what became of them.", ("source", "outcome")),
    Spec("source_newest_item_timestamp_seconds", "gauge", "When the newest item of the source was published, Unix time.", ("source",)),
    Spec("source_failures_total", "counter", "Times a source could not be read, by what was wrong.", ("source", "reason")),
    Spec("consumer_lag_messages", "gauge", "Records of the topic that the role, wherever it runs, has not taken.", ("topic", "role")),
    Spec("consumer_lag_seconds", "gauge", "Age of the oldest record that the role, wherever it runs, has not taken.", ("topic", "role")),
    Spec("bus_skipped_records_total", "counter", "Records that expired before they were read: retention is too short.", ("topic",)),
    Spec("bus_shortened_total", "counter", "Times a log ended before a position (it was lost or cut): gone on at its oldest.", ("topic",)),
    Spec("stage_duration_seconds", "histogram", "Time one batch spent in a stage.", ("stage",), _QUICK),
    Spec("collect_to_decision_seconds", "histogram", "Time from a mention's acceptance to its stored decision.", (), _SLOW),
    Spec("alerts", "gauge", "Alerts there are, by level and status.", ("level", "status")),
    Spec("transitions_total", "counter", "Changes of level (or of status) by their first reason.", ("from", "to", "reason")),
    Spec("notifications_total", "counter", "Tries and ends of notifications.", ("receiver", "outcome")),
    Spec("notification_latency_seconds", "histogram", "Time from a stored decision to its message taken.", ("receiver",), _SLOW),
    Spec("outbox_pending", "gauge", "Notifications that wait to be sent."),
    Spec("outbox_oldest_age_seconds", "gauge", "Age of the oldest notification that waits."),
    Spec("dead_letters_total", "counter", "Records that can never be processed.", ("topic", "reason")),
    Spec("event_loop_lag_seconds", "gauge", "How late the event loop was when last asked."),
    Spec("build_info", "gauge", "Always 1; the label is the version.", ("version",)),
    Spec("config_last_reload_successful", "gauge", "1 when the configuration in force is the one in the file."),
    Spec("config_last_reload_success_timestamp_seconds", "gauge", "When the configuration in force was taken up, Unix time."),
    Spec("keywords_info", "gauge", "Always 1; the label is the version of the keyword rules in force.", ("version",)),
    Spec("keywords_rules", "gauge", "Keyword rules in force."),
)


class Metrics:
    """Every metric of the service on one registry; `sources` and `receivers` are the configured names."""

    def __init__(
        self, registry: CollectorRegistry, *, version: str = "", sources: Iterable[str] = (), receivers: Iterable[str] = ()
    ) -> None:
        self.registry = registry
        self._sources = frozenset(sources)
        make = _Maker(registry)
        self.mentions_ingested_total = make.counter("mentions_ingested_total")
        self.source_newest_item_timestamp_seconds = make.gauge("source_newest_item_timestamp_seconds")
        self.source_failures_total = make.counter("source_failures_total")
        self.consumer_lag_messages = make.gauge("consumer_lag_messages")
        self.consumer_lag_seconds = make.gauge("consumer_lag_seconds")
        self.bus_skipped_records_total = make.counter("bus_skipped_records_total")
        self.bus_shortened_total = make.counter("bus_shortened_total")
        self.stage_duration_seconds = make.histogram("stage_duration_seconds")
        self.collect_to_decision_seconds = make.histogram("collect_to_decision_seconds")
        self.alerts = make.gauge("alerts")
        self.transitions_total = make.counter("transitions_total")
        self.notifications_total = make.counter("notifications_total")
        self.notification_latency_seconds = make.histogram("notification_latency_seconds")
        self.outbox_pending = make.gauge("outbox_pending")
        self.outbox_oldest_age_seconds = make.gauge("outbox_oldest_age_seconds")
        self.dead_letters_total = make.counter("dead_letters_total")
        self.event_loop_lag_seconds = make.gauge("event_loop_lag_seconds")
        self.build_info = make.gauge("build_info")
        self.config_last_reload_successful = make.gauge("config_last_reload_successful")
        self.config_last_reload_success_timestamp_seconds = make.gauge("config_last_reload_success_timestamp_seconds")
        self.keywords_info = make.gauge("keywords_info")
        self.keywords_rules = make.gauge("keywords_rules")
        self._begin(receivers)
        self.build_info.labels(version).set(1)

    def know(self, *, sources: Iterable[str], receivers: Iterable[str]) -> None:
        """Let other configured names be labels from now on; the series of the earlier ones stay."""
        self._sources = frozenset(sources)
        self._begin(receivers)

    def source(self, name: str) -> str:
        """The label of a mention's source: its name when configured, else `other`, so that a client cannot make series."""
        return name if name in self._sources else OTHER

    def _begin(self, receivers: Iterable[str]) -> None:
        _start(self.mentions_ingested_total, ((name, how) for name in {*self._sources, OTHER} for how in INGEST_OUTCOMES))
        _start(self.bus_skipped_records_total, ((topic,) for topic in TOPICS))
        _start(self.bus_shortened_total, ((topic,) for topic in TOPICS[:2]))
        _start(self.stage_duration_seconds, ((stage,) for stage in STAGES))
        _start(self.alerts, ((level.word, status) for level in Level for status in STATUSES))
        _start(self.transitions_total, _level_changes())
        _start(self.dead_letters_total, ((topic, reason) for topic in TOPICS[:2] for reason in DEAD_REASONS))
        for receiver in receivers:
            _start(self.notifications_total, ((receiver, how) for how in NOTIFY_OUTCOMES))
            _start(self.notification_latency_seconds, ((receiver,),))


class _Maker:
    """Makes a metric as CATALOG describes it; asking for one that is not there, or of another kind, is a KeyError."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._specs = {(spec.kind, spec.name): spec for spec in CATALOG}

    def counter(self, name: str) -> Counter:
        spec = self._specs["counter", name]
        return Counter(PREFIX + name, spec.help, spec.labels, registry=self._registry)

    def gauge(self, name: str) -> Gauge:
        spec = self._specs["gauge", name]
        return Gauge(PREFIX + name, spec.help, spec.labels, registry=self._registry)

    def histogram(self, name: str) -> Histogram:
        spec = self._specs["histogram", name]
        return Histogram(PREFIX + name, spec.help, spec.labels, registry=self._registry, buckets=spec.buckets)


def _start(metric: Counter | Gauge | Histogram, labels: Iterable[tuple[str, ...]]) -> None:
    for values in labels:
        metric.labels(*values)


def _level_changes() -> Iterable[tuple[str, str, str]]:
    """Every change of level a policy can make, with the reasons that can make it; a person's acts appear as they come."""
    rises = [code for code in ReasonCode if code not in DEEDS | {ReasonCode.RECEDED, ReasonCode.FADED}]
    for low, high in combinations([level.word for level in Level], 2):
        yield from ((low, high, reason) for reason in rises)
        yield high, low, ReasonCode.RECEDED
