"""Scored mentions as records, and the pseudonyms in them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.mention import Mention, Raw, Scored, decode_scored, encode
from monitor.pseudonym import pseudonym, readable
from monitor.score import Emotion, Hit, MentionScore, Score, Sentiment
from monitor.scoring.records import scored_records

KEY = b"k" * 32
NEUTRAL = Sentiment("neutral", 0.1, 0.8, 0.1)
NONE = Emotion("none", 0, 0, 0, 0, 0, 0, 1)


def records(*subjects: str, **fields: Any) -> list[Scored]:
    """The records of a mention that hits these subjects."""
    mention = Mention(source="s", id="1", published_at=datetime(2026, 11, 22, tzinfo=UTC), text="甲", **fields)
    scores = tuple(Score(subject=subject, hits=(), sentiment=NEUTRAL, severity=0.0) for subject in subjects)
    raw = Raw(received_at=7, mention=mention, as_if=True)
    return scored_records(raw, MentionScore("s", "1", NEUTRAL, NONE, scores), KEY, 100_000)


def test_one_record_a_subject() -> None:
    """Sorted by subject, with the moment and the manner of receiving, and back from the wire unchanged."""
    made = records("乙", "丙", "甲")
    assert [one.score.subject for one in made] == ["丙", "乙", "甲"]
    assert all((one.received_at, one.as_if) == (7, True) for one in made)
    assert [decode_scored(encode(one)) for one in made] == made


def test_what_hits_nothing_is_not_kept_but_reports_are() -> None:
    """A staff report goes under the empty subject."""
    assert records() == []
    [report] = records(kind="report")
    assert report.score.subject == ""


def test_the_author_becomes_a_pseudonym() -> None:
    """The name is gone, unless it is a public voice, whose name stands beside."""
    [private] = records("甲", author="张三")
    assert private.mention.author == pseudonym(KEY, "s", "张三")
    assert private.name is None
    assert "张三".encode() not in encode(private)
    [paper] = records("甲", author="某某日报", media=True)
    assert (paper.mention.author, paper.name) == (pseudonym(KEY, "s", "某某日报"), "某某日报")
    [nobody] = records("甲")
    assert (nobody.mention.author, nobody.name) == (None, None)


@pytest.mark.parametrize(
    ("fields", "keeps", "role"),
    [
        ({}, False, None),
        ({"verified": True}, False, None),
        ({"verified": "person", "followers": 99_999}, False, None),
        ({"verified": True, "followers": 100_000}, True, "kol"),
        ({"followers": 100_000}, True, "kol"),
        ({"verified": "org"}, True, None),
        ({"verified": "gov"}, True, None),
        ({"verified": "media"}, True, "media"),
        ({"media": True, "followers": 100_000}, True, "media"),
        ({"media": False}, False, None),
    ],
)
def test_whose_name_stays_and_in_which_role(fields: dict[str, Any], role: str | None, *, keeps: bool) -> None:
    """Media, verified organisations and accounts at or over the threshold stay readable."""
    [one] = records("甲", author="某人", **fields)
    assert (one.name == "某人") is keeps
    assert one.role == role
    assert readable(Mention(source="s", id="1", published_at=datetime(2026, 1, 1, tzinfo=UTC), **fields), 100_000) is keeps


def test_the_platform_is_part_of_the_identity() -> None:
    """One account name on two platforms is two authors, on two sources of one platform one."""
    assert records("甲", author="a", platform="微博")[0].mention.author == pseudonym(KEY, "微博", "a")
    assert pseudonym(KEY, "微博", "a") != pseudonym(KEY, "抖音", "a")


@given(st.binary(max_size=100), st.text(max_size=10), st.text(max_size=10), st.text(max_size=10))
def test_pseudonyms(key: bytes, platform: str, one: str, other: str) -> None:
    """The same author the same 32 hex digits, another author others, another key all others."""
    made = pseudonym(key, platform, one)
    assert len(bytes.fromhex(made)) == 16
    assert made == pseudonym(key, platform, one)
    assert (made == pseudonym(key, platform, other)) is (one == other)
    assert made != pseudonym(key + b"!", platform, one)


def test_a_hit_in_the_authors_name_does_not_tell_it() -> None:
    """A rule on `author:` looks before the name is hidden; what is stored keeps the rule and the place, a public voice its name."""
    hits = (Hit("author:张三", "subject", "author", "张三", 0, 2), Hit("甲", "subject", "text", "甲", 0, 1))
    for followers, told in ((1, ""), (200_000, "张三")):
        at = datetime(2026, 11, 22, tzinfo=UTC)
        mention = Mention(source="s", id="1", published_at=at, text="甲", author="张三", followers=followers)
        score = Score(subject="甲", hits=hits, sentiment=NEUTRAL, severity=0.0)
        judged = MentionScore("s", "1", NEUTRAL, NONE, (score,))
        [one] = scored_records(Raw(received_at=7, mention=mention), judged, KEY, 100_000)
        assert [hit.text for hit in one.score.hits] == [told, "甲"]
        assert one.score.hits[0].end == 2
