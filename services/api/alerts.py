"""Alerts: the list, one with its history, what changed, its mentions, and its acknowledging."""

import asyncio
from functools import partial
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request, Response

from monitor.alert import Alert, Level, Status
from monitor.store import alerts, mentions
from monitor.store.alerts import AlertFilter
from monitor.store.sessions import ReadUnit
from services.api.auth import Reader
from services.api.errors import Refusal
from services.api.kept import part_of
from services.api.mentions import mention_wire
from services.api.polling import Polled, Question, polled, remember
from services.api.schemas import PROBLEMS, AlertDetail, AlertPage, ChangesModel, MentionPage
from services.api.state import Api, ApiState, Limit, Moment, answer, cursor_of, encoded, listing, our_cursor, page, unchanged
from services.tracing import Unit, Wire, story_of

CHANGES = 200
LevelWord = Literal["none", "blue", "yellow", "orange", "red"]
Cursor = Annotated[str | None, cursor_of(alerts.CURSORS)]
MentionCursor = Annotated[str | None, cursor_of(mentions.CURSORS)]

router = APIRouter(tags=["alerts"])
polls = APIRouter(tags=["alerts"], route_class=Polled)


@polls.get("/v1/alerts", responses={200: {"model": AlertPage}, 304: {"description": "the caller already has it"}, **PROBLEMS})
async def list_alerts(
    *, request: Request, api: Api, _: Reader,
    status: Annotated[list[Status] | None, Query()] = None, level: Annotated[list[LevelWord] | None, Query()] = None,
    min_level: LevelWord | None = None, subject: Annotated[list[str] | None, Query()] = None,
    since: Moment | None = None, limit: Limit = 50, cursor: Cursor = None,
) -> Response:  # fmt: skip
    """Alerts, newest change first; `since` is a time, compared with `changed_at`."""
    wanted = AlertFilter(
        statuses=tuple(status or ()), levels=tuple(Level.of(word) for word in level or ()), subjects=tuple(subject or ()),
        min_level=Level.of(min_level) if min_level else None, since=since,
    )  # fmt: skip
    return await polled(request, api, Question(wanted, limit, cursor))


@polls.get("/v1/alerts/changes", responses={200: {"model": ChangesModel}, **PROBLEMS})
async def changes(
    *, request: Request, api: Api, _: Reader,
    since: Annotated[int, Query(ge=0, lt=2**63)] = 0, wait: Annotated[float, Query(ge=0, le=25)] = 0,
) -> Response:  # fmt: skip
    """
    What changed after the seq `since`, each alert once as it now stands, rising; waits up to `wait` seconds for the first.

    A `seq` below `since` is answered at once: the store is another one, begin anew.
    """
    return await _waited(request, api, since=since, wait=wait)


async def _waited(request: Request, api: ApiState, *, since: int, wait: float) -> Response:
    remember(request, partial(_waited, since=since, wait=wait))
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    while (newest := await api.store.newest_seq()) == since and not api.stopping.is_set() and (left := deadline - loop.time()) > 0:
        await api.watch.beyond(since, left, api.store, api.stopping, request.receive)
    if newest <= since:
        return answer({"items": [], "seq": newest})
    question = ("changes", since, api.settings.public_url)
    return encoded((await api.answers.of(api.store, question, partial(_changed, api, since))).body)


async def _changed(api: ApiState, since: int) -> tuple[bytes, int]:
    async with listing(api) as (unit, seq):
        found = await unit.alerts.changes(since, CHANGES)
    known = found[-1].seq if len(found) == CHANGES else seq
    return msgspec.json.encode({"items": [alert.wire(api.settings.public_url) for alert in found], "seq": known}), seq


@router.get("/v1/alerts/{alert}", responses={200: {"model": AlertDetail}, 304: {"description": "the caller already has it"}, **PROBLEMS})
async def one_alert(request: Request, api: Api, _: Reader, alert: str) -> Response:
    """One alert with its transitions, oldest first, where it began and how it spread."""
    async with api.store.read() as unit:
        found = await existing(unit, alert)
        if known := unchanged(request, etag_of(found)):
            return known
        whole = await detailed(api, unit, found)
    return answer(whole, etag=etag_of(found))


@router.get("/v1/alerts/{alert}/mentions", responses={200: {"model": MentionPage}, **PROBLEMS})
async def mentions_of(api: Api, _: Reader, alert: str, limit: Limit = 50, cursor: MentionCursor = None) -> Response:
    """The mentions of an alert's story, newest published first."""
    with our_cursor():
        async with listing(api) as (unit, seq):
            story = await story_of(unit, await existing(unit, alert))
            found = await unit.mentions.of_story(story, limit=limit, cursor=cursor)
    return answer(page(found, seq, mention_wire))


async def existing(unit: ReadUnit, alert: str) -> Alert:
    """The alert; 404 when there is none."""
    found = await unit.alerts.get(alert)
    if found is None:
        raise Refusal(404, "there is no alert of this id")
    return found


def etag_of(alert: Alert) -> str:
    """The strong ETag of an alert's detail: it moves with every transition and every recount."""
    return f'"{alert.version}.{alert.counter}"'


async def detailed(api: ApiState, unit: Unit, alert: Alert) -> dict[str, object]:
    """An alert with its history, where its story began, and how that spread; figures of the story are those of its counters."""
    transitions = await unit.alerts.transitions(alert.id)
    wire = alert.wire(api.settings.public_url)
    origin, spread = await _traced(api, unit, alert)
    counted = {name: wire[name] for name in ("first_at", "last_at", "mentions", "authors", "engagement")}
    return wire | {
        "transitions": [transition.wire() for transition in transitions], "origin": origin,
        "spread": spread | counted if spread else None,
    }  # fmt: skip


async def _traced(api: ApiState, unit: Unit, alert: Alert) -> tuple[Wire | None, Wire | None]:
    """Origin and spread; of unrelated mentions no origin, and the spread of its own episode's, None where they have left."""
    part = await part_of(unit, alert)
    traced = await api.traces.of(api.store, unit, part, (alert.id, alert.version, alert.counter))
    if part.span:
        return None, traced.spread if traced.spread["counted"] else None
    return traced.origin, traced.spread
