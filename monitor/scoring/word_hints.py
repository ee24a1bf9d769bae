"""What stands in a word as text and looks as if an operator or a field was meant; quotes, or a backslash, say that it was not."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from monitor.scoring.rule_tokens import FIELDS, Token

_CJK = "\u3400-\u9fff"
_SPELLED = re.compile(r"(?<=\s)(and|or|not)(?=\s)", re.IGNORECASE)
_NEAR = re.compile(r"(?<=\s)((near|before)\s?[/:：]?\s?([0-9]+))(?=\s)", re.IGNORECASE)
_NEAR_BARE = re.compile(rf"(?<=[{_CJK}]\s)(near|before)(?=\s\D)|(?<=\s)(near|before)(?=\s[{_CJK}])", re.IGNORECASE)
_GLUED = re.compile(rf"(?<=[{_CJK}])\s?(OR|AND|NOT|(?:NEAR|BEFORE)/[0-9]+)\s?(?=[{_CJK}])")
_AND = re.compile(rf"(?<=[^\s&])\s*&&\s*(?=[^\s&])|(?<=[{_CJK}])\s*[&＆]\s*(?=[^\s&])|(?<=[^\s&])\s*[&＆]\s*(?=[{_CJK}])")
_DASH = re.compile(r"(?<=[^\s—–−])\s*[—–−]+\s*(?=[^\s—–−])")
_LISTED = re.compile(rf"(?<=[^\s，、；])[，、；](?=[^\s，、；])|(?<=[{_CJK}])\s*[,;/](?=\s*[^\s,;/])|(?<=[^\s,;/])\s*[,;/](?=\s*[{_CJK}])")
_STAR = re.compile(r"(?<=\S)\*(?=\S)|^\*(?=\S)|(?<=\S)\*$")
_WITHOUT = re.compile(r"(?<=\S)！(?=[^\s！？。])")
_PREFIX = re.compile(r"[＝～](?=\S)")
_FIELD = re.compile(r"\s*([A-Za-z_]{2,20}|[\u4e00-\u9fff]{2,4})\s?[:：](?!//)(?=\s*\S)")
_IN_CHINESE: Mapping[str, str] = {
    "标题": "title", "正文": "text", "内容": "text", "引用": "quoted", "引文": "quoted", "作者": "author", "账号": "author",
    "来源": "source", "信源": "source", "地区": "region", "地域": "region", "话题": "topic", "平台": "platform", "媒体": "outlet",
    "链接": "url", "网址": "url", "类型": "kind",
}  # fmt: skip
_HALF = {"！": "!", "＝": "=", "～": "~"}
_ABBREVIATED = 2  # letters before a colon that are no name of a field: Re: No:
Found = tuple[int, str]  # a column of the rule and what is said of it


def plain(text: str) -> bool:
    """Whether there is nothing to be said of a text."""
    return text.isalnum() and not _GLUED.search(text)


def of_word(source: str, token: Token, *, prefixed: bool) -> Iterator[Found]:
    """Of one word of a rule; `prefixed`: behind = or ~ or a field."""
    if plain(token.text):  # most are nothing else
        return
    start = token.column - 1
    if source[start : start + len(token.text)] != token.text:  # in quotes, or with a backslash: it is meant
        return
    word = token.text
    if not prefixed:
        yield from _of_beginning(word, token.column)
    for found in _WITHOUT.finditer(word):
        yield token.column + found.start(), _full_width(word, found[0])
    yield from _of_spelled(word, token.column)
    yield from _of_foreign(word, token.column)
    for found in _LISTED.finditer(word):
        sign = found[0].strip()
        yield token.column + found.start(), f"“{word}”里的 {sign} 会当作文字；要“或”请写 |，要“与”请写 +；确是文字请放进引号"
    for found in _STAR.finditer(word):
        said = f"“{word}”里的 * 会当作文字，不是通配符；夹着符号的请写 ~词，隔几个字的请写 NEAR/n；确是文字请放进引号"
        yield token.column + found.start(), said


def _of_beginning(word: str, column: int) -> Iterator[Found]:
    if found := _PREFIX.match(word):
        yield column, _full_width(word, found[0])
    if (named := _FIELD.match(word)) and (said := _of_field(named[1])):
        yield column, f"“{word}”会当作文字：{said}；确是文字请放进引号"


def _full_width(word: str, sign: str) -> str:
    return f"“{word}”里的 {sign} 是全角，会当作文字；作运算符请写半角的 {_HALF[sign]}；确是文字请放进引号"


def _of_field(name: str) -> str:
    """What to write in place of a field that is none; nothing for a Chinese word that is not like one."""
    meant = _IN_CHINESE.get(name) or next(iter(get_close_matches(name.lower(), FIELDS, 1, 0.75)), "")
    if meant:
        return f"按字段查找请写成 {meant}:（小写、半角冒号）"
    return f"没有 {name} 这个字段，字段是 {' '.join(FIELDS)}" if name.isascii() and len(name) > _ABBREVIATED else ""


def _of_spelled(word: str, column: int) -> Iterator[Found]:
    for found in _SPELLED.finditer(word):
        yield column + found.start(), f"“{word}”里的 {found[0]} 会当作文字；作运算符请用大写 {found[0].upper()}；确是文字请放进引号"
    for found in _NEAR.finditer(word):
        meant = f"{found[2].upper()}/{found[3]}"
        yield column + found.start(), f"“{word}”里的 {found[1]} 会当作文字；作运算符请写 {meant}；确是文字请放进引号"
    for found in _NEAR_BARE.finditer(word):
        said = f"作运算符请写明相隔几个字，如 {found[0].upper()}/20；确是文字请放进引号"
        yield column + found.start(), f"“{word}”里的 {found[0]} 会当作文字；{said}"
    for found in _GLUED.finditer(word):
        said = f"作运算符请在两边各空一格，如 A {found[1]} B；确是文字请放进引号"
        yield column + found.start(1), f"“{word}”里的 {found[1]} 会当作文字；{said}"


def _of_foreign(word: str, column: int) -> Iterator[Found]:
    """Signs that mean and, or without, elsewhere."""
    for pattern, meant in ((_AND, "要“与”请写 +"), (_DASH, "要排除请写半角的 -")):
        for found in pattern.finditer(word):
            sign = found[0].strip()
            at = found.start() + found[0].index(sign)
            yield column + at, f"“{word}”里的 {sign} 会当作文字；{meant}；确是文字请放进引号"
