"""
RSS 0.9x, 1.0 (RDF), 2.0 and Atom -> entries, read as a stream by expat, which here expands no entity of the document's own.

Nothing is built but the entries, so size, depth, number and time are bounded whatever comes in. What feeds commonly get wrong is mended
(HTML's entities, bare ampersands, control characters, undeclared prefixes, a cut-off end); a feed that declares entities, or
defaults of attributes, is refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.entities import html5
from time import monotonic
from typing import Final
from xml.parsers import expat

from monitor.errors import SourceFailed

MOST_ENTRIES = 2_000
_MOST_TEXT = 512 * 1024  # characters of one field; far more than a mention keeps
_MOST_LINKS = 16  # of an entry
_DEEPEST = 64
_PIECE = 64 * 1024
_SECONDS: Final = 5.0
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31});")
_BARE = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9A-Fa-f]{1,6});)")
_XML = frozenset({"amp", "lt", "gt", "quot", "apos"})
_SPACES: Mapping[str, str] = {
    "http://www.w3.org/2005/Atom": "", "http://purl.org/atom/ns#": "", "http://purl.org/rss/1.0/": "",
    "http://backend.userland.com/rss2": "",
    "http://my.netscape.com/rdf/simple/0.9/": "", "http://purl.org/dc/elements/1.1/": "dc:", "http://purl.org/dc/terms/": "dcterms:",
    "http://purl.org/rss/1.0/modules/content/": "content:", "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf:",
    "http://www.w3.org/1999/xhtml": "xhtml:",
}  # fmt: skip
_CUSTOMARY = {"atom": "", "dc": "dc:", "dcterms": "dcterms:", "content": "content:", "rdf": "rdf:"}
_ROOTS = frozenset({"rss", "feed", "rdf:RDF"})
_ENTRIES = frozenset({"item", "entry"})
_KEPT = frozenset(
    {"guid", "id", "title", "link", "content:encoded", "content", "description", "summary", "pubDate", "published", "issued", "created",
     "dc:date", "dcterms:created", "dcterms:issued", "updated", "modified", "dcterms:modified", "author", "dc:creator", "name"}
)  # fmt: skip


@dataclass(slots=True)
class Entry:
    """One item: its fields as they stand, markup in them; `plain` are those said to be no HTML."""

    fields: dict[str, str] = field(default_factory=dict)
    plain: set[str] = field(default_factory=set)
    links: list[tuple[str, str]] = field(default_factory=list)
    about: str = ""


@dataclass(slots=True)
class Feed:
    """What a document holds; `odd` is what had to be mended or left out, `broken` why what followed could not be read."""

    title: str = ""
    entries: list[Entry] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    broken: str = ""


def read_feed(text: str) -> Feed:
    """The feed in a document; SourceFailed `malformed` when it is none."""
    clean = _CONTROL.sub("", text).lstrip("\ufeff \t\r\n")
    clean = _NAMED.sub(lambda found: found[0] if found[1] in _XML else html5.get(f"{found[1]};", found[0]), clean)
    if clean[:1] in {"{", "["}:
        raise SourceFailed("malformed", "应答是 JSON, 不是 RSS 或 Atom; 请用 type: json 或 hotlist (试读网址时加 --type)")
    deadline = monotonic() + _SECONDS
    feed, broken = _Reader(deadline).read(clean)
    if broken and _BARE.search(clean):
        mended, still = _Reader(deadline).read(_BARE.sub("&amp;", clean))
        if len(mended.entries) > len(feed.entries) or not still:
            feed, broken = mended, still
    if broken and not feed.entries:
        raise SourceFailed("malformed", f"不是 RSS 或 Atom: {broken}")
    if broken:
        feed.broken = f"XML 有误, 只读到出错之前: {broken}"
    return feed


class _Stop(Exception):
    """Enough has been read. `refused`: nothing of it is wanted; `whole`: what is left out is more than anybody asks of a feed."""

    def __init__(self, note: str, *, refused: bool = False, whole: bool = False) -> None:
        super().__init__(note)
        self.refused, self.whole = refused, whole


class _Reader:
    """The handlers, and where in the document they are."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._feed = Feed()
        self._open: list[str] = []
        self._prefixes = dict(_CUSTOMARY)
        self._entry: Entry | None = None
        self._entry_depth = 0
        self._field = ""
        self._field_depth = 0
        self._text: list[str] = []
        self._length = 0
        self._plain = False

    def read(self, text: str) -> tuple[Feed, str]:
        """The feed, and where it is broken (empty: nowhere)."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._said
        parser.EntityDeclHandler, parser.AttlistDeclHandler = self._entity, self._attribute
        try:
            for at in range(0, len(text), _PIECE):
                self._check_time()
                parser.Parse(text[at : at + _PIECE], False)
            parser.Parse("", True)
        except _Stop as stop:
            if stop.refused:
                raise SourceFailed("malformed", str(stop)) from None
            if stop.whole:
                self._feed.odd.append(str(stop))
            else:
                self._feed.broken = str(stop)
        except expat.ExpatError as error:
            return self._feed, f"第 {error.lineno} 行 {expat.ErrorString(error.code)}"
        return self._feed, ""

    def _check_time(self) -> None:
        if monotonic() > self._deadline:
            raise _Stop(f"{_SECONDS:.0f} 秒还没有读完", refused=not self._feed.entries)

    def _entity(self, *_: object) -> None:
        raise _Stop("声明了实体 (可能是 XML 炸弹), 不予展开", refused=True)

    def _attribute(self, _element: str, _name: str, _kind: str, default: str | None, _required: object) -> None:
        """A default is given to every such element: a few bytes of each become as many as it has."""
        if default is not None:
            raise _Stop("声明了属性的默认值 (可能是 XML 炸弹), 不予展开", refused=True)

    def _start(self, raw: str, attributes: dict[str, str]) -> None:
        if not self._field:  # what is declared inside a field holds only there
            self._declare(attributes)
        name = self._known(raw)
        if not self._open and name not in _ROOTS:
            raise _Stop(f"不是 RSS 或 Atom: 最外层是 <{raw[:40]}>", refused=True)
        self._open.append(name)
        if len(self._open) > _DEEPEST:
            raise _Stop(f"嵌套超过 {_DEEPEST} 层", refused=not self._feed.entries)
        if self._field:
            self._inside(name)
        elif self._entry is None and name in _ENTRIES:
            self._begin_entry(attributes)
        elif name in _KEPT and self._wanted(name):
            self._begin(name, attributes)

    def _begin_entry(self, attributes: Mapping[str, str]) -> None:
        if len(self._feed.entries) >= MOST_ENTRIES:
            raise _Stop(f"超过 {MOST_ENTRIES} 条, 其余不读", whole=True)
        self._entry = Entry(about=attributes.get("rdf:about", ""))
        self._entry_depth = len(self._open)

    def _wanted(self, name: str) -> bool:
        """Whether an element stands directly where its word means what we take it for."""
        if self._entry is None:
            return name == "title" and len(self._open) >= 2 and self._open[-2] in {"channel", "feed"}  # noqa: PLR2004 - it and its parent
        return len(self._open) == self._entry_depth + 1 or (name == "name" and self._open[-2] == "author")

    def _begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "link" and self._entry is not None and "href" in attributes:
            if len(self._entry.links) < _MOST_LINKS:
                self._entry.links.append((attributes.get("rel", "alternate"), attributes["href"]))
            return
        if name == "author" and self._entry is not None:
            self._entry.fields.setdefault("author", "")
        self._field, self._field_depth = name, len(self._open)
        self._text, self._length = [], 0
        self._plain = attributes.get("type") in {"text", "text/plain"}

    def _inside(self, name: str) -> None:
        """Markup inside a field is kept as such; of an Atom author only the name is."""
        if self._field == "author":
            self._text, self._length = [], 0
            if name == "name":
                self._field, self._field_depth = "name", len(self._open)
            else:
                self._field = ""
        else:
            self._said(f"<{name.removeprefix('xhtml:')}>")

    def _said(self, text: str) -> None:
        if self._field and self._length < _MOST_TEXT:
            self._text.append(text[: _MOST_TEXT - self._length])
            self._length += len(text)

    def _end(self, _raw: str) -> None:
        name = self._open.pop()
        depth = len(self._open) + 1
        if self._field and depth == self._field_depth:
            self._finish_field()
        elif self._field:
            self._said(f"</{name.removeprefix('xhtml:')}>")
        elif self._entry is not None and depth == self._entry_depth:
            self._feed.entries.append(self._entry)
            self._entry = None

    def _finish_field(self) -> None:
        name, text = self._field, "".join(self._text).strip()
        self._field = ""
        if self._entry is None:
            self._feed.title = self._feed.title or text
            return
        name = "author" if name == "name" else name
        if text and not self._entry.fields.get(name):
            self._entry.fields[name] = text
            if self._plain:
                self._entry.plain.add(name)

    def _declare(self, attributes: Mapping[str, str]) -> None:
        for key, value in attributes.items():
            if key.startswith("xmlns"):
                self._prefixes[key[6:]] = _SPACES.get(value, "" if key == "xmlns" else f"{key[6:]}:")

    def _known(self, raw: str) -> str:
        prefix, colon, local = raw.rpartition(":")
        return self._prefixes.get(prefix, f"{prefix}:" if colon else "") + local
