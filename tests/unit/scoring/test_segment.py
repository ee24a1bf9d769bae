"""Laws of cutting words: both segmenters are one."""

import gzip
import os
import subprocess
import sys
from itertools import accumulate
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.scoring.fold import fold
from monitor.scoring.segment import FAST, LONGEST, PLAIN, load_segmenter, make_segmenter

STREAM = Path(__file__).parents[4] / "shared" / "data" / "weibo-cascades-dev.jsonl.gz"
SIGNS = "中华人民共和国银行的了乳业，。！ 　\t\r\nabcXYZ0189+#&._%-é㐀𠀀Ⅷ٣ß"
TAUGHT = ("鲲鹏座", "华为", "星辰乳业", "国美", "和服", "银行的", "x银行", "银 行", "行")
SAID = ("看了http://t.cn/abc-29_31%，29-31日", "中华人民共和国成立70周年，银行卡被盗刷4.5万元", "iPhone 15 Pro 太贵了", "", "龘龘龘")


@pytest.mark.parametrize("text", SAID)
@pytest.mark.parametrize("words", [(), TAUGHT])
def test_names_links_and_figures_are_cut_alike(text: str, words: tuple[str, ...]) -> None:
    """What segmenters quarrel about: links, ranges of figures, money, names, characters nobody knows."""
    assert make_segmenter(FAST, words).cut(text) == make_segmenter(PLAIN, words).cut(text)


@settings(deadline=None)  # the first waits for jieba
@given(st.lists(st.text(st.sampled_from(SIGNS), max_size=40), max_size=20))
def test_both_cut_alike(texts: list[str]) -> None:
    """Whatever the text is, jieba-rs cuts it as jieba does without its guess at unknown words."""
    for text in texts:
        assert load_segmenter(FAST).cut(text) == load_segmenter(PLAIN).cut(text)


@settings(deadline=None)
@given(st.text(st.sampled_from("鲲鹏座华为星辰乳业国美和服务中术银行的了x ")))
def test_both_learn_words_alike(text: str) -> None:
    """Words that the dictionary lacks change the cut of both, in the same way."""
    assert make_segmenter(FAST, TAUGHT).cut(text) == make_segmenter(PLAIN, TAUGHT).cut(text)


@pytest.mark.parametrize("kind", [FAST, PLAIN])
def test_a_word_that_was_taught_is_one(kind: str) -> None:
    """Alone and in a sentence; it takes nothing from words that the dictionary knows, nor from a segmenter made without it."""
    cut = make_segmenter(kind, TAUGHT).cut

    assert cut("鲲鹏座") == ["鲲鹏座"]
    assert "华为" in cut("华为了解到情况")
    assert "和服" not in cut("产品和服务")
    assert "国美" not in cut("中国美术")
    assert "鲲鹏座" not in load_segmenter(kind).cut("鲲鹏座")
    assert make_segmenter(kind, ["银行", "x银行"]) is load_segmenter(kind)


@pytest.mark.parametrize("kind", [FAST, PLAIN])
def test_only_the_beginning_is_cut_unless_all_is_asked_for(kind: str) -> None:
    """The time of a long text is bounded."""
    text = "红" * 10 * LONGEST
    assert sum(map(len, load_segmenter(kind).cut(text))) == LONGEST
    assert "".join(load_segmenter(kind).cut(text, None)) == text


def test_jieba_is_not_loaded_where_it_is_not_chosen() -> None:
    """Its two seconds and 120 MB are for those who ask for it."""
    code = "import sys, monitor.scoring.scorer as s; s.build_scorer([]); print('jieba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.skipif(not STREAM.exists() and "CI" not in os.environ, reason="the development stream is not here")
def test_the_borders_of_a_real_stream_agree() -> None:
    """Boundary F1 over every tenth text of the development stream, folded as they are scored: not one border differs."""
    fast, plain = load_segmenter(FAST), load_segmenter(PLAIN)
    both = either = 0
    for text in sorted(real_texts())[::10]:
        ours, theirs = (set(accumulate(map(len, one.cut(text)))) for one in (fast, plain))
        both, either = both + len(ours & theirs), either + len(ours) + len(theirs)
    assert 2 * both == either > 50_000


def real_texts() -> set[str]:
    """Each once."""
    with gzip.open(STREAM) as lines:
        read = [msgspec.json.decode(line) for line in lines]
    return {fold(text) for one in read for text in (one["text"], one["quoted"]) if text}
