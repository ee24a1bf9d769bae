"""What the rules say of a text: what hits is what the matcher finds, what nearly hits says what it lacks."""

from datetime import UTC, datetime
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.clock import micros
from monitor.mention import Mention
from monitor.scoring.explaining import Explained, explain, refusal, rules_of
from monitor.scoring.lacking import lacking
from monitor.scoring.library import CHINA
from monitor.scoring.library_file import Library, LibraryRule
from monitor.scoring.matcher import Matcher
from monitor.scoring.places import Scope, holds
from monitor.scoring.rules import Rule, parse
from monitor.scoring.views import View
from monitor.subject import Subject
from tests.unit.keywords.making import LIBRARY, Yuqing, file_of
from tests.unit.scoring.test_laws import RULES, TEXTS

AT = datetime(2026, 1, 1, tzinfo=UTC)


def said(rule: str, *, title: str = "", text: str = "") -> Explained:
    """What one rule says of a text."""
    mention = Mention(source="t", id="1", published_at=AT, title=title or None, text=text)
    return explain(rules_of([Subject(name="s", rules=(rule,))], []), mention, 0, 20)


@given(st.lists(RULES, min_size=1, max_size=5, unique_by=lambda rule: rule and rule.source), TEXTS, TEXTS)
@settings(max_examples=100, deadline=None)
def test_what_hits_is_what_the_matcher_finds(rules: list[Rule], title: str, text: str) -> None:
    """The same subjects, and for each of them the same words in the same places, of own and of risk rules."""
    mention = Mention(source="红", id="1", published_at=AT, title=title, text=text)
    only = (("红",), ())
    subjects = [Subject(name=str(number), rules=(rule.source,), platforms=only[number % 2]) for number, rule in enumerate(rules)]
    libraries = [Library("险", "险", 0.5, tuple(LibraryRule(rule, 0.5) for rule in rules), shipped=True)]
    found = explain(rules_of(subjects, libraries), mention, 0, 20)
    matches = {match.subject: match.hits for match in Matcher.build(subjects, libraries).match(mention, 0)}
    assert found.subjects == tuple(sorted(matches))
    for name, hits in matches.items():
        own = [hit for one in found.held if name in one.subjects or one.asked.risk for hit in one.hits]
        assert set(hits) <= set(own)
        assert len(hits) == min(len(own), 50)


@pytest.mark.parametrize("segmenter", ["rjieba", "jieba"])
@pytest.mark.parametrize("used", [False, True])
def test_words_are_cut_as_the_service_cuts_them(segmenter: str, *, used: bool) -> None:
    """The words that rules in force want whole are taught, also where only some rules are asked about; those nobody uses are not."""
    library = Library("库", "名", 0.5, (LibraryRule(parse("=云岭牛奶"), 0.5),))
    mine = Subject(name="甲", rules=("=牛奶",))
    subjects = [mine, Subject(name="乙", rules=("不在",), libraries=("库",) if used else ())]
    mention = Mention(source="t", id="1", published_at=AT, text="云岭牛奶好喝")
    everything = rules_of(subjects, [library])

    found = explain(rules_of([mine], []), mention, 0, 20, segmenter=segmenter, all_rules=everything)
    whole = explain(everything, mention, 0, 20, segmenter=segmenter)
    names = {match.subject for match in Matcher.build(subjects, [library], segmenter).match(mention, 0)}

    assert ("甲" in found.subjects) == ("甲" in whole.subjects) == ("甲" in names) == (not used)


@given(RULES, TEXTS)
@settings(max_examples=200, deadline=None)
def test_a_rule_lacks_something_just_where_it_does_not_hold(rule: Rule, text: str) -> None:
    """No cost and no reason where it holds; where it does not, both."""
    scope = Scope([("text", View(text))])
    lack = lacking(rule.tree, scope)
    assert (lack.cost == 0) == (lack.reasons == ()) == holds(rule.tree, scope)


@pytest.mark.parametrize(
    ("rule", "text", "reason"),
    [
        ("郭美美+(捐款|慈善)", "郭美美来了", "缺 “捐款”、“慈善”之一"),
        ("郭美美+捐款-演唱会", "郭美美捐款开演唱会", "被 -演唱会 排除"),
        ("百度!百度百科", "上百度百科", "“百度” 都在 “百度百科” 之内"),
        ("=和服", "我们的产品和服务", "“和服” 不是整词（分词：产品/和/服务）"),
        ("title:捐款", "大家捐款", "只在 title 里找，而它在 text 里"),
        ("甲方 NEAR/5 乙方", "甲方一二三四五六七乙方", "缺 NEAR/5：相距 7 字"),
        ("甲方 BEFORE/9 乙方", "乙方说甲方", "缺 BEFORE/9：次序相反，“甲方” 在 “乙方” 之后"),
        ("红会 NEAR/5 会长", "红会长", "缺 NEAR/5：“红会” 与 “会长” 相互重叠"),
        ("UU", "uuid", "“UU” 在 “uuid” 之内，不是独立的词"),
        (r"善款+/\d+万/", "善款不少", r"缺 合于 /\d+万/ 的文字"),
        ("善款+~红十字", "善款不少", "缺 “红十字” 或其变体"),
    ],
)
def test_what_is_missing_is_said(rule: str, text: str, reason: str) -> None:
    """Each way to miss has its words."""
    (missed,) = said(rule, text=text).missed
    assert missed.lack.reasons == (reason,)


def test_parts_in_two_fields_are_near_in_none() -> None:
    """NEAR asks for one field."""
    (missed,) = said("甲方 NEAR/5 乙方", title="甲方", text="乙方").missed
    assert "不在同一个字段" in missed.lack.reasons[0]


def test_a_rule_of_which_nothing_is_there_is_no_near_miss() -> None:
    """Neither one whose words are absent, nor one of which only what it excludes is there."""
    assert said("郭美美+捐款-演唱会", text="演唱会").nearly == 0


def test_the_nearest_miss_comes_first_and_the_list_is_bounded() -> None:
    """By how little is missing: too far by one, excluded, one word absent, two."""
    rules = ("甲+乙丙+丁戊", "甲+乙丙", "甲-天", "甲 NEAR/1 天")
    mention = Mention(source="t", id="1", published_at=AT, text="甲二三天")
    found = explain(rules_of([Subject(name="s", rules=rules)], []), mention, 0, 3)
    assert [one.asked.source for one in found.missed] == ["甲 NEAR/1 天", "甲-天", "甲+乙丙"]
    assert found.nearly == 4


def test_what_holds_and_does_not_count_says_why() -> None:
    """An expired library, one that nobody names, a subject that takes other platforms."""
    rule = LibraryRule(parse("红会"), 0.5)
    libraries = [Library("旧", "c", 0.5, (rule,), valid_until=5), Library("无主", "c", 0.5, (rule,))]
    subjects = [Subject(name="微博的", rules=("红会",), platforms=("微博",)), Subject(name="用旧的", rules=(), libraries=("旧",))]
    found = explain(rules_of(subjects, libraries), Mention(source="t", id="1", published_at=AT, text="红会"), 9, 9)
    assert (found.subjects, found.held) == ((), ())
    reasons = sorted(reason[:10] for one in found.missed for reason in one.lack.reasons)
    assert reasons == ["主题 微博的 只看平", "没有监测主题使用这个", "词库有效期 1970"]


def test_times_are_those_of_the_zone() -> None:
    """A library that ended with the year there ended on its last day, as its file says, and not the afternoon of UTC."""
    until = micros(datetime(2026, 1, 1, tzinfo=CHINA))
    library = Library("旧", "c", 0.5, (LibraryRule(parse("红会"), 0.5),), valid_until=until)
    subject = Subject(name="s", rules=(), libraries=("旧",))
    mention = Mention(source="t", id="1", published_at=AT, text="红会")
    (missed,) = explain(rules_of([subject], [library]), mention, until, 9, zone=CHINA).missed
    assert missed.lack.reasons == ("词库有效期 2025-12-31 止（valid_until），已失效",)


@pytest.mark.parametrize("kept", [{"kinds": ("post",)}, {"platforms": ("t",)}, {"regions": ("北",)}, {"valid_until": 10}, {}])
@pytest.mark.parametrize("other", [{"kinds": ("video",)}, {"platforms": ("x",)}, {"regions": ("南",)}, {"valid_until": 9}, {}])
def test_a_subject_refuses_as_the_matcher_does(kept: dict[str, object], other: dict[str, object]) -> None:
    """For every filter and their pairs."""
    subject = Subject(name="s", rules=("红会",), **{**kept, **other})  # type: ignore[arg-type]
    mention = Mention(source="t", id="1", published_at=AT, text="红会", region="北京")
    assert bool(refusal(subject, mention, 9)) == (not Matcher.build([subject], []).match(mention, 9))


def test_a_long_text_and_many_rules_are_answered_in_bounded_time() -> None:
    """64 KiB and 20,000 rules, most of which some word of it begins: seconds, and as many near misses as asked for."""
    text = "".join(chr(0x4E00 + number % 5_000) for number in range(21_000))
    rules = tuple(f"{chr(0x4E00 + number % 5_000)}{chr(0x4E01 + number % 5_000)}+不在{number}" for number in range(20_000))
    asked = rules_of([Subject(name="s", rules=rules)], [])
    began = process_time()
    found = explain(asked, Mention(source="t", id="1", published_at=AT, text=text), 0, 20)
    assert process_time() - began < 20
    assert len(found.missed) == 20


def test_the_verb_shows_hits_places_and_near_misses(yuqing: Yuqing, config: Path, tmp_path: Path) -> None:
    """The words in brackets, the rule with FILE:LINE, its subject; the library given beside is used by all."""
    library = file_of(tmp_path / "l.yaml", LIBRARY.replace("慈善总会", "慈善总会+红会"))
    ran = yuqing("test", "红会和郭美美", "--config", config, "--library", library)
    assert (ran.code, ran.err) == (0, "")
    assert "正文：【红会】和【郭美美】" in ran.out
    assert f"主题 红十字会，{config}:4" in ran.out
    assert f"词库 自备，类别 法人，权重 0.3，{library}:6" in ran.out
    assert "缺 “慈善总会”" in ran.out
    assert "\x1b" not in ran.out


def test_the_verb_answers_programs(yuqing: Yuqing, config: Path) -> None:
    """One object: subjects, hits with places in code points, near misses with costs; a text from stdin, without its last newline."""
    found = yuqing("test", "--config", config, "--title", "突发", "--json", stdin="😀红会\n".encode()).json()
    assert found["subjects"] == []  # a title is given, so stdin is not waited for
    found = yuqing("test", "--config", config, "--json", stdin="😀红会\n".encode()).json()
    (hit,) = found["hits"]
    assert hit["places"] == [{"field": "text", "text": "红会", "start": 1, "end": 3, "harmless": None}]
    assert (hit["subjects"], hit["library"], hit["place"]) == (["红十字会"], None, f"{config}:4")


def test_the_verb_tells_programs_what_is_harmless(yuqing: Yuqing) -> None:
    """A place of a word of harm that tells of no event names the word that says so."""
    (hit,) = yuqing("test", "消防演练模拟火灾现场", "--json").json()["hits"]
    assert hit["places"] == [{"field": "text", "text": "火灾", "start": 6, "end": 8, "harmless": "演练"}]


def test_other_fields_can_be_given(yuqing: Yuqing, tmp_path: Path) -> None:
    """A rule about the author is tried with one; an unknown field is refused."""
    library = file_of(tmp_path / "l.yaml", LIBRARY.replace("慈善总会", "author:新华社"))
    assert yuqing("test", "通报", "--field", "author=新华社", "--library", library, "--json").json()["subjects"]
    ran = yuqing("test", "通报", "--field", "likes=3", "--library", library)
    assert (ran.code, ran.out) == (2, "")
    assert "字段是 author" in ran.err


@pytest.mark.parametrize("count", [21_846, 40_000])
def test_a_long_text_is_called_long_wherever_it_comes_from(yuqing: Yuqing, tmp_path: Path, count: int) -> None:
    """More than 64 KiB of Chinese on stdin is cut amid a character, and no fault of its encoding; as much as that is read."""
    text = file_of(tmp_path / "t.txt", "字" * count)
    for ran in (yuqing("test", stdin=text.read_bytes()), yuqing("test", "--file", text)):
        assert (ran.code, "超过 64 KiB" in ran.err) == (2, True)
    assert yuqing("test", stdin="\ufeff".encode() + b"a" + "字".encode() * 21_845 + b"\n").code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["test", "a", "--subject", "无此", "--config", "CONFIG"], "没有名为 无此 的监测主题"),
        (["test", "字" * 22_000], "超过 64 KiB"),
        (["test", ""], "没有要试的文字"),
        (["test", "a", "--file", "CONFIG"], "两者选一"),
        (["test", "a", "--library", "nowhere.yaml"], "nowhere.yaml:1: 找不到"),
        (["tset"], "是不是想写 test？"),
        ([], "用法：yuqing keywords"),
    ],
)
def test_wrong_use_is_told(yuqing: Yuqing, config: Path, arguments: list[str], says: str) -> None:
    """In Chinese, on stderr, with 2."""
    ran = yuqing(*(config if one == "CONFIG" else one for one in arguments))
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
