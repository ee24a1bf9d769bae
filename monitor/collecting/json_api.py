"""
JSON interfaces by declaration: where to ask, where the list stands, which member is which field.

newsnow, DailyHotApi and vendors' interfaces need no code.
`{page}` counts from 1; `{cursor}` is what the page before said at `next`. One page is one batch. What is read again unchanged is left
out; engagement that has grown since is an observation of now. An item without a time is of when it was first seen, which the cursor
keeps as long as the item stays in the list; without an id or a link it could not be known again, and is refused.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from datetime import tzinfo
from hashlib import blake2b
from urllib.parse import quote

import msgspec

from monitor.border import FileDefaults
from monitor.clock import rfc3339
from monitor.collecting.base import Bad, Batch
from monitor.collecting.charset import decoded
from monitor.collecting.fetching import Fetcher, Page
from monitor.collecting.fields import at_path, mention_of, refused
from monitor.documents import depth
from monitor.errors import InvalidMention, SourceFailed
from monitor.links import absolute
from monitor.mention import Mention
from monitor.settings import Source

_DEEPEST = 64
_MOST_ITEMS = 10_000
_REMEMBERED = 20_000
_CHANGING = ("likes", "comments", "reposts", "views", "gone")


class _Walk(msgspec.Struct, omit_defaults=True):
    """
    How far a walk over the pages is, and when what does not say its time was first seen (micros).

    `before`: as the walk before found it; `firsts`: as this one has so far.
    """

    page: int = 1
    cursor: str = ""
    before: dict[str, int] = {}
    firsts: dict[str, int] = {}

    def first(self, identity: object, now: int) -> str:
        """When the item of this identity was first seen."""
        short = blake2b(str(identity).encode("utf-8", "replace"), digest_size=9).hexdigest()
        at = self.firsts.get(short) or self.before.get(short, now)
        if len(self.firsts) < _REMEMBERED:
            self.firsts[short] = at
        return rfc3339(at)

    def ended(self) -> bytes:
        """Where the next walk begins; one that found nothing without a time says nothing of what the one before found."""
        firsts = self.firsts or self.before
        return msgspec.json.encode(_Walk(before=firsts)) if firsts else b""


class JsonApi:
    """One interface."""

    def __init__(self, source: Source, fetcher: Fetcher, zone: tzinfo, work: Executor) -> None:
        self._source, self._fetcher, self._zone, self._work = source, fetcher, zone, work
        self._looked: dict[str, tuple[object, ...]] = {}

    async def collect(self, cursor: bytes, now: int) -> Batch:
        walk = msgspec.json.decode(cursor, type=_Walk) if cursor else _Walk()
        page = await self._fetcher.get(self._address(walk))
        if page is None:
            return Batch(cursor=walk.ended())
        return await asyncio.get_running_loop().run_in_executor(self._work, self._read, page, walk, now)

    async def close(self) -> None:
        await self._fetcher.close()

    def _address(self, walk: _Walk) -> str:
        return str(self._source.url).replace("{page}", str(walk.page)).replace("{cursor}", quote(walk.cursor, safe=""))

    def _read(self, page: Page, walk: _Walk, now: int) -> Batch:
        text, odd = decoded(page.body, page.content_type)
        document = parsed(text)
        items = listed(document, self._source.items)
        made = [self._made(item, n, page.url, walk, now) for n, item in enumerate(items[:_MOST_ITEMS], 1)]
        mentions = tuple(one for one in made if isinstance(one, Mention) and self._changed(one))
        after = self._next(walk, document) if items else None
        return Batch(
            cursor=msgspec.json.encode(after) if after else walk.ended(), mentions=mentions,
            bad=tuple(one for one in made if isinstance(one, Bad)), more=after is not None,
            odd=tuple(filter(None, (odd, "" if items or walk.page > 1 else "没有条目: 请检查 items 所指"))),
        )  # fmt: skip

    def _made(self, item: object, number: int, base: str, walk: _Walk, now: int) -> Mention | Bad:
        columns = self._source.columns or {name: name for name in Mention.__struct_fields__ if name != "subjects"}
        said = {field: at_path(item, path) for field, path in columns.items()}
        values, url = dict(said), said.get("url")
        if url and isinstance(url, str):
            values["url"] = absolute(url, base) or url
        if said.get("published_at") in (None, "", 0):
            known_by = [one for one in (said.get("id"), values.get("url")) if one not in (None, "")]
            values["published_at"] = walk.first(known_by[0], now) if known_by else None
        if said.get("seen_at") is None and any(said.get(name) is not None for name in _CHANGING):
            values["seen_at"] = rfc3339(now)
        made = mention_of(values, now, FileDefaults(self._source.name, self._zone), self._zone)
        place = f"{self._source.name}:{walk.page}.{number}"
        return refused(place, made, said, _CHANGING) if isinstance(made, InvalidMention) else made

    def _changed(self, one: Mention) -> bool:
        """Whether it is new here, or its engagement is; of the many remembered the oldest are forgotten."""
        look = tuple(getattr(one, name) for name in _CHANGING)
        known = self._looked.pop(one.id, None)
        self._looked[one.id] = look
        while len(self._looked) > _REMEMBERED:
            del self._looked[next(iter(self._looked))]
        return known != look

    def _next(self, walk: _Walk, document: object) -> _Walk | None:
        """The page after this one, unless this was the last."""
        url = str(self._source.url)
        if walk.page >= self._source.pages or not ("{page}" in url or "{cursor}" in url):
            return None
        cursor = at_path(document, self._source.next) if self._source.next else None
        words = str(cursor) if isinstance(cursor, (str, int)) and not isinstance(cursor, bool) else ""
        if "{cursor}" in url and words in {"", walk.cursor}:
            return None
        return _Walk(walk.page + 1, words, walk.before, walk.firsts)


def parsed(text: str) -> object:
    """A JSON document; SourceFailed when it is none, or nests too deep."""
    data = text.encode()
    if depth(data, _DEEPEST) > _DEEPEST:
        raise SourceFailed("malformed", f"JSON 嵌套超过 {_DEEPEST} 层")
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        other = ", 像是 RSS 或网页" if text.lstrip()[:1] == "<" else ""
        raise SourceFailed("malformed", f"不是 JSON{other}: {str(error)[:80]}") from error


def listed(document: object, path: str | None) -> Sequence[object]:
    """The list at `path`; without one the document itself, or its only likely member."""
    if path is not None:
        found = at_path(document, path)
        if found is None:
            raise SourceFailed("malformed", f"应答里没有 items 所指的 {path}")
    else:
        likely = [at_path(document, name) for name in ("items", "data", "list", "results")] if isinstance(document, dict) else []
        found = next((one for one in likely if isinstance(one, list)), document)
    if not isinstance(found, list):
        raise SourceFailed("malformed", f"items 所指的 {path or '最外层'} 不是列表")
    return found
