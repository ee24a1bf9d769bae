"""What the rules say of a text, for a person: the text with what hit in colour, or in 【】 where there is none, and a line a rule."""

from collections.abc import Iterable, Mapping, Sequence

from rich.text import Text

from monitor.logs import visible
from monitor.mention import Mention
from monitor.scoring.explaining import Asked, Explained, Held, Missed
from monitor.scoring.hits import counts as events
from monitor.scoring.matcher import FIELDS
from services.keywords.whereabouts import Owner, Place, of_subject
from services.terminal.screen import screen

_FIELD_ZH: Mapping[str, str] = {"title": "标题", "text": "正文", "quoted": "引文", "transcript": "字幕", "author": "作者"}
_WHOLE = 2_000  # characters of a text that is shown whole; of a longer one what stands around the hits
_AROUND = 40
_WINDOWS = 20
Span = tuple[int, int]


def show(found: Explained, mention: Mention, places: Mapping[Owner, Place], *, watched: bool) -> None:
    """Print it."""
    console = screen(soft_wrap=True)
    for field in FIELDS:
        if text := getattr(mention, field):
            spans = merged((hit.start, hit.end) for one in found.held for hit in one.hits if hit.field == field)
            console.print(Text(f"{_FIELD_ZH[field]}：") + marked(text, spans, coloured=console.is_terminal))
    if watched:
        console.print(f"命中主题：{'、'.join(map(visible, found.subjects))}" if found.subjects else "没有命中任何监测主题")
    console.print(f"命中规则 {len(found.held)} 条" + ("：" if found.held else ""))
    for one in found.held:
        console.print(_held(one, places))
    more = f"，下面是最接近的 {len(found.missed)} 条" if found.nearly > len(found.missed) else ""
    console.print(f"差一点的规则 {found.nearly} 条{more}" + ("：" if found.missed else ""))
    for missed in found.missed:
        console.print(_missed(missed, places))


def _held(one: Held, places: Mapping[Owner, Place]) -> Text:
    line = Text("  ") + Text(visible(one.asked.source), "bold") + Text(f"  {_owner(one.asked)}{_place(one.asked, places)}")
    said = "；".join(f"{hit.field} {hit.start}–{hit.end} “{_short(hit.text)}”" for hit in one.hits[:_WINDOWS])
    counts = f"计入 {'、'.join(map(visible, one.subjects))}" if one.subjects else "只加风险，不使信息命中主题"
    words = dict.fromkeys(hit.harmless for hit in one.hits if hit.harmless)
    harmless = f"；因 {'、'.join(map(visible, words))} 不算真有其事，不加风险" if words and not events(one.asked, one.hits) else ""
    return line + Text(f"\n      {said}；{counts}{harmless}", "dim")


def _missed(one: Missed, places: Mapping[Owner, Place]) -> Text:
    line = Text("  ") + Text(visible(one.asked.source)) + Text(f"  {_owner(one.asked)}{_place(one.asked, places)}", "dim")
    return line + Text(f"\n      {visible('；'.join(one.lack.reasons))}", "yellow")


def _owner(one: Asked) -> str:
    if one.library is None:
        return f"主题 {visible(one.subjects[0].name)}"
    floor = f"，首条即{one.floor.zh}" if one.floor else ""
    return f"词库 {visible(one.library.name)}，类别 {visible(one.category)}，权重 {one.weight:g}{floor}"


def _place(one: Asked, places: Mapping[Owner, Place]) -> str:
    place = places.get((one.library.name, one.source) if one.library else of_subject(one.subjects[0].name, one.source))
    return f"，{visible(str(place))}" if place else ""


def _short(text: str) -> str:
    text = visible(" ".join(text.split()))
    return text if len(text) <= _AROUND else f"{text[:_AROUND]}…"


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that touch one another made one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        elif end > start:
            found.append((start, end))
    return found


def marked(text: str, spans: Sequence[Span], *, coloured: bool) -> Text:
    """The text with the spans in colour, else in 【】; of a long one what stands around them."""
    out = Text()
    for start, end in windows(len(text), spans):
        out.append("…" if start else "")
        at = start
        for begin, over in (one for one in spans if start <= one[0] < end):
            out.append(visible(text[at:begin]))
            hit = visible(text[begin:over])
            out.append(*((hit, "bold red") if coloured else (f"【{hit}】",)))
            at = over
        out.append(visible(text[at:end]) + ("…" if end < len(text) else ""))
    return out


def windows(length: int, spans: Sequence[Span]) -> list[Span]:
    """What is shown of a text so long."""
    if length <= _WHOLE:
        return [(0, length)]
    around = merged((max(0, start - _AROUND), min(length, end + _AROUND)) for start, end in spans)
    return around[:_WINDOWS] or [(0, _AROUND)]
