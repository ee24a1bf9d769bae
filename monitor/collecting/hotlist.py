"""
Hot lists (热搜, 热榜): which title stands where, from a file of looks or an interface.

A title is a mention of kind hotlist, said when it was first seen on its list; that it stands there still, or higher, says nothing new
about it, so later looks are left out here. What hits no subject is dropped by the scorer like any other mention.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from datetime import tzinfo
from hashlib import blake2b
from typing import IO

import msgspec

from monitor.border import LIMITS, FileDefaults, unpacked
from monitor.clock import rfc3339
from monitor.collecting.base import Bad, Batch
from monitor.collecting.charset import decoded
from monitor.collecting.fetching import Fetcher
from monitor.collecting.fields import at_path, mention_of
from monitor.collecting.file import File
from monitor.collecting.json_api import listed, parsed
from monitor.collecting.reading import Made
from monitor.collecting.tables import LINE_LIMIT
from monitor.errors import InvalidMention
from monitor.links import normalised
from monitor.mention import Mention
from monitor.settings import Source

_FIELDS = ("at", "list", "title", "url")
_REMEMBERED = 20_000


class Hotlist:
    """One list of lists. With a `path` the file is followed, else the address is asked."""

    def __init__(self, source: Source, fetcher: Fetcher | None, zone: tzinfo, work: Executor) -> None:
        self._source, self._fetcher, self._zone, self._work = source, fetcher, zone, work
        self._file = File(source, zone, work, lines=self._looks) if source.path else None
        self._known: dict[str, None] = {}

    async def collect(self, cursor: bytes, now: int) -> Batch:
        if self._file is not None:
            batch = await self._file.collect(cursor, now)
            return msgspec.structs.replace(batch, mentions=self._first(batch.mentions))
        if self._fetcher is None:
            raise AssertionError("a hot list has a path or a url")
        page = await self._fetcher.get(str(self._source.url))
        if page is None:
            return Batch(cursor=cursor)
        text, odd = decoded(page.body, page.content_type)
        made = await asyncio.get_running_loop().run_in_executor(self._work, self._asked, text, now)
        bad = tuple(Bad(f"{self._source.name}:{number}", one) for number, one in enumerate(made, 1) if isinstance(one, InvalidMention))
        good = self._first(one for one in made if isinstance(one, Mention))
        return Batch(cursor=cursor, mentions=good, bad=bad, odd=(odd,) if odd else ())

    async def close(self) -> None:
        if self._fetcher is not None:
            await self._fetcher.close()
        if self._file is not None:
            await self._file.close()

    def _looks(self, stream: IO[bytes], now: int) -> Iterator[Made]:
        """The lines of a file of looks, gzipped or not."""
        plain = unpacked(stream)
        for number, line in enumerate(iter(lambda: plain.readline(LINE_LIMIT), b""), 1):
            if line.strip():
                yield number, self._mention(_object(line), now)

    def _asked(self, text: str, now: int) -> list[Mention | InvalidMention]:
        """The titles of an answer, JSON Lines among them; a look that does not say its moment is of now."""
        if self._source.items is None and text.lstrip().startswith("{") and "\n{" in text.strip():
            items: Sequence[object] = [_object(line.encode()) for line in text.splitlines() if line.strip()]
        else:
            items = listed(parsed(text), self._source.items)
        columns = self._source.columns or {name: name for name in _FIELDS}
        looks = ({name: at_path(item, path) for name, path in columns.items()} for item in items)
        said = ({name: value for name, value in look.items() if value is not None} for look in looks)
        return [self._mention({"at": rfc3339(now)} | look, now) for look in said]

    def _first(self, mentions: Iterable[Mention]) -> tuple[Mention, ...]:
        """Each title at its first moment, those given before left out; of the many remembered the oldest are forgotten."""
        fresh: dict[str, Mention] = {}
        for one in mentions:
            if one.id not in self._known and (one.id not in fresh or one.published_at < fresh[one.id].published_at):
                fresh[one.id] = one
        self._known.update(dict.fromkeys(fresh))
        while len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        return tuple(fresh.values())

    def _mention(self, item: object, now: int) -> Mention | InvalidMention:
        if not isinstance(item, Mapping):
            return InvalidMention(["object: must be a JSON object"])
        title, url = item.get("title"), item.get("url")
        name = item.get("list") or self._source.name
        values = {"kind": "hotlist", "title": title, "published_at": item.get("at"), "url": url, "outlet": name}
        values["id"] = _id(str(url or ""), str(name), str(title or ""))
        return mention_of(values, now, FileDefaults(self._source.name, self._zone), self._zone)


def _id(url: str, name: str, title: str) -> str:
    """The normalised link, else list and title."""
    found = normalised(url) if url else f"{name}\0{title}"
    if url and len(found.encode()) <= LIMITS["id"]:
        return found
    plain = f"{name} {title}"
    return plain if not url and len(plain.encode()) <= LIMITS["id"] else blake2b(found.encode(), digest_size=16).hexdigest()


def _object(line: bytes) -> object:
    try:
        return msgspec.json.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
