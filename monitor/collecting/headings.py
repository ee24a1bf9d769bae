"""
What the columns of vendors' exports are called, so that a file from one of them needs no `columns`.

Two families are known: 新浪舆情通's (标题, 全文内容, 发布时间, 媒体类型, 来源网站, …) and 清博's (标题, 正文, 发布日期, 平台类型, 媒体名称,
…); most others use words of one of them. The contract's own field names are known too. Of several candidates the first one there is taken.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from monitor.mention import Mention

_OWN = tuple(Mention.__struct_fields__)

PRESETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "id": ("信息ID", "文章ID", "微博ID", "作品ID", "帖子ID", "唯一标识"),
        "text": ("全文内容", "正文内容", "正文", "内容", "微博内容", "文章内容", "全文", "信息内容", "文本", "摘要", "内容摘要"),
        "title": ("标题", "文章标题", "信息标题", "标题/微博内容", "标题／微博内容", "作品标题"),
        "published_at": ("发布时间", "发布日期", "发表时间", "发表日期", "发文时间", "发帖时间", "时间", "日期"),
        "platform": ("媒体类型", "平台类型", "来源类型", "平台", "信息来源类型", "渠道", "载体类型"),
        "outlet": ("来源网站", "媒体名称", "来源", "站点", "网站名称", "媒体", "信源", "来源媒体", "站点名称"),
        "url": ("原文链接", "链接", "文章链接", "原文地址", "地址", "网址", "URL", "信息链接"),
        "author": ("作者", "发布人", "用户昵称", "微博昵称", "作者昵称", "昵称", "账号名称", "发布账号", "作者名称", "用户名"),
        "followers": ("粉丝数", "粉丝量", "粉丝", "作者粉丝数"),
        "verified": ("认证类型", "认证", "用户认证", "博主认证", "微博认证"),
        "region": ("发布地区", "地域", "地区", "作者地域", "省份", "IP属地", "属地", "发布地域", "所属地域"),
        "likes": ("点赞数", "点赞量", "点赞", "赞", "获赞数", "在看数"),
        "comments": ("评论数", "评论量", "回复数", "评论"),
        "reposts": ("转发数", "转发量", "转载数", "分享数", "转发"),
        "views": ("阅读数", "阅读量", "浏览量", "播放量", "播放数", "浏览数", "点击量"),
        "quoted": ("原微博内容", "转发原文", "原文内容", "被转发内容", "原创内容"),
        "topics": ("话题", "微博话题"),
        "transcript": ("视频字幕", "语音识别", "图片文字", "OCR内容", "OCR"),
        "kind": ("信息类型", "发文类型", "原创/转发", "微博类型"),
    }
)  # fmt: skip
WITHIN = 10  # the first rows of a table, of which one is the heading; above it a vendor writes what the export is
_NEEDED = ("text", "title", "quoted", "transcript")
_TOLD = 4  # of the names of a column


def places(heading: Sequence[object], columns: Mapping[str, str]) -> dict[str, int]:
    """Where each field stands in a row: by `columns` when there are any, else by our own names and the presets."""
    where: dict[str, int] = {}
    for number, cell in enumerate(heading):
        where.setdefault(_folded(cell), number)
    wanted: dict[str, tuple[str, ...]] = {field: (column,) for field, column in columns.items()}
    wanted = wanted or {field: (field, *PRESETS.get(field, ())) for field in _OWN}
    found = {field: next((where[_folded(name)] for name in names if _folded(name) in where), -1) for field, names in wanted.items()}
    return {field: number for field, number in found.items() if number >= 0}


def lacking(heading: Sequence[object], columns: Mapping[str, str]) -> str:
    """What keeps a row from being the heading, for the person who has the file; empty when nothing does."""
    found = places(heading, columns)
    absent = [column for field, column in columns.items() if field not in found]
    if absent:
        return f"表头里没有 {'、'.join(absent)} 这一列 (columns 里写的){_seen(heading)}"
    if "published_at" not in found or not any(field in found for field in _NEEDED):
        looked = "; ".join(f"{field}: {'、'.join(PRESETS[field][:_TOLD])}…" for field in ("published_at", "title", "text"))
        return f"认不出表头{_seen(heading)}; 找过 {looked}; 请在 columns 里写明 published_at、title、text 各是哪一列"
    return ""


def _seen(heading: Sequence[object]) -> str:
    words = "、".join(str(cell).strip() for cell in heading if cell not in {None, ""})[:120]
    return f", 前 {WITHIN} 行里最像表头的是: {words}"


def _folded(cell: object) -> str:
    return "".join(str(cell if cell is not None else "").split()).strip("\ufeff*").replace("（", "(").replace("）", ")").lower()
