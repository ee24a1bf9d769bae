"""
A policy: what each level takes, as data. `default.yaml` beside this file is the one shipped.

`load_policy` reads a file and answers with every mistake in it at once; it raises nothing for a user's mistake.
"""

import re
from importlib.resources import as_file, files
from math import inf
from pathlib import Path

import msgspec

from monitor.alert import UNMEASURED, Level, ReasonCode
from monitor.clock import DAY, HOUR, MINUTE, SECOND
from monitor.errors import Problem
from monitor.escalation.policy_shape import misshapen
from monitor.yaml_lines import Item, Report, read_items

RUNGS = (Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED)
INDICATORS = tuple(code for code in ReasonCode if code not in UNMEASURED)
STEADY = 1.5  # below this growth a residual story is its subject's background
_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}

Clause = tuple[tuple[ReasonCode, float], ...]


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """What one level takes: any clause, every indicator of which is at or over its figure. Durations in micros."""

    level: Level
    meaning: str
    hold: int
    keep: int
    clear: float
    clauses: tuple[Clause, ...]
    staying: tuple[Clause, ...]


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Four rungs, from which follower count on an account is a KOL, and when a quiet alert ends by itself (micros)."""

    name: str
    kol_followers: int
    fade: int
    rungs: tuple[Rung, Rung, Rung, Rung]

    @property
    def least_reach(self) -> float:
        """From which reach on a single mention can matter; infinite when no clause looks at it."""
        figures = (figure for rung in self.rungs for clause in rung.clauses for code, figure in clause if code is ReasonCode.REACH_24H)
        return min(figures, default=inf)


def steady(policy: Policy) -> Policy:
    """
    The policy for a residual story, where growth is asked for to stay as well.

    Its mentions share nothing but the subject, so a background that no longer grows is no happening; a story that no longer grows
    still is one.
    """
    first, second, third, fourth = (_steady(rung) for rung in policy.rungs)
    return msgspec.structs.replace(policy, rungs=(first, second, third, fourth))


def _steady(rung: Rung) -> Rung:
    grows = [any(code is ReasonCode.GROWTH for code, _ in clause) for clause in rung.clauses]
    staying = zip(rung.staying, grows, strict=True)
    return msgspec.structs.replace(
        rung, staying=tuple((*clause, (ReasonCode.GROWTH, STEADY)) if asked else clause for clause, asked in staying)
    )


class _RungFile(msgspec.Struct, forbid_unknown_fields=True):
    meaning: str
    hold: str
    keep: str
    clear: float
    any: list[dict[str, float]]


class _PolicyFile(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    kol_followers: int
    fade: str
    levels: dict[str, _RungFile]


def duration(text: str) -> int:
    """`90s`, `5m`, `2h`, `7d` in micros; ValueError for anything else."""
    found = re.fullmatch(r"(\d{1,9})([smhd])", text)
    if not found:
        message = f"{text!r} 不是时长, 请写成 90s, 5m, 2h 或 7d"
        raise ValueError(message)
    return int(found[1]) * _UNITS[found[2]]


def load_policy(path: Path | None = None) -> tuple[Policy | None, list[Problem]]:
    """The policy of a file (None: the shipped default), or None and every problem found."""
    with as_file(files("monitor.escalation") / "default.yaml") as shipped:
        file = path or shipped
        report = Report(str(file), file.parent, {})
        root = read_items(file, report)
    if root is None or report.problems:
        return None, report.problems
    try:
        return _build(msgspec.convert(_plain(root), _PolicyFile)), []
    except msgspec.ValidationError as error:
        return None, misshapen(root, report) or [Problem(report.name, _line(root, str(error)), 0, f"策略写法有误: {error}")]
    except _Mistakes as error:
        return None, [Problem(report.name, _line(root, where), 0, what) for where, what in error.found]


def _plain(item: Item) -> object:
    """The bare value."""
    if isinstance(item.value, dict):
        return {key: _plain(one) for key, one in item.value.items()}
    return [_plain(one) for one in item.value] if isinstance(item.value, list) else item.value


class _Mistakes(Exception):
    def __init__(self, found: list[tuple[str, str]]) -> None:
        self.found = found
        super().__init__()


def _line(root: Item, path: str) -> int:
    """The line of the deepest key of a path such as `$.levels.blue.hold`, as far as it can be followed."""
    item = root
    for key in re.findall(r"[^.$`\[\]\s]+", path.split("$", 1)[-1]) if "$" in path else []:
        if isinstance(item.value, dict) and key in item.value:
            item = item.value[key]
        elif isinstance(item.value, list) and key.isdigit() and int(key) < len(item.value):
            item = item.value[int(key)]
    return item.key_line or item.line


def _build(file: _PolicyFile) -> Policy:
    wrong: list[tuple[str, str]] = []
    words = [level.word for level in RUNGS]
    wrong += [("$.levels", f"缺少级别 {word}, 四级都要写") for word in words if word not in file.levels]
    wrong += [(f"$.levels.{word}", f"没有 {word} 这一级, 只有 {' '.join(words)}") for word in file.levels if word not in words]
    rungs = [_rung(level, file.levels[level.word], wrong) for level in RUNGS if level.word in file.levels]
    fade = _duration("$.fade", file.fade, wrong)
    if file.kol_followers < 1:
        wrong.append(("$.kol_followers", "kol_followers 应为正整数"))
    if wrong:
        raise _Mistakes(wrong)
    return Policy(name=file.name, kol_followers=file.kol_followers, fade=fade, rungs=(rungs[0], rungs[1], rungs[2], rungs[3]))


def _duration(where: str, text: str, wrong: list[tuple[str, str]]) -> int:
    try:
        return duration(text)
    except ValueError as error:
        wrong.append((where, str(error)))
        return 0


def _rung(level: Level, file: _RungFile, wrong: list[tuple[str, str]]) -> Rung:
    where = f"$.levels.{level.word}"
    if not 0 < file.clear < 1:
        wrong.append((f"{where}.clear", "clear 应在 0 和 1 之间, 否则级别会来回跳动"))
    if not file.any:
        wrong.append((f"{where}.any", "至少写一条条件"))
    clauses = tuple(_clause(f"{where}.any.{i}", line, wrong) for i, line in enumerate(file.any))
    return Rung(
        level=level, meaning=file.meaning, clear=file.clear, clauses=clauses,
        hold=_duration(f"{where}.hold", file.hold, wrong), keep=_duration(f"{where}.keep", file.keep, wrong),
        staying=tuple(_staying(clause, file.clear) for clause in clauses),
    )  # fmt: skip


def _clause(where: str, line: dict[str, float], wrong: list[tuple[str, str]]) -> Clause:
    known = {code.value: code for code in INDICATORS}
    wrong += [(where, f"没有指标 {name}, 可用: {' '.join(known)}") for name in line if name not in known]
    wrong += [(where, f"{name} 的门槛应大于 0") for name, figure in line.items() if not figure > 0]
    if not set(line) - {ReasonCode.GROWTH.value}:
        wrong.append((where, "一条条件除 growth 外至少要有一个指标, 否则永远不会回落"))
    return tuple((known[name], figure) for name, figure in line.items() if name in known)


def _staying(clause: Clause, clear: float) -> Clause:
    """The clause that keeps a level: lower figures, no growth (a crisis that no longer grows is still one)."""
    return tuple((code, figure * clear) for code, figure in clause if code is not ReasonCode.GROWTH)
