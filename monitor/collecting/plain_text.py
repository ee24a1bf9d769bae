"""HTML -> the words a person would read, in one pass: linear in whatever it is given."""

import html
import re

_TAG = re.compile(r"""<(?:!--|(/?)([A-Za-z][A-Za-z0-9:]{0,30})(?:[^<>"']|"[^"<]*"|'[^'<]*')*+>|[A-Za-z/!?][^<>]*>)""")
_SILENT = frozenset({"script", "style", "head", "noscript", "template", "iframe", "svg"})
_BREAKS = frozenset(
    {"br", "p", "div", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "blockquote", "hr", "pre"}
)
_SPACES = re.compile(r"[ \t\r\f\v\xa0\u3000]+")
_LINES = re.compile(r" ?\n[\n ]*")
_LOOKS = re.compile(r"<[A-Za-z/!]|&(?:#\d|#x|[A-Za-z])")


def plain_text(source: str) -> str:
    """The words of a piece of HTML, or of text that only might be."""
    if not _LOOKS.search(source):
        return _tidy(source)
    pieces: list[str] = []
    at = 0
    lowered = ""
    while found := _TAG.search(source, at):
        pieces.append(source[at : found.start()])
        at = found.end()
        name = (found[2] or "").lower()
        if found[0] == "<!--":
            end = source.find("-->", at)
            at = len(source) if end < 0 else end + 3
        elif name in _SILENT and not found[1] and not found[0].endswith("/>"):
            lowered = lowered or source.lower()
            end = lowered.find(f"</{name}", at) if len(lowered) == len(source) else source.find(f"</{name}", at)
            at = len(source) if end < 0 else end
        elif name in _BREAKS:
            pieces.append("\n")
    pieces.append(source[at:])
    return _tidy(html.unescape("".join(pieces)))


def _tidy(text: str) -> str:
    return _LINES.sub("\n", _SPACES.sub(" ", text.replace("\0", ""))).strip()


def cut(text: str, limit: int) -> str:
    """At most that many bytes of UTF-8, whole characters only."""
    data = text.encode("utf-8", "ignore")
    return text if len(data) <= limit else data[:limit].decode("utf-8", "ignore")
