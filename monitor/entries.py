"""
The entries of the configuration's lists: one Subject, Receiver, ApiKey out of one Section each, with every mistake noted.

Sources are read in `source_entries.py`, what concerns Kafka in `kafka_entries.py`.
"""

import base64
import binascii
import hashlib
import ipaddress
from datetime import datetime, timedelta, tzinfo
from typing import cast, get_args
from urllib.parse import urlsplit

from monitor.alert import Level
from monitor.clock import micros
from monitor.mention import Kind
from monitor.section import Found, Section, hint
from monitor.settings import ApiKey, Receiver, ReceiverType, Role, Secret
from monitor.subject import Subject
from monitor.yaml_lines import Item, show

KINDS: tuple[str, ...] = get_args(Kind)
FLOORS = ("blue", "yellow", "orange")
LEVELS = (*FLOORS, "red")
ROLES: tuple[str, ...] = get_args(Role)
RECEIVER_TYPES: tuple[str, ...] = get_args(ReceiverType)
LATER = "本版本尚不支持"
SECRET_PREFIX = "whsec_"  # noqa: S105 the standard's prefix, no secret
SECRET_BYTES = range(24, 65)
MAX_RATE = 10_000_000


def read_subject(section: Section, seen: dict[str, int], zone: tzinfo) -> Subject:
    """One watched subject; its rules are parsed here, and what it names elsewhere is checked by the caller."""
    name = section.name(seen, "监测主题")
    rules = section.texts("rules")
    for text, item in rules:
        _check_rule(section, text, item)
    libraries = section.words("libraries")
    _check_any(section)
    policy = section.text("policy")
    return Subject(
        name=name,
        rules=tuple(text for text, _ in rules),
        libraries=libraries,
        receivers=section.words("receivers"),
        policy=None if policy in {"", "default"} else str(section.absolute(policy)),
        floor=Level.of(section.choice("floor", FLOORS, "none")),
        kinds=section.words("kinds", KINDS),
        platforms=section.words("platforms"),
        regions=section.words("regions"),
        valid_until=_moment(section, "valid_until", zone),
        alerts=section.flag("alerts", True),
        owner=section.optional("owner"),
    )


def _check_any(section: Section) -> None:
    """Neither rules nor libraries, or empty lists of them; what is wrong inside a list is told there."""
    rules, libraries = section.get("rules"), section.get("libraries")
    if not (rules and rules.value != []) and not (libraries and libraries.value != []):
        message = f"{section.title}缺少 rules：没有规则也没有词库的主题永远不会命中，请写 rules 或 libraries"
        section.report.say(rules.line if rules else section.line, message)


def _check_rule(section: Section, text: str, item: Item) -> None:
    from monitor.scoring.rules import RuleError, parse  # noqa: PLC0415 folding tables are loaded only where rules are read

    try:
        parse(text)
    except RuleError as error:
        column = item.column + item.quoted + error.column - 1
        section.report.say(item.line, f"规则 {show(text)} 第 {error.column} 个字符处：{error.message}", column)


def _moment(section: Section, key: str, zone: tzinfo) -> int | None:
    """A moment; a date alone means to its end, a time without an offset is in the configuration's timezone."""
    text = section.text(key)
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text.strip())
        if len(text.strip()) <= len("2026-01-01"):
            at += timedelta(days=1)
        return micros(at if at.tzinfo else at.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        section.wrong(key, f"{key} 不是有效的时间 {show(text)}，请写成 2026-12-31 或 2026-12-31T18:00:00+08:00")
        return None


def read_receiver(section: Section, seen: dict[str, int]) -> Receiver:
    """One receiver."""
    name = section.name(seen, "接收方")
    kind = section.choice("type", RECEIVER_TYPES, "webhook")
    if not section.get("type"):
        section.missing("type", f"请写明接收方类型，{hint('', RECEIVER_TYPES)}")
    if kind != "webhook":
        section.wrong("type", f"{LATER}接收方类型 {kind}，请先用 webhook")
        section.ignore_rest()
    url, secret = section.secret("url"), section.secret("secret")
    if url is not None and kind == "webhook":
        _check_address(section, url)
    elif kind == "webhook" and not any(section.get(form) for form in ("url", "url_env", "url_file")):
        section.missing("url", "请写明消息发往的地址（url、url_env 或 url_file）")
    if secret is not None and kind == "webhook":
        _check_signing(section, secret)
    return Receiver(
        name=name,
        type=cast("ReceiverType", kind),
        url=url.value if url else Secret(""),
        secret=secret.value if secret else None,
        min_level=section.choice("min_level", LEVELS, "blue"),
        allow_private=networks(section),
    )


def address_fault(address: str) -> str:
    """What keeps an address from being an http(s) address, without repeating it; empty when nothing does."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return "端口或主机写法有误"
    if any(char.isspace() for char in address):
        return "地址里有空白"
    if parts.scheme not in {"http", "https"}:
        return "要以 http:// 或 https:// 开头"
    return "" if parts.hostname else "缺少主机名"


def _check_address(section: Section, found: Found) -> None:
    if fault := address_fault(found.value):
        section.report.say(found.item.line, f"{section.title}的 url 不是有效的地址：{fault}，请检查（地址是机密，这里不显示）")


def _check_signing(section: Section, found: Found) -> None:
    try:
        key = base64.b64decode(found.value.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not found.value.startswith(SECRET_PREFIX) or len(key) not in SECRET_BYTES:
        section.report.say(
            found.item.line,
            f"{section.title}的 webhook 密钥应是 whsec_ 加 24 至 64 字节的 base64，"
            "可用 python3 -c \"import base64,os;print('whsec_'+base64.b64encode(os.urandom(32)).decode())\" 生成",
        )


def networks(section: Section) -> tuple[str, ...]:
    """The networks of `allow_private`."""
    found = section.texts("allow_private")
    for text, item in found:
        try:
            ipaddress.ip_network(text)
        except ValueError:
            section.report.say(item.line, f"allow_private 的 {show(text)} 不是有效的网段，请写成 10.0.0.0/8 或 192.168.1.5/32")
    return tuple(text for text, _ in found)


def read_api_key(section: Section, seen: dict[str, int], hashes: dict[str, str]) -> ApiKey:
    """One API key; only its digest goes on. `hashes` finds a key that two callers would share."""
    name = section.name(seen, "api_keys ")
    role = section.choice("role", ROLES, "reader")
    if not section.get("role"):
        section.missing("role", "请写明 reader（只读）、staff（可处置）或 admin（全部）")
    found = section.secret("key")
    if found is None and not any(section.get(form) for form in ("key", "key_env", "key_file")):
        section.missing("key_env", "请写明存放密钥的环境变量（key_env）或文件（key_file）")
    digest = hashlib.sha256(found.value.encode("utf-8", "replace")).hexdigest() if found else ""
    if found and (other := hashes.setdefault(digest, name)) != name:
        section.report.say(found.item.line, f"{section.title}与{show(other)}的密钥相同，请各用各的")
    return ApiKey(name=name, role=cast("Role", role), sha256=digest, rate=section.integer("rate", None, 1, MAX_RATE))
