"""What is wrong with a row, in the words of whoever keeps the file; the border itself speaks the English of the API."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from monitor.errors import InvalidMention

TIMES = "2026-11-22 08:30:00、2026/11/22 08:30、2026年11月22日 8:30、带时区的 2026-11-22T08:30:00+08:00、Excel 日期、Unix 秒或毫秒"

FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "source": "信源", "id": "编号", "text": "正文", "published_at": "发布时间", "kind": "类型", "platform": "平台", "outlet": "媒体",
        "title": "标题", "quoted": "被转发的原文", "transcript": "字幕", "url": "链接", "region": "地区", "topics": "话题",
        "root": "首发编号", "parent": "上级编号", "author": "作者", "followers": "粉丝数", "verified": "认证", "media": "是否媒体",
        "likes": "点赞数", "comments": "评论数", "reposts": "转发数", "views": "阅读数", "gone": "是否已删", "rank": "名次", "heat": "热度",
        "best_rank": "最好名次", "collected_at": "采集时间", "seen_at": "观测时间", "subjects": "主题",
    }
)  # fmt: skip

# What the border says -> what a person is told; a group in it is told too
_SAID: tuple[tuple[str, str], ...] = (
    (r"is required", "缺这一项"),
    (r"must not be empty", "不能为空"),
    (r"may be empty only if title, quoted or transcript is not", "和标题、被转发的原文、字幕都是空的"),
    (r"must be an RFC 3339 time such as .*", f"不是能读懂的时间, 可以写成 {TIMES}"),
    (r"needs an offset from UTC such as .*", "缺时区, 如 +08:00"),
    (r"lies before 2000-01-01", "早于 2000 年"),
    (r"lies more than 24 h in the future", "在 24 小时以后的将来"),
    (r"longer than (\d+) bytes.*", r"超过 \1 字节"),
    (r"contains a control character", "含有控制字符"),
    (r"contains a NUL or an unpaired surrogate", "含有空字符或残缺的字"),
    (r"must be a string", "应是文字"),
    (r"must be an array of strings", "应是一列文字"),
    (r"must be a whole number from (\d) to 2\^53", r"应是不小于 \1 的整数"),
    (r"must be a number from 0 to 2\^53", "应是不小于 0 的数"),
    (r"must be true or false", "应是 是 或 否 (true 或 false)"),
    (r"must be true, false, person, org, gov or media", "应是 true、false、person、org、gov 或 media"),
    (r"must be a JSON object", "应是一个 JSON 对象"),
    (r"not JSON .*", "不是 JSON, 或没有写完"),
    (r"not UTF-8 \(.* at byte (\d+)\)", r"第 \1 个字节起不是 UTF-8"),
    (r"nests deeper than (\d+) levels", r"嵌套超过 \1 层"),
    (r"the gzip file is damaged or cut short here", "gzip 文件从这里起已损坏或不完整, 后面的没有读到"),
)
_NO_ID = "id: is required"  # it is made from the rest, once that is right
_TRANSLATED = tuple((re.compile(said), told) for said, told in _SAID)


def in_chinese(invalid: InvalidMention, heading: Mapping[str, str] = MappingProxyType({})) -> InvalidMention:
    """The same for staff; `heading` is what the columns of the fields are called where it stood in a table."""
    errors = [error for error in invalid.errors if error != _NO_ID]
    return InvalidMention([_told(error, heading) for error in errors], invalid.raw, invalid.sheet)


def _told(error: str, heading: Mapping[str, str]) -> str:
    field, _, said = error.partition(": ")
    words = next((found.expand(told) for pattern, told in _TRANSLATED if (found := pattern.fullmatch(said))), said)
    called = heading.get(field) or FIELDS.get(field)
    return f"{field}: {called} {words}" if called else f"{field}: {words}" if said else error
