"""What is said of this subject: cases by pattern, half of them kept back while the rules were made; and the laws of the layer."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.mention import Mention
from monitor.score import Score, Sentiment
from monitor.scoring.scorer import Scorer, build_matcher, build_scorer
from monitor.scoring.targeted import Targeter, load_targeter, settle
from monitor.scoring.targets.cues import load_cues
from monitor.scoring.targets.negation import negations
from monitor.scoring.targets.scene import Named, Scene
from monitor.scoring.targets.verdicts import Judge, Verdict
from monitor.subject import Subject


class Case(NamedTuple):
    """A line of targeted.tsv."""

    text: str
    subject: str
    label: str
    pattern: str
    half: str
    quoted: str | None


@cache
def cases() -> tuple[Case, ...]:
    """All of them."""
    lines = Path(__file__).with_name("targeted.tsv").read_text("utf-8").splitlines()[1:]
    return tuple(Case(*line.split("\t"), *([None] * (6 - len(line.split("\t"))))) for line in lines)


@cache
def scorer_of(*names: str) -> Scorer:
    """Watches these names, with the models loaded once."""
    watched = [Subject(name=name, rules=(name,)) for name in names]
    return build_scorer(watched) if not names else scorer_of().with_matcher(build_matcher(watched))


def said_of(name: str, text: str, *others: str, **fields: Any) -> Score:
    """What a post says of one of the names watched."""
    mention = Mention(source="t", id="1", published_at=datetime(2026, 11, 22, tzinfo=UTC), text=text, **fields)
    [answer] = scorer_of(name, *others).score([mention])
    return next(score for score in answer.subjects if score.subject == name)


def right(case: Case) -> bool:
    """Whether a case is judged as it is labelled, its subject alone being watched."""
    repost = case.quoted is not None or "//@" in case.text
    score = said_of(case.subject, case.text, quoted=case.quoted, kind="repost" if repost else "post")
    return score.advert if case.label == "advert" else not score.advert and score.sentiment.label == case.label


@cache
def shares(half: str) -> dict[str, tuple[int, int]]:
    """Pattern → how many of a half are right, and how many there are."""
    counted: dict[str, list[bool]] = defaultdict(list)
    for case in cases():
        if case.half == half:
            counted[case.pattern].append(right(case))
    return {pattern: (sum(those), len(those)) for pattern, those in counted.items()}


@pytest.mark.parametrize(("half", "needed"), [("tuned", 0.9), ("kept", 0.8)])
def test_cases(half: str, needed: float) -> None:
    """Nine of ten of those the rules were made by, eight of ten of those kept back, with the model that knows least."""
    found = shares(half)
    assert sum(good for good, _ in found.values()) >= needed * sum(of for _, of in found.values()), found


def test_every_pattern_is_judged() -> None:
    """Six hundred cases at least three of each pattern in each half, and no pattern of the kept half is worse than even."""
    assert len(cases()) >= 600
    assert shares("tuned").keys() == shares("kept").keys()
    assert min(of for half in ("tuned", "kept") for _, of in shares(half).values()) >= 3
    assert not [pattern for pattern, (good, of) in shares("kept").items() if good < 0.5 * of]


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("比起{a}，{b}真良心", "negative", "positive"),
        ("{a}不如{b}", "negative", "positive"),
        ("{a}秒杀{b}", "positive", "negative"),
        ("{a}被{b}吊打", "negative", "positive"),
        ("看来看去还是{b}靠谱，{a}太差", "negative", "positive"),
        ("{a}起诉{b}", "neutral", "negative"),
        ("{b}因{a}的举报被处罚", "neutral", "negative"),
    ],
)
@pytest.mark.parametrize(("a", "b"), [("甲骨云", "蓝湖云"), ("海豚湾", "松鼠乐园"), ("林清扬", "周子墨"), ("Aurora", "Borealis X2")])
def test_two_sides(text: str, first: str, second: str, a: str, b: str) -> None:
    """One text says two things of two names, whatever they are called, watched together."""
    said = text.format(a=a, b=b)
    assert (said_of(a, said, b).sentiment.label, said_of(b, said, a).sentiment.label) == (first, second)


def test_a_denied_rumour_is_not_against_the_denied() -> None:
    """Neutral when denied, negative when the denial is not believed."""
    assert said_of("海豚湾", "海豚湾辟谣：网传爆炸为假").sentiment.label == "neutral"
    assert said_of("海豚湾", "海豚湾辟谣：网传爆炸为假，鬼才信，视频都有").sentiment.label == "negative"


def test_a_nod_and_a_shake_of_the_head() -> None:
    """A repost that only agrees says what it quotes, one that only contradicts the opposite; anything longer speaks for itself."""
    blame = "海豚湾太坑了，垃圾"
    assert said_of("海豚湾", "说得太对了", quoted=blame, kind="repost").sentiment.label == "negative"
    assert said_of("海豚湾", "胡说八道", quoted=blame, kind="repost").sentiment.label != "negative"
    praise = "海豚湾服务真好，非常满意"
    assert said_of("海豚湾", "说得太对了", quoted=praise, kind="repost").sentiment.label == "positive"
    assert said_of("海豚湾", "胡说八道", quoted=praise, kind="repost").sentiment.label == "negative"


def test_own_words_are_judged_apart_from_the_quoted() -> None:
    """Also where neither holds a cue: what befalls somebody by a crisis rule is told by the words that tell it."""
    said = said_of("海豚湾", "去看看", quoted="海豚湾一人溺亡", kind="repost")
    assert (said.sentiment.label, said.passes_on) == ("neutral", True)


def test_who_denies_passes_no_rumour_on() -> None:
    """A denial that is passed on is not ill talk passed on."""
    denial = "海豚湾澄清：涨价一事不实"
    assert not said_of("海豚湾", "看看", quoted=denial, kind="repost").passes_on
    assert said_of("海豚湾", "看看", quoted="海豚湾乱涨价，太坑了，垃圾", kind="repost").passes_on


def test_an_advertisement_says_nothing() -> None:
    """It only bears the name: neutral, and marked."""
    score = said_of("海豚湾", "太棒了！转发+关注，抽五位粉丝送海豚湾门票")
    assert (score.advert, score.sentiment.label) == (True, "neutral")


def test_the_mention_keeps_the_word_of_the_model() -> None:
    """What is said of a subject is apart from how the author speaks."""
    mention = Mention(source="t", id="1", published_at=datetime(2026, 11, 22, tzinfo=UTC), text="海豚湾不如松鼠乐园，松鼠乐园真好，点赞")
    [answer] = scorer_of("海豚湾", "松鼠乐园").score([mention])
    [score] = [score for score in answer.subjects if score.subject == "海豚湾"]
    assert (answer.sentiment.label, score.sentiment.label) == ("positive", "negative")


@pytest.mark.parametrize(
    ("text", "count"),
    [("服务非常", 0), ("特别", 0), ("不太", 1), ("没有一次不", 2), ("不得不说", 2)],
)
def test_negations_are_counted(text: str, count: int) -> None:
    """Two undo each other; 非常 and 特别 hold a sign of negation and negate nothing."""
    assert negations(f"{text}贴心", len(text), 0) == count


@pytest.mark.parametrize(
    ("own", "knows"), [("造谣者可耻", True), ("这次真的太差了", False), ("虽然贵,但是好用", False), ("难道就没人管吗", True)]
)
def test_words_that_name_nobody(own: str, *, knows: bool) -> None:
    """What they praise or blame the model hears; the rules only know a denial, a question that is none, or mockery."""
    assert (load_targeter().verdict(own, NAMED) is not None) is knows


@pytest.mark.parametrize("text", ["造谣者可耻", "又是假新闻，散了吧", "内容不实，官官相护", "不管是不是谣言"])
def test_a_denial_that_names_nobody_is_judged_as_one_that_names_it(text: str) -> None:
    """The short way to the answer is the same answer."""
    book = load_cues()
    cues = book.find(text, book.glance(text))
    judged = Judge(Scene(text, cues, NAMED, book), book, name=NAMED.subject).verdict()
    assert load_targeter().verdict(text, NAMED) == (judged._replace(focus=text) if judged else None)


def test_what_befalls_somebody_far_off_is_not_told_of_it() -> None:
    """In a long text only what stands near a name counts, as a fire many words on does not."""
    filler = "天阴着," * 25
    assert load_targeter().verdict(f"今天路过海豚湾,{filler}对面的仓库失火了", NAMED) is None
    near = load_targeter().verdict(f"{filler}海豚湾的仓库失火了", NAMED)
    assert near is not None
    assert near.negative


NAMED = Named("海豚湾", ("海豚湾",))
UNSURE = Sentiment("neutral", 0.3, 0.4, 0.3)
SHARES = st.tuples(*[st.floats(0, 6)] * 3).map(lambda steps: settle(UNSURE, Verdict("", *steps)))
STEPS = st.floats(0, 4)


@given(SHARES, STEPS, STEPS, STEPS)
def test_steps_keep_probabilities(word: Sentiment, negative: float, neutral: float, positive: float) -> None:
    """They still add up to 1, and a step for one side never makes it less likely than the bounded word of the model was."""
    settled = settle(word, Verdict("", negative, neutral, positive))
    assert abs(settled.negative + settled.neutral + settled.positive - 1.0) < 1e-9
    alone = settle(word, Verdict("", negative=negative))
    assert alone.negative >= settle(word, Verdict("")).negative


@given(SHARES, SHARES)
@settings(deadline=None)
def test_no_verdict_changes_nothing(word: Sentiment, quoted: Sentiment) -> None:
    """Nor do words that neither nod nor contradict."""
    assert settle(word, None) == word
    assert load_targeter().nodded(word, quoted, 0) == word


def test_a_decisive_rule_decides() -> None:
    """Against the surest word of any model."""
    assert settle(Sentiment("positive", 0.0, 0.0, 1.0), Verdict("", negative=load_cues().steps["decisive"])).label == "negative"


PIECES = ("海豚湾", "松鼠乐园", "不如", "比", "没有", "不", "太坑了", "真好", "但是", "辟谣", "被", "投诉", "？", "，", "“", "\ue000", " ")


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@settings(deadline=None)  # the first example reads the cues
def test_any_text_gets_the_same_answer_again(text: str) -> None:
    """Nothing breaks it, and what it remembers changes nothing; the focus is made of the text."""
    fresh = Targeter(load_cues())
    named = Named("海豚湾", ("海豚湾",), ("松鼠乐园",), (("太坑了",), ("投诉", "被")))
    once = fresh.verdict(text, named)
    assert once == fresh.verdict(text, named) == load_targeter().verdict(text, named)
    assert once is None or set(once.focus) <= set(text)


def plain() -> Iterator[str]:
    """Short texts without a cue."""
    return (f"{number}号车停在{place}等人" for number in range(500) for place in "东南西北")


def per_text(targeter: Targeter, texts: Sequence[str]) -> float:
    """Processor seconds a text, met for the first time."""
    started = process_time()
    for text in texts:
        targeter.verdict(text, NAMED)
    return (process_time() - started) / len(texts)


def test_a_text_without_a_cue_costs_next_to_nothing() -> None:
    """A tenth of one that holds cues at most, and no call of the model."""
    texts = list(plain())
    cued = [f"{text}，虽然海豚湾很好，但是太坑了" for text in texts]
    assert load_targeter().verdict(texts[0], NAMED) is None
    ratios = [per_text(load_targeter(), texts) / per_text(load_targeter(), cued) for _ in range(3)]
    assert min(ratios) < 0.2, ratios


@pytest.mark.parametrize("piece", ["比", "没有", "海豚湾不如", "“", "被", "越", "不是我不", "等了", "真", "但是", "人(", "0"])
def test_the_longest_texts_take_no_time(piece: str) -> None:
    """64 KiB of anything: no expression of ours grows with the square of the text."""
    text = piece * (65_536 // len(piece.encode()))
    started = process_time()
    load_targeter().verdict(text, Named("海豚湾", ("海豚湾",), ("松鼠乐园",), (("死亡",),)))
    assert process_time() - started < 3.0
