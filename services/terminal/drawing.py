"""A traced story for a person's eyes: lines of words, and a tree that fits the terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree as Drawing

from monitor.clock import DAY, HOUR, MINUTE, SECOND
from monitor.logs import visible

COLOURS = {"none": "dim", "blue": "blue", "yellow": "yellow", "orange": "dark_orange", "red": "bold red"}
SURE_ZH = {"high": "高", "medium": "中", "low": "低"}
_BARS = "▁▂▃▄▅▆▇█"
_COLUMNS = 40
_NAMES = 6
_UNITS = ((DAY, "天"), (HOUR, "小时"), (MINUTE, "分钟"))


@dataclass
class Branch:
    """A place, how many children it has, and those of them that are drawn."""

    place: dict[str, Any]
    children: int
    drawn: list["Branch"] = field(default_factory=list)

    @property
    def node(self) -> str | None:
        """By what name the tree knows it; None: what all else hangs under."""
        return self.place.get("node")


def drawn(story: dict[str, Any], branches: Sequence[Branch], zone: ZoneInfo) -> Iterator[RenderableType]:
    """Everything about a story, part by part."""
    yield _heading(story, zone)
    yield from _origin(story, zone)
    yield from _spread(story["spread"], zone)
    for branch in branches:
        tree = Drawing(Text("传播树", "bold"))
        _grow(tree, branch, zone)
        yield tree


def _heading(story: dict[str, Any], zone: ZoneInfo) -> Text:
    level = Text(f"[{story['level_zh']}]", COLOURS[story["level"]])
    text = Text.assemble((visible(story["title"]), "bold"), " ", level, f"\n主题 {visible(story['subject'])}, 事件 {story['id']}")
    text.append(f", {'仍在跟踪' if story['live'] else '已平息'}")
    first, last = (story["spread"][name] for name in ("first_at", "last_at"))
    span = f", {_at(first, zone)} 至 {_at(last, zone)}" if first and last else ""
    text.append(f"\n信息 {story['mentions']} 条{span}")
    return text.append(f", 预警 {story['alert']}" if story["alert"] else "")


def _origin(story: dict[str, Any], zone: ZoneInfo) -> Iterator[Text]:
    origin = story["origin"]
    if story["residual"]:  # unrelated mentions have none in common
        return
    if not origin:
        yield Text("\n起源: 原文已过保存期" if story["mentions"] else "\n起源: 信息已全部移出, 没有留下什么")
        return
    yield Text.assemble("\n", ("起源", "bold"), f" (把握: {SURE_ZH[origin['sure']]})\n", _mention(origin, zone))
    for doubt in origin["doubts"]:
        yield Text(f"  · {doubt['zh']} ({doubt['mentions']})")
    if "missing" in origin:
        yield Text(f"  · 原帖编号 {visible(origin['missing']['id'])} (来源 {visible(origin['missing']['source'])})")


def _spread(spread: dict[str, Any], zone: ZoneInfo) -> Iterator[Text]:
    yield Text("\n传播", "bold")
    for sort, zh in (("platforms", "平台"), ("outlets", "媒体及账号"), ("regions", "地区")):
        if names := spread[sort]:
            said = " → ".join(f"{visible(one['name'])} {one['mentions']} ({_at(one['first_at'], zone)})" for one in names[:_NAMES])
            yield Text(f"{zh}: {said}{_more(spread['totals'][sort]['names'] - _NAMES, '个')}")
    for sort, zh in (("media", "新闻媒体"), ("kol", "大V")):
        if names := spread[sort]:
            said = ", ".join(f"{visible(one['name'])} {one['mentions']} 条, 触达 {one['reach']:,}" for one in names[:_NAMES])
            yield Text(f"{zh}: {said}{_more(spread['totals'][sort]['names'] - _NAMES, '个')}")
    for sort, count, zh in (("reposted", "children", "转发最多"), ("farthest", "reach", "触达最远")):
        if spread[sort]:
            yield Text.assemble(f"{zh} ({spread[sort][0][count]:,}): ", _mention(spread[sort][0], zone), no_wrap=True, overflow="ellipsis")
    if spread["doubling_seconds"]:
        yield Text(f"翻倍用时: {_lasting(spread['doubling_seconds'])}")
    if spread["series"]:
        yield Text(
            f"走势: {_bars(spread['series']['counts'])} (共 {_lasting(_whole(spread['series']))})", no_wrap=True, overflow="ellipsis"
        )
    yield Text("")


def _grow(tree: Drawing, branch: Branch, zone: ZoneInfo) -> None:
    """Hang what is drawn of a branch; it is never deeper than what was read."""
    for child in branch.drawn:
        _grow(tree.add(_mention(child.place, zone)), child, zone)
    if branch.children > len(branch.drawn):
        tree.add(Text(f"…还有 {branch.children - len(branch.drawn)} 条", "dim"))


def _mention(place: dict[str, Any], zone: ZoneInfo) -> Text:
    """One mention on one line."""
    text = Text(no_wrap=True, overflow="ellipsis")
    if place.get("missing") is True:
        text.append("未采集到的原帖 ", "dim")
    else:
        text.append(f"{_at(place['published_at'], zone)} " if "published_at" in place else "原文已过保存期 ", "dim")
        where = dict.fromkeys(visible(place[key]) for key in ("platform", "outlet", "name") if key in place)
        text.append(" ".join(where) + " ", "cyan")
    if place.get("descendants"):
        text.append(f"({place['descendants']} 条) ", "bold")
    return text.append(visible(place.get("text", "")).replace("\n", " "))


def _bars(counts: Sequence[int]) -> str:
    """A line of bars, at most forty: neighbours stand together where there are more."""
    width = -(-len(counts) // _COLUMNS)
    sums = [sum(counts[i : i + width]) for i in range(0, len(counts), width)]
    top = max(sums)
    return "".join(_BARS[-(-one * (len(_BARS) - 1) // top)] for one in sums)


def _whole(series: dict[str, Any]) -> float:
    return float(series["seconds"] * len(series["counts"]))


def _lasting(seconds: float) -> str:
    for unit, zh in _UNITS:
        if seconds * SECOND >= unit:
            return f"{round(seconds * SECOND / unit, 1):g} {zh}"
    return f"{seconds:g} 秒"


def _more(count: int, what: str) -> str:
    return f" …还有 {count} {what}" if count > 0 else ""


def _at(text: str, zone: ZoneInfo) -> str:
    return datetime.fromisoformat(text).astimezone(zone).strftime("%Y-%m-%d %H:%M")
