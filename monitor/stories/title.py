"""A story's title and samples: words of its own mentions, cut for people to read."""

import re
import unicodedata

from monitor.clock import micros, rfc3339
from monitor.mention import Mention, Scored

TITLE_LENGTH = 40
SAMPLE_LENGTH = 140
_BLANK = re.compile(r"\s+")


def shown(text: str, length: int) -> str:
    """The text on one line without control, bidi or surrogate characters, cut to `length` characters."""
    clean = "".join(char for char in text if unicodedata.category(char) not in {"Cc", "Cf", "Cs"} or char in "\n\t\r")
    line = _BLANK.sub(" ", clean).strip()
    return line if len(line) <= length else line[: length - 1] + "…"


def title(mention: Mention) -> str:
    """At most 40 characters that tell what it is about: its headline, the words it passes on, or its own."""
    for words in (mention.title, mention.quoted, mention.text, mention.transcript):
        line = shown(words or "", TITLE_LENGTH)
        if line:
            return line
    return "(无文字)"


def sample(scored: Scored) -> dict[str, object]:
    """One mention as an alert shows it; no pseudonym, a name only where contract 1 keeps it readable."""
    mention = scored.mention
    out: dict[str, object] = {
        "source": mention.source, "id": mention.id, "text": shown(mention.text or mention.title or mention.quoted or "", SAMPLE_LENGTH),
        "platform": mention.platform or mention.source, "published_at": rfc3339(micros(mention.published_at)),
        "sentiment": scored.score.sentiment.label, "severity": scored.score.severity,
    }  # fmt: skip
    optional = {"outlet": mention.outlet, "url": mention.url, "name": scored.name}
    return out | {key: value for key, value in optional.items() if value}
