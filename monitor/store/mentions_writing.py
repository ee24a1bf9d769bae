"""Mentions and their hits, written: the hot path of the escalator's transaction, and the end of their retention."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Row, Table, and_, bindparam, delete, exists, literal_column, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.alert import Level
from monitor.clock import DAY, micros
from monitor.escalation.effects import Counted, Judged, Merged, Moved, NewHit, Observed, Recalled, judged_again, judged_score
from monitor.mention import Mention, decode, encode, identity, ranked
from monitor.settings import Retention
from monitor.store import schema
from monitor.store.dialects import Rows, Values, among, hoped, insert
from monitor.store.mentions import ENGAGEMENT, Body, Mentions
from monitor.store.rows import chunks

SEEN = ("seen_at", *ENGAGEMENT)
MENTION = (
    "digest", "source", "id", "kind", "platform", "outlet", "region", "root", "parent", "published_at", "received_at", "stored_at",
    "kept_from", "name", "role", "body", *SEEN,
)  # fmt: skip
HIT = (
    "digest", "subject", "partition", "offset", "place", "story", "out", "at", "published_at", "received_at", "kept_from", "negative",
    "sensitive", "counted", "body", *SEEN,
)  # fmt: skip
_WORTH = 50  # so many new ones are worth the exchanges that it takes to try
_LIVE = DAY  # how soon a mention kept for a live story is looked at again,
_SAID = 30 * DAY  # and an identity kept for its mention


class MentionsWriter(Mentions):
    """
    Writing mentions.

    Whatever of them had no hit when this unit asked is new, and put there without regard to what is; if somebody else was faster, nothing
    is lost but the try.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection)
        self._new: set[bytes] = set()

    async def add(self, hits: Sequence[NewHit], partition: int, stored_at: int) -> None:
        """Keep mentions decided for the first time; a mention or a hit that is there stays as it is, but for a hit never decided."""
        if not hits:
            return
        new = [hit for hit in hits if hit.digest in self._new]
        if len(new) >= _WORTH and await self._add_new(*_rows(new, partition, stored_at)):
            hits = [hit for hit in hits if hit.digest not in self._new]
        self._new.clear()
        if hits:
            await self._rank([hit.scored.mention for hit in hits])
            mentions, decided = _rows(hits, partition, stored_at)
            await _MENTIONS.put(self._connection, mentions)
            await _HITS.put(self._connection, decided)

    async def _add_new(self, mentions: Sequence[Values], hits: Sequence[Values]) -> bool:
        """Whether they were new indeed; else nothing was done."""
        try:
            async with hoped(self._connection):
                await _MENTIONS.put_new(self._connection, mentions)
                await _HITS.put_new(self._connection, hits)
        except IntegrityError:
            return False
        return True

    async def _all_hits(self, digests: set[bytes]) -> Sequence[Row[*tuple[Any, ...]]]:
        rows = await super()._all_hits(digests)
        self._new |= digests.difference(row.digest for row in rows)
        return rows

    async def observe(self, observed: Sequence[Observed]) -> None:
        """Let engagement and `gone` take the values of later sightings; one no later than what is kept changes nothing."""
        await self._rank([each.mention for each in observed])
        await self._keep_looks([each for each in observed if each.offset >= 0])
        await self._observe(schema.mention, observed)
        await self._observe(schema.hit, observed, schema.hit.c.subject == bindparam("about"))

    async def _keep_looks(self, observed: Sequence[Observed]) -> None:
        """Keep each look as it was decided; one decided again is there already."""
        if observed:
            rows = [
                {"digest": each.digest, "subject": each.subject, "offset": each.offset, "received_at": each.at, **_seen(each.mention)}
                for each in observed
            ]
            await self._connection.execute(insert(self._connection, schema.look).on_conflict_do_nothing(), rows)

    async def _observe(self, table: Table, observed: Sequence[Observed], *which: ColumnElement[bool]) -> None:
        if observed:
            later = (table.c.digest == bindparam("of"), table.c.seen_at < bindparam("to_seen_at"), *which)
            statement = update(table).where(*later).values({name: bindparam(f"to_{name}") for name in SEEN})
            rows: list[dict[str, object]] = [{"of": each.digest, "about": each.subject} for each in observed]
            for row, each in zip(rows, observed, strict=True):
                row |= {f"to_{name}": value for name, value in _seen(each.mention).items()}
            await self._connection.execute(statement, rows)

    async def _rank(self, said: Sequence[Mention]) -> None:
        """
        Let stored titles of hot lists take the ranks of these looks; to be done before their `seen_at` is moved.

        No decision and no question is about ranks, so they stand in the body, which is written again.
        """
        looks: dict[bytes, list[Mention]] = {}
        for look in said:
            if look.kind == "hotlist":
                looks.setdefault(look.digest, []).append(look)
        table = schema.mention
        rows: list[dict[str, object]] = []
        for chunk in chunks(looks):
            known = select(table.c.digest, table.c.seen_at, table.c.body).where(among(self._connection, table.c.digest, chunk))
            known = known.where(table.c.kind == "hotlist").order_by(table.c.digest).with_for_update()
            for digest, seen, body in await self._connection.execute(known):
                rows.append({"of": digest, "ranked": encode(ranked(decode(body), looks[digest], seen))})
        if rows:
            statement = update(table).where(table.c.digest == bindparam("of")).values(body=bindparam("ranked"))
            await self._connection.execute(statement, rows)

    async def move(self, moved: Sequence[Moved]) -> None:
        """Put hits into another story, take them out of theirs, or back."""
        if moved:
            rows = [{"of": each.digest, "about": each.subject, "to": each.story, "removed": each.out} for each in moved]
            statement = update(schema.hit).where(*_THIS).values(story=bindparam("to"), out=bindparam("removed"))
            await self._connection.execute(statement, rows)
        placed = [{"of": each.digest, "about": each.subject, "there": each.place} for each in moved if each.place is not None]
        if placed:
            await self._connection.execute(update(schema.hit).where(*_THIS).values(place=bindparam("there")), placed)

    async def count(self, counted: Sequence[Counted]) -> None:
        """Let windows count hits, or not."""
        if counted:
            rows = [{"of": each.digest, "about": each.subject, "to": each.counted} for each in counted]
            await self._connection.execute(update(schema.hit).where(*_THIS).values(counted=bindparam("to")), rows)

    async def merge(self, merged: Sequence[Merged]) -> None:
        """Put all hits of stories into those they became part of, in that order."""
        table = schema.hit
        for each in merged:
            await self._connection.execute(update(table).where(table.c.story == each.story).values(story=each.into))

    async def regroup(self, recalled: Sequence[Recalled]) -> None:
        """Let a rebuilding group the hits of stories where they were grouped once more."""
        table = schema.hit
        for each in recalled:
            await self._connection.execute(update(table).where(table.c.story == each.story).values(place=each.offset))

    async def judge(self, judged: Sequence[Judged]) -> None:
        """Keep a person's word beside what the model said; what is asked for by tone follows it."""
        hit, mention = schema.hit, schema.mention
        query = select(hit.c.body, mention.c.role).outerjoin(mention, mention.c.digest == hit.c.digest).where(*_THIS)
        for each in judged:
            about = {"of": each.digest, "about": each.subject}
            row = (await self._connection.execute(query, about)).one_or_none()
            if row is None:
                continue
            body = _body(row.body)
            body = replace(body, judged=judged_again(body.judged, each.judgement))
            score = judged_score(body.score, body.judged)
            sensitive = row.role != "own" and score.sensitive
            values = {"body": _encode(body), "negative": score.negative, "sensitive": sensitive}
            await self._connection.execute(update(hit).where(*_THIS).values(values), about)

    async def expire(self, now: int, retention: Retention, limit: int = 1000, *, watched: Collection[str] | None = None) -> int:
        """
        Look at no more than `limit` mentions and `limit` identities past their retention, and remove them; call again until 0.

        Kept longer: what a live story still decides from, and evidence, the mentions of stories that reached orange. No desk ever
        lets go of the stories of a subject that is not `watched` (None: all are), so these keep nothing as live ones. An identity
        outlives its mention always. Returns how many were looked at.
        """
        texts = await self._expire_texts(now, retention, limit, watched)
        return texts + await self._expire_identities(now, retention.identity, limit)

    async def _expire_texts(self, now: int, retention: Retention, limit: int, watched: Collection[str] | None) -> int:
        mention, story = schema.mention, schema.story
        decided = [story.c.subject.in_(watched)] if watched is not None else []
        live = _in_a_story(story.c.live.is_(True), story.c.residual.is_(False), *decided)
        evidence = _in_a_story(story.c.peak >= int(Level.ORANGE))
        due = select(mention.c.digest, mention.c.stored_at, live.label("live"), evidence.label("evidence"))
        due = due.where(mention.c.kept_from < now - retention.text).order_by(mention.c.kept_from).limit(limit)
        gone: list[tuple[object, ...]] = []
        kept: list[tuple[int, tuple[object, ...]]] = []
        for digest, stored_at, is_live, is_evidence in await self._connection.execute(due):
            if is_evidence and stored_at + retention.evidence >= now:
                kept.append((stored_at + retention.evidence - retention.text, (digest,)))
            elif is_live:
                kept.append((now - retention.text + _LIVE, (digest,)))
            else:
                gone.append((digest,))
        if gone:
            looked = delete(schema.look).where(schema.look.c.digest == bindparam("of_digest"))
            await self._connection.execute(looked, [{"of_digest": digest} for (digest,) in gone])
        return await self._settle(mention, gone, kept)

    async def _expire_identities(self, now: int, identity: int, limit: int) -> int:
        hit = schema.hit
        said = exists().where(schema.mention.c.digest == hit.c.digest)
        due = select(hit.c.digest, hit.c.subject, said.label("said")).where(hit.c.kept_from < now - identity)
        rows = (await self._connection.execute(due.order_by(hit.c.kept_from).limit(limit))).all()
        gone = [(row.digest, row.subject) for row in rows if not row.said]
        return await self._settle(hit, gone, [(now - identity + _SAID, (row.digest, row.subject)) for row in rows if row.said])

    async def _settle(self, table: Table, gone: Sequence[tuple[object, ...]], kept: Sequence[tuple[int, tuple[object, ...]]]) -> int:
        """Remove rows by their keys, and give others a later moment from which their retention counts."""
        names = [f"of_{column.name}" for column in table.primary_key]
        there = [column == bindparam(f"of_{column.name}") for column in table.primary_key]
        if gone:
            await self._connection.execute(delete(table).where(*there), [dict(zip(names, key, strict=True)) for key in gone])
        if kept:
            rows = [{"later": moment, **dict(zip(names, key, strict=True))} for moment, key in kept]
            await self._connection.execute(update(table).where(*there).values(kept_from=bindparam("later")), rows)
        return len(gone) + len(kept)


def _in_a_story(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a mention is in a story of that sort."""
    hit, story = schema.hit, schema.story
    return exists().where(hit.c.digest == schema.mention.c.digest, story.c.id == hit.c.story, *conditions)


def _rows(hits: Sequence[NewHit], partition: int, stored_at: int) -> tuple[list[Values], list[Values]]:
    """Of each mention one, in the same order for all who write, and of each hit one."""
    mentions = {new.digest: new for new in hits}
    said: list[Values] = [mention_row(mentions[digest], stored_at) for digest in sorted(mentions)]
    return said, [hit_row(new, partition, stored_at) for new in hits]


def mention_row(new: NewHit, stored_at: int) -> tuple[object, ...]:
    """The row of a mention as it arrived first, in the order of MENTION."""
    scored, said = new.scored, new.scored.mention
    return (
        new.digest, said.source, said.id, said.kind, said.platform, said.outlet, said.region, _other(said, said.root),
        _other(said, said.parent), micros(said.published_at), scored.received_at, stored_at, stored_at, scored.name, scored.role,
        encode(ranked(said) if said.kind == "hotlist" else said),
        said.seen, said.likes, said.comments, said.reposts, said.views, said.gone,
    )  # fmt: skip


def _other(said: Mention, item: str | None) -> bytes | None:
    """The identity of another item of its source that it names."""
    return identity(said.source, item) if item and item != said.id else None


def hit_row(new: NewHit, partition: int, stored_at: int) -> tuple[object, ...]:
    """The row of what a subject decided from it, in the order of HIT."""
    scored, score, said = new.scored, new.scored.score, new.scored.mention
    return (
        new.digest, score.subject, partition, new.offset, new.offset, new.story, False, scored.at, micros(said.published_at),
        scored.received_at, stored_at, score.negative, scored.sensitive, new.counted, _encode(Body(score, scored.emotion)),
        said.seen, said.likes, said.comments, said.reposts, said.views, said.gone,
    )  # fmt: skip


def _later_look(said: sqlite.Insert) -> sqlite.Insert:
    """A later look may come first with a subject that is new to the mention."""
    seen = {name: said.excluded[name] for name in SEEN}
    return said.on_conflict_do_update(
        index_elements=[schema.mention.c.digest], set_=seen, where=said.excluded.seen_at > schema.mention.c.seen_at
    )


def _first_decision(hit: sqlite.Insert) -> sqlite.Insert:
    decided = {column.name: hit.excluded[column.name] for column in schema.hit.c if not column.primary_key}
    nowhere: ColumnElement[str] = literal_column("''")
    undecided = and_(schema.hit.c.story == nowhere, schema.hit.c.out.is_(False), hit.excluded.story != nowhere)
    return hit.on_conflict_do_update(index_elements=list(schema.hit.primary_key), set_=decided, where=undecided)


_MENTIONS = Rows(schema.mention, MENTION, _later_look)
_HITS = Rows(schema.hit, HIT, _first_decision)
_encode = msgspec.json.Encoder().encode
_THIS = (schema.hit.c.digest == bindparam("of"), schema.hit.c.subject == bindparam("about"))
_body = msgspec.json.Decoder(Body).decode


def _seen(mention: Mention) -> dict[str, object]:
    return {
        "seen_at": mention.seen, "likes": mention.likes, "comments": mention.comments, "reposts": mention.reposts,
        "views": mention.views, "gone": mention.gone,
    }  # fmt: skip
