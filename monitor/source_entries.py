"""One Source out of one Section: what each type needs, and a word for what belongs to another type."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import cast, get_args

from monitor.clock import MINUTE
from monitor.entries import address_fault, networks
from monitor.mention import Mention
from monitor.section import Section, hint
from monitor.settings import Secret, Source, SourceType
from monitor.yaml_lines import Item, show

SOURCE_TYPES: tuple[str, ...] = get_args(SourceType)
TIERS = ("central", "regional", "industry", "portal", "self")
SCOPES = ("national", "city")
COLUMNS = tuple(name for name in Mention.__struct_fields__ if name != "subjects")
HOT_COLUMNS = ("at", "list", "rank", "title", "heat", "url")
MOST_PAGES = 1_000
_ASKED = ("rss", "json", "hotlist")
# Key -> the types that know it; what a person wrote for another type is told, not passed over
_ONLY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "url": _ASKED, "url_env": _ASKED, "url_file": _ASKED, "path": ("file", "hotlist"), "every": _ASKED,
        "columns": ("file", "json", "hotlist"), "items": ("json", "hotlist"), "pages": ("json",), "next": ("json",),
        "scope": ("hotlist",), "headers": _ASKED, "headers_env": _ASKED, "headers_file": _ASKED, "allow_private": _ASKED,
    }
)  # fmt: skip
_EVERY = MappingProxyType({"rss": 5 * MINUTE, "json": 5 * MINUTE, "hotlist": MINUTE})


def read_source(section: Section, seen: dict[str, int]) -> Source:
    """One source."""
    name = section.name(seen, "信源")
    kind = section.choice("type", SOURCE_TYPES, "push")
    if not section.get("type"):
        section.missing("type", f"请写明信源类型，{hint('', SOURCE_TYPES)}")
    url, path = _url(section), section.optional("path")
    if section.text("type") in SOURCE_TYPES:  # of an unknown type nothing is known to be missing or too much
        _check_where(section, kind, url, path)
        _check_kind(section, kind)
    return Source(
        name=name,
        type=cast("SourceType", kind),
        platform=section.optional("platform"),
        media=section.flag("media", False) if section.get("media") else None,
        tier=section.choice("tier", TIERS, "") or None,
        trusted=section.flag("trusted", False),
        path=str(section.absolute(path)) if path else None,
        url=url,
        every=section.duration("every", _EVERY[kind]) if kind in _EVERY else None,
        columns=_columns(section, HOT_COLUMNS if kind == "hotlist" else COLUMNS),
        items=section.optional("items"),
        pages=_pages(section, url),
        next=section.optional("next"),
        scope=section.choice("scope", SCOPES, "") or None,
        headers=_headers(section),
        allow_private=networks(section),
    )


def _url(section: Section) -> Secret | None:
    found = section.secret("url")
    if found is None:
        return None
    if fault := address_fault(found.value.replace("{page}", "1").replace("{cursor}", "x")):
        section.report.say(found.item.line, f"{section.title}的 url 不是有效的地址：{fault}，请写成 https://example.cn/feed.xml")
    return found.value


def _check_where(section: Section, kind: str, url: Secret | None, path: str | None) -> None:
    """Every type but push reads from one place."""
    told = any(section.get(form) for form in ("url", "url_env", "url_file"))
    if kind == "file" and section.get("path") is None:
        section.missing("path", "请写明要读的文件")
    if kind in {"rss", "json"} and not told:
        section.missing("url", "请写明要读的地址（url、url_env 或 url_file）")
    if kind == "hotlist" and not told and section.get("path") is None:
        section.missing("url", "请写明榜单的地址（url）或文件（path）")
    if kind == "hotlist" and url and path:
        section.wrong("path", "path 和 url 只能写一个，请删去多余的")


def _check_kind(section: Section, kind: str) -> None:
    for key, types in _ONLY.items():
        if section.get(key) is None or kind in types:
            continue
        if kind == "file" and key == "every":
            section.wrong(key, "type: file 的信源自动跟随文件，不用写 every，请删去")
        else:
            section.wrong(key, f"{key} 只用于 type: {'、'.join(types)} 的信源，{section.title}是 {kind}，请删去")


def _columns(section: Section, known: Collection[str]) -> dict[str, str]:
    columns = section.mapping("columns")
    for field, (_, item) in columns.items():
        if field not in known:
            section.report.say(item.key_line, f"columns 里没有 {show(field)} 这个字段，{hint(field, known)}")
    return {field: text for field, (text, _) in columns.items()}


def _pages(section: Section, url: Secret | None) -> int:
    """How many pages at most; more than one need their place in the address."""
    pages = section.integer("pages", 1, 1, MOST_PAGES) or 1
    if url and pages > 1 and "{page}" not in url and "{cursor}" not in url:
        section.wrong("pages", "pages 大于 1 时，url 里要有 {page} 或 {cursor}")
    if url and "{cursor}" in url and not section.get("next"):
        section.missing("next", "url 里有 {cursor}，请写明下一页的游标在应答里的位置，如 next: data.next_cursor")
    return pages


def _headers(section: Section) -> dict[str, Secret]:
    """Header -> value, as it is, from an environment variable or from a file."""
    headers: dict[str, Secret] = {}
    for form in ("headers", "headers_env", "headers_file"):
        for name, (_, item) in section.mapping(form).items():
            found = _one_header(section, form, name, item)
            if found is not None:
                headers[name] = found
    return headers


def _one_header(section: Section, form: str, name: str, item: Item) -> Secret | None:
    if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        section.report.say(item.key_line, f"{form} 里 {show(name)} 不是有效的请求头名称")
        return None
    key = f"{name}{form.removeprefix('headers')}"
    found = Section(section.report, Item({key: item}, item.line, 1), f"{form} ").secret(name, f"{form} 的 {name} ")
    if found is None:
        return None
    if not found.value.isascii() or not found.value.isprintable():
        section.report.say(item.line, f"{form} 里 {show(name)} 的值含有不能用在请求头里的字符（内容不显示）")
        return None
    return found.value
