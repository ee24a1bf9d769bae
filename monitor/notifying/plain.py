"""Other people's words made fit for one line in front of staff: no control, bidi or broken characters, bounded."""

from unicodedata import category

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def plain(text: str, limit: int) -> str:
    """At most `limit` characters of the text on one line; runs of space and hidden characters become one space."""
    window = text[: 4 * limit]  # hostile texts may be huge: look at no more than could be shown
    shown = "".join(" " if category(character) in _HIDDEN else character for character in window)
    line = " ".join(shown.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
