"""Cells and members -> a mention: what tables and foreign interfaces call a field, put as the border wants it, which then decides."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, tzinfo
from hashlib import blake2b
from typing import Any

import msgspec

from monitor.border import FileDefaults, parse
from monitor.collecting.base import Bad
from monitor.collecting.moments import moment_of
from monitor.errors import InvalidMention
from monitor.mention import Mention

_COUNTS = ("followers", "likes", "comments", "reposts", "views")
_TIMES = ("published_at", "collected_at", "seen_at")
_FLAGS = ("media", "gone")
_NOTHING = frozenset({"", "-", "--", "—", "/", "无", "null", "none", "nan", "n/a"})
_YES = frozenset({"true", "1", "是", "yes", "y"})
_NO = frozenset({"false", "0", "否", "no", "n"})
_COUNT = re.compile(r"(\d{1,16}(?:\.\d{1,6})?)\s*([万亿wWkK千]?)\+?")
_TIMES_BY = {"": 1, "千": 10**3, "k": 10**3, "万": 10**4, "w": 10**4, "亿": 10**8}
_TOPIC_ENDS = re.compile(r"[#,，;；、|\s]+")
_VERIFIED: tuple[tuple[str, object], ...] = (
    ("未认证", False), ("普通", False), ("媒体", "media"), ("政府", "gov"), ("政务", "gov"), ("机构", "org"), ("企业", "org"),
    ("蓝v", "org"),    ("个人", "person"), ("黄v", "person"), ("橙v", "person"), ("金v", "person"), ("已认证", True),
)  # fmt: skip
_KINDS = {
    "原创": "post", "博文": "post", "主贴": "post", "主帖": "post", "帖子": "post", "转发": "repost", "评论": "comment", "回帖": "comment",
    "文章": "article", "新闻": "article", "资讯": "article", "提问": "question", "问题": "question", "回答": "answer", "视频": "video",
    "短视频": "video", "弹幕": "danmaku", "直播": "live", "点评": "review", "投诉": "complaint",
}  # fmt: skip


def mention_of(values: Mapping[str, object], now: int, defaults: FileDefaults, zone: tzinfo) -> Mention | InvalidMention:
    """The mention that named values make, or everything that is wrong with them; `raw` is then the values as JSON."""
    data = msgspec.json.encode({name: put for name, value in values.items() if (put := _put(name, value, zone)) is not None})
    try:
        return parse(data, now, defaults)
    except InvalidMention as invalid:
        invalid.raw = data
        return invalid


def refused(place: str, error: InvalidMention, said: Mapping[str, object], changing: Collection[str]) -> Bad:
    """The same bad item however often it comes, whatever has become of its figures meanwhile."""
    look = repr([(name, value) for name, value in said.items() if name not in changing] + error.errors)
    return Bad(place, error, blake2b(look.encode("utf-8", "replace"), digest_size=12).hexdigest())


def at_path(value: object, path: str) -> object:
    """What stands at a dotted path (`data.list.0.title`) in decoded JSON; None when nothing does. An empty path is the whole."""
    for step in path.split(".") if path else ():
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _put(name: str, value: object, zone: tzinfo) -> object:
    """One value as JSON for the border; None: there is none. What cannot be understood goes on as it is, to be refused by name."""
    if value is None or (isinstance(value, str) and (not value.strip() or (name in _READ and value.strip().lower() in _NOTHING))):
        return None
    if name in _TIMES:
        at = moment_of(value, zone)
        return at.isoformat() if at is not None else _word(value)
    return _READ.get(name, _word)(value)


def _word(value: object) -> object:
    """A text; a number is its decimal digits, never 1.0 or 1e+20."""
    if isinstance(value, str):
        return value.strip("\ufeff\r\n ") if len(value) < 200 else value  # noqa: PLR2004 - long ones are words, as they were said
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    return value if isinstance(value, (list, dict)) else str(value)


def _count(value: object) -> object:
    if isinstance(value, str) and (found := _COUNT.fullmatch(value.replace(",", "").strip())):
        return round(float(found[1]) * _TIMES_BY[found[2].lower()]) if found[2] or "." in found[1] else int(found[1])
    return value


def _rank(value: object) -> object:
    return int(value) if isinstance(value, str) and re.fullmatch(r"\s*\d{1,9}\s*", value, re.ASCII) else value


def _flag(value: object) -> object:
    word = str(value).strip().lower()
    return True if word in _YES else False if word in _NO else value


def _verified(value: object) -> object:
    word = str(value).strip().lower()
    if word in _YES | _NO:
        return word in _YES
    return next((meant for said, meant in _VERIFIED if said in word), value)


def _kind(value: object) -> object:
    word = str(value).strip()
    return _KINDS.get(word, word.lower())


def _names(value: object) -> object:
    if isinstance(value, str):
        return [name for name in _TOPIC_ENDS.split(value) if name]
    return [str(name) for name in value] if isinstance(value, Sequence) else value


_READ: Mapping[str, Callable[[Any], object]] = {
    **dict.fromkeys(_COUNTS, _count), **dict.fromkeys(_FLAGS, _flag), **dict.fromkeys(_TIMES, _word),
    "rank": _rank, "best_rank": _rank, "heat": _count, "verified": _verified, "kind": _kind, "topics": _names, "subjects": _names,
}  # fmt: skip
