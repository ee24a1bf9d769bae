"""What two sets of rules come to, in Chinese, for whoever is to decide between them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from monitor.alert import Level
from monitor.logs import visible

_RULES = 30
_ALERTS = 20
_CHANGE_ZH: Mapping[str, str] = {"new": "新增", "edited": "改写", "removed": "删去", "changed": "改了权重、首条即报或使用者"}
_SIDE_ZH = (("gained", "多出"), ("lost", "少掉"))
Told = Mapping[str, Any]


def shown(report: Told, zone: ZoneInfo) -> Iterator[str]:
    """Line by line."""
    yield f"时段：{_at(report['since'], zone)} 至 {_at(report['until'], zone)} 入库的原始信息 {report['records']} 条"
    if report["lost"]:
        kept = _at(report["retained_since"], zone) if report["retained_since"] else "现在"
        yield f"注意：{kept} 之前的已不再留存（retention.raw），没有算在内"
    yield from _subjects(report["subjects"])
    yield from _rules(report["rules"])
    yield from _alerts(report["alerts"], zone)
    yield "以上只是试算：没有写入任何东西，没有通知任何人；两边都从空白开始判断，人工处置不计"


def _subjects(subjects: Sequence[Told]) -> Iterator[str]:
    yield "主题（现在 → 新规则）："
    for one in subjects:
        (before, after), (bad, worse) = one["mentions"], one["sensitive"]
        changes = f"多出 {one['gained']}，少掉 {one['lost']}"
        yield f"  {visible(one['subject'])}：命中 {before} → {after} 条（{changes}），其中敏感 {bad} → {worse} 条"
        yield from _examples(one["examples"])
    if not subjects:
        yield "  没有信息命中任何主题"


def _rules(rules: Sequence[Told]) -> Iterator[str]:
    mine = [one for one in rules if one["change"] != "same"]
    others = [one for one in rules if one["change"] == "same" and (one["gained"] or one["lost"])]
    yield f"有变化的规则 {len(mine)} 条" + (f"，下面是变化最大的 {_RULES} 条：" if len(mine) > _RULES else "：" if mine else "")
    for one in mine[:_RULES]:
        was = f"原为 {visible(one['was'])}；" if "was" in one else ""
        yield f"  [{_CHANGE_ZH[one['change']]}] {visible(one['rule'])}（{was}{visible(one['owner'])}）：{_counts(one)}"
        yield from _examples(one["examples"])
    if others:
        gained, lost = (sum(one[side] for one in others) for side in ("gained", "lost"))
        yield f"未改的规则里有 {len(others)} 条随主题命中的增减而多出 {gained} 条、少掉 {lost} 条"


def _counts(one: Told) -> str:
    """Gained and lost are what hits now and did not, or hit and does not; what others hit on both sides changes nothing."""
    counts = f"多出 {one['gained']} 条，少掉 {one['lost']} 条"
    if one["still"]:
        counts += f"；另有 {one['still']} 条不再由它命中，别的规则仍然命中"
    if one["already"]:
        counts += f"；另有 {one['already']} 条由它命中，别的规则原已命中"
    return counts


def _examples(examples: Told) -> Iterator[str]:
    for side, word in _SIDE_ZH:
        for one in examples[side]:
            yield f"      {word} {visible(one['source'])}/{visible(one['id'])}：{visible(one['text'])}"


def _alerts(alerts: Told, zone: ZoneInfo) -> Iterator[str]:
    yield f"预警：现在 {_levels(alerts['before'])}；新规则 {_levels(alerts['after'])}"
    for side, word in (("gained", "会多出"), ("lost", "不会再有"), ("changed", "级别会变")):
        for one in alerts[side][:_ALERTS]:
            level = Level.of(one["level"]).zh
            before = f"{Level.of(one['level_before']).zh} → " if "level_before" in one else ""
            title = visible(" ".join(str(one["title"]).split()))
            yield f"  {word}：{visible(one['subject'])} {before}{level}，{_at(one['opened_at'], zone)} 起，{one['mentions']} 条，“{title}”"
        if len(alerts[side]) > _ALERTS:
            yield f"  {word}的另有 {len(alerts[side]) - _ALERTS} 个"


def _levels(counts: Told) -> str:
    levels = "、".join(f"{Level.of(word).zh} {count}" for word, count in counts.items() if word != "alerts" and count)
    return f"{counts['alerts']} 个" + (f"（最高到 {levels}）" if levels else "")


def _at(text: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(text).astimezone(zone):%Y-%m-%d %H:%M}"
