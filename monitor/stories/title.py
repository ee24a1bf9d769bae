"""
A story's title: words of its own mentions, cut for people to read.

A headline tells best, be it a field of its own or in 【】; then the words of an original post, or those that are passed on. What says
nothing is left out first: greetings, cries (气死我了，转给大家看看), 转发微博, @names, links, faces, and the chain of earlier reposters
after `//@`.
"""

import re
import unicodedata
from typing import NamedTuple

from monitor.clock import micros, rfc3339
from monitor.mention import Mention, Scored

TITLE_LENGTH = 40
SAMPLE_LENGTH = 140
NOTHING_SAID = "(无文字)"
_TELLING = 8  # letters: fewer than these name no happening
_EARLY = 20  # a cut at the end of a clause is not made before this
_BLANK = re.compile(r"\s+")
_LETTER = re.compile(r"\w")
_CHAIN = re.compile(r"//\s*@.*", re.DOTALL)
_IDLE = re.compile(
    r"https?://[\w./?=&%#:~+-]+|[（(]?(?:via|来自|分享自)?\s*@[\w·-]{1,30}[)）]?[:：]?|\[[^\[\]\s]{1,8}\]"
    r"|转发微博。?|轉發微博。?|[Rr]epost(?:ed)?\b|#"
)
_GREETING = re.compile(
    r"^(?:(?:各位|亲爱的|尊敬的)?(?:大家|你们|您|你|朋友们?|网友们?|家人们|亲们?|领导|老师|同志们?)?"
    r"(?:早上好|上午好|中午好|下午好|晚上好|晚安|早安|您好|你好|好|们)?[,，!！~～。:：、\s]+|(?:回复|请问|求助|求扩散|扩散|转发|转)[:：!！,，\s]+)"
)
_CRY = re.compile(
    r"^(?:[请求]?(?:转给|发给)(?:大家|更多人|朋友|家人)们?(?:都?看一?看|评评理)?|(?:真是|真|太|都?快)?气(?:死|炸|疯)[我人]?"
    r"|(?:大家)?[都快]*来?看一?看|(?:大家)?快看|震惊)[了吧啊呀]*[,，!！~～。:：、…\s]+"
)
_HEADLINE = re.compile(r"【([^【】]{1,120})】")
_ENDS = "。！？!?；;"
_PAUSES = "，,、：: "


class Heading(NamedTuple):
    """What a mention would be called: the lower the rank, the better it tells."""

    rank: int
    words: str


def shown(text: str, length: int) -> str:
    """The text on one line without control, bidi or surrogate characters, cut to `length` characters."""
    line = _line(text)
    return line if len(line) <= length else line[: length - 1] + "…"


def title(mention: Mention) -> str:
    """At most 40 characters that tell what it is about."""
    return heading(mention).words


def heading(mention: Mention) -> Heading:
    """
    The best words of a mention for a title.

    Rank 0 a headline, 1 an original's own words or those passed on, 2 few or answering words, 3 idle ones, 4 none at all.
    """
    text, quoted = (unchained(words or "") for words in (mention.text, mention.quoted))
    for words in (mention.title or "", *_HEADLINE.findall(text), *_HEADLINE.findall(quoted)):
        if _letters(told := _clean(words)) >= _TELLING:
            return Heading(0, _cut(told))
    ranks = {_clean(quoted): 1, _clean(text): 2 if quoted else 1, _clean(mention.transcript or ""): 1}
    few = [*ranks, _clean(mention.title or "")]
    idle = [_line(words) for words in (mention.title, quoted, text, mention.transcript) if words]
    found = [Heading(rank, words) for words, rank in ranks.items() if _letters(words) >= _TELLING]
    found += [Heading(2, words) for words in few if words] + [Heading(3, words) for words in idle if words]
    return Heading(found[0].rank, _cut(found[0].words)) if found else Heading(4, NOTHING_SAID)


def own_words(mention: Mention) -> str:
    """What a sample shows: its own words where there are any worth the name, else those it passes on, else whatever it has."""
    for words in (mention.text, mention.quoted, mention.title, mention.transcript):
        if words and _letters(_clean(unchained(words))):
            return words
    return mention.text or mention.quoted or mention.title or mention.transcript or ""


def sample(scored: Scored) -> dict[str, object]:
    """One mention as an alert shows it; no pseudonym, a name only where contract 1 keeps it readable."""
    mention = scored.mention
    out: dict[str, object] = {
        "source": mention.source, "id": mention.id, "text": shown(own_words(mention), SAMPLE_LENGTH),
        "platform": mention.platform or mention.source, "published_at": rfc3339(micros(mention.published_at)),
        "sentiment": scored.score.sentiment.label, "severity": scored.score.severity,
    }  # fmt: skip
    optional = {"outlet": mention.outlet, "url": mention.url, "name": scored.name}
    return out | {key: value for key, value in optional.items() if value}


def unchained(text: str) -> str:
    """The text without the chain of those whom it passes on, if anything is left then."""
    return _CHAIN.sub("", text) or text


def _line(text: str) -> str:
    if not text.isprintable():  # else there is nothing to leave out
        text = "".join(char for char in text if unicodedata.category(char) not in {"Cc", "Cf", "Cs"} or char in "\n\t\r")
    return _BLANK.sub(" ", text).strip()


def _clean(text: str) -> str:
    """The words without what tells nothing, from their first letter or opening mark on."""
    line = _BLANK.sub(" ", _IDLE.sub(" ", _line(text[:2_000]))).strip()
    while line and (shorter := _CRY.sub("", _GREETING.sub("", line, count=1), count=1)) != line and _letters(shorter) >= _TELLING:
        line = shorter
    line = line.lstrip(_ENDS + _PAUSES + "…~～-—|/")
    return line if _LETTER.search(line) else ""


def _letters(words: str) -> int:
    return len(_LETTER.findall(words))


def _cut(line: str) -> str:
    """At most 40 characters, to the end of a sentence or a clause where one ends late enough."""
    if len(line) <= TITLE_LENGTH:
        return line
    head = line[: TITLE_LENGTH - 1]
    end = max(head.rfind(mark) for mark in _ENDS)
    if end >= _EARLY:
        return head[: end + 1]
    pause = max(head.rfind(mark) for mark in _PAUSES)
    return (head[:pause] if pause >= _EARLY else head) + "…"
