"""Shingles: copies know each other, whatever decorates them; other texts do not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.scoring.fold import fold
from monitor.stories.shingles import ENOUGH, LONGEST, SHORT, WIDTH, bare, brief, contains, fingerprint, resembles, shingled, shingles

WORDS = st.text(alphabet=st.sampled_from("某集团的牛奶里喝出活虫客服让我自己去化验太愤怒abc12"), max_size=150)
RUMOUR = "某某集团的牛奶里喝出了活虫, 客服让我自己去化验, 太让人愤怒了"


def alike(one: frozenset[int], other: frozenset[int]) -> bool:
    """Whether most of the shorter stands in the longer."""
    return contains(len(one), len(other), len(one & other))


@pytest.mark.parametrize("dressed", [
    f"【转】{RUMOUR}!!!", f"{RUMOUR} https://t.cn/abc?x=1", f"//@小明: {RUMOUR}", f"[怒]{RUMOUR}[怒][怒]", RUMOUR.replace(", ", "，\n"),
    RUMOUR.replace("集团", "集團"),
])  # fmt: skip
def test_decoration_is_no_difference(dressed: str) -> None:
    """Links, names, faces, punctuation and the traditional script leave the bare words as they are."""
    assert alike(shingles(bare(fold(dressed))), shingles(bare(fold(RUMOUR))))


def test_bare_words() -> None:
    """Only a text's own words are left."""
    said = "看@某人 [笑哭] //@名字: 这里 https://a.cn/b?c=d，真的_吗？[很长很长的一句括号] @ ["

    assert bare(fold(said)) == "看这里真的吗很长很长的一句括号"


def test_a_foreign_word_is_as_much_as_two_characters() -> None:
    """However long; short ones and everything else stay as they are."""
    assert brief("angelababy的tv和iphone18pro上线") == "ay的tv和ie18po上线"


@given(st.lists(st.text(alphabet="某集团的牛奶里喝出活虫", max_size=20), min_size=1, max_size=6))
def test_own_shingles_touch_no_name(between: list[str]) -> None:
    """Those left are the shingles of what stands between the names, and no others."""
    words = "云杉".join(between)
    whole, own, before, after, *_ = shingled(words, ("云杉超市", "云杉", "杉"))

    assert before | after <= whole
    assert whole == shingles(words)
    assert own == frozenset().union(*map(shingles, between))


@given(WORDS)
def test_a_text_has_as_many_shingles_as_places(words: str) -> None:
    """At most one for each place, exactly those of its set of 4-grams (but for rare equal sums)."""
    grams = {words[i : i + WIDTH] for i in range(len(words) - WIDTH + 1)}

    assert len(shingles(words)) == len(grams)


@settings(deadline=None)  # a busy machine is no failure
@given(WORDS, WORDS, WORDS)
def test_a_text_contains_its_parts(before: str, words: str, after: str) -> None:
    """Whatever stands around it, a quoted text is contained, in both orders of asking; a short one only in one about as long."""
    whole, part = shingles(before + words + after), shingles(words)
    short = len(part) < SHORT and len(whole) > 2 * len(part)

    assert short or alike(whole, part)
    assert short or alike(part, whole)


@given(WORDS, WORDS)
def test_likeness_has_no_direction(one: str, other: str) -> None:
    """Whether two texts are alike does not depend on who asks; and texts that resemble each other are alike unless very short."""
    mine, theirs = shingles(one), shingles(other)
    both = len(mine & theirs)

    assert alike(mine, theirs) == alike(theirs, mine)
    assert resembles(len(mine), len(theirs), both) == resembles(len(theirs), len(mine), both)
    assert alike(mine, theirs) or not resembles(len(mine), len(theirs), both)


@given(st.text(alphabet="某集团", min_size=LONGEST, max_size=LONGEST), WORDS)
def test_a_long_text_is_known_by_its_beginning(words: str, after: str) -> None:
    """What stands far behind takes no time and no room."""
    assert shingles(words + after) == shingles(words)


@given(WORDS, WORDS)
def test_fingerprints_tell_words_apart(one: str, other: str) -> None:
    """Equal words have equal fingerprints, and only those."""
    assert (fingerprint(one) == fingerprint(other)) == (one == other)


@given(st.text(max_size=60))
def test_hostile_text_is_text(text: str) -> None:
    """Surrogates, controls and bidi marks are cut like anything else."""
    words = bare(fold(f"{text}\ud800"))

    assert len(shingles(words)) <= max(0, len(words) - WIDTH + 1)
    assert ENOUGH > WIDTH
