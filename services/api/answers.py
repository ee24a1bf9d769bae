"""
Answers about alerts, kept while no alert changes: each is found and written once for a change, however many ask for it.

Every change of an alert, by whatever process, takes the next seq in its own transaction. So what was answered at some seq is what would
be answered now, as long as that is the newest: this is asked of the store at every request, and no row is touched.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from hashlib import blake2b
from typing import NamedTuple

from monitor.store.sessions import Store

ROOM = 16 * 1024 * 1024  # bytes in all; a page of 50 alerts is about 60,000


class Answer(NamedTuple):
    """A body as it is sent, the seq it is of, and its strong ETag."""

    body: bytes
    seq: int
    etag: str


Find = Callable[[], Awaitable[tuple[bytes, int]]]  # the body, and the seq of the snapshot it is from


class Answers:
    """The questions asked lately, with their answers; those longest not asked for go first."""

    def __init__(self, room: int = ROOM) -> None:
        self._room, self._held = room, 0
        self._kept: OrderedDict[Hashable, Answer] = OrderedDict()
        self._finding: dict[Hashable, asyncio.Task[Answer]] = {}

    async def of(self, store: Store, question: Hashable, find: Find) -> Answer:
        """The answer as of no earlier than this call; errors of `find` are raised to all who wait for it."""
        seq = await store.newest_seq()
        kept = self._kept.get(question)
        if kept is None or kept.seq != seq:
            return await self._found(question, seq, find)
        self._kept.move_to_end(question)
        return kept

    async def _found(self, question: Hashable, seq: int, find: Find) -> Answer:
        under_way = self._finding.get(question)
        if under_way is None:
            return await asyncio.shield(self._begin(question, find))
        found = await asyncio.shield(under_way)
        # One that began before we asked may not know what we know.
        return found if found.seq >= seq else await self._found(question, seq, find)

    def _begin(self, question: Hashable, find: Find) -> asyncio.Task[Answer]:
        task = self._finding[question] = asyncio.create_task(self._find(question, find))
        task.add_done_callback(_looked_at)
        return task

    async def _find(self, question: Hashable, find: Find) -> Answer:
        try:
            body, seq = await find()
        finally:
            del self._finding[question]
        # Of the body too: the same seq may come again in a store that was restored, or from a release that writes more of an alert.
        mark = blake2b(body, digest_size=9, key=blake2b(str(question).encode("utf-8", "replace")).digest()).hexdigest()
        answer = Answer(body, seq, f'"{seq}.{mark}"')
        self._keep(question, answer)
        return answer

    def _keep(self, question: Hashable, answer: Answer) -> None:
        before = self._kept.pop(question, None)
        self._kept[question] = answer
        self._held += _size(question, answer) - (_size(question, before) if before else 0)
        while self._held > self._room:
            self._held -= _size(*self._kept.popitem(last=False))


def _size(question: Hashable, answer: Answer) -> int:
    return len(str(question)) + len(answer.body) + 1_000


def _looked_at(task: asyncio.Task[Answer]) -> None:
    """Its error may be nobody's: they have all left."""
    if not task.cancelled():
        task.exception()
