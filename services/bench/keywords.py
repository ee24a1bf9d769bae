"""
`keywords_10k`, `keywords_100k`, `keywords_variants`: folding and matching, on one core, of mentions of 90 characters never met before.

The rules are as rare as names, three in five of them with Boolean parts. All sets take turns over the same texts, and processor
time is what counts, so a busy neighbour disturbs them alike.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import msgspec

from monitor.errors import ConfigError
from monitor.mention import Mention
from monitor.scoring.library import load_libraries
from monitor.scoring.matcher import Matcher
from monitor.scoring.rule_tree import words
from monitor.scoring.rules import parse
from monitor.subject import Subject
from services.bench.figure import Figure, figure

TEN, HUNDRED = 10_000, 100_000
LENGTH = 90
SLICES, SLICE = 12, 1_000  # mentions; each set is judged by its quickest slice
BATCH = 256  # as the scorer takes them
NAIVE = 20  # mentions of the loop over every word
_FAMILY = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔"
_MATTERS = ("食品", "事故", "投诉", "维权", "曝光", "员工", "欠薪", "安全", "通报", "起火")
_COMMON = 3_000  # characters names are made of
_AT = datetime(2026, 1, 1, tzinfo=UTC)


def measure_keywords(folder: Path, lines: Sequence[bytes], _names: Sequence[str]) -> dict[str, Figure]:
    """All three, in turns."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = _texts(lines)
    ten = names_as_rules(TEN)
    sets = [ten, names_as_rules(HUNDRED), names_as_rules(TEN, "~")]
    loaded = [_loaded(folder / f"{number}.yaml", rules) for number, rules in enumerate(sets)]
    plain, many, varied = _rates([matcher for matcher, _ in loaded], texts)
    count = SLICES * SLICE
    return {
        "keywords_10k": figure(plain, "mentions/s", _naive(ten, texts[:NAIVE]), count, rules=TEN),
        "keywords_100k": figure(many, "mentions/s", plain, count, rules=HUNDRED, load_seconds=loaded[1][1]),
        "keywords_variants": figure(varied, "mentions/s", plain, count, rules=TEN),
    }


def names_as_rules(count: int, sign: str = "") -> list[str]:
    """The same each time; `sign` stands before every word."""
    drawn = Random(7)  # noqa: S311 - a measurement must be repeatable, not secret
    return [_rule(number % 5, drawn, sign) for number in range(count)]


def _rule(form: int, drawn: Random, sign: str) -> str:
    name, other, matter = _name(drawn), _name(drawn), drawn.choice(_MATTERS)
    if form == 0:
        return f"{sign}{name}+({sign}{matter}|{sign}{other})-{sign}招聘"
    if form == 1:
        return f"({sign}{name}|{sign}{other})-{sign}演唱会"
    return f"{sign}{name}!{sign}{name}路" if form == 2 else f"{sign}{name}"  # noqa: PLR2004 the last of the Boolean forms


def _name(drawn: Random) -> str:
    return drawn.choice(_FAMILY) + "".join(chr(0x4E00 + drawn.randrange(_COMMON)) for _ in range(2))


def _loaded(file: Path, rules: Sequence[str]) -> tuple[Matcher, float]:
    """From YAML, with the seconds it took. The shipped libraries stand aside: their words are the same in every set."""
    listed = "\n".join(f"  - {rule}" for rule in rules)
    file.write_text(f"name: names\ncategory: 企业\nweight: 0.1\nrules:\n{listed}\n", "utf-8")
    started = time.process_time()
    libraries, problems = load_libraries([file])
    if problems:
        raise ConfigError(problems)
    own = [library for library in libraries if not library.shipped]
    matcher = Matcher.build([Subject(name="names", rules=(), libraries=("names",))], own)
    return matcher, time.process_time() - started


def _texts(lines: Sequence[bytes]) -> list[str]:
    """Texts of that length, each met once: a number stands in it."""
    said = [text for text in (msgspec.json.decode(line)["text"] for line in lines[: SLICES * SLICE]) if text] or ["无"]
    whole = (f"{number}, {said[number % len(said)] * LENGTH}" for number in range(SLICES * SLICE))
    return [text[:LENGTH] for text in whole]


def _rates(matchers: Sequence[Matcher], texts: Sequence[str]) -> list[float]:
    """Mentions a second of each."""
    best = [float("inf")] * len(matchers)
    for start in range(0, len(texts), SLICE):
        mentions = [Mention(source="bench", id="1", published_at=_AT, text=text) for text in texts[start : start + SLICE]]
        for number, matcher in enumerate(matchers):
            started = time.process_time()
            for first in range(0, SLICE, BATCH):
                batch = mentions[first : first + BATCH]
                views = matcher.views(batch)
                for mention in batch:
                    matcher.match(mention, 0, views)
            best[number] = min(best[number], max(time.process_time() - started, 1e-9))
    return [SLICE / seconds for seconds in best]


def _naive(rules: Sequence[str], texts: Sequence[str]) -> float:
    """Mentions a second of a loop that looks for every word by `in`."""
    keywords = [word.text for rule in rules for word in words(parse(rule).tree)]
    started = time.process_time()
    for text in texts:
        _ = [keyword for keyword in keywords if keyword in text]
    return len(texts) / max(time.process_time() - started, 1e-9)
