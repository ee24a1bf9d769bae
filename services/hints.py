"""What `check` thinks is right but perhaps not meant. A hint changes no exit code."""

import asyncio
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console
from rich.progress import track

from monitor.bus.base import RAW, Bus
from monitor.clock import DAY, Clock, SystemClock
from monitor.errors import Unreadable, YuqingError
from monitor.mention import Raw
from monitor.records import read_raw
from monitor.scoring.library import load_libraries
from monitor.scoring.matcher import Matcher
from monitor.scoring.rule_hints import column_of
from monitor.scoring.rule_tree import AnyOf, Node, Word
from monitor.scoring.rules import parse
from monitor.scoring.segment import frequencies
from monitor.settings import Receiver, Settings, Source
from monitor.subject import Subject
from services.keywords.doubts import doubts
from services.keywords.whereabouts import Owner, Place, of_subject, whereabouts
from services.wiring import bus_there, open_bus

COMMON = 1_000  # jieba met 苹果 1334 times, 平安 1438, 华为 373, 红十字 83
LOOKED_AT = 10_000  # records of the retained log, the newest: a second or two
ENOUGH = 100  # fewer prove nothing
LONG = 1_000  # so many take a while with many rules
SHOWN = 10
LONG_LOG, LONG_TEXT = 90 * DAY, 730 * DAY
Places = Mapping[Owner, Place]


def hints(settings: Settings) -> Iterator[str]:
    """A line each."""
    clock = SystemClock()
    yield from _of_receivers(settings)
    yield from _of_subjects(settings, clock.now())
    places = whereabouts((), (), settings)
    yield from _of_words(settings, places)
    yield from _of_rules(settings, clock.now())
    for source in settings.sources:
        yield from _of_source(source)
    yield from _of_retention(settings)
    yield from asyncio.run(_of_log(settings, clock, places))


def _of_receivers(settings: Settings) -> Iterator[str]:
    if not settings.receivers:
        yield "没有配置 receivers，预警只能在接口和 yuqing alerts 里看到"
        return
    for receiver in settings.receivers:
        yield from _of_receiver(receiver)
    if _loopback(urlsplit(settings.public_url).hostname or ""):
        yield f"public_url 是 {settings.public_url}，消息里的链接在别的机器上打不开；请写成值班人员能访问的地址"
    named = {name for subject in settings.subjects for name in subject.receivers}
    if all(subject.receivers for subject in settings.subjects):
        for receiver in settings.receivers:
            if receiver.name not in named:
                yield f"接收方 {receiver.name} 没有任何主题使用，不会收到消息"


def _of_receiver(receiver: Receiver) -> Iterator[str]:
    if receiver.type == "webhook" and receiver.secret is None:
        yield f"接收方 {receiver.name} 没有 secret，对方无法核实消息来自本系统"
    if receiver.url.startswith("http://") and not _loopback(urlsplit(receiver.url).hostname or ""):
        yield f"接收方 {receiver.name} 的地址不是 https，消息在途中可被看到"


def _of_subjects(settings: Settings, now: int) -> Iterator[str]:
    if not any(subject.alerts for subject in settings.subjects):
        yield "所有主题都设了 alerts: false，不会通知任何人"
    for subject in settings.subjects:
        if subject.valid_until is not None and subject.valid_until <= now:
            yield f"主题 {subject.name} 的 valid_until 已过，不再监测"


def _of_words(settings: Settings, places: Places) -> Iterator[str]:
    """Rules that are, or may be, nothing but one very common word."""
    rules = [(subject.name, parse(rule)) for subject in settings.subjects for rule in subject.rules]
    bare = [(name, rule, word) for name, rule in rules for word in _bare(rule.tree)]
    common = frequencies({word.text for *_, word in bare})
    for name, rule, word in bare:
        if len(word.text) == 1:
            said = f"的规则只凭一个字“{word.written}”就会命中，请写成词，或用 + 加上限定"
        elif common.get(word.text, 0) >= COMMON:
            said = f"的规则只凭常用词“{word.written}”就会命中，无关信息会很多；可加限定，如 {word.written}+(投诉|曝光)"
        else:
            continue
        yield f"{_at(places, name, rule.source, column_of(rule, word))}主题 {name} {said}"


def _at(places: Places, subject: str, rule: str, column: int = 1) -> str:
    """FILE:LINE:COLUMN before what is said of a rule; nothing for one that stands in no file."""
    place = places.get(of_subject(subject, rule))
    return f"{place.at(column)}: " if place else ""


def _of_rules(settings: Settings, now: int) -> Iterator[str]:
    """What their rules, and their own libraries, probably do not mean."""
    zone = ZoneInfo(settings.timezone)
    libraries, _ = load_libraries(settings.libraries, zone)
    yield from doubts(settings.subjects, libraries, settings.libraries, now, zone, settings)


def _bare(node: Node) -> Iterator[Word]:
    """The words each of which is enough by itself."""
    match node:
        case Word():
            yield node
        case AnyOf(parts):
            for part in parts:
                yield from _bare(part)


def _of_source(source: Source) -> Iterator[str]:
    if source.path and not Path(source.path).exists():
        yield f"信源 {source.name} 的文件 {source.path} 现在不存在；出现后会自动读取"


def _of_retention(settings: Settings) -> Iterator[str]:
    keeps = settings.retention
    for name, span in (("raw", keeps.raw), ("scored", keeps.scored)):
        if span > LONG_LOG:
            yield f"retention.{name} 为 {span // DAY} 天，日志会占用较多磁盘；它只供重判之用，一般不超过 {LONG_LOG // DAY} 天"
    if keeps.text > LONG_TEXT:
        yield f"retention.text 为 {keeps.text // DAY} 天；公众言论的原文宜按需短存，到过橙级的另由 evidence 保存"
    if keeps.evidence < keeps.text:
        yield "retention.evidence 比 text 还短，到过橙级的事件不会因此多存"


async def _of_log(settings: Settings, clock: Clock, places: Places) -> list[str]:
    """The rules that hit nothing in the retained log; nothing where there is none, or it cannot be read now."""
    if settings.brokers or not bus_there(settings):  # nothing is asked over a network here
        return []
    bus = open_bus(settings, clock)
    try:
        await bus.start()
        raws = await _newest(bus)
    except YuqingError:
        return []
    finally:
        await bus.close()
    return list(_idle(settings, raws, places)) if len(raws) >= ENOUGH else []


async def _newest(bus: Bus) -> list[Raw]:
    found: list[Raw] = []
    bounds = await bus.bounds(RAW)
    for partition, (low, end) in bounds.items():
        offset = max(low, end - LOOKED_AT // len(bounds))
        while offset < end and (records := await bus.read(RAW, partition, offset, 1_000)):
            for record in records:
                try:
                    found.append(read_raw(record.value, record.stored_at))
                except Unreadable:  # a dead letter of the scorer's
                    continue
            offset = records[-1].offset + 1
    return found


def _idle(settings: Settings, raws: list[Raw], places: Places) -> Iterator[str]:
    """Each rule watched as if it were a subject of its own, with its subject's filters."""
    rules = [(subject, rule) for subject in settings.subjects for rule in subject.rules]
    matcher = Matcher.build([_alone(subject, rule, str(number)) for number, (subject, rule) in enumerate(rules)], [])
    hit = {match.subject for raw in _shown(raws) for match in matcher.match(raw.mention, raw.received_at)}
    idle = [(subject.name, rule) for number, (subject, rule) in enumerate(rules) if str(number) not in hit]
    for name, rule in idle[:SHOWN]:
        yield f"{_at(places, name, rule)}主题 {name} 的规则 {rule} 在留存的最近 {len(raws)} 条信息里一条也没命中，请检查写法"
    if len(idle) > SHOWN:
        yield f"另有 {len(idle) - SHOWN} 条规则同样没有命中"


def _shown(raws: list[Raw]) -> Iterable[Raw]:
    """With a bar on stderr, where somebody looks and it may take a while."""
    console = Console(stderr=True)
    quiet = len(raws) < LONG or not console.is_terminal
    return track(raws, "用留存的信息核对规则", console=console, transient=True, disable=quiet)


def _alone(subject: Subject, rule: str, name: str) -> Subject:
    return msgspec.structs.replace(subject, name=name, rules=(rule,), libraries=(), valid_until=None)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
