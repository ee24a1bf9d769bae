"""
Editorial: the line of those who print a text: its source and editors, a hotline, a request to follow. It tells nothing.

A closed class of few forms, at the end, after a stop or in brackets, or unmistakable; what recurs otherwise is weighed in happening.py
and shingles.py.
"""

import re

_FOOTER = re.compile(
    r"(?:(?<=[。!?;…)\]】\s])[(\[【]?|[(\[【]|(?=(?:(?:责任|值班)?编辑|责编|编审|原标题)[:|/丨]))\s*(?:"
    r"(?:来源|编辑|编审|责编|记者|通讯员|审核|校对|监制|作者|原标题|(?:本文|图片|信息|稿件)来源|(?:责任|执行|值班|实习)编辑|(?:本报|本台|见习|实习)记者)"
    r"\s*[:|/丨][^。!?]{1,80}"
    r"|(?:欢迎|敬请|请|更多|长按|扫码|点击|关注)[^。!?]{0,30}(?:公众号|热线|客户端|微信|视频号)[^。!?]{0,40}"
    r"|[^。!?]{0,30}(?:本报|本台|本网|本刊|记者)[^。!?,;]{0,4}(?:持续|继续|跟踪)(?:关注|报道|跟进)"
    r")[。!?]?\s*[)\]】]?\s*$"
)
_FOOTERS = 150  # characters in which they stand
_LEFT = 8  # characters that must be left


def without_footer(folded: str) -> str:
    """A folded text without the editorial line at its end: source, editors, hotline, follow-us."""
    line = _FOOTER.search(folded, max(_LEFT, len(folded) - _FOOTERS))
    return folded[: line.start()] if line else folded
