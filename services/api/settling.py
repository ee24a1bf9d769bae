"""Acts whose outcome the desk decides: recorded, then waited for, for a moment."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec
from fastapi import Response

from monitor.escalation.effects import Act
from monitor.store.sessions import WriteUnit
from services import acts, corrections
from services.api.act_bodies import ActBody
from services.api.acting import ERRORS, Asked
from services.api.errors import Refusal
from services.api.state import encoded
from services.corrections import Who, nudge, taken_up

PATIENCE = 5.0
WAITING = "recorded; it takes effect when the service next decides"
_ERRORS: dict[type[acts.ActError], int] = {**ERRORS, corrections.NoSuchStory: 404, corrections.NoSuchMention: 404}


@dataclass(frozen=True)
class Told:
    """What is answered once the act has taken effect."""

    body: object
    etag: str | None = None


def who(asked: Asked, said: ActBody) -> Who:
    """Who does it, as the request tells."""
    actor, by = asked.caller.actor(said.by)
    return Who(actor=actor, by=by, note=said.note, recorded_at=asked.now)


async def settled(asked: Asked, do: Callable[[WriteUnit], Awaitable[Act]], tell: Callable[[WriteUnit], Awaitable[Told]]) -> Response:
    """Do it, once for its key. Answers how things then stand, or 202 where nobody has decided within PATIENCE."""
    api, once = asked.api, asked.once
    async with api.store.write() as unit:
        if before := await once.answered(unit, asked.now):
            return encoded(before.response, before.status, etag=before.etag)
        try:
            act = await do(unit)
        except acts.ActError as error:
            raise Refusal(_ERRORS[type(error)], str(error)) from error
        pending = msgspec.json.encode({"detail": WAITING, "story": act.story or None, "at": act.offset})
        await once.remember(unit, pending, None, asked.now, 202)
    if not await _decided(asked, act):
        return encoded(pending, 202)
    async with api.store.write() as unit:
        told = await tell(unit)
        body = msgspec.json.encode(told.body)
        await once.remember(unit, body, told.etag, asked.now)
    return encoded(body, etag=told.etag)


async def _decided(asked: Asked, act: Act) -> bool:
    api = asked.api
    if api.bus is None:
        return False
    await nudge(api.bus, api.log_clock or api.clock, act.partition)
    return await taken_up(api.store, act, PATIENCE)
