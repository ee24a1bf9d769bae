"""Laws of cutting words."""

import warnings
from random import Random

from monitor.scoring.segment import load_segmenter

_SIGNS = "中华人民共和国银行的了乳业，。！ 　\t\r\nabcXYZ0189+#&._%-é㐀𠀀Ⅷ٣ß"


def test_words_are_those_of_jieba() -> None:
    """Whatever the text is, it is cut as jieba cuts it without its guess at unknown words."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jieba  # noqa: PLC0415
    drawn, segmenter = Random(3), load_segmenter()
    texts = ["".join(drawn.choices(_SIGNS, k=drawn.randrange(40))) for _ in range(2_000)]
    texts += ["中华人民共和国成立70周年，银行卡被盗刷4.5万元", "iPhone 15 Pro 太贵了", "", "龘龘龘"]
    for text in texts:
        assert segmenter.cut(text) == jieba.lcut(text, HMM=False), text
