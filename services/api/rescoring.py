"""A watched subject over the retained raw log, beside the running service: begun here, its progress asked for here."""

from http import HTTPStatus
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, HTTPException, Response

from monitor.clock import rfc3339
from services.api.auth import Admin, Reader
from services.api.errors import Refusal
from services.api.schemas import PROBLEMS, RescoreModel
from services.api.state import Api, ApiState, answer
from services.api.subjects import By
from services.recording.rescoring import AlreadyRuns, Rescoring, Run

router = APIRouter(tags=["subjects"])


@router.post("/v1/subjects/{name:path}/rescore", status_code=202, responses={202: {"model": RescoreModel}, **PROBLEMS})
async def rescore(*, api: Api, caller: Admin, name: str, by: By = None) -> Response:
    """
    Look for the subject in everything the raw log still has: its hits are stored and found, counted in no level, told to nobody.

    202 at once; GET the same path until `state` is no longer `running`. 409 while another goes on. Done twice it changes nothing more.
    """
    subject = next((one for one in api.settings.subjects if one.name == name), None)
    if subject is None:
        raise Refusal(404, "no subject of this name is watched")
    actor, beside = caller.actor(by)
    try:
        run = await _rescoring(api).start(api.settings, subject, actor, beside)
    except AlreadyRuns as error:
        raise Refusal(409, str(error)) from error
    told = answer(_wire(run), 202)
    told.headers["Location"] = f"/v1/subjects/{quote(name, safe='')}/rescore"
    return told


@router.get("/v1/subjects/{name:path}/rescore", responses={200: {"model": RescoreModel}, **PROBLEMS})
async def progress(api: Api, _: Reader, name: str) -> Response:
    """How far the newest rescoring of the subject is; 404 when there was none since the service started."""
    run = _rescoring(api).newest(name)
    if run is None:
        raise Refusal(404, "this subject was not rescored since the service started")
    return answer(_wire(run))


@router.api_route("/v1/subjects/{name:path}/rescore", methods=["PUT", "DELETE", "PATCH"], include_in_schema=False)
async def no_subject(name: str) -> Response:
    """No subject of such a name can be put or deleted: the path is this one."""
    raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, name)


def _rescoring(api: ApiState) -> Rescoring:
    if api.rescoring is None:
        raise Refusal(503, "nothing can be rescored here")
    return api.rescoring


def _wire(run: Run) -> dict[str, object]:
    times = {"started_at": rfc3339(run.started_at), "ended_at": rfc3339(run.ended_at) if run.ended_at is not None else None}
    told: dict[str, object] = msgspec.to_builtins(run)
    return told | times
