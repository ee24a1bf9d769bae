"""Stories read as a whole: what each mention is to the tree and the spread of its story, and a story's mentions as first said."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Row, Select, and_, func, literal, or_, select, union_all
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
    """A stored mention as first said; `name` only where contract 1 keeps one readable."""

    digest: bytes
    mention: Mention
    name: str | None
    role: str | None
    received_at: int


class Turn(NamedTuple):
    """
    When a mention, or a later `look` at one, was decided for a subject.

    `offset`: the place in its partition of the log; `at`: when it was received (micros).
    """

    digest: bytes
    offset: int
    at: int
    partition: int
    look: bool


class Spreads:
    """Reading stories as a whole, in the order their mentions were said."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def carried(self, story: str, span: tuple[int, int] | None = None) -> AsyncIterator[list[Carried]]:
        """
        What each mention is to the spread of a story, the earliest first, in portions; no text is read.

        `span`: only those said then (micros, both ends included).
        """
        c = schema.mention.c
        engagement = func.coalesce(c.likes, 0) + func.coalesce(c.comments, 0) + func.coalesce(c.reposts, 0)
        # In the order of Carried's fields: a tuple is made of each of 200,000 rows.
        query = select(
            c.digest, schema.hit.c.at, c.kind, c.source, c.platform, c.outlet, c.region, c.name, c.role, engagement,
            func.coalesce(c.views, 0), c.root, c.parent,
        )  # fmt: skip
        if span is not None:
            query = query.where(schema.hit.c.at.between(*span))
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

    async def turns(self, subject: str, story: str | None, others: Collection[bytes] = ()) -> AsyncIterator[list[Turn]]:
        """
        When each mention of a story (None: of all of the subject's) and each look at it was decided, in that order, in portions.

        `others`: mentions of the subject that are wanted wherever they are.
        """
        c, look = schema.hit.c, schema.look
        where = or_(c.story == story, c.digest.in_(others)) if story is not None else or_(c.story != "", c.out.is_(True))
        said = select(c.digest, c.offset, c.received_at, c.partition, literal(value=False)).where(c.subject == subject, where)
        seen = select(c.digest, look.c.offset, look.c.received_at, c.partition, literal(value=True))
        seen = seen.join(look, and_(look.c.digest == c.digest, look.c.subject == c.subject)).where(c.subject == subject, where)
        async with self._connection.stream(union_all(said, seen).order_by("offset")) as rows:
            async for portion in rows.partitions(_TEXTS):
                yield [Turn._make(row) for row in portion]

    async def looks(self, subject: str, turns: Collection[Turn]) -> dict[tuple[bytes, int], dict[str, object]]:
        """What was seen at these looks, by digest and offset: the engagement of a mention, `gone` and `seen_at`."""
        table, found = schema.look, dict[tuple[bytes, int], dict[str, object]]()
        wanted = [turn for turn in turns if turn.look]
        if not wanted:
            return found
        among = and_(table.c.offset >= min(turn.offset for turn in wanted), table.c.offset <= max(turn.offset for turn in wanted))
        for chunk in chunks({turn.digest for turn in wanted}):
            query = select(table).where(table.c.digest.in_(chunk), table.c.subject == subject, among)
            for row in await self._connection.execute(query):
                counts = {name: getattr(row, name) for name in _COUNTS}
                found[row.digest, row.offset] = counts | {"seen_at": moment(row.seen_at)}
        return found


def _of_story(query: Select[tuple[object, ...]], story: str) -> Select[tuple[object, ...]]:
    hit, mention = schema.hit, schema.mention
    mine = hit.c.story == (story if findable(story) else "")
    return query.join(hit, hit.c.digest == mention.c.digest).where(mine, hit.c.story != "").order_by(hit.c.published_at, hit.c.digest)


def _carried(row: Sequence[Any]) -> Carried:
    digest, at, kind, source, platform, outlet, region, name, role, engagement, views, root, parent = row
    far = reach(engagement, views) if engagement or views else 0
    return Carried(digest, at, kind, source, platform, outlet, region, name, role, engagement, far, root, parent)


def _told(row: Row[tuple[object, ...]]) -> Told:
    return Told(row.digest, _decode(row.body), row.name, row.role, row.received_at)


_decode = msgspec.json.Decoder(Mention).decode
