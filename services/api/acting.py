"""What people do to alerts: one act is done once for its Idempotency-Key, and answered with the alert as it then stands."""

from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import APIRouter, Depends, Header, Request, Response

from monitor.store.sessions import WriteUnit
from services import acts
from services.api import act_bodies as bodies
from services.api.alerts import detailed, etag_of
from services.api.auth import Caller, Staff
from services.api.conditions import versions_of
from services.api.errors import Refusal
from services.api.once import Once
from services.api.schemas import PROBLEMS, AlertDetail
from services.api.state import Api, ApiState, encoded
from services.telling import count

BODY_LIMIT = 64 * 1024
ERRORS: dict[type[acts.ActError], int] = {acts.NoSuchAlert: 404, acts.DoesNotFit: 409, acts.ChangedMeanwhile: 412, acts.Past: 422}
RESPONSES: dict[int | str, dict[str, Any]] = {200: {"model": AlertDetail}, **PROBLEMS}

router = APIRouter(tags=["alerts"])
Said = TypeVar("Said", bound=bodies.ActBody)


@dataclass(frozen=True)
class Asked:
    """A request to act on an alert."""

    request: Request
    api: ApiState
    caller: Caller
    if_match: str | None
    once: Once
    body: bytes
    now: int

    def said(self, kind: type[Said]) -> Said:
        """What the body says; 400 and 422 as `bodies.said`."""
        return bodies.said(self.body, kind)

    def deed(self, action: str, said: bodies.ActBody, **more: Any) -> acts.Deed:
        """The act as the doer means it."""
        actor, by = self.caller.actor(said.by)
        versions = versions_of(self.if_match)
        return acts.Deed(action=action, actor=actor, by=by, note=said.note, versions=versions, recorded_at=self.now, **more)

    async def answer(self, alert: str, deed: acts.Deed) -> Response:
        """Do it, once for its key; the alert as it then stands."""
        api = self.api
        async with api.store.write() as unit:
            if before := await self.once.answered(unit, self.now):
                return encoded(before.response, before.status, etag=before.etag)
            try:
                changes = await acts.done(unit, api.desk, alert, deed)
            except acts.ActError as error:
                raise Refusal(ERRORS[type(error)], str(error)) from error
            response, etag = await self._told(unit, changes[-1].alert.id)
            await self.once.remember(unit, response, etag, self.now)
        count(changes, api.metrics, api.log)
        return encoded(response, etag=etag)

    async def _told(self, unit: WriteUnit, alert: str) -> tuple[bytes, str]:
        found = await unit.alerts.get(alert)
        if found is None:
            raise AssertionError("an alert just changed is not there")
        return msgspec.json.encode(await detailed(self.api, unit, found)), etag_of(found)


async def _asked(
    *, request: Request, api: Api, caller: Staff, if_match: Annotated[str | None, Header(include_in_schema=False)] = None,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255, include_in_schema=False)] = None,
) -> Asked:  # fmt: skip
    async with request.app.state.bodies.read(request, BODY_LIMIT) as body:
        read = body
    once = Once(caller.name, request.url.path, idempotency_key, read)
    return Asked(request, api, caller, if_match, once, read, api.clock.now())


Asking = Annotated[Asked, Depends(_asked)]


@router.post("/v1/alerts/{alert}/acknowledge", responses=RESPONSES, openapi_extra=bodies.PLAIN)
async def acknowledge(alert: str, asked: Asking) -> Response:
    """Somebody has seen it: an open alert becomes acknowledged, and no longer fades by itself."""
    return await asked.answer(alert, asked.deed("acknowledge", asked.said(bodies.ActBody)))


@router.post("/v1/alerts/{alert}/assign", responses=RESPONSES, openapi_extra=bodies.ASSIGN)
async def assign(alert: str, asked: Asking) -> Response:
    """Somebody is to see to it: `assignee`, or null for nobody any more. Tells nobody."""
    said = asked.said(bodies.AssignBody)
    return await asked.answer(alert, asked.deed("assign", said, assignee=said.assignee or ""))


@router.post("/v1/alerts/{alert}/handle", responses=RESPONSES, openapi_extra=bodies.PLAIN)
async def handle(alert: str, asked: Asking) -> Response:
    """Somebody is at work on it: an open or acknowledged alert becomes handling."""
    return await asked.answer(alert, asked.deed("handle", asked.said(bodies.ActBody)))


@router.post("/v1/alerts/{alert}/level", responses=RESPONSES, openapi_extra=bodies.LEVEL)
async def level(alert: str, asked: Asking) -> Response:
    """A level set by hand, with a note: it holds until `until`, resolve, or until the policy's own level rises above it."""
    said = asked.said(bodies.LevelBody)
    return await asked.answer(alert, asked.deed("level", said, level=said.at, until=bodies.until(said.until, asked.now)))


@router.post("/v1/alerts/{alert}/note", responses=RESPONSES, openapi_extra=bodies.NOTE)
async def note(alert: str, asked: Asking) -> Response:
    """A remark, kept among the transitions. Tells nobody."""
    return await asked.answer(alert, asked.deed("note", asked.said(bodies.NoteBody)))


@router.post("/v1/alerts/{alert}/resolve", responses=RESPONSES, openapi_extra=bodies.RESOLVE)
async def resolve(alert: str, asked: Asking) -> Response:
    """The end. false_alarm, known and irrelevant also mute the story until `until` (7 days): told only two levels above, or red."""
    said = asked.said(bodies.ResolveBody)
    return await asked.answer(alert, asked.deed("resolve", said, reason=said.reason, until=bodies.until(said.until, asked.now)))


@router.post("/v1/alerts/{alert}/review", responses=RESPONSES, openapi_extra=bodies.REVIEW)
async def review(alert: str, asked: Asking) -> Response:
    """Looked back at: raising it was right, or it was a false alarm."""
    said = asked.said(bodies.ReviewBody)
    return await asked.answer(alert, asked.deed("review", said, verdict=said.verdict))


@router.post("/v1/alerts/{alert}/reopen", responses=RESPONSES, openapi_extra=bodies.PLAIN)
async def reopen(alert: str, asked: Asking) -> Response:
    """It is not over: a new alert of the story is answered, at its level by policy; a mute ends. Only of the story's newest episode."""
    return await asked.answer(alert, asked.deed("reopen", asked.said(bodies.ActBody)))
