"""同名与误中: a table of cases where a plain substring would be wrong, with the rule that is right."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.mention import Mention
from monitor.scoring.matcher import Matcher
from monitor.subject import Subject

FILE = Path(__file__).with_name("same_names.tsv")
CASES = [line.split("\t") for line in FILE.read_text("utf-8").splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize(("rule", "text", "hits"), CASES, ids=lambda value: value)
def test_a_case(rule: str, text: str, hits: str) -> None:
    """The rule hits what is meant, and not what merely holds its letters."""
    matcher = Matcher.build([Subject(name="s", rules=(rule,))], [])
    one = Mention(source="t", id="1", published_at=datetime(2026, 1, 1, tzinfo=UTC), text=text)
    assert ("是" if matcher.match(one, 0) else "否") == hits


def test_a_hundred() -> None:
    """There are at least a hundred cases, and half of them are of texts that a rule must not hit."""
    assert len(CASES) >= 100
    assert sum(hits == "否" for *_, hits in CASES) >= 50
