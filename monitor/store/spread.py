"""Stories read as a whole: what each mention is to the tree and the spread of its story, and a story's mentions as first said."""

from collections.abc import AsyncIterator, Collection

import msgspec
from msgspec.structs import replace
from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.clock import moment
from monitor.escalation.windows import reach
from monitor.mention import Mention
from monitor.store import schema
from monitor.store.rows import chunks, findable
from monitor.stories.spread import Carried

WHOLE = 250_000  # mentions of one story that are looked at, the earliest ones: it bounds the time and the memory of an answer
_PORTION = 500  # some milliseconds of the event loop
_TEXTS = 200
_COUNTS = ("likes", "comments", "reposts", "views", "gone")


class Told(msgspec.Struct, frozen=True):
    """A stored mention as first said, with what was seen of it last; `name` only where contract 1 keeps one readable."""

    digest: bytes
    mention: Mention
    name: str | None
    role: str | None
    received_at: int
    seen_at: int
    counts: dict[str, object]

    @property
    def again(self) -> Mention | None:
        """The mention with its latest engagement, if that was read after it came."""
        if self.seen_at <= self.mention.seen:
            return None
        return replace(self.mention, seen_at=moment(self.seen_at), **self.counts)


class Spreads:
    """Reading stories as a whole, in the order their mentions were said."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def carried(self, story: str) -> AsyncIterator[list[Carried]]:
        """What each mention is to the spread of a story, the earliest first, in portions; no text is read."""
        c = schema.mention.c
        engagement = func.coalesce(c.likes, 0) + func.coalesce(c.comments, 0) + func.coalesce(c.reposts, 0)
        # In the order of Carried's fields: a tuple is made of each of 200,000 rows.
        query = select(
            c.digest, schema.hit.c.at, c.kind, c.source, c.platform, c.outlet, c.region, c.name, c.role, engagement,
            func.coalesce(c.views, 0), c.root, c.parent,
        )  # fmt: skip
        async with self._connection.stream(_of_story(query, story).limit(WHOLE)) as rows:
            async for portion in rows.partitions(_PORTION):
                yield [_carried(row) for row in portion]

    async def told(self, digests: Collection[bytes]) -> dict[bytes, Told]:
        """These mentions, those of them that are still stored."""
        found: dict[bytes, Told] = {}
        for chunk in chunks(digests):
            rows = await self._connection.execute(select(schema.mention).where(schema.mention.c.digest.in_(chunk)))
            found |= {row.digest: _told(row) for row in rows}
        return found

    async def parts(self, story: str) -> list[str]:
        """The stories that became part of this one, by whatever steps."""
        c = schema.story.c
        found = [story]
        for into in found:  # grows as they are found; a story is merged once, so none comes again
            found += (await self._connection.execute(select(c.id).where(c.merged_into == into).order_by(c.id))).scalars()
        return found[1:]

    async def received_after(self, story: str, offset: int) -> int | None:
        """When the earliest of a story's mentions that were decided from an offset on was received; None: there is none."""
        c = schema.hit.c
        found: int | None = (
            await self._connection.execute(select(func.min(c.received_at)).where(c.story == story, c.offset >= offset))
        ).scalar_one()
        return found

    async def of_story(self, story: str) -> AsyncIterator[Told]:
        """Every mention of a story, the earliest first."""
        async with self._connection.stream(_of_story(select(schema.mention), story)) as rows:
            async for portion in rows.partitions(_TEXTS):
                for row in portion:
                    yield _told(row)


def _of_story(query: Select[tuple[object, ...]], story: str) -> Select[tuple[object, ...]]:
    hit, mention = schema.hit, schema.mention
    mine = hit.c.story == (story if findable(story) else "")
    return query.join(hit, hit.c.digest == mention.c.digest).where(mine, hit.c.story != "").order_by(hit.c.published_at, hit.c.digest)


def _carried(row: Row[tuple[object, ...]]) -> Carried:
    one = Carried._make(row)
    return one._replace(reach=reach(one.engagement, one.reach)) if one.engagement or one.reach else one


def _told(row: Row[tuple[object, ...]]) -> Told:
    counts = {name: getattr(row, name) for name in _COUNTS}
    return Told(row.digest, _decode(row.body), row.name, row.role, row.received_at, row.seen_at, counts)


_decode = msgspec.json.Decoder(Mention).decode
