"""Mentions and their hits, written: the hot path of the escalator's transaction, and the end of their retention."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, exists, or_, select, update

from monitor.alert import Level
from monitor.clock import micros
from monitor.escalation.effects import Moved, NewHit, Observed
from monitor.mention import Mention, encode
from monitor.settings import Retention
from monitor.store import schema
from monitor.store.mentions import ENGAGEMENT, Body, Mentions
from monitor.store.rows import insert


class MentionsWriter(Mentions):
    """Writing mentions."""

    async def add(self, hits: Sequence[NewHit], partition: int, stored_at: int) -> None:
        """Keep mentions decided for the first time; a mention or a hit that is there already stays as it is."""
        if not hits:
            return
        mentions = {new.digest: new for new in hits}
        said, hit = insert(self._connection, schema.mention), insert(self._connection, schema.hit)
        # A later look may come first with a subject that is new to the mention.
        seen = {name: said.excluded[name] for name in (*ENGAGEMENT, "seen_at")}
        later = said.excluded.seen_at > schema.mention.c.seen_at
        known = said.on_conflict_do_update(index_elements=[schema.mention.c.digest], set_=seen, where=later)
        await self._connection.execute(known, [mention_row(new, stored_at) for new in mentions.values()])
        await self._connection.execute(hit.on_conflict_do_nothing(), [hit_row(new, partition, stored_at) for new in hits])

    async def observe(self, observed: Sequence[Observed]) -> None:
        """Let engagement and `gone` take the values of later sightings; one no later than what is kept changes nothing."""
        await self._observe(schema.mention, observed)
        await self._observe(schema.hit, observed, schema.hit.c.subject == bindparam("about"))

    async def _observe(self, table: Table, observed: Sequence[Observed], *which: ColumnElement[bool]) -> None:
        if observed:
            later = (table.c.digest == bindparam("of"), table.c.seen_at < bindparam("to_seen_at"), *which)
            statement = update(table).where(*later).values({name: bindparam(f"to_{name}") for name in (*ENGAGEMENT, "seen_at")})
            rows: list[dict[str, object]] = [{"of": each.digest, "about": each.subject} for each in observed]
            for row, each in zip(rows, observed, strict=True):
                row |= {f"to_{name}": value for name, value in _seen(each.mention).items()}
            await self._connection.execute(statement, rows)

    async def move(self, moved: Sequence[Moved]) -> None:
        """Put hits into another story."""
        if not moved:
            return
        table = schema.hit
        there = (table.c.digest == bindparam("of"), table.c.subject == bindparam("about"))
        rows = [{"of": each.digest, "about": each.subject, "to": each.story} for each in moved]
        await self._connection.execute(update(table).where(*there).values(story=bindparam("to")), rows)

    async def expire(self, now: int, retention: Retention, limit: int = 1000) -> int:
        """
        Remove at most `limit` mentions and `limit` identities past their retention; returns how many. Call again until 0.

        Kept longer: what a live story still decides from, and evidence, the mentions of stories that reached orange. An identity
        outlives its mention always.
        """
        mention, hit = schema.mention, schema.hit
        old = and_(mention.c.stored_at < now - retention.text, ~_needed(evidence=True))
        older = and_(mention.c.stored_at < now - max(retention.evidence, retention.text), ~_needed(evidence=False))
        gone = await self._delete(mention, [mention.c.digest], or_(old, older), limit)
        forgotten = and_(hit.c.stored_at < now - retention.identity, ~exists().where(mention.c.digest == hit.c.digest))
        return gone + await self._delete(hit, [hit.c.digest, hit.c.subject], forgotten, limit)

    async def _delete(self, table: Table, key: Sequence[ColumnElement[object]], condition: ColumnElement[bool], limit: int) -> int:
        found = (await self._connection.execute(select(*key).where(condition).order_by(table.c.stored_at).limit(limit))).all()
        if found:
            names = [column.name for column in table.primary_key]
            there = [table.c[name] == bindparam(f"of_{name}") for name in names]
            rows = [{f"of_{name}": value for name, value in zip(names, row, strict=True)} for row in found]
            await self._connection.execute(delete(table).where(*there), rows)
        return len(found)


def _needed(*, evidence: bool) -> ColumnElement[bool]:
    """A mention that a live story stands on, or one that is evidence."""
    mention, hit, story = schema.mention, schema.hit, schema.story
    reason = and_(story.c.live.is_(True), story.c.residual.is_(False))
    if evidence:
        reason = or_(reason, story.c.peak >= int(Level.ORANGE))
    return exists().where(hit.c.digest == mention.c.digest, story.c.id == hit.c.story, reason)


def mention_row(new: NewHit, stored_at: int) -> dict[str, object]:
    """The row of a mention as it arrived first."""
    scored, said = new.scored, new.scored.mention
    return {
        "digest": new.digest, "source": said.source, "id": said.id, "kind": said.kind, "platform": said.platform,
        "published_at": micros(said.published_at), "received_at": scored.received_at, "stored_at": stored_at,
        "name": scored.name, "role": scored.role, "body": encode(said), **_seen(said),
    }  # fmt: skip


def hit_row(new: NewHit, partition: int, stored_at: int) -> dict[str, object]:
    """The row of what a subject decided from it."""
    scored, score = new.scored, new.scored.score
    return {
        "digest": new.digest, "subject": score.subject, "partition": partition, "offset": new.offset, "story": new.story,
        "at": scored.at, "published_at": micros(scored.mention.published_at), "received_at": scored.received_at,
        "stored_at": stored_at, "negative": score.negative, "sensitive": score.sensitive, "counted": new.counted,
        "body": msgspec.json.encode(Body(score, scored.emotion)), **_seen(scored.mention),
    }  # fmt: skip


def _seen(mention: Mention) -> dict[str, object]:
    return {
        "seen_at": mention.seen, "likes": mention.likes, "comments": mention.comments, "reposts": mention.reposts,
        "views": mention.views, "gone": mention.gone,
    }  # fmt: skip
