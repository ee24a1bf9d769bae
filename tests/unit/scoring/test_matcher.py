"""The matcher: which subjects a mention hits, by which rules and where."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alert import Level
from monitor.clock import DAY, micros
from monitor.mention import Mention
from monitor.score import Floor
from monitor.scoring.fold import fold
from monitor.scoring.hits import MAX_HITS
from monitor.scoring.library_file import Library, LibraryRule
from monitor.scoring.match import Match
from monitor.scoring.matcher import Matcher
from monitor.scoring.rules import parse
from monitor.subject import Subject

AT = micros(datetime(2026, 11, 22, tzinfo=UTC))


def mention(text: str = "", **fields: Any) -> Mention:
    """A mention of these words."""
    return Mention(source="t", id="1", published_at=datetime(2026, 11, 22, tzinfo=UTC), text=text, **fields)


def library(name: str, *rules: str, category: str | None = None, weight: float = 0.5, **fields: Any) -> Library:
    """A library of these rules."""
    return Library(name, category or name, weight, tuple(LibraryRule(parse(rule), weight) for rule in rules), **fields)


def match(subject: Subject, libraries: list[Library], one: Mention, at: int = AT) -> Match | None:
    """What the only subject has, if it hits."""
    matches = Matcher.build([subject], libraries).match(one, at)
    return matches[0] if matches else None


def hit_by(rule: str, text: str) -> bool:
    """Whether a subject with that rule alone hits that text."""
    return match(Subject(name="s", rules=(rule,)), [], mention(text)) is not None


@pytest.mark.parametrize(
    ("rule", "text", "hits"),
    [
        ("红十字|红会", "中国红會", True),
        ("红十字|红会", "红 会", False),
        ("郭美美+(捐款|慈善)-演唱会", "郭美美谈捐款", True),
        ("郭美美+(捐款|慈善)-演唱会", "郭美美谈捐款, 在演唱会上", False),
        ("郭美美+(捐款|慈善)-演唱会", "郭美美", False),
        ("a-b|c", "b a c", True),
        ("-b+a", "a", True),
        ("-b+a", "a b", False),
        ("BMW", "新的bmw来了", True),
        ("BMW", "BMWs", False),
        ("BMW", "xBMW", False),
        ("BMW", "BMW_x", False),
        ("BMW", "ＢＭＷ！", True),
        ("BMW", "BM\u200bW", True),
        ("315", "13150", False),
        ("5G手机", "15G手机", False),
        (r"C\+\+", "学C++难", True),
        (r"C\+\+", "ABC++", False),
        ("P40", "华为P40发布", True),
        ('"红 十 字"', "红 十 字", True),
        ("红十字", "红\u202e十字", True),
        ("(死|伤)+(无人|未)", "无人受伤", True),
    ],
)
def test_where_a_rule_hits(rule: str, text: str, *, hits: bool) -> None:
    """Folded words, ASCII ones at word boundaries, NOT over the whole mention."""
    assert hit_by(rule, text) is hits


@pytest.mark.parametrize("segmenter", ["rjieba", "jieba"])
def test_a_word_that_a_rule_wants_whole_is_taught(segmenter: str) -> None:
    """`=鲲鹏座` makes one word of it, in which 鲲鹏 is none; a phrase that a rule names stays words."""

    def hit(*rules: str, text: str) -> set[str]:
        found = Matcher.build([Subject(name="s", rules=rules)], [], segmenter).match(mention(text), AT)
        return {hit.rule for match in found for hit in match.hits}

    assert hit("=鲲鹏", text="买了鲲鹏座了") == {"=鲲鹏"}
    assert hit("=鲲鹏", "=鲲鹏座", text="买了鲲鹏座了") == {"=鲲鹏座"}
    assert hit("=鲲鹏", "鲲鹏座", text="买了鲲鹏座了") == {"=鲲鹏", "鲲鹏座"}


def test_all_fields_together() -> None:
    """A rule looks at title, text, quoted and transcript together; each hit names its field and slice."""
    one = mention("乙 甲", title="甲", quoted="丙 乙", transcript="丁")
    found = match(Subject(name="s", rules=("甲+乙+丁",)), [], one)
    assert found is not None
    assert [(hit.field, hit.text, hit.start, hit.end) for hit in found.hits] == [
        ("title", "甲", 0, 1),
        ("text", "乙", 0, 1),
        ("text", "甲", 2, 3),
        ("quoted", "乙", 2, 3),
        ("transcript", "丁", 0, 1),
    ]


def test_not_is_scoped_to_its_own_rule() -> None:
    """One rule's exclusion does not silence another."""
    found = match(Subject(name="s", rules=("银行-招聘", "银行")), [], mention("银行招聘"))
    assert found is not None
    assert [hit.rule for hit in found.hits] == ["银行"]


def test_only_true_branches_are_shown() -> None:
    """A word of a branch that does not hold is no hit."""
    found = match(Subject(name="s", rules=("(甲+乙)|丙",)), [], mention("甲丙"))
    assert found is not None
    assert [hit.text for hit in found.hits] == ["丙"]


def test_spans_are_of_the_original() -> None:
    """Places and slices are code points of the words as they came, before folding."""
    found = match(Subject(name="s", rules=("红十字会",)), [], mention("㈱😀紅\u200b十字會"))
    assert found is not None
    [hit] = found.hits
    assert (hit.start, hit.end, hit.text) == (2, 7, "紅\u200b十字會")


def test_named_libraries_make_a_subject_hit() -> None:
    """A library named by the subject hits with its category; one not named does nothing."""
    libraries = [library("法人", "张三", category="企业"), library("别的", "李四")]
    subject = Subject(name="s", rules=("甲",), libraries=("法人",))
    found = match(subject, libraries, mention("张三和李四"))
    assert found is not None
    assert [(hit.rule, hit.category) for hit in found.hits] == [("张三", "企业")]
    assert match(subject, libraries, mention("李四")) is None


def test_shipped_libraries_add_but_never_make_a_hit() -> None:
    """Risk hits come to subjects that hit by themselves."""
    risk = library("伤亡", "身亡", weight=0.7, shipped=True)
    subject = Subject(name="s", rules=("甲",))
    assert match(subject, [risk], mention("有人身亡")) is None
    found = match(subject, [risk], mention("甲: 有人身亡"))
    assert found is not None
    assert [(hit.rule, hit.category) for hit in found.hits] == [("甲", "subject"), ("身亡", "伤亡")]
    assert found.risk == 0.7


def test_a_shipped_library_named_by_the_subject_makes_it_hit_once() -> None:
    """Named, its rules are the subject's own; no hit is told twice."""
    risk = library("伤亡", "身亡", weight=0.7, shipped=True)
    found = match(Subject(name="s", rules=("甲",), libraries=("伤亡",)), [risk], mention("有人身亡"))
    assert found is not None
    assert len(found.hits) == 1


def test_severity_is_a_noisy_or_over_categories() -> None:
    """The heaviest rule of each category counts, categories add up without passing 1, adverts add nothing."""
    risks = [
        library("a", "一", category="x", weight=0.4, shipped=True),
        library("b", "二", category="x", weight=0.5, shipped=True),
        library("c", "三", category="y", weight=0.5, shipped=True),
        library("广告", "四", weight=0.9, shipped=True),
    ]
    found = match(Subject(name="s", rules=("甲",)), risks, mention("甲一二三四"))
    assert found is not None
    assert found.risk == 0.75
    assert found.adverts == {"text"}


def test_a_users_library_of_a_shipped_name_extends_it() -> None:
    """Its rules count as risk."""
    libraries = [library("伤亡", "身亡", shipped=True), library("伤亡", "牺牲", weight=0.6)]
    found = match(Subject(name="s", rules=("甲",)), libraries, mention("甲牺牲"))
    assert found is not None
    assert found.risk == 0.6


@pytest.mark.parametrize(
    ("filters", "fields", "hits"),
    [
        ({"kinds": ("post",)}, {"kind": "post"}, True),
        ({"kinds": ("post",)}, {"kind": "repost"}, False),
        ({"platforms": ("微博",)}, {"platform": "微博"}, True),
        ({"platforms": ("微博",)}, {"platform": "抖音"}, False),
        ({"platforms": ("t",)}, {}, True),
        ({"regions": ("广东",)}, {"region": "广东 深圳"}, True),
        ({"regions": ("广东",)}, {"region": "北京"}, False),
        ({"regions": ("广东",)}, {}, False),
        ({"kinds": ("post",)}, {"kind": "repost", "subjects": ("s",)}, True),
    ],
)
def test_filters(filters: dict[str, Any], fields: dict[str, Any], *, hits: bool) -> None:
    """Kinds, platforms and regions let only these through; a hand that names the subject passes them."""
    assert (match(Subject(name="s", rules=("甲",), **filters), [], mention("甲", **fields)) is not None) is hits


def test_validity_is_judged_by_the_moment_of_receiving() -> None:
    """A subject or library past its time says nothing."""
    subject = Subject(name="s", rules=("甲",), valid_until=AT + DAY)
    libraries = [library("r", "乙", shipped=True, valid_from=AT, valid_until=AT + DAY)]
    before, during = match(subject, libraries, mention("甲乙"), AT - 1), match(subject, libraries, mention("甲乙"))
    assert before is not None
    assert during is not None
    assert (before.risk, during.risk) == (0.0, 0.5)
    assert match(subject, libraries, mention("甲乙", subjects=("s",)), AT + DAY) is None


def test_hits_by_hand() -> None:
    """A subject named by hand hits with the rule manual; a name nobody watches is passed over."""
    found = match(Subject(name="s", rules=("甲",)), [], mention("无关", subjects=("s", "nobody")))
    assert found is not None
    [hit] = found.hits
    assert (hit.rule, hit.category, hit.field, hit.text, hit.start, hit.end) == ("manual", "manual", "text", "", 0, 0)


def test_hits_are_bounded_and_every_rule_keeps_its_first() -> None:
    """A text that repeats one word leaves room for the others."""
    found = match(Subject(name="s", rules=("甲", "乙")), [], mention("甲" * 5_000 + "乙"))
    assert found is not None
    assert len(found.hits) == MAX_HITS
    assert found.hits[-1].rule == "乙"


def test_severity_of_words_by_themselves() -> None:
    """Quoted words are weighed alone: an exclusion elsewhere in the mention does not excuse them."""
    matcher = Matcher.build([], [library("r", "火灾-演练", weight=0.6, shipped=True)])
    assert matcher.risk("火灾", AT) == 0.6
    assert matcher.risk("火灾演练", AT) == 0.0


def test_nothing_watched() -> None:
    """No subject, no library, no words: no match and no failure."""
    assert Matcher.build([], []).match(mention("甲"), AT) == ()
    assert Matcher.build([Subject(name="s", rules=("甲",))], []).match(mention(""), AT) == ()


CHARS = st.text(alphabet="红十字會ab C_1\u200b㈱😀\u0301\ud800", max_size=30)


@given(CHARS, CHARS, CHARS)
@settings(max_examples=200)
def test_hits_slice_back(title: str, text: str, quoted: str) -> None:
    """Every hit's slice is the text between its places, and folds to a word of its rule."""
    matcher = Matcher.build([Subject(name="s", rules=("红十字|字会|ab|C|(株)|1-😀".replace("(株)", r"\(株\)"),))], [])
    one = mention(text, title=title, quoted=quoted)
    for found in matcher.match(one, AT):
        for hit in found.hits:
            assert getattr(one, hit.field)[hit.start : hit.end] == hit.text
            assert fold(hit.text) in {"红十字", "字会", "ab", "c", "(株)", "1"}


@given(st.lists(CHARS, max_size=5))
def test_order_of_hits_is_settled(texts: list[str]) -> None:
    """Two matchers built alike answer alike, in the same order, whatever they saw before."""
    subjects = [Subject(name=name, rules=("红|会|a|b", "十+字")) for name in ("乙", "甲")]
    first, second = Matcher.build(subjects, []), Matcher.build(subjects, [])
    answers = [first.match(mention(text), AT) for text in texts]
    assert answers == [second.match(mention(text), AT) for text in reversed(texts)][::-1]
    assert all([one.subject for one in answer] == sorted(one.subject for one in answer) for answer in answers)


@pytest.mark.parametrize(
    ("rule", "fields", "field", "text"),
    [
        ("title:红会", {"title": "红会通报", "text": "无"}, "title", "红会"),
        ("author:张三", {"author": "张三丰", "text": "无"}, "author", "张三"),
        ("source:t", {"text": "无"}, "source", "t"),
        ("region:广东", {"region": "广东 深圳"}, "region", "广东"),
        ("topic:红会", {"topics": ("别的", "红会风波")}, "topic", "红会"),
        ("platform:微博", {"platform": "微博"}, "platform", "微博"),
        ("outlet:日报", {"outlet": "某某日报"}, "outlet", "日报"),
        ("url:example", {"url": "https://example.com/a"}, "url", "example"),
        ("kind:video", {"kind": "video"}, "kind", "video"),
        ("quoted:甲", {"quoted": "甲"}, "quoted", "甲"),
        ("text:甲", {"text": "甲"}, "text", "甲"),
    ],
)
def test_a_field_of_its_own(rule: str, fields: dict[str, Any], field: str, text: str) -> None:
    """Each of the eleven is looked at where the rule names it, and nowhere else."""
    found = match(Subject(name="s", rules=(rule,)), [], mention(**fields))
    assert found is not None
    assert [(hit.field, hit.text) for hit in found.hits] == [(field, text)]
    elsewhere = mention("无", transcript=text)
    assert (match(Subject(name="s", rules=(rule,)), [], elsewhere) is None) is (field != "source")


def test_the_words_of_a_near_are_shown() -> None:
    """Both words that are near each other are hits, in original places; one that has no other near is none."""
    found = match(Subject(name="s", rules=("捐款!捐款箱 NEAR/4 ~挪用",)), [], mention("捐款箱旁, 捐款被*挪*用, 后来又有捐款"))
    assert found is not None
    assert [hit.text for hit in found.hits] == ["捐款", "挪*用"]
    assert found.hits[0].start == 6


def test_the_highest_floor_of_the_rules_that_hit() -> None:
    """A rule of a library may open at once; one that does not hit says nothing."""
    rules = (LibraryRule(parse("死亡"), 0.9, floor=Level.ORANGE), LibraryRule(parse("受伤"), 0.9, floor=Level.BLUE))
    libraries = [Library("l", "伤亡", 0.5, rules, shipped=True)]
    subject = Subject(name="s", rules=("甲",))
    for text, floor in (("甲死亡, 受伤", Floor("orange", "死亡")), ("甲受伤", Floor("blue", "受伤")), ("甲", None)):
        found = match(subject, libraries, mention(text))
        assert found is not None
        assert found.floor == floor


SAID = st.sampled_from(["", "转发", "红", "十字", "红十字", "招聘", "a", "1"])
MET = st.tuples(
    SAID, SAID, SAID, st.sampled_from(["post", "repost"]), st.sampled_from([(), ("甲",), ("乙", "无")]), st.sampled_from([AT - 1, AT])
)


@given(st.lists(MET, max_size=12))
@settings(max_examples=300, deadline=None)
def test_what_was_met_before_changes_no_answer(met: list[tuple[str, str, str, Any, tuple[str, ...], int]]) -> None:
    """Answers are remembered by the texts that have a say; filters, names by hand, dates and expressions are asked each time."""
    rules = ("红+字-招聘", "转!转发|十 NEAR/3 红", "红-/[0-9]/", "title:红|kind:repost+十")
    subjects = [Subject(name="甲", rules=rules, kinds=("post",)), Subject(name="乙", rules=("a", "红"), valid_until=AT)]
    libraries = [library("r", "红", "字-a", shipped=True, valid_from=AT), library("s", "招聘", weight=0.3, shipped=True)]
    old = Matcher.build(subjects, libraries)
    for title, text, quoted, kind, by_hand, at in met:
        one = mention(text, title=title, quoted=quoted, kind=kind, subjects=by_hand)
        fresh = Matcher.build(subjects, libraries)
        assert old.match(one, at) == fresh.match(one, at)
        assert old.risk(text, at) == fresh.risk(text, at)


@pytest.mark.parametrize(
    ("rule", "text", "hits"),
    [
        ("红-招聘", "招聘", False),
        ("红-~招聘", "招*聘", False),
        ("红-=招聘", "招聘", False),
        ("红-/[0-9]/", "1", False),
        ("红-(招聘 NEAR/2 启事)", "招聘启事", False),
        ("红-(招聘 NEAR/2 启事)", "招聘的若干启事", True),
        ("红+/[0-9]/", "1", True),
        ("红+(十|字)", "字", True),
        ("红-(一" + "二" * 40 + ")", "一" + "二" * 40, False),
    ],
)
def test_a_text_without_the_words_that_wake_a_rule_has_its_say(rule: str, text: str, *, hits: bool) -> None:
    """What a rule denies or also wants is seen in a text that does not wake it."""
    found = match(Subject(name="s", rules=(rule,)), [], mention(text, quoted="红"))
    assert (found is not None) is hits
