"""`yuqing keywords test TEXT`: which rules hit a text and where, which nearly did and what was missing."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import msgspec
from msgspec.structs import replace

from monitor.clock import SystemClock, moment
from monitor.errors import UsageError, failed_zh
from monitor.loading import load_settings
from monitor.logs import visible
from monitor.mention import Mention
from monitor.plain_files import read_plain
from monitor.scoring.explaining import Asked, Explained, explain, rules_of
from monitor.scoring.library import CHINA, Library
from monitor.scoring.rule_tokens import FIELDS
from monitor.scoring.segment import FAST
from monitor.settings import Settings
from monitor.subject import Subject
from services.keywords.doubts import doubts
from services.keywords.loading import loaded, with_given
from services.keywords.showing import show
from services.keywords.whereabouts import Owner, Place, of_subject, whereabouts
from services.terminal.verb import Verb
from services.terminal.watched import check_watched

LONGEST = 65_536  # bytes of a text, as of a mention
_AROUND = 4  # bytes that are no part of it: a mark at its beginning, a newline at its end
_TOO_LONG = f"文字超过 {LONGEST // 1024} KiB: 信息的一个字段最多这么长, 请截短"
_NEARLY = 20
_DOUBTS = 3  # of a file: who tries a text asks something else
_FIELDS = tuple(sorted({*FIELDS, "transcript"} - {"text", "title"}))


@click.command(
    "test",
    cls=Verb,
    help="一段文字命中哪些规则（类别、权重、位置、规则写在哪里），哪些规则差一点、差在哪里；什么也不保存。\n\n"
    "文字写在命令行里，或用 --file，或从标准输入读。不写 --config 时只用内置的风险词库和 --library 给出的；"
    "写了则再加上配置里的主题和词库。时效按现在算，时刻按配置的 timezone 写。规则里可能不是本意的写法另作“提示”（标准错误）。\n\n"
    "例: yuqing keywords test 红会又出事了 --config yuqing.yaml\n\n"
    "例: yuqing keywords test 小区发生火灾 --title 突发\n\n"
    "例: yuqing keywords test 官方通报 --field author=新华社 --library 词库.yaml\n\n"
    "退出码：0 答了，2 用法或配置有误。",
)
@click.argument("text", required=False, metavar="[文字]")
@click.option("--title", metavar="标题", help="信息的标题")
@click.option("--file", "file", metavar="文件", type=click.Path(path_type=Path), help="文字在这个文件里（UTF-8）")
@click.option("--field", "fields", multiple=True, metavar="字段=值", help=f"其他字段，可写多次：{'、'.join(_FIELDS)}")
@click.option("--config", metavar="文件", type=click.Path(path_type=Path), help="配置文件（YAML）：用其中的主题和词库")
@click.option(
    "--library", "libraries", multiple=True, metavar="词库", type=click.Path(path_type=Path),
    help="再加上这个词库文件或文件夹（同名的顶替配置里的），可写多次",
)  # fmt: skip
@click.option("--subject", metavar="主题", help="只看这个主题的规则和它用的词库（内置的总在）")
@click.option("--nearly", "most", type=click.IntRange(0, 1_000), default=_NEARLY, metavar="N", help=f"差一点的最多列几条，默认 {_NEARLY}")
@click.option("--json", "as_json", is_flag=True, help="一个 JSON 对象，供程序读取")
def command(
    text: str | None, title: str | None, file: Path | None, fields: tuple[str, ...], config: Path | None,
    libraries: tuple[Path, ...], subject: str | None, most: int, *, as_json: bool,
) -> None:  # fmt: skip
    """Print what the rules say of it."""
    now = SystemClock().now()
    mention = _mention(_said(text, file, given=bool(title or fields)), title, fields, now)
    settings = load_settings(config, os.environ) if config else None
    zone = ZoneInfo(settings.timezone) if settings else CHINA
    everybody, everything = _watched(settings, libraries, zone)
    subjects, used = _only(subject, everybody, everything) if subject is not None else (everybody, everything)
    segmenter = settings.segmenter if settings else FAST
    found = explain(
        rules_of(subjects, used), mention, now, most, zone=zone, segmenter=segmenter, all_rules=rules_of(everybody, everything)
    )
    paths = [*(settings.libraries if settings else ()), *libraries]
    places = whereabouts(paths, _names(found), settings)
    for doubt in doubts(everybody, everything, paths, now, zone, settings, _DOUBTS):
        click.echo(visible(f"提示：{doubt}"), err=True)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(wire(found, places)) + b"\n")
        sys.stdout.buffer.flush()
    else:
        show(found, mention, places, watched=bool(subjects))


def _said(text: str | None, file: Path | None, *, given: bool) -> str:
    """The text: of the command line, of the file, else of stdin where no other field was given."""
    if text is not None and file is not None:
        raise UsageError("文字写在命令行里, 或用 --file 给出文件, 两者选一")
    if text is not None:
        return text
    if file is None and given:
        return ""
    data = _read(file)
    if len(data) > LONGEST + _AROUND:  # said before the bytes are read as text: the cut may be amid a character
        raise UsageError(_TOO_LONG)
    try:
        return data.decode("utf-8-sig").removesuffix("\n")
    except UnicodeDecodeError:
        raise UsageError(f"{file or '标准输入'}: 不是 UTF-8 编码, 请另存为 UTF-8") from None


def _read(file: Path | None) -> bytes:
    """No more than is needed to see that it is too much."""
    if file is None:
        return sys.stdin.buffer.read(LONGEST + _AROUND + 1)
    try:
        return read_plain(file, LONGEST + _AROUND)
    except OSError as error:
        raise UsageError(f"{file}: 打不开 ({failed_zh(error)}), 请检查路径和权限") from error


def _mention(text: str, title: str | None, fields: Iterable[str], now: int) -> Mention:
    values: dict[str, Any] = {"title": title, "text": text}
    for field in fields:
        name, sign, value = field.partition("=")
        if not sign or name not in _FIELDS:
            raise UsageError(f"--field {visible(field[:40])}: 请写成 字段=值, 字段是 {'、'.join(_FIELDS)} 之一")
        values |= {"topics": (value,)} if name == "topic" else {name: value}
    if any(isinstance(one, str) and len(one.encode("utf-8", "surrogatepass")) > LONGEST for one in values.values()):
        raise UsageError(_TOO_LONG)
    if not any(values.values()):
        raise UsageError("没有要试的文字: 写在命令行里, 或用 --file, 或从标准输入送入")
    said = {"source": "test", "id": "test"} | values
    return Mention(published_at=moment(now), **{name: value for name, value in said.items() if value is not None})


def _watched(settings: Settings | None, paths: Sequence[Path], zone: tzinfo) -> tuple[list[Subject], list[Library]]:
    """All subjects, and the libraries they may use; a library given beside is used by every one of them."""
    libraries, given = with_given(loaded(settings.libraries if settings else (), zone), paths, zone)
    beside = tuple(one.name for one in given)
    if settings is None and beside:
        return [Subject(name="（全部）", rules=(), libraries=beside)], libraries
    return [replace(one, libraries=(*one.libraries, *beside)) for one in (settings.subjects if settings else ())], libraries


def _only(subject: str, subjects: Sequence[Subject], libraries: Sequence[Library]) -> tuple[list[Subject], list[Library]]:
    """That subject, and what it uses."""
    check_watched([subject], [one.name for one in subjects])
    chosen = next(one for one in subjects if one.name == subject)
    return [chosen], [one for one in libraries if one.shipped or one.name in chosen.libraries]


def _names(found: Explained) -> set[str]:
    asked = [one.asked for one in found.held] + [one.asked for one in found.missed]
    return {one.library.name for one in asked if one.library}


def wire(found: Explained, places: Mapping[Owner, Place]) -> dict[str, object]:
    """What is told, as JSON."""
    return {
        "subjects": found.subjects,
        "hits": [
            _rule(one.asked, places) | {"subjects": one.subjects, "places": [_place(hit) for hit in one.hits]} for one in found.held
        ],
        "nearly": [
            _rule(one.asked, places)
            | {"subjects": [each.name for each in one.asked.subjects], "cost": round(one.lack.cost, 3), "missing": one.lack.reasons}
            for one in found.missed
        ],
        "nearly_total": found.nearly,
    }


def _rule(one: Asked, places: Mapping[Owner, Place]) -> dict[str, object]:
    library = one.library.name if one.library else None
    return {
        "rule": one.source, "category": one.category, "weight": one.weight, "floor": one.floor.word, "library": library,
        "place": where(one, places),
    }  # fmt: skip


def _place(hit: Any) -> dict[str, object]:
    return {name: getattr(hit, name) for name in ("field", "text", "start", "end", "harmless")}


def where(one: Asked, places: Mapping[Owner, Place]) -> str | None:
    """FILE:LINE of a rule."""
    place = places.get((one.library.name, one.source) if one.library else of_subject(one.subjects[0].name, one.source))
    return str(place) if place else None
