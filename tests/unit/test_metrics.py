"""The closed list of metrics."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from monitor.metrics import CATALOG, NOTIFY_OUTCOMES, PREFIX, Metrics

CONTRACT = {
    "mentions_ingested_total": ("source", "outcome"),
    "source_newest_item_timestamp_seconds": ("source",),
    "consumer_lag_messages": ("topic", "role"),
    "consumer_lag_seconds": ("topic", "role"),
    "stage_duration_seconds": ("stage",),
    "collect_to_decision_seconds": (),
    "alerts": ("level", "status"),
    "transitions_total": ("from", "to", "reason"),
    "notifications_total": ("receiver", "outcome"),
    "notification_latency_seconds": ("receiver",),
    "outbox_pending": (),
    "outbox_oldest_age_seconds": (),
    "dead_letters_total": ("topic", "reason"),
    "event_loop_lag_seconds": (),
    "build_info": ("version",),
    "config_last_reload_successful": (),
}


@pytest.fixture
def metrics() -> Metrics:
    """Metrics of their own registry, with one source and one receiver."""
    return Metrics(CollectorRegistry(), version="1.2.3", sources=["staff"], receivers=["duty"])


def test_catalog_holds_what_rules_and_dashboards_hold_on_to() -> None:
    """Every metric of the contract is in the catalog with its labels."""
    listed = {spec.name: spec.labels for spec in CATALOG}
    assert {name: listed.get(name) for name in CONTRACT} == CONTRACT


def test_registry_and_attributes_are_the_catalog(metrics: Metrics) -> None:
    """Nothing is measured that the catalog does not list, and each listed metric is an attribute of its name."""
    families = {family.name: family for family in metrics.registry.collect()}
    assert set(families) == {PREFIX + spec.name.removesuffix("_total") for spec in CATALOG}
    for spec in CATALOG:
        assert getattr(metrics, spec.name)._documentation == spec.help
        assert families[PREFIX + spec.name.removesuffix("_total")].type == spec.kind


def test_known_label_sets_stand_at_zero(metrics: Metrics) -> None:
    """A rate sees the first event, as the series was there before it."""
    value = metrics.registry.get_sample_value
    for outcome in NOTIFY_OUTCOMES:
        assert value("yuqing_notifications_total", {"receiver": "duty", "outcome": outcome}) == 0
    assert value("yuqing_transitions_total", {"from": "none", "to": "blue", "reason": "authors_10m"}) == 0
    assert value("yuqing_mentions_ingested_total", {"source": "other", "outcome": "rejected"}) == 0
    assert value("yuqing_alerts", {"level": "red", "status": "open"}) == 0
    assert value("yuqing_build_info", {"version": "1.2.3"}) == 1


def test_unknown_sources_share_a_label(metrics: Metrics) -> None:
    """A client that invents source names makes no series."""
    assert [metrics.source(name) for name in ("staff", "evil\n", "")] == ["staff", "other", "other"]


def test_two_services_in_one_process_do_not_share() -> None:
    """There is no global registry: a second set counts for itself."""
    one, two = Metrics(CollectorRegistry()), Metrics(CollectorRegistry())
    one.outbox_pending.set(7)
    assert two.registry.get_sample_value("yuqing_outbox_pending") == 0
    assert b"yuqing_outbox_pending 7.0" in generate_latest(one.registry)
