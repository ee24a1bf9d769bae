"""Subjects: those of the file and those posted here, with what is open about each."""

from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response

from monitor.alert import POLICY, Alert
from monitor.clock import rfc3339
from monitor.documents import depth
from monitor.errors import ConfigError
from monitor.posted import Body
from monitor.settings import Settings
from monitor.store.alerts import OPEN, AlertFilter
from monitor.subject import Subject
from services.api.act_bodies import Name as Who
from services.api.auth import Admin, Reader
from services.api.bodies import Bodies
from services.api.errors import Refusal
from services.api.schemas import PROBLEMS, SUBJECT_BODY, SubjectModel, SubjectPage
from services.api.state import Api, ApiState, answer, listing
from services.keeping.reload import NoSuchSubject, NotYours, Reloader

MOST_OPEN = 10_000
BODY_LIMIT = 256 * 1024
NESTING = 8
LONGEST_NAME = 200

router = APIRouter(tags=["subjects"])
By = Annotated[str | None, Query(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$", description="who asks for it")]


@router.get("/v1/subjects", responses={200: {"model": SubjectPage}, **PROBLEMS})
async def list_subjects(api: Api, _: Reader) -> Response:
    """Every watched subject, in the order of the configuration, then those posted."""
    async with listing(api) as (unit, seq):
        found = await unit.alerts.list(AlertFilter(statuses=OPEN), MOST_OPEN)
    by_subject: dict[str, list[Alert]] = defaultdict(list)
    for alert in found.items:
        by_subject[alert.subject].append(alert)
    items = [_wire(subject, by_subject[subject.name], api.settings) for subject in api.settings.subjects]
    return answer({"items": items, "next_cursor": None, "seq": seq})


@router.get("/v1/subjects/{name:path}", responses={200: {"model": SubjectModel}, **PROBLEMS})
async def one_subject(api: Api, _: Reader, name: str) -> Response:
    """One watched subject."""
    subject = next((one for one in api.settings.subjects if one.name == name), None)
    if subject is None:
        raise Refusal(404, "no subject of this name is watched")
    return await _told(api, subject, 200)


_PUT: dict[int | str, dict[str, Any]] = {200: {"model": SubjectModel}, 201: {"model": SubjectModel}, **PROBLEMS}


@router.put("/v1/subjects/{name:path}", responses=_PUT, openapi_extra=SUBJECT_BODY)
async def put_subject(*, request: Request, api: Api, caller: Admin, name: str, by: By = None) -> Response:
    """Watch a subject from the next record on: the body says what the file would. 201 when it is new; 409 when the file has it."""
    bodies: Bodies = request.app.state.bodies
    async with bodies.read(request, BODY_LIMIT) as sent:
        body = _body(sent)
    by = _signed(body, by)
    if not name.strip() or len(name) > LONGEST_NAME:
        raise Refusal(422, f"a name has 1 to {LONGEST_NAME} characters")
    actor, beside = caller.actor(by)
    try:
        new = await reloader_of(api).put_subject(name, body, actor, beside)
    except ConfigError as error:
        messages = [problem.message for problem in error.problems]
        raise Refusal(422, "; ".join(messages), errors=messages) from error
    except NotYours as error:
        raise Refusal(409, str(error)) from error
    state: ApiState = request.app.state.api
    return await _told(state, next(one for one in state.settings.subjects if one.name == name), 201 if new else 200)


@router.delete("/v1/subjects/{name:path}", status_code=204, responses=PROBLEMS)
async def delete_subject(*, api: Api, caller: Admin, name: str, by: By = None) -> Response:
    """Watch a posted subject no longer; its stories and alerts stay stored."""
    actor, beside = caller.actor(_signed({}, by))
    try:
        await reloader_of(api).drop_subject(name, actor, beside)
    except NoSuchSubject as error:
        raise Refusal(404, str(error)) from error
    except NotYours as error:
        raise Refusal(409, str(error)) from error
    return Response(status_code=204)


def reloader_of(api: ApiState) -> Reloader:
    """What changes the configuration, where it can be changed."""
    if api.reloader is None:
        raise Refusal(503, "what is watched cannot be changed here")
    return api.reloader


def _body(sent: bytes) -> Body:
    try:
        sent.decode()
        if depth(sent, NESTING) > NESTING:
            raise Refusal(422, f"the subject nests deeper than {NESTING} levels")
        return _decode(sent)
    except msgspec.ValidationError as error:
        raise Refusal(422, "the body must be a JSON object") from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Refusal(400, f"the body is not JSON: {error}") from error


def _signed(body: Body, by: str | None) -> str | None:
    """Who asks for it: `by` of the body, as acts have it, which is no part of the subject; else of the query."""
    try:
        said = msgspec.convert(body.pop("by", None), Who | None) or by
    except msgspec.ValidationError as error:
        raise Refusal(422, f"by: {error}") from error
    if said == POLICY:
        raise Refusal(422, "by: `policy` is what decisions of the service are signed with")
    return said


async def _told(api: ApiState, subject: Subject, status: int) -> Response:
    async with api.store.read() as unit:
        found = await unit.alerts.list(AlertFilter(statuses=OPEN, subjects=(subject.name,)), MOST_OPEN)
    return answer(_wire(subject, list(found.items), api.settings), status)


def _wire(subject: Subject, alerts: list[Alert], settings: Settings) -> dict[str, object]:
    highest = max(alerts, key=lambda alert: alert.level, default=None)
    return {
        "name": subject.name, "owner": subject.owner, "floor": subject.floor.word, "alerts": subject.alerts,
        "libraries": list(subject.libraries), "rules": list(subject.rules), "receivers": list(subject.receivers),
        "kinds": list(subject.kinds), "platforms": list(subject.platforms), "regions": list(subject.regions),
        "policy": Path(subject.policy).name if subject.policy else None, "origin": "api" if subject.name in settings.posted else "file",
        "valid_until": rfc3339(subject.valid_until) if subject.valid_until is not None else None,
        "open_alerts": len(alerts), "level": highest.level.word if highest else "none",
    }  # fmt: skip


_decode = msgspec.json.Decoder(Body).decode
