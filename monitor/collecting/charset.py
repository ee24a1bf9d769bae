"""Bytes -> words: the encoding that is said, else the one that fits. GBK always means GB18030, which holds it."""

import codecs
import re

_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_META = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([A-Za-z0-9._-]{1,40})""", re.IGNORECASE)
_PARAMETER = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9._-]{1,40})", re.IGNORECASE)
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_HEAD = 2048
_CHINESE = frozenset({"gbk", "gb2312", "gb18030", "hz"})
_ANYTHING = frozenset({"iso8859-1", "cp1252", "ascii"})  # every byte is a letter there, so saying so says nothing

_NO_PAGE = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"})  # Python's own; some take minutes


def decoded(body: bytes, content_type: str = "") -> tuple[str, str]:
    """The words, and what was odd about their encoding (empty: nothing)."""
    for mark, name in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace"), ""
    said = _said(body, content_type)
    for name in said:
        try:
            return body.decode(name), ""
        except UnicodeError:
            continue
    text, name = _fitting(body)
    if said and name != said[0]:
        return text, f"说是 {said[0]}, 实际按 {name} 读出"
    return text, "" if name == "utf-8" else f"没有说明编码, 按 {name} 读出"


def _said(body: bytes, content_type: str) -> list[str]:
    """The encodings that are said and that mean something, the nearest to the sender first."""
    found = [match[1] for match in [_PARAMETER.search(content_type)] if match]
    found += [match[1].decode() for match in (_DECLARED.search(body[:_HEAD]), _META.search(body[:_HEAD])) if match]
    return [name for name in map(_known, found) if name]


def _known(name: str) -> str:
    try:
        known = codecs.lookup(name)
    except LookupError:
        return ""
    if known.name in _ANYTHING | _NO_PAGE or not getattr(known, "_is_text_encoding", True):
        return ""
    return "gb18030" if known.name in _CHINESE else known.name


def _fitting(body: bytes) -> tuple[str, str]:
    for name in ("utf-8", "gb18030"):
        try:
            return body.decode(name), name
        except UnicodeDecodeError:
            continue
    # both have mistakes: the one with fewer; a few broken letters must not cost the page
    utf, chinese = body.decode("utf-8", "replace"), body.decode("gb18030", "replace")
    return (utf, "utf-8") if utf.count("�") <= chinese.count("�") else (chinese, "gb18030")


def file_encoding(sample: bytes) -> str:
    """`utf-8` or `gb18030`, by the lines of a sample of a file; the last may be cut. A few broken lines do not decide."""
    lines = [line for line in sample.split(b"\n") if not line.isascii()]
    odd = [line for number, line in enumerate(lines) if not _fits(line, "utf-8", last=number == len(lines) - 1)]
    chinese = sum(_fits(line, "gb18030", last=line is lines[-1]) for line in odd)
    return "gb18030" if 2 * len(odd) > len(lines) and 2 * chinese > len(odd) else "utf-8"


def _fits(line: bytes, encoding: str, *, last: bool) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(line, final=not last)
    except UnicodeDecodeError:
        return False
    return True
