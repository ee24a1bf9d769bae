"""Mentions and their hits, read: pages for people, the known ones for the desk, everything of live stories for its rebuilding."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Row, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.clock import moment
from monitor.escalation.effects import Judgement, Known, NewHit, as_judged
from monitor.mention import Mention, Scored, decode
from monitor.score import Emotion, Score
from monitor.store import schema
from monitor.store.dialects import among, holds, of_each
from monitor.store.rows import LARGEST, Cursors, Page, chunks, findable

ENGAGEMENT = ("likes", "comments", "reposts", "views", "gone")
CURSORS = Cursors("mention", int, bytes)


class Body(msgspec.Struct, frozen=True):
    """What a hit keeps as it was scored."""

    score: Score
    emotion: Emotion
    judged: Judgement | None = None


class StoredScore(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a stored mention says about one subject ("": it hit none), and the story it is in.

    `score` and `emotion` are the model's; `judged` is a person's word over them. `out`: a person took it out of its story.
    """

    subject: str
    story: str
    counted: bool
    score: Score
    emotion: Emotion
    judged: Judgement | None = None
    out: bool = False


class Said(msgspec.Struct, frozen=True):
    """The words of a stored mention, and who said them; `at` and `digest` are its place among those of its subject."""

    at: int
    digest: bytes
    author: str
    words: tuple[str, ...]
    quoted: str


class _Words(msgspec.Struct):
    """What of a stored mention is read for its words."""

    text: str = ""
    title: str | None = None
    quoted: str | None = None
    author: str | None = None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A stored mention, its engagement as last seen, with its scores by subject."""

    mention: Mention
    name: str | None
    role: str | None
    received_at: int
    scores: tuple[StoredScore, ...]


class Mentions:
    """Reading mentions."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def seen(self, digests: Collection[bytes]) -> dict[bytes, int]:
        """When those of them that are stored were last seen (micros, 0: nobody has said), whatever they hit."""
        hit = schema.hit
        query = select(hit.c.digest, func.max(hit.c.seen_at)).group_by(hit.c.digest)
        found: dict[bytes, int] = {}
        for chunk in chunks(set(digests)):
            rows = await self._connection.execute(query.where(among(self._connection, hit.c.digest, chunk)))
            found |= {row[0]: row[1] for row in rows}
        return found

    async def known(self, pairs: Collection[tuple[str, bytes]], *, undecided: bool = False) -> dict[tuple[str, bytes], Known]:
        """
        Of these (subject, digest) the ones that have a hit, with what was decided of them.

        A hit that never was in a story of its subject was stored without being decided (by `rescore`, say): the desk has never seen
        it, so it is known only to who asks for the `undecided` too.
        """
        wanted = set(pairs)
        found: dict[tuple[str, bytes], Known] = {}
        for subject, digest, at, story, *reactions, out in await self._all_hits({digest for _, digest in wanted}):
            if (subject, digest) in wanted and (undecided or story or out or not subject):
                found[subject, digest] = Known(at, story, sum(number or 0 for number in reactions), out)
        return found

    async def _all_hits(self, digests: set[bytes]) -> Sequence[Row[*tuple[Any, ...]]]:
        """What the desk goes by of all hits of these mentions."""
        hit = schema.hit
        query = select(hit.c.subject, hit.c.digest, hit.c.seen_at, hit.c.story, hit.c.likes, hit.c.comments, hit.c.reposts, hit.c.out)
        portions = of_each(self._connection, query, hit.c.digest, digests)
        return [row for portion in portions for row in await self._connection.execute(portion)]

    async def get(self, digest: bytes) -> Found | None:
        """One mention with its scores."""
        row = (await self._connection.execute(select(schema.mention).where(schema.mention.c.digest == digest))).one_or_none()
        return (await self._with_scores([(row, _said(row, row.body))]))[0] if row else None

    async def of_story(self, story: str, *, limit: int, cursor: str | None = None) -> Page[Found]:
        """The mentions of a story, newest published first."""
        hit, mention = schema.hit, schema.mention
        if not findable(story):
            return Page([], None)
        query = select(mention).join(hit, hit.c.digest == mention.c.digest).where(hit.c.story == story)
        return await self._page(query, hit.c.published_at, "", limit, cursor)

    async def search(
        self, *, subject: str | None = None, q: str | None = None, since: int | None = None, until: int | None = None,
        limit: int, cursor: str | None = None,
    ) -> Page[Found]:  # fmt: skip
        """Mentions published from `since` to before `until` that have `q` in their words, newest published first, each once."""
        hit, mention = schema.hit, schema.mention
        if not findable(subject or "", q or ""):
            return Page([], None)
        query, published = select(mention), mention.c.published_at
        if subject is not None:
            query, published = query.join(hit, hit.c.digest == mention.c.digest).where(hit.c.subject == subject), hit.c.published_at
        if since is not None:
            query = query.where(published >= min(since, LARGEST))
        if until is not None:
            query = query.where(published < min(until, LARGEST))
        return await self._page(query, published, q or "", limit, cursor)

    async def said(self, subject: str, since: int, until: int, after: tuple[int, bytes], limit: int) -> list[Said]:
        """What was published about a subject from `since` to before `until`, oldest first, the next behind a place: only the words."""
        hit, mention = schema.hit, schema.mention
        if not findable(subject):
            return []
        at = hit.c.published_at
        query = select(at, hit.c.digest, mention.c.body).join(mention, mention.c.digest == hit.c.digest)
        query = query.where(hit.c.subject == subject, at >= max(since, after[0]), at < until)
        query = query.where(or_(at > after[0], hit.c.digest > after[1])).order_by(at, hit.c.digest).limit(limit)
        rows = await self._connection.execute(query)
        return [_words_said(row.published_at, row.digest, _words(row.body)) for row in rows]

    async def hits_of_live(self, partition: int, residual_since: int) -> AsyncIterator[tuple[NewHit, Mention]]:
        """
        Every hit of a partition's live stories in the order they were grouped.

        Of residual stories those received from `residual_since` on.

        Their mentions carry the engagement that subject was last decided with.
        """
        hit, story = schema.hit, schema.story
        recent = or_(story.c.residual.is_(False), hit.c.received_at >= residual_since)
        keys = select(hit.c.digest, hit.c.subject).join(story, story.c.id == hit.c.story)
        keys = keys.where(story.c.partition == partition, story.c.live.is_(True), recent).order_by(hit.c.place, hit.c.offset)
        async for new in self._in_order(keys):
            yield new, new.scored.mention

    async def hits_of(self, story: str) -> AsyncIterator[NewHit]:
        """Every hit of a story in the order of the log."""
        hit = schema.hit
        async for new in self._in_order(select(hit.c.digest, hit.c.subject).where(hit.c.story == story).order_by(hit.c.offset)):
            yield new

    async def taken_out(self, subject: str, digests: Collection[bytes]) -> list[NewHit]:
        """Of these mentions the hits that a person took out of their story, as far as their texts are still kept; by digest."""
        hit = schema.hit
        query = select(hit.c.digest).where(hit.c.subject == subject, hit.c.out.is_(True), hit.c.digest.in_(digests)).order_by(hit.c.digest)
        found = (await self._connection.execute(query)).scalars().all()
        return await self._hits([(digest, subject) for digest in found])

    async def _in_order(self, keys: Select[tuple[bytes, str]]) -> AsyncIterator[NewHit]:
        """Keys are sorted, not texts; then the rows come in portions."""
        async with self._connection.stream(keys) as sorted_keys:
            async for portion in sorted_keys.partitions(400):
                for new in await self._hits([(row.digest, row.subject) for row in portion]):
                    yield new

    async def _hits(self, keys: Sequence[tuple[bytes, str]]) -> list[NewHit]:
        """Asked for one table at a time: joined, a server that knows too little of them reads one of them whole for every portion."""
        hit, mention = schema.hit, schema.mention
        digests = {digest for digest, _ in keys}
        query = select(hit).where(among(self._connection, hit.c.digest, digests))
        rows = {(row.digest, row.subject): row for row in await self._connection.execute(query)}
        query = select(mention.c.digest, mention.c.body, mention.c.name, mention.c.role)
        query = query.where(among(self._connection, mention.c.digest, digests))
        said = {row.digest: row for row in await self._connection.execute(query)}
        return [_new_hit(rows[key], said[key[0]]) for key in keys if key in rows and key[0] in said]

    async def _page(
        self, query: Select[tuple[object, ...]], published: ColumnElement[int], q: str, limit: int, cursor: str | None
    ) -> Page[Found]:
        digest = schema.mention.c.digest
        if q:
            query = query.where(holds(self._connection, schema.mention.c.body, msgspec.json.encode(q)[1:-1]))
        if cursor is not None:
            at, last = CURSORS.key(cursor)
            # The first says nothing new, but by it alone an index finds the place
            query = query.where(published <= at).where(or_(published < at, digest > last))
        # Words that are rare are found sooner by a server that does not expect to find them at once
        query = query.order_by(published.desc(), digest).limit(None if q else limit + 1)
        rows: list[tuple[Row[tuple[object, ...]], Mention]] = []
        async with self._connection.stream(query) as found:
            async for row in found:
                said = _said(row, row.body)
                # The database looked through the whole record; only its words count.
                if not q or any(q in words for words in (said.text, said.title, said.quoted, said.transcript) if words):
                    rows.append((row, said))
                if len(rows) > limit:
                    break
        more = CURSORS.after(rows[limit - 1][0].published_at, rows[limit - 1][0].digest) if len(rows) > limit else None
        return Page(await self._with_scores(rows[:limit]), more)

    async def _with_scores(self, rows: Sequence[tuple[Row[tuple[object, ...]], Mention]]) -> list[Found]:
        hit = schema.hit
        query = select(hit.c.digest, hit.c.subject, hit.c.story, hit.c.counted, hit.c.out, hit.c.body).order_by(hit.c.digest, hit.c.subject)
        scores: dict[bytes, list[StoredScore]] = {}
        for digest, subject, story, counted, out, body in await self._connection.execute(
            query.where(among(self._connection, hit.c.digest, [row.digest for row, _ in rows]))
        ):
            kept = _body(body)
            score = StoredScore(
                subject=subject, story=story, counted=counted, score=kept.score, emotion=kept.emotion, judged=kept.judged, out=out
            )
            scores.setdefault(digest, []).append(score)
        return [
            Found(mention=said, name=row.name, role=row.role, received_at=row.received_at, scores=tuple(scores.get(row.digest, ())))
            for row, said in rows
        ]


def _said(row: Row[tuple[object, ...]], body: bytes) -> Mention:
    """The mention as first said, its engagement as the row has it."""
    mention = decode(body)
    if row.seen_at == mention.seen:
        return mention
    return replace(mention, seen_at=moment(row.seen_at), **{name: getattr(row, name) for name in ENGAGEMENT})


def _new_hit(row: Row[tuple[object, ...]], said: Row[tuple[object, ...]]) -> NewHit:
    kept = _body(row.body)
    mention = _said(row, said.body)
    scored = Scored(received_at=row.received_at, mention=mention, score=kept.score, emotion=kept.emotion, name=said.name, role=said.role)
    scored = as_judged(scored, kept.judged)
    return NewHit(offset=row.offset, digest=row.digest, scored=scored, story=row.story, counted=row.counted, judged=kept.judged)


def _words_said(at: int, digest: bytes, words: _Words) -> Said:
    own = tuple(part for part in (words.title, words.text) if part)
    return Said(at, digest, words.author or "", own, words.quoted or "")


_body = msgspec.json.Decoder(Body).decode
_words = msgspec.json.Decoder(_Words).decode
