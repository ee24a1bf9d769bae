"""The scorer: mentions in, what they say out."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from time import process_time
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.clock import micros
from monitor.errors import ConfigError
from monitor.mention import Mention
from monitor.score import MentionScore, Score
from monitor.scoring.scorer import Scorer, build_scorer
from monitor.subject import Subject

GRIEVANCE = "某某银行吞了我的存款，骗子，太让人失望了"
DEATHS = "某某银行营业厅发生火灾，已致3人死亡"
PRAISE = "某某银行服务真好，点赞"


@cache
def scorer() -> Scorer:
    """One subject, the shipped libraries."""
    return build_scorer([Subject(name="银行", rules=("某某银行",))])


def mention(text: str = "", **fields: Any) -> Mention:
    """A mention of these words."""
    return Mention(source="t", id="1", published_at=datetime(2026, 11, 22, tzinfo=UTC), text=text, **fields)


def score(text: str = "", **fields: Any) -> MentionScore:
    """What it says."""
    return scorer().score([mention(text, **fields)])[0]


def of_subject(text: str = "", **fields: Any) -> Score:
    """What it says of the bank."""
    [one] = score(text, **fields).subjects
    return one


def test_a_grievance() -> None:
    """Negative, with the hit, and sensitive."""
    one = of_subject(GRIEVANCE)
    assert one.subject == "银行"
    assert one.negative
    assert one.sensitive
    assert one.hits[0].text == "某某银行"
    assert not one.passes_on


def test_flat_words_about_deaths_are_sensitive() -> None:
    """Whatever the tone, severity is that of the risk libraries."""
    one = of_subject(DEATHS)
    assert one.severity >= 0.5
    assert one.sensitive
    assert {"伤亡", "安全事故"} <= {hit.category for hit in one.hits}


def test_praise_is_not_sensitive() -> None:
    """Kind words raise nothing."""
    one = of_subject(PRAISE)
    assert one.sentiment.label == "positive"
    assert not one.sensitive


@pytest.mark.parametrize("text", ["转发微博", "[怒]", "", "//@某人:真好", "Repost", "@某人 http://t.cn/a"])
def test_a_repost_without_own_words_carries_what_it_passes_on(text: str) -> None:
    """Contract 1: 转发微博, a face, names and links alone."""
    for quoted in (GRIEVANCE, PRAISE):
        assert score(text, kind="repost", quoted=quoted).sentiment == score(quoted).sentiment


def test_own_words_win_over_the_quoted() -> None:
    """Who praises in passing on a grievance is positive, and yet passes it on."""
    one = of_subject("支持你，加油，点赞", kind="repost", quoted=GRIEVANCE)
    assert one.sentiment.label == "positive"
    assert one.passes_on


@pytest.mark.parametrize(
    ("fields", "passes_on"),
    [
        ({"kind": "repost", "quoted": GRIEVANCE}, True),
        ({"kind": "repost", "quoted": DEATHS}, True),
        ({"kind": "repost", "quoted": PRAISE}, False),
        ({"kind": "comment", "quoted": GRIEVANCE}, False),
        ({"kind": "comment", "quoted": GRIEVANCE, "text": "[怒]"}, True),
        ({"kind": "answer", "quoted": GRIEVANCE, "text": ""}, True),
        ({"kind": "repost", "quoted": GRIEVANCE, "text": "无关的话"}, True),
        ({"kind": "post", "quoted": GRIEVANCE}, False),
        ({"kind": "repost"}, False),
    ],
)
def test_passing_on(fields: dict[str, Any], *, passes_on: bool) -> None:
    """A repost spreads negative or severe words; a comment only where it has none of its own."""
    assert of_subject(**{"text": "某某银行，我看看", **fields}).passes_on is passes_on


def test_an_advertisement_is_not_sensitive() -> None:
    """Not even where risk words stand in it; a word about somebody's advertisement is none."""
    advert = "某某银行办卡优惠券限时抢购，点击链接 http://t.cn/a，中奖即送火灾保险"
    assert of_subject(advert).advert
    assert not of_subject(advert).sensitive
    assert of_subject("转发微博", kind="repost", quoted=advert).advert
    assert not of_subject("这种东西太恶心了", kind="repost", quoted=advert).advert


def test_faces_show_an_emotion_without_words() -> None:
    """An angry face alone is anger; plain 转发微博 shows what it passes on."""
    assert score("[怒][怒]", kind="repost", quoted=PRAISE).emotion.label == "anger"
    assert score("转发微博", kind="repost", quoted=PRAISE).emotion.label == "support"
    assert score("今天去看看", kind="repost", quoted=PRAISE).emotion.label == "none"


def test_every_mention_gets_an_answer() -> None:
    """In order, with its identity; one that hits nothing has no subjects."""
    batch = [mention(f"第{number}条") for number in range(3)]
    answers = scorer().score([msgspec.structs.replace(one, id=str(number)) for number, one in enumerate(batch)])
    assert [(one.source, one.id, one.subjects) for one in answers] == [("t", "0", ()), ("t", "1", ()), ("t", "2", ())]
    assert scorer().score([]) == []


def test_the_moment_of_receiving_decides_what_is_valid() -> None:
    """Given, it is taken; else when it was collected, else published."""
    end = micros(datetime(2026, 11, 23, tzinfo=UTC))
    short = build_scorer([Subject(name="银行", rules=("某某银行",), valid_until=end)])
    late = mention(PRAISE, collected_at=datetime(2026, 11, 24, tzinfo=UTC))
    assert short.score([mention(PRAISE)])[0].subjects
    assert not short.score([late])[0].subjects
    assert short.score([late], [end - 1])[0].subjects
    assert not short.score([mention(PRAISE)], [end])[0].subjects


def test_broken_libraries_are_one_error(tmp_path: Path) -> None:
    """Every problem, with its place."""
    (tmp_path / "a.yaml").write_text("name: a\ncategory: b\nweight: 0\nrules: [x+, (y]", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        build_scorer([], [tmp_path])
    assert len(caught.value.problems) == 2


PIECES = ["某某银行", "太差了", "点赞", "死亡", "转发微博", "[怒]", "@某人 ", "//@a:", "#话题#", "\0", "\ud800", "x"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=5).map("".join)


@given(st.lists(st.tuples(TEXTS, TEXTS, st.sampled_from(["post", "repost", "comment"])), max_size=6))
@settings(max_examples=60)
def test_the_batch_changes_nothing(parts: Sequence[tuple[str, str, str]]) -> None:
    """A mention's score is the same alone, in any batch, in any order, and by a scorer that has seen nothing."""
    batch = [mention(text, quoted=quoted, kind=kind) for text, quoted, kind in parts]
    together = scorer().score(batch)
    assert together == [scorer().score([one])[0] for one in batch]
    assert together == scorer().score(batch[::-1])[::-1]
    for one in (subject for answer in together for subject in answer.subjects):
        assert 0.0 <= one.severity <= 1.0


def test_a_new_scorer_says_the_same() -> None:
    """What is remembered changes no answer."""
    batch = [mention(text, quoted=DEATHS, kind="repost") for text in (GRIEVANCE, PRAISE, "转发微博", "[怒]")]
    assert build_scorer([Subject(name="银行", rules=("某某银行",))]).score(batch) == scorer().score(batch)


@pytest.mark.parametrize(
    "piece", ["转发微博", "回复", "@", "//@a", "//", "[怒", "#", "http:", "红", "某某银行", "太差", "a", " ", "\u0301", "ﷺ", "死" + "不"]
)
def test_the_longest_texts_take_no_time(piece: str) -> None:
    """64 KiB of anything, in every field, is scored at once: no pattern or loop of ours grows with the square of the text."""
    text = piece * (65_536 // len(piece.encode())) + "x"
    started = process_time()
    score(text, title=text, quoted=text + "y", transcript=text, kind="repost")
    assert process_time() - started < 5.0


def test_the_shape_on_the_wire() -> None:
    """A line of `yuqing score` has the fields of contract 3."""
    line = msgspec.to_builtins(score(GRIEVANCE))
    assert set(line) == {"source", "id", "sentiment", "emotion", "subjects", "version"}
    assert set(line["sentiment"]) == {"label", "negative", "neutral", "positive"}
    assert set(line["emotion"]) == {"label", "anger", "worry", "sadness", "doubt", "support", "surprise", "none"}
    assert {"subject", "hits", "sentiment", "severity"} <= set(line["subjects"][0])
    assert set(line["subjects"][0]["hits"][0]) == {"rule", "category", "field", "text", "start", "end"}


def test_the_same_words_are_read_once_and_filtered_each_time() -> None:
    """What is remembered of words is not what decides whom they count for: kind, place, author, hand and hour are asked of each mention."""
    end = micros(datetime(2026, 11, 23, tzinfo=UTC))
    subjects = [
        Subject(name="旧", rules=("某某银行",), valid_until=end),
        Subject(name="本地", rules=("某某银行",), regions=("江苏",)),
        Subject(name="评论", rules=("某某银行",), kinds=("comment",)),
        Subject(name="论坛", rules=("某某银行",), platforms=("论坛",)),
        Subject(name="记者", rules=("author:记者",)),
        Subject(name="另一", rules=("另一个名字",)),
    ]
    many = build_scorer(subjects)
    looks: list[tuple[dict[str, Any], int, set[str]]] = [
        ({}, end, set()),
        ({}, end - 1, {"旧"}),
        ({"region": "江苏 南京"}, end, {"本地"}),
        ({"kind": "comment"}, end, {"评论"}),
        ({"platform": "论坛"}, end, {"论坛"}),
        ({"author": "记者甲"}, end, {"记者"}),
        ({"subjects": ("另一",)}, end, {"另一"}),
    ]
    for fields, at, names in looks * 2:
        [answer] = many.score([mention(GRIEVANCE, **fields)], [at])
        assert {one.subject for one in answer.subjects} == names
