"""RSS and Atom feeds (RSSHub's among them), fetched only when they have changed."""

import asyncio
from concurrent.futures import Executor
from datetime import tzinfo
from hashlib import blake2b

import msgspec

from monitor.border import LIMITS, STRING_LIMIT, FileDefaults
from monitor.clock import rfc3339
from monitor.collecting.base import Bad, Batch
from monitor.collecting.charset import decoded
from monitor.collecting.feed_reader import MOST_ENTRIES, Entry, Feed, read_feed
from monitor.collecting.fetching import Fetcher, Page
from monitor.collecting.fields import mention_of
from monitor.collecting.moments import moment_of
from monitor.collecting.plain_text import cut, plain_text
from monitor.errors import InvalidMention, SourceFailed
from monitor.links import absolute, normalised
from monitor.mention import Mention
from monitor.settings import Source

_PUBLISHED = ("pubDate", "published", "issued", "dc:date", "dcterms:issued", "dcterms:created", "created")
_UPDATED = ("updated", "modified", "dcterms:modified")
_CONTENT = ("content:encoded", "content", "description", "summary")
_SHORT = 2_000  # bytes of a name or a headline


class _Seen(msgspec.Struct):
    """
    Where we stand: what to ask the server with, and what the last whole fetch held, each id with what it looked like.

    What is known here is on the bus, so it is not taken again: an item without a time, or with another at every fetch, is of when it
    was first seen, and a feed that brings nothing new does not look fresh. Some feeds give an article a new id at every fetch. One that
    looks as before while its old id has gone is that article.
    """

    etag: str = ""
    modified: str = ""
    looks: dict[str, str] = {}


class Rss:
    """One feed. `work` is where it is parsed, away from the event loop."""

    def __init__(self, source: Source, fetcher: Fetcher, zone: tzinfo, work: Executor) -> None:
        self._source, self._fetcher, self._zone, self._work = source, fetcher, zone, work

    async def collect(self, cursor: bytes, now: int) -> Batch:
        seen = msgspec.json.decode(cursor, type=_Seen) if cursor else _Seen()
        page = await self._fetcher.get(str(self._source.url), seen.etag, seen.modified)
        if page is None:
            return Batch(cursor=cursor)
        return await asyncio.get_running_loop().run_in_executor(self._work, self._read, page, seen, now)

    async def close(self) -> None:
        await self._fetcher.close()

    def _read(self, page: Page, seen: _Seen, now: int) -> Batch:
        text, odd = decoded(page.body, page.content_type)
        feed = read_feed(text)
        notes = [odd, *feed.odd, "" if feed.entries else "没有条目"]
        mentions, bad, undated = [], [], 0
        for number, entry in enumerate(feed.entries, 1):
            values, dated = self._values(entry, feed, page.url, now)
            undated += not dated
            made = mention_of(values, now, FileDefaults(self._source.name, self._zone), self._zone)
            if isinstance(made, InvalidMention):
                bad.append(Bad(f"{self._source.name}:{number}", made, str(values["id"])))
            else:
                mentions.append(made)
        notes.append(f"{undated} 条没有可读的时间, 记为首次看到的时间" if undated else "")
        fresh, looks, renamed = _fresh(mentions, seen)
        notes.append(f"{renamed} 条换了编号, 内容与上次相同, 不再收" if renamed else "")
        return Batch(
            cursor=msgspec.json.encode(_after(page, feed, looks, seen)), mentions=tuple(fresh), bad=tuple(bad),
            odd=tuple(filter(None, notes)), failed=SourceFailed("malformed", feed.broken) if feed.broken else None,
        )  # fmt: skip

    def _values(self, entry: Entry, feed: Feed, base: str, now: int) -> tuple[dict[str, object], bool]:
        """The fields of contract 1, and whether the item says when it was published."""
        link = _link(entry, base)
        at = next((at for name in (*_PUBLISHED, *_UPDATED) if (at := moment_of(entry.fields.get(name), self._zone))), None)
        title = cut(_words(entry, "title"), _SHORT)
        text = cut(next((text for name in _CONTENT if (text := _words(entry, name))), ""), STRING_LIMIT)
        return {
            "id": _id(entry, link, title, text, entry.fields.get("pubDate", "")),
            "title": title, "text": text, "url": link if len(link.encode()) <= LIMITS["url"] else None,
            "published_at": at or rfc3339(now), "author": _author(entry), "outlet": cut(plain_text(feed.title), _SHORT),
        }, at is not None  # fmt: skip


def _words(entry: Entry, name: str) -> str:
    text = entry.fields.get(name, "")
    return " ".join(text.split()) if name in entry.plain else plain_text(text)


def _link(entry: Entry, base: str) -> str:
    """Where the item stands: its link, else an id that is one."""
    found = next((href for rel, href in entry.links if rel == "alternate"), "") or next((href for _, href in entry.links), "")
    link = entry.fields.get("link") or found or entry.about
    if not link and (identity := entry.fields.get("guid", "") or entry.fields.get("id", "")).startswith(("http://", "https://")):
        link = identity
    return absolute(plain_text(link), base) if link else ""


def _id(entry: Entry, link: str, title: str, text: str, published: str) -> str:
    """What guid or id says, else the normalised link; a feed that gives neither is told apart by its words."""
    identity = " ".join((entry.fields.get("guid") or entry.fields.get("id") or normalised(link)).split())
    if identity and len(identity.encode()) <= LIMITS["id"]:
        return identity
    return blake2b("\0".join((identity,) if identity else (title, text, published)).encode(), digest_size=16).hexdigest()


def _author(entry: Entry) -> str:
    """The name; RSS has it in brackets behind a mail address."""
    text = plain_text(entry.fields.get("author") or entry.fields.get("dc:creator") or "")
    if "@" in text and text.endswith(")"):
        text = text.partition("(")[2].removesuffix(")")
    return cut(" ".join(text.split()), _SHORT)


def _fresh(mentions: list[Mention], seen: _Seen) -> tuple[list[Mention], dict[str, str], int]:
    """What to take, what this fetch held, and how many only came back under another id."""
    looks = {_short(one.id): _look(one) for one in mentions}
    gone = {look for item, look in seen.looks.items() if item not in looks}
    new = [one for one in mentions if _short(one.id) not in seen.looks]
    fresh = [one for one in new if looks[_short(one.id)] not in gone]
    return fresh, looks, len(new) - len(fresh)


def _after(page: Page, feed: Feed, looks: dict[str, str], seen: _Seen) -> _Seen:
    """What to remember. Of a feed that broke off nothing has gone, and its ETag must not stand in the way of the rest."""
    if not feed.broken:
        return _Seen(page.etag, page.modified, looks or seen.looks)
    kept = looks | {item: look for item, look in seen.looks.items() if item not in looks}
    return _Seen(looks=dict(list(kept.items())[:MOST_ENTRIES]))


def _look(one: Mention) -> str:
    return _short("\0".join((normalised(one.url or ""), one.title or "", one.text)))


def _short(text: str) -> str:
    return blake2b(text.encode(), digest_size=9).hexdigest()
