"""Dead letters: what was put aside, beside the running service; put back to be tried again, or dropped."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response

from monitor.errors import BusError
from monitor.metrics import DeadReason
from monitor.store.rows import Cursors, Page
from services.api.act_bodies import ActBody, said, schema
from services.api.auth import Admin
from services.api.bodies import Bodies
from services.api.errors import Refusal, busy
from services.api.schemas import PROBLEMS, DeadDoneModel, DeadLetterDetail, DeadLetterPage
from services.api.state import Api, ApiState, Limit, Moment, answer, cursor_of, listing, our_cursor, page
from services.dead.letters import Choice, Done, Letters, State, newest, one_letter, wire, wire_whole

BODY_LIMIT = 64 * 1024
MOST = 500  # letters of one call: it is answered within seconds

router = APIRouter(tags=["dead letters"])
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Ids = Annotated[list[Id], msgspec.Meta(min_length=1, max_length=MOST)]


class DropBody(ActBody, frozen=True, kw_only=True):
    """Which letters."""

    ids: Ids


class ReplayBody(DropBody, frozen=True, kw_only=True):
    """`again`: also those that were put back, or dropped, before."""

    again: bool = False


CURSORS = Cursors("letter", int, str)
Cursor = Annotated[str | None, cursor_of(CURSORS)]
_IDS = {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 100}, "minItems": 1, "maxItems": MOST}


@router.get("/v1/dead-letters", responses={200: {"model": DeadLetterPage}, **PROBLEMS})
async def list_dead_letters(
    *, api: Api, _: Admin, reason: DeadReason | None = None, topic: Annotated[str | None, Query(max_length=300)] = None,
    since: Moment = 0, state: State = "open", limit: Limit = 50, cursor: Cursor = None,
) -> Response:  # fmt: skip
    """Dead letters without their bytes, the newest first; `state`: open are those that nobody has seen to."""
    choice = Choice(reason=reason, topic=topic, since=since, states=(state,))
    with our_cursor():
        before = None if cursor is None else _place(cursor)
    try:
        found, _count = await newest(_letters(api).bus, choice, limit + 1, before)
    except BusError as error:
        raise busy(str(error)) from error
    last = found[limit - 1] if len(found) > limit else None
    async with listing(api) as (_unit, seq):
        shown = Page(found[:limit], CURSORS.after(last.at, last.id) if last else None)
    return answer(page(shown, seq, wire))


@router.get("/v1/dead-letters/{letter}", responses={200: {"model": DeadLetterDetail}, **PROBLEMS})
async def one_dead_letter(api: Api, _: Admin, letter: str) -> Response:
    """One dead letter: `raw` is base64 of its first `kept` bytes as they came, `text` the same to be read by people."""
    try:
        found = await one_letter(_letters(api).bus, letter)
    except BusError as error:
        raise busy(str(error)) from error
    if found is None:
        raise Refusal(404, "there is no dead letter of this id")
    return answer(wire_whole(found))


@router.post(
    "/v1/dead-letters/replay", responses={200: {"model": DeadDoneModel}, **PROBLEMS},
    openapi_extra=schema(("ids",), ids=_IDS, again={"type": "boolean"}),
)  # fmt: skip
async def replay_dead_letters(request: Request, api: Api, caller: Admin) -> Response:
    """Put the bytes back into the topic they come from, to be tried again. Those that were seen to before are passed over."""
    body = await _read(request, ReplayBody)
    actor, beside = caller.actor(body.by)
    try:
        done = await _letters(api).replay(body.ids, actor, beside, again=body.again)
    except BusError as error:
        raise busy(str(error)) from error
    api.log.info("dead letters put back", actor=actor, by=beside, count=len(done.done), refused=len(done.refused))
    return answer(_told(done))


@router.post("/v1/dead-letters/drop", responses={200: {"model": DeadDoneModel}, **PROBLEMS}, openapi_extra=schema(("ids",), ids=_IDS))
async def drop_dead_letters(request: Request, api: Api, caller: Admin) -> Response:
    """Let them be: they count as seen to, and go when their time is over."""
    body = await _read(request, DropBody)
    actor, beside = caller.actor(body.by)
    try:
        done = await _letters(api).drop(body.ids, actor, beside)
    except BusError as error:
        raise busy(str(error)) from error
    api.log.info("dead letters dropped", actor=actor, by=beside, count=len(done.done))
    return answer(_told(done))


async def _read(request: Request, kind: type[Any]) -> Any:
    bodies: Bodies = request.app.state.bodies
    async with bodies.read(request, BODY_LIMIT) as sent:
        return said(sent, kind)


def _letters(api: ApiState) -> Letters:
    if api.letters is None:
        raise Refusal(503, "there are no dead letters here")
    return api.letters


def _place(cursor: str) -> tuple[int, str]:
    at, name = CURSORS.key(cursor)
    return at, name


def _told(done: Done) -> dict[str, object]:
    return msgspec.structs.asdict(done)
