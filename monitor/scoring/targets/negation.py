"""Negation in Chinese: how many words of it bear on another word, for two of them undo each other."""

import re

_REACH = 10  # characters before a word in which a negation bears on it
_SHORT = frozenset({"不", "无", "未", "别", "非"})  # bear on what follows at once
_GAP = 2  # or with so many characters between: 不太, 不怎么
_TWICE = (  # say it after all
    "不得不", "不能不", "不可不", "不会不", "无不", "莫不", "岂不", "忍不住", "不由得",
)  # fmt: skip
_NONE = (  # hold a sign of negation and negate nothing
    "不都是", "不就是", "不正是", "不也是", "不会是", "有没有", "不仅", "不但", "不光", "不止", "不只", "不过", "不同", "不由",
    "不愧", "不断", "不管", "不论", "没想到", "不知不觉", "不小心", "不少", "不满", "不行", "不久", "不时", "不一样", "不一会", "不一定",
    "非常", "特别", "分别", "区别", "级别", "个别", "别人", "别的", "别样", "别家", "告别", "识别", "别说", "未来", "不错", "没错", "没事",
    "除非", "是非", "非得", "非要", "无论", "无线", "无限", "无辜", "无聊", "无耻", "无语", "无奈", "无疑", "无所谓", "没良心", "没人性",
    "对不起", "了不起", "不起", "差不多", "不好意思", "不要脸", "怪不得", "不得了", "舍不得", "不得已",
)  # fmt: skip
_LONGEST = max(map(len, (*_TWICE, *_NONE)))
_ONE = (  # longest first
    "谈不上", "称不上", "算不上", "说不上", "不会", "不能", "没有", "并非", "绝非", "毫无", "从不", "从未", "不够", "不太", "不算", "不再",
    "不要", "不用", "不是", "未必", "不", "没", "无", "未", "别", "非",
)  # fmt: skip
SIGNS = frozenset("不没无未别非")  # one of which every word of negation holds
_PLEAS = frozenset({"不要", "不用", "别"})
_WORD = re.compile(rf"(?P<asked>.)不(?P=asked)|(?P<twice>{'|'.join(_TWICE)})|(?P<none>{'|'.join(_NONE)})|{'|'.join(_ONE)}")
_AVERTED = re.compile(
    r"(?:未|没有?|无|并非|不会|从不|避免|防止|杜绝|零|不曾)[^,。]{0,3}$|(?:除非|如果|要是|万一|假如|以免|免得)[^,。]{0,12}$"
)


def negated(text: str, start: int, floor: int, *, ill: bool = False) -> bool:
    """Whether an odd number of negations bears on the word at `start`."""
    return negations(text, start, floor, ill=ill) % 2 == 1


def negations(text: str, start: int, floor: int, *, ill: bool = False) -> int:
    """
    How many negations bear on the word at `start`; none before `floor` does.

    `ill`: a word of blame, which 不要 and 别 do not turn: who says 请不要丢脸 blames. 好不好, 能不能 ask and negate nothing.
    """
    near = start - _REACH
    since = max(floor, near - _LONGEST)
    if SIGNS.isdisjoint(text[since:start]):
        return 0
    standing = (match for match in _WORD.finditer(text, since, start) if match.end() > near)
    return sum(_bears(match, start, ill=ill) for match in standing)


def _bears(match: re.Match[str], start: int, *, ill: bool) -> int:
    word = match[0]
    if match["asked"] or match["none"] or (ill and word in _PLEAS):
        return 0
    if match["twice"]:
        return 2
    return int(word not in _SHORT or start - match.end() <= _GAP)


def averted(text: str, start: int, floor: int) -> bool:
    """Whether the harm told of at `start` did not come, 未造成伤亡, or is only thought of."""
    return bool(_AVERTED.search(text[floor:start]))
