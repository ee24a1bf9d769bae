"""What people do to alerts: one act is done once for its Idempotency-Key, and answered with the alert as it then stands."""

from hashlib import blake2b
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Request, Response

from monitor.alert import POLICY
from monitor.clock import HOUR
from monitor.store.meta import Answered
from monitor.store.sessions import WriteUnit
from services import acts
from services.api.alerts import detail, etag_of
from services.api.auth import Caller, Staff
from services.api.bodies import Bodies
from services.api.conditions import versions_of
from services.api.errors import Refusal
from services.api.schemas import ACT_BODY, PROBLEMS, AlertDetail
from services.api.state import Api, encoded

BODY_LIMIT = 64 * 1024
KEPT = 12 * HOUR

router = APIRouter(tags=["alerts"])


Who = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]


class ActBody(msgspec.Struct, frozen=True):
    """What a person may say with an act; unknown members are ignored."""

    by: Who | None = None
    note: Annotated[str, msgspec.Meta(max_length=4000, pattern=r"^[^\x00]*$")] | None = None


@router.post("/v1/alerts/{alert}/acknowledge", responses={200: {"model": AlertDetail}, **PROBLEMS}, openapi_extra=ACT_BODY)
async def acknowledge(
    *, request: Request, api: Api, caller: Staff, alert: str, if_match: Annotated[str | None, Header()] = None,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> Response:  # fmt: skip
    """Somebody has seen it: an open alert becomes acknowledged."""
    bodies: Bodies = request.app.state.bodies
    async with bodies.read(request, BODY_LIMIT) as body:
        said = _act_body(body)
    once = _Once(caller, request.url.path, idempotency_key, body)
    now = api.clock.now()
    actor, by = caller.actor(said.by)
    deed = acts.Deed(actor=actor, by=by, note=said.note, versions=versions_of(if_match), recorded_at=now)
    async with api.store.write() as unit:
        if before := await once.answered(unit, now):
            return encoded(before.response, before.status, etag=before.etag)
        try:
            change = await acts.acknowledge(unit, api.desk, alert, deed)
        except acts.ActError as error:
            raise Refusal(_STATUS[type(error)], str(error)) from error
        told = msgspec.json.encode(detail(change.alert, await unit.alerts.transitions(alert), api.settings.public_url))
        await once.remember(unit, told, etag_of(change.alert), now)
    api.metrics.transitions_total.labels("open", "acknowledged", "acknowledged").inc()
    api.log.info("transition", alert=alert, actor=actor, **{"from": "open", "to": "acknowledged"})
    return encoded(told, etag=etag_of(change.alert))


_STATUS: dict[type[acts.ActError], int] = {acts.NoSuchAlert: 404, acts.DoesNotFit: 409, acts.ChangedMeanwhile: 412}


class _Once:
    """A request that is done once for its Idempotency-Key, however often it is sent."""

    def __init__(self, caller: Caller, path: str, key: str | None, body: bytes) -> None:
        self._caller, self._path, self._key = caller.name, path, key
        self._hash = blake2b(body, digest_size=16).digest()

    async def answered(self, unit: WriteUnit, now: int) -> Answered | None:
        """The answer already given; 422 when the key was used for something else."""
        if self._key is None:
            return None
        before = await unit.meta.answered(self._caller, self._path, self._key, now - KEPT)
        if before and before.body_hash != self._hash:
            raise Refusal(422, "this Idempotency-Key was used with another body")
        return before

    async def remember(self, unit: WriteUnit, response: bytes, etag: str, now: int) -> None:
        """Keep the answer, in the transaction of what it answers."""
        if self._key is not None:
            await unit.meta.forget_answers(now - KEPT)
            await unit.meta.answer(Answered(
                caller=self._caller, path=self._path, key=self._key, body_hash=self._hash, status=200, etag=etag,
                response=response, at=now,
            ))  # fmt: skip


def _act_body(body: bytes) -> ActBody:
    if not body.strip():
        return ActBody()
    try:
        said = _decode_act(body)
    except msgspec.ValidationError as error:
        raise Refusal(422, str(error)) from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Refusal(400, f"the body is not JSON: {error}") from error
    if said.by == POLICY:
        raise Refusal(422, "by: `policy` is what decisions of the service are signed with")
    return said


_decode_act = msgspec.json.Decoder(ActBody).decode
