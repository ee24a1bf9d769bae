"""Accounts lists: who is found on them, and what that makes of a mention."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from monitor.accounts import Accounts, decisive, never_negative, read_accounts
from monitor.mention import Mention, Raw, Scored
from monitor.score import Emotion, MentionScore, Score, Sentiment
from monitor.scoring.records import scored_records
from monitor.settings import Account
from monitor.yaml_lines import Report

ILL = Sentiment("negative", 0.8, 0.15, 0.05)
NONE = Emotion("none", 0, 0, 0, 0, 0, 0, 1)
LIST = """
- {platform: 微博, name: 某某集团官方微博, role: own}
- {name: ＡＢＣ 日報, role: media, tier: central}
- {id: 'u99', role: kol}
- {name: 爆料哥, role: watch}
- {name: 爆料哥, role: kol, platform: 抖音}
- {name: 水军, role: ignore}
- {name: 对手, role: competitor}
"""


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    """The list above."""
    (tmp_path / "list.yaml").write_text(LIST, "utf-8")
    report = Report("c.yaml", tmp_path, {})
    made = Accounts(read_accounts(tmp_path / "list.yaml", report))
    assert report.problems == []
    return made


def mention(**fields: Any) -> Mention:
    """Something said."""
    return Mention(source="s", id="1", published_at=datetime(2026, 11, 22, tzinfo=UTC), text="甲", **fields)


@pytest.mark.parametrize(
    ("fields", "role"),
    [
        ({"author": "某某集团官方微博", "platform": "微博"}, "own"),
        ({"author": "某某集团官方微博", "platform": "抖音"}, None),
        ({"author": "某某集团官方微博2", "platform": "微博"}, None),
        ({"author": "abc 日报"}, "media"),
        ({"outlet": "ABC 日报"}, "media"),
        ({"outlet": "ABC 日报", "author": "网友"}, None),
        ({"author": "U99"}, "kol"),
        ({"author": "爆料哥"}, "watch"),
        ({"author": "爆料哥", "platform": "抖音"}, "kol"),
        ({"author": "水军", "media": True}, "ignore"),
        ({"author": "对手"}, "competitor"),
        ({"author": "对手", "followers": 5_000_000}, "kol"),
        ({"author": "对手", "verified": "media"}, "media"),
        ({"author": "爆料哥", "media": True}, "media"),
        ({"author": "某某集团官方微博", "platform": "微博", "followers": 5_000_000}, "own"),
        ({"author": "爆料哥", "followers": 5_000_000}, "kol"),
        ({}, None),
    ],
)
def test_an_account_is_found_by_name_or_id_and_platform(accounts: Accounts, fields: dict[str, Any], role: str | None) -> None:
    """Exactly after folding; the platform counts where the list names one; the role that decides reaches the record."""
    [one] = records(accounts, "甲", **fields)
    assert one.role == role


def records(accounts: Accounts, *subjects: str, **fields: Any) -> list[Scored]:
    """The records of a mention that speaks ill of these subjects."""
    scores = tuple(Score(subject=subject, hits=(), sentiment=ILL, severity=0.9, passes_on=True) for subject in subjects)
    raw, scored = Raw(received_at=7, mention=mention(**fields)), MentionScore("s", "1", ILL, NONE, scores)
    return scored_records(raw, scored, b"k" * 32, 100_000, accounts)


def test_what_the_organisation_says_itself_is_never_negative(accounts: Accounts) -> None:
    """Neither its sentiment nor its severity makes it sensitive, and it spreads nothing; its probabilities still add up to one."""
    [own] = records(accounts, "甲", author="某某集团官方微博", platform="微博")
    [other] = records(accounts, "甲", author="某人")

    assert (own.score.negative, own.sensitive, own.spreads) == (False, False, False)
    assert (other.score.negative, other.sensitive, other.spreads) == (True, True, True)
    assert own.score.sentiment == Sentiment("neutral", 0.0, 0.75, 0.25)
    assert never_negative(own.score.sentiment) is own.score.sentiment
    assert own.name == "某某集团官方微博"


def test_a_watched_account_is_stored_without_a_hit(accounts: Accounts) -> None:
    """Every post of it is kept under the empty subject, its name readable; of others only what hits."""
    [watched] = records(accounts, author="爆料哥")

    assert (watched.score.subject, watched.role, watched.name) == ("", "watch", "爆料哥")
    assert [one.score.subject for one in records(accounts, author="爆料哥", platform="抖音")] == [""]
    assert records(accounts, author="水军") == records(accounts, author="某人") == []


def test_the_first_role_of_several_decides() -> None:
    """What keeps an account out of the count comes before what gives it weight, and that before what gives it none."""
    assert decisive({"media", "own"}) == "own"
    assert decisive({"kol", "ignore"}) == "ignore"
    assert decisive({"competitor", "kol"}) == "kol"
    assert decisive({"competitor", "watch"}) == "competitor"
    assert decisive({"watch", "kol"}) == "kol"
    assert decisive({""}) is None


def test_no_list_finds_nobody() -> None:
    """Without lists every account is as it says."""
    assert Accounts().roles(mention(author="某人")) == frozenset()
    assert Accounts([Account(role="own", id="a")]).roles(mention(author="A")) == {"own"}
