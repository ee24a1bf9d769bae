"""Severity: one formula, bounded and monotone in each part."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.mention import Kind, Mention
from monitor.score import SEVERE
from monitor.scoring.scorer import Scorer, build_scorer
from monitor.scoring.severity import KINDS, combined, severity, voice
from monitor.subject import Subject

PART = st.floats(0, 1)


def mention(**fields: Any) -> Mention:
    """A mention of nothing."""
    return Mention(source="t", id="1", published_at=datetime(2026, 11, 22, tzinfo=UTC), **fields)


@given(PART, PART, PART, PART, st.integers(0, 3), PART)
def test_monotone_in_each_part(risk: float, negativity: float, speaker: float, kind: float, place: int, more: float) -> None:
    """More crisis terms, more ill, a louder voice or a graver kind never make it less."""
    parts = [risk, negativity, speaker, kind]
    raised = [max(part, more) if place == number else part for number, part in enumerate(parts)]
    assert 0.0 <= combined(*parts) <= combined(*raised) <= 1.0


@given(PART, PART, PART, PART)
def test_crisis_terms_alone_decide_what_is_severe(risk: float, negativity: float, speaker: float, kind: float) -> None:
    """The other parts order what stands on either side of 0.5; they carry nothing across, and take nothing away."""
    value = combined(risk, negativity, speaker, kind)
    assert (value >= SEVERE) == (risk >= SEVERE)
    assert value >= min(risk, SEVERE - 1e-4) - 1e-4


def test_a_furious_complaint_is_not_severe() -> None:
    """Not even by the largest outlet, and it stands above a mild one by nobody."""
    furious = severity(0.0, 1.0, mention(kind="complaint", media=True))
    assert severity(0.0, 0.5, mention()) < furious < SEVERE


def test_who_says_it_counts() -> None:
    """A news outlet above a large account, that above a small one; organisations and authorities between."""
    speakers = [mention(followers=100), mention(followers=1_000_000), mention(followers=10**8, verified="person")]
    voices = [voice(one) for one in speakers]
    assert voices == sorted(voices)
    assert voice(mention(verified="gov")) == 0.8
    assert voice(mention(media=True)) == voice(mention(verified="media")) == 1.0
    assert voice(mention(followers=None)) == 0.0


def test_every_kind_has_its_weight() -> None:
    """None of contract 1 is forgotten, and a complaint is the gravest."""
    assert set(KINDS) == set(get_args(Kind))
    assert max(KINDS, key=lambda kind: KINDS[kind]) == "complaint"


@cache
def watching() -> Scorer:
    """Everything, by a word that is added to each headline."""
    return build_scorer([Subject(name="某地", rules=("某地",))])


@cache
def severe_share(*, harmless: bool) -> float:
    """How many headlines of one kind are severe from their text alone, scored whole."""
    lines = [line.split("\t") for line in Path(__file__).with_name("headlines.tsv").read_text("utf-8").splitlines()]
    headlines = [mention(text=f"某地 {text}") for category, text in lines if (category == "-") is harmless]
    scored = watching().score(headlines)
    return sum(one.subjects[0].severity >= SEVERE for one in scored) / len(scored)


@pytest.mark.parametrize(("harmless", "least", "most"), [(False, 0.9, 1.0), (True, 0.0, 0.1)])
def test_headlines(*, harmless: bool, least: float, most: float) -> None:
    """Nine of ten crisis headlines in neutral words, at most one in ten of those that only sound alike; no reach, no media mark."""
    assert least <= severe_share(harmless=harmless) <= most


def test_the_priority_of_complaints() -> None:
    """Of two complaints without a crisis term the clearer one comes first."""
    angry, mild = watching().score([mention(text="某地太坑了，垃圾，骗子"), mention(text="去了某地一趟")])
    assert angry.subjects[0].severity > mild.subjects[0].severity
