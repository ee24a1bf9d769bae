"""What keeps a file from having the shape of a policy, in a person's words and each where it stands."""

from monitor.errors import Problem
from monitor.section import Section, kind_of
from monitor.yaml_lines import Item, Report

_MOST = 1 << 53


def misshapen(root: Item, report: Report) -> list[Problem]:
    """Every such mistake; none where only figures or words are wrong."""
    if not isinstance(root.value, dict):
        what = "文件是空的" if root.value is None else f"最外层应是映射（键: 值），这里是{kind_of(root.value)}"
        report.say(root.line, f"{what}，策略要有 name、kol_followers、fade 和 levels")
        return report.problems
    policy = Section(report, root, "策略")
    policy.text("name", required="请给这个策略起一个名字")
    _span(policy, "fade", report)
    if policy.integer("kol_followers", None, 1, _MOST) is None and policy.get("kol_followers") is None:
        policy.missing("kol_followers", "粉丝数从多少起算大V")
    levels = policy.section("levels")
    if levels is None and policy.get("levels") is None:
        policy.missing("levels", "四级都要写: blue、yellow、orange、red")
    for name, item in levels.members() if levels else ():
        _level(name, item, report)
    policy.finish()
    return report.problems


def _level(name: str, item: Item, report: Report) -> None:
    if not isinstance(item.value, dict):
        report.say(item.key_line or item.line, f"级别 {name} 应是映射（键: 值），这里是{kind_of(item.value)}")
        return
    level = Section(report, Item(item.value, item.key_line or item.line, 1), f"级别 {name} ")
    level.text("meaning", required="请写明这一级的含义")
    _span(level, "hold", report)
    _span(level, "keep", report)
    clear = level.get("clear")
    if clear is None:
        level.missing("clear", "降级线是条件的几成，如 0.5")
    else:
        _number("clear", clear, report)
    if level.get("any") is None:
        level.missing("any", "满足任意一行即达此级，如 - {authors_1h: 3}")
    for clause in level.sections("any", f"级别 {name} 的条件第"):
        for code, figure in clause.members():
            _number(code, figure, report)
        clause.ignore_rest()
    level.finish()


def _span(section: Section, key: str, report: Report) -> None:
    item = section.get(key)
    if item is None:
        section.missing(key, "请写成 90s、5m、2h 或 7d")
    elif not isinstance(item.value, str):
        report.say(item.line, f"{key} 应是时长，如 90s、5m、2h 或 7d，这里是{kind_of(item.value)}")


def _number(key: str, item: Item, report: Report) -> None:
    if not isinstance(item.value, (int, float)) or isinstance(item.value, bool):
        report.say(item.line, f"{key} 应是数字，这里是{kind_of(item.value)}")
