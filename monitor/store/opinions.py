"""What the model says of stored mentions, with people's word over it; without a text, which may be gone."""

from collections.abc import AsyncIterator

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.escalation.effects import Judgement
from monitor.reporting.agreement import Opinion
from monitor.score import EmotionLabel, Sentiment
from monitor.store import schema
from monitor.store.dialects import holds
from monitor.store.rows import LARGEST, findable

_PORTION = 500
_SPOKEN_OF = b'"judged":{'  # in a record somebody judged, and in none other: within a text a quotation mark is escaped


class _Tone(msgspec.Struct, frozen=True, gc=False):
    sentiment: Sentiment


class _Felt(msgspec.Struct, frozen=True, gc=False):
    label: EmotionLabel


class _Word(msgspec.Struct, frozen=True, gc=False):
    """The part of a hit's body that is asked for."""

    score: _Tone
    emotion: _Felt
    judged: Judgement | None = None


class Opinions:
    """Reading the model's word and people's."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def all(self, *, subject: str | None = None, since: int = 0, judged: bool = False) -> AsyncIterator[list[Opinion]]:
        """
        What every mention of a subject (None: of any) published since then says of it, in portions, in no order.

        `judged`: only those on which a person has spoken, the first published first. Records are taken apart here, not in the database:
        SQLite takes twice as long to.
        """
        if not findable(subject or ""):
            return
        hit = schema.hit
        query = select(hit.c.subject, hit.c.digest, hit.c.published_at, hit.c.body)
        query = query.where(hit.c.subject != "" if subject is None else hit.c.subject == subject)
        query = query.where(hit.c.published_at >= min(since, LARGEST))
        if judged:
            query = query.where(holds(self._connection, hit.c.body, _SPOKEN_OF))
            query = query.order_by(hit.c.published_at, hit.c.digest, hit.c.subject)
        async with self._connection.stream(query) as rows:
            async for portion in rows.partitions(_PORTION):
                yield [_opinion(*row) for row in portion]


def _opinion(subject: str, digest: bytes, published_at: int, body: bytes) -> Opinion:
    word = _decode(body)
    return Opinion(subject, digest, published_at, word.score.sentiment, word.emotion.label, word.judged)


_decode = msgspec.json.Decoder(_Word).decode
