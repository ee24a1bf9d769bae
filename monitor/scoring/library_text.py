"""Keyword libraries as the YAML that staff keep: a rule a line, quoted only where it must be."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import tzinfo

from monitor.scoring.library_file import Library, LibraryRule
from monitor.scoring.library_table import day_of

_PLAIN = re.compile(r"[\u4e00-\u9fff][\u4e00-\u9fffA-Za-z0-9|+()/!.-]*")
_LITERAL = re.compile(r"[ -~\u00a1-\u00ac\u00ae-\u1fff\u2010-\u2027\u2030-\u205e\u2100-\ud7ff\uf900-\ufdff\ufe30-\ufefe\uff01-\uffef]+")
_UNPRINTED = re.compile("[\x7f-\xa0\xad\u2028\u2029\ue000-\uf8ff\ufeff\ufff0-\uffff]")


def scalar(text: str) -> str:
    """A text as it stands in YAML, in block and in flow."""
    if _PLAIN.fullmatch(text):
        return text
    if _LITERAL.fullmatch(text):
        return "'" + text.replace("'", "''") + "'"
    return _UNPRINTED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def yaml_of(libraries: Sequence[Library], zone: tzinfo) -> str:
    """The file of one library, or a list of several."""
    first, rest = ("- ", "  ") if len(libraries) > 1 else ("", "")
    lines: list[str] = []
    for library in libraries:
        made = list(_lines(library, zone))
        lines += [first + made[0], *(rest + line for line in made[1:])]
    return "\n".join(lines) + "\n"


def _lines(library: Library, zone: tzinfo) -> Iterator[str]:
    yield f"name: {scalar(library.name)}"
    for key, text in (("note", library.note), ("owner", library.owner)):
        if text is not None:
            yield f"{key}: {scalar(text)}"
    yield f"category: {scalar(library.category)}"
    yield f"weight: {library.weight!r}"
    for key, at, days in (("valid_from", library.valid_from, 0), ("valid_until", library.valid_until, 1)):
        if at is not None:
            yield f"{key}: {day_of(at, zone, days=days)}"
    yield "rules:"
    for one in library.rules:
        yield f"  - {item(one, library.weight)}"


def item(one: LibraryRule, weight: float) -> str:
    """A rule as an item of a list, with what it does not have from its library."""
    more = {
        "weight": repr(one.weight) if one.weight != weight else "",
        "floor": one.floor.word if one.floor else "",
        "note": scalar(one.note) if one.note is not None else "",
    }
    said = "".join(f", {key}: {value}" for key, value in more.items() if value)
    return f"{{rule: {scalar(one.rule.source)}{said}}}" if said else scalar(one.rule.source)
