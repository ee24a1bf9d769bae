"""Whose words are they: the author's own, and those that are only passed on. All on folded text."""

import re
from collections.abc import Callable

import msgspec

from monitor.mention import Mention
from monitor.scoring.fold import fold
from monitor.scoring.memo import Memo

REMEMBERED = 1_200_000  # characters of texts
_CHAIN = re.compile(r"//\s*@", re.DOTALL)  # from here on a weibo text repeats whom it passes on
_LINK = re.compile(r"(?:https?:|www\.)[!-~]*")
_NAME = re.compile(r"(?:回复\s*)?@[\w·-]{1,30}\s*:?")
_TOPIC = re.compile(r"#([^#\n]{1,60})#")
_FACE = re.compile(r"\[[^\[\]\s]{1,8}\]")
_NOISES = (("#", _TOPIC), ("@", _NAME), ("[", _FACE))
_SIGNS = re.compile(r"[\W_]+")
_LETTER = re.compile(r"[^\W_]")
_PLACEHOLDER = re.compile(
    "(?:转发此?微博|快转微博|分享微博|推荐微博|转发理由|转发了|转发|快转|转|微博|reposted|reposting|repost|forwarded|forward|rt|via|fw"
    "|分享图片|分享视频|分享链接|分享单曲|图片评论|回复|评论|视频|图片|网页链接|查看图片|全文|展开|收起|https|http)++"
)  # what a client puts where the author wrote nothing; longest first and possessive: hostile repeats cost linear time
_BEGINNINGS = frozenset("转快分推微图评视网查全展收回rfvh")  # with which one of these begins


class Said(msgspec.Struct, frozen=True, gc=False):
    """
    What a mention says, cleaned of names, links, topics and faces.

    `own`: the author's words, `quoted`: those passed on or answered, `spoken`: those that tell the author's mind, the own ones if
    there are any. `faced`: the own part with its topics and faces.
    """

    own: str
    spoken: str
    quoted: str
    faced: str


class Reader:
    """Takes mentions apart; remembers the quoted texts, which hundreds of mentions share."""

    def __init__(self) -> None:
        self._memo: Memo[str, str] = Memo(REMEMBERED)

    def read(self, mention: Mention, folded: Callable[[str], str] = fold) -> Said:
        """The words of a mention, by whose they are (contract 1: own words, else what is passed on); `folded` folds as `fold` does."""
        whole = f"{folded(mention.title)}\n{folded(mention.text)}" if mention.title else folded(mention.text)
        said, _, chain = _split(whole)
        own = clean(said)
        quoted = self._cleaned(mention.quoted) if mention.quoted else ""
        spoken = own or quoted or clean(chain) or (self._cleaned(mention.transcript) if mention.transcript else "")
        return Said(own, spoken or _worded(" ".join(_TOPIC.findall(said))), quoted, _faced(said))

    def _cleaned(self, text: str) -> str:
        cleaned = self._memo.get(text)
        if cleaned is None:
            cleaned = clean(fold(text))
            self._memo.put(text, cleaned)
        return cleaned


def _faced(said: str) -> str:
    return _linkless(_NAME.sub(" ", said) if "@" in said else said)


def clean(folded: str) -> str:
    """The words without names, links, topics and faces; empty where none are left, or only 转发微博 and the like."""
    folded = _linkless(folded)
    for sign, noise in _NOISES:
        if sign in folded:  # ten times as quick as to let the expression find that out
            folded = noise.sub(" ", folded)
    return _worded(folded)


def _linkless(text: str) -> str:
    return _LINK.sub(" ", text) if "http" in text or "www." in text else text


def _worded(text: str) -> str:
    """Without a word, or with nothing but placeholders, nothing."""
    begin = _LETTER.search(text)
    if begin is None:
        return ""
    if begin[0] not in _BEGINNINGS:
        return text.strip()
    return "" if _PLACEHOLDER.fullmatch(_SIGNS.sub("", text)) else text.strip()


def _split(folded: str) -> tuple[str, str, str]:
    """The author's part, the sign, and the chain of those passed on."""
    found = _CHAIN.search(folded)
    return (folded[: found.start()], "//", folded[found.end() - 1 :].replace("//", " ")) if found else (folded, "", "")
