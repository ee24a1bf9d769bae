"""
Hot lists (热搜, 热榜): which title stands where, from a file of looks or an interface.

A title is a mention of kind hotlist, said when it was first seen on its list, and every later look at it is an observation, which brings
its rank and heat of that moment and changes nothing else. A look that finds both as they were is left out: a list that stands still costs
nothing, however often it is asked. What hits no subject is dropped by the scorer like any other mention. When the titles of the last answer
were first seen is the cursor of a list that is asked, so that it does not look fresh because we have started again.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from datetime import datetime, tzinfo
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from monitor.border import LIMITS, FileDefaults, lines_as
from monitor.clock import micros, moment, rfc3339
from monitor.collecting.base import Bad, Batch
from monitor.collecting.charset import decoded
from monitor.collecting.fetching import Fetcher
from monitor.collecting.fields import at_path, mention_of, refused
from monitor.collecting.file import File
from monitor.collecting.json_api import listed, parsed
from monitor.collecting.reading import Made, read_only_lines
from monitor.errors import InvalidMention
from monitor.links import absolute, normalised
from monitor.mention import Mention, encode
from monitor.settings import Source

_FIELDS = ("at", "list", "rank", "title", "heat", "url")
_CHANGING = ("at", "rank", "heat")
_REMEMBERED = 20_000


class _Last(NamedTuple):
    """What is remembered of a title: when it was first seen and when last (micros), and how it stood then."""

    first: datetime
    seen: int
    stood: tuple[object, ...]


class Hotlist:
    """One list of lists. With a `path` the file is followed, else the address is asked."""

    def __init__(self, source: Source, fetcher: Fetcher | None, zone: tzinfo, work: Executor) -> None:
        self._source, self._fetcher, self._zone, self._work = source, fetcher, zone, work
        self._file = File(source, zone, work, lines=partial(_looks, source, zone)) if source.path else None
        self._known: dict[str, _Last] = {}

    async def collect(self, cursor: bytes, now: int) -> Batch:
        if self._file is not None:
            batch = await self._file.collect(cursor, now)
            return msgspec.structs.replace(batch, mentions=self._changed(batch.mentions))
        if self._fetcher is None:
            raise AssertionError("a hot list has a path or a url")
        page = await self._fetcher.get(str(self._source.url))
        if page is None:
            return Batch(cursor=cursor)
        text, odd = decoded(page.body, page.content_type)
        made = await asyncio.get_running_loop().run_in_executor(self._work, self._asked, text, page.url, now)
        looks = [one for one in made if isinstance(one, Mention)]
        good = self._changed(looks, _firsts(cursor) if cursor else {})
        firsts = {_short(one.id): micros(self._known[one.id].first) for one in looks if one.id in self._known}
        after = _encoded(dict(sorted(firsts.items()))) if firsts else cursor
        bad = tuple(one for one in made if isinstance(one, Bad))
        return Batch(cursor=after, mentions=good, bad=bad, odd=(odd,) if odd else ())

    async def close(self) -> None:
        if self._fetcher is not None:
            await self._fetcher.close()
        if self._file is not None:
            await self._file.close()

    def _asked(self, text: str, base: str, now: int) -> list[Mention | Bad]:
        """The titles of an answer, JSON Lines among them, as seen now; one list that tells no ranks is in their order."""
        if self._source.items is None and text.lstrip().startswith("{") and "\n{" in text.strip():
            items: Sequence[object] = [_object(line.encode()) for line in text.splitlines() if line.strip()]
        else:
            items = listed(parsed(text), self._source.items)
        said = [_said(self._source, item) for item in items]
        ordered = not any(one.get("rank") or one.get("list") for one in said)
        return [self._answered(item, one, base, n, now, ordered=ordered) for n, (item, one) in enumerate(zip(items, said, strict=True), 1)]

    def _answered(self, item: object, said: dict[str, object], base: str, number: int, now: int, *, ordered: bool) -> Mention | Bad:
        more: dict[str, object] = {"at": said.get("at") or rfc3339(now)}
        if isinstance(url := said.get("url"), str) and url:
            more["url"] = absolute(url, base) or url
        if ordered:
            more["rank"] = number
        made = _look(self._source, self._zone, item, said | more, now)
        place = f"{self._source.name}:{number}"
        return refused(place, made, said, _CHANGING) if isinstance(made, InvalidMention) else made

    def _changed(self, looks: Iterable[Mention], firsts: Mapping[str, int] = {}) -> tuple[Mention, ...]:
        """
        The looks that bring a title, or another rank or heat than the look before, in the order of their moments.

        `firsts`: when an earlier process first saw a title (micros).
        Of several at one moment the best rank counts; one from before the last says nothing. Of the many titles remembered those not seen
        for longest are forgotten: the next look at one of them is told again.
        """
        told = []
        for one in sorted(looks, key=lambda one: (one.seen, one.rank or 0, encode(one))):
            last = self._known.pop(one.id, None)
            if last is None or one.seen > last.seen:
                before = firsts.get(_short(one.id))
                first = last.first if last else moment(before) if before else one.published_at
                if last is None or one.looked != last.stood:
                    told.append(msgspec.structs.replace(one, published_at=first))
                last = _Last(first, one.seen, one.looked)
            self._known[one.id] = last
        while len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        return tuple(told)


def read_looks(path: Path, source: Source, zone: tzinfo, now: int) -> Iterator[Made]:
    """Every look of a whole file with its line, gzipped or not. UsageError when the file as a whole cannot be read."""
    return read_only_lines(path, lambda stream: _looks(source, zone, stream, now))


def _looks(source: Source, zone: tzinfo, stream: IO[bytes], now: int) -> Iterator[Made]:
    return lines_as(stream, source.name, lambda line: _of_line(source, zone, line, now))


def _of_line(source: Source, zone: tzinfo, line: bytes, now: int) -> Mention | InvalidMention:
    item = _object(line)
    return _look(source, zone, item, _said(source, item), now)


def _said(source: Source, item: object) -> dict[str, object]:
    return {name: at_path(item, source.columns.get(name, name)) for name in source.columns or _FIELDS}


def _look(source: Source, zone: tzinfo, item: object, said: Mapping[str, object], now: int) -> Mention | InvalidMention:
    """What one look says of one title."""
    if not isinstance(item, Mapping):
        return InvalidMention(["object: must be a JSON object"], msgspec.json.encode(item))
    title, url, outlet = said.get("title"), said.get("url"), said.get("list") or source.name
    values = {
        "kind": "hotlist", "title": title, "published_at": said.get("at"), "url": url, "outlet": outlet,
        "rank": said.get("rank"), "heat": said.get("heat"), "id": _id(str(url or ""), str(outlet), str(title or "")),
    }  # fmt: skip
    made = mention_of(values, now, FileDefaults(source.name, zone), zone)
    return msgspec.structs.replace(made, seen_at=made.published_at) if isinstance(made, Mention) else made


def _id(url: str, name: str, title: str) -> str:
    """The normalised link, else list and title."""
    found = normalised(url) if url else f"{name}\0{title}"
    if url and len(found.encode()) <= LIMITS["id"]:
        return found
    plain = f"{name} {title}"
    return plain if not url and len(plain.encode()) <= LIMITS["id"] else blake2b(found.encode(), digest_size=16).hexdigest()


def _short(item: str) -> str:
    return blake2b(item.encode("utf-8", "replace"), digest_size=9).hexdigest()


def _object(line: bytes) -> object:
    try:
        return msgspec.json.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


_firsts = msgspec.json.Decoder(dict[str, int]).decode
_encoded = msgspec.json.Encoder().encode
