"""
The list of alerts as it is polled: again and again the same question, to which mostly nothing new is to be said.

What a query asks for is worked out once: FastAPI reads and checks ten parameters anew at each request, which is most of a poll's time.
From then on a poll is a key check and a look at the newest seq.
"""

from collections import OrderedDict
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import msgspec
from fastapi import Request, Response
from fastapi.routing import APIRoute

from monitor.store.alerts import AlertFilter
from services.api.auth import caller_of
from services.api.state import ApiState, encoded, listing, our_cursor, page, unchanged

QUERIES = 1_000
LONGEST = 2_000  # bytes of a query that is remembered


class Question(msgspec.Struct, frozen=True):
    """Which page of which alerts."""

    wanted: AlertFilter
    limit: int
    cursor: str | None


class Polled(APIRoute):
    """A route whose queries, once found good, are known when they come again."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        whole = super().get_route_handler()

        async def handle(request: Request) -> Response:
            question = _known(request).get(request.scope["query_string"])
            if question is None:
                return await whole(request)
            await caller_of(request)
            return await polled(request, request.app.state.api, question)

        return handle


async def polled(request: Request, api: ApiState, question: Question) -> Response:
    """The page, or 304 where the caller has it."""
    key = (question, api.settings.public_url)
    with our_cursor():
        found = await api.answers.of(api.store, key, partial(_listed, api, question))
    _remember(request, question)
    return unchanged(request, found.etag) or encoded(found.body, etag=found.etag)


async def _listed(api: ApiState, question: Question) -> tuple[bytes, int]:
    async with listing(api) as (unit, seq):
        found = await unit.alerts.list(question.wanted, question.limit, question.cursor)
    return msgspec.json.encode(page(found, seq, lambda alert: alert.wire(api.settings.public_url))), seq


def _known(request: Request) -> OrderedDict[bytes, Question]:
    known: OrderedDict[bytes, Question] = request.app.state.polls
    return known


def _remember(request: Request, question: Question) -> None:
    known, query = _known(request), request.scope["query_string"]
    if len(query) <= LONGEST:
        known[query] = question
        known.move_to_end(query)
    while len(known) > QUERIES:
        known.popitem(last=False)
