"""
What is polled: again and again the same question, to which mostly nothing new is to be said, or by hundreds of dashboards at once.

What a query asks for is worked out once: FastAPI reads and checks ten parameters anew at each request, which is most of a poll's time.
From then on a poll is a key check and a look at the newest seq.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

import msgspec
from fastapi import Request, Response
from fastapi.routing import APIRoute

from monitor.store.alerts import AlertFilter
from services.api.auth import caller_of
from services.api.state import ApiState, encoded, listing, our_cursor, page, unchanged

Key = tuple[str, bytes]  # path and query
Answering = Callable[[Request, ApiState], Awaitable[Response]]
QUERIES = 1_000
LONGEST = 2_000  # bytes of a query that is remembered


class Question(msgspec.Struct, frozen=True):
    """Which page of which alerts."""

    wanted: AlertFilter
    limit: int
    cursor: str | None


class Polled(APIRoute):
    """A route whose queries, once found good and remembered with what answers them, are known when they come again."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        whole = super().get_route_handler()

        async def handle(request: Request) -> Response:
            answer = _known(request).get(_key(request))
            if answer is None:
                return await whole(request)
            await caller_of(request)
            return await answer(request, request.app.state.api)

        return handle


async def polled(request: Request, api: ApiState, question: Question) -> Response:
    """The page, or 304 where the caller has it."""
    key = (question, api.settings.public_url)
    with our_cursor():
        found = await api.answers.of(api.store, key, partial(_listed, api, question))
    remember(request, partial(polled, question=question))
    return unchanged(request, found.etag) or encoded(found.body, etag=found.etag)


async def _listed(api: ApiState, question: Question) -> tuple[bytes, int]:
    async with listing(api) as (unit, seq):
        found = await unit.alerts.list(question.wanted, question.limit, question.cursor)
    return msgspec.json.encode(page(found, seq, lambda alert: alert.wire(api.settings.public_url))), seq


def remember(request: Request, answer: Answering) -> None:
    """Whoever asks the same is answered by this."""
    known, key = _known(request), _key(request)
    if len(key[1]) <= LONGEST:
        known[key] = answer
        known.move_to_end(key)
    while len(known) > QUERIES:
        known.popitem(last=False)


def _known(request: Request) -> OrderedDict[Key, Answering]:
    known: OrderedDict[Key, Answering] = request.app.state.polls
    return known


def _key(request: Request) -> Key:
    return request.scope["path"], request.scope["query_string"]
