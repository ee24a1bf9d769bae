"""
JSON interfaces by declaration: where to ask, where the list stands, which member is which field.

newsnow, DailyHotApi and vendors' interfaces need no code.
`{page}` counts from 1; `{cursor}` is what the page before said at `next`. One page is one batch. What is read again unchanged is left
out; engagement that has grown since is an observation of now.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from datetime import tzinfo
from urllib.parse import quote

import msgspec

from monitor.border import FileDefaults
from monitor.clock import rfc3339
from monitor.collecting.base import Bad, Batch
from monitor.collecting.charset import decoded
from monitor.collecting.fetching import Fetcher, Page
from monitor.collecting.fields import at_path, mention_of
from monitor.documents import depth
from monitor.errors import InvalidMention, SourceFailed
from monitor.mention import Mention
from monitor.settings import Source

_DEEPEST = 64
_MOST_ITEMS = 10_000
_REMEMBERED = 20_000
_CHANGING = ("likes", "comments", "reposts", "views", "gone")


class _Walk(msgspec.Struct, omit_defaults=True):
    """How far a walk over the pages is; empty between two walks."""

    page: int = 1
    cursor: str = ""


class JsonApi:
    """One interface."""

    def __init__(self, source: Source, fetcher: Fetcher, zone: tzinfo, work: Executor) -> None:
        self._source, self._fetcher, self._zone, self._work = source, fetcher, zone, work
        self._looked: dict[str, tuple[object, ...]] = {}

    async def collect(self, cursor: bytes, now: int) -> Batch:
        walk = msgspec.json.decode(cursor, type=_Walk) if cursor else _Walk()
        page = await self._fetcher.get(self._address(walk))
        if page is None:
            return Batch(cursor=b"")
        return await asyncio.get_running_loop().run_in_executor(self._work, self._read, page, walk, now)

    async def close(self) -> None:
        await self._fetcher.close()

    def _address(self, walk: _Walk) -> str:
        return str(self._source.url).replace("{page}", str(walk.page)).replace("{cursor}", quote(walk.cursor, safe=""))

    def _read(self, page: Page, walk: _Walk, now: int) -> Batch:
        text, odd = decoded(page.body, page.content_type)
        document = parsed(text)
        items = listed(document, self._source.items)
        made = [self._made(item, now) for item in items[:_MOST_ITEMS]]
        bad = tuple(Bad(f"{self._source.name}:{walk.page}.{n}", one) for n, one in enumerate(made, 1) if isinstance(one, InvalidMention))
        mentions = tuple(one for one in made if isinstance(one, Mention) and self._changed(one))
        after = self._next(walk, document) if items else None
        return Batch(
            cursor=msgspec.json.encode(after) if after else b"", mentions=mentions, bad=bad, more=after is not None,
            odd=tuple(filter(None, (odd, "" if items or walk.page > 1 else "没有条目: 请检查 items 所指"))),
        )  # fmt: skip

    def _made(self, item: object, now: int) -> Mention | InvalidMention:
        columns = self._source.columns or {name: name for name in Mention.__struct_fields__ if name != "subjects"}
        values = {field: at_path(item, path) for field, path in columns.items()}
        if values.get("seen_at") is None and any(values.get(name) is not None for name in _CHANGING):
            values["seen_at"] = rfc3339(now)
        return mention_of(values, now, FileDefaults(self._source.name, self._zone), self._zone)

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
        return _Walk(walk.page + 1, words)


def parsed(text: str) -> object:
    """A JSON document; SourceFailed when it is none, or nests too deep."""
    data = text.encode()
    if depth(data, _DEEPEST) > _DEEPEST:
        raise SourceFailed("malformed", f"JSON 嵌套超过 {_DEEPEST} 层")
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise SourceFailed("malformed", f"不是 JSON: {str(error)[:80]}") from error


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
