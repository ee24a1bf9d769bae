"""New words among a subject's stored mentions: what rises in the last days against the weeks before, and stands in no rule."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from monitor.clock import rfc3339
from monitor.mention import Mention
from monitor.scoring.corpus import Corpus
from monitor.scoring.fold import fold
from monitor.scoring.lacking import asked
from monitor.scoring.library_file import Library
from monitor.scoring.phrases import Known, Phrase, rising
from monitor.scoring.rule_tree import Regex
from monitor.scoring.rules import parse
from monitor.store.sessions import Store
from monitor.subject import Subject

_PAGE = 1_000
_AROUND = 20


class Window(NamedTuple):
    """Moments in micros: `since` to `until` is now, `against` to `since` before."""

    against: int
    since: int
    until: int


class Pile(NamedTuple):
    """What was said in one stretch: how many mentions, each text once, and the mentions by number."""

    mentions: int
    corpus: Corpus
    digests: list[bytes]


async def pile(store: Store, subject: str, since: int, until: int, on_progress: Callable[[int], object]) -> Pile:
    """Read a stretch, a page at a time: a service beside writes on."""
    corpus, digests, after = Corpus(), list[bytes](), (0, b"")
    while True:
        async with store.read() as unit:
            said = await unit.mentions.said(subject, since, until, after, _PAGE)
        if not said:
            return Pile(len(digests), corpus, digests)
        for one in said:
            for words in one.words:
                corpus.add(words, one.author, len(digests))
            if one.quoted:
                corpus.add(one.quoted, "", len(digests))
            digests.append(one.digest)
        after = (said[-1].at, said[-1].digest)
        on_progress(len(said))


def literals(subjects: Iterable[Subject], libraries: Iterable[Library]) -> set[str]:
    """The words of all rules, folded."""
    trees = [parse(rule).tree for one in subjects for rule in one.rules] + [rule.rule.tree for one in libraries for rule in one.rules]
    return {atom.text for tree in trees for atom in asked(tree) if not isinstance(atom, Regex)}


async def suggest(
    store: Store, subject: str, window: Window, known: set[str], limit: int, on_progress: Callable[[int], object]
) -> dict[str, Any]:
    """What rises, with three examples each, as JSON has it."""
    now = await pile(store, subject, window.since, window.until, on_progress)
    before = await pile(store, subject, window.against, window.since, on_progress)
    found = await asyncio.to_thread(rising, now.corpus.texts(), before.corpus.texts(), Known(known), limit)
    return {
        "subject": subject, "since": rfc3339(window.since), "until": rfc3339(window.until), "against": rfc3339(window.against),
        "mentions": now.mentions, "texts": len(now.corpus.texts()), "mentions_before": before.mentions,
        "texts_before": len(before.corpus.texts()), "one_of": max(now.corpus.one_of, before.corpus.one_of),
        "words": [_wire(one, [await _example(store, now.digests[number], one.words) for number in one.examples]) for one in found],
    }  # fmt: skip


def _wire(one: Phrase, examples: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "word": one.words, "now": {"authors": one.authors, "texts": one.texts},
        "before": {"authors": one.authors_before, "texts": one.texts_before}, "times": round(one.times, 1),
        "significance": round(one.significance, 1), "cohesion": round(one.cohesion, 2), "freedom": round(one.freedom, 2),
        "examples": examples,
    }  # fmt: skip


async def _example(store: Store, digest: bytes, word: str) -> dict[str, str]:
    async with store.read() as unit:
        found = await unit.mentions.get(digest)
    if found is None:  # its text expired while we counted
        return {"source": "", "id": "", "text": ""}
    return {"source": found.mention.source, "id": found.mention.id, "text": around(found.mention, word)}


def around(mention: Mention, word: str) -> str:
    """The words around a word, where folding leaves every character its place; else the beginning."""
    for text in (mention.title, mention.text, mention.quoted):
        at = fold(text).find(word) if text else -1
        if text and at >= 0 and len(fold(text)) == len(text):
            return " ".join(f"{'…' * (at > _AROUND)}{text[max(0, at - _AROUND) : at + len(word) + _AROUND]}…".split())
    return " ".join((mention.title or mention.text)[: 2 * _AROUND].split())


async def counted(store: Store, subject: str, word: str, window: Window) -> dict[str, int]:
    """How many authors and texts have a word now, and had it before."""
    counts: dict[str, int] = {}
    for name, since, until in (("now", window.since, window.until), ("before", window.against, window.since)):
        texts = (await pile(store, subject, since, until, lambda _: None)).corpus.texts()
        having = [text for text in texts if fold(word) in text.words]
        counts |= {name: len({text.author for text in having}), f"{name}_texts": len(having)}
    return counts
