"""Who calls: Bearer keys known by their SHA-256, three roles, a rate for each key. Without keys everybody is staff."""

from collections.abc import Sequence
from hashlib import sha256
from hmac import compare_digest
from typing import Annotated

import msgspec
from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from monitor.clock import MINUTE, SECOND, Clock
from monitor.settings import ApiKey, Role
from services.api.errors import CALLER, Refusal

RANKS: dict[Role, int] = {"reader": 0, "staff": 1, "admin": 2}
OPEN = "api"
_bearer = HTTPBearer(auto_error=False, description="api_keys of the configuration; without any the API is open on loopback")


class Caller(msgspec.Struct, frozen=True):
    """Whoever sent the request; `name` is the key's, empty where none is asked for."""

    name: str
    role: Role

    def actor(self, by: str | None) -> tuple[str, str | None]:
        """Who is written down as the doer, and who beside: the key's name with `by`, without keys `by` itself."""
        return (self.name, by) if self.name else (by or OPEN, None)


class Gate:
    """Knows the keys, and how much each may still ask."""

    def __init__(self, keys: Sequence[ApiKey], clock: Clock) -> None:
        self._keys, self._clock = keys, clock
        self._left = {key.name: (float(key.rate or 0), clock.now()) for key in keys}

    def admit(self, token: str | None) -> Caller:
        """The caller of this token; 401 for a wrong one, 429 over its rate."""
        if not self._keys:
            return Caller("", "admin")
        digest = sha256((token or "").encode("utf-8", "surrogateescape")).hexdigest()
        # Every key is compared, so that the time says nothing about which was near.
        found = [key for key in self._keys if compare_digest(key.sha256, digest)]
        if token is None or not found:
            raise Refusal(401, "a key is needed: Authorization: Bearer KEY", headers={"WWW-Authenticate": "Bearer"})
        self._spend(found[0])
        return Caller(found[0].name, found[0].role)

    def _spend(self, key: ApiKey) -> None:
        if key.rate is None:
            return
        left, at = self._left[key.name]
        now = self._clock.now()
        left = min(float(key.rate), left + max(now - at, 0) * key.rate / MINUTE)
        self._left[key.name] = (left - 1 if left >= 1 else left, now)
        if left < 1:
            wait = int((1 - left) * MINUTE / key.rate / SECOND) + 1
            raise Refusal(429, f"this key may ask {key.rate} times a minute", headers={"Retry-After": str(wait)})


async def _caller(request: Request, sent: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]) -> Caller:
    gate: Gate = request.app.state.gate
    caller = gate.admit(sent.credentials if sent else None)
    request.scope.get(CALLER, {}).update(key=caller.name or OPEN, role=caller.role)
    return caller


async def caller_of(request: Request) -> Caller:
    """Who sent a request that is answered without FastAPI's reading of it."""
    return await _caller(request, await _bearer(request))


async def _staff(request: Request, caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    if RANKS[caller.role] < RANKS["staff"]:
        raise Refusal(403, f"a key of role {caller.role} may only read")
    if not caller.name and request.headers.get("sec-fetch-site") == "cross-site":
        raise Refusal(403, "a page of another site may not act here")  # a browser on this machine reaches an open loopback API
    return caller


async def _admin(caller: Annotated[Caller, Depends(_staff)]) -> Caller:
    if RANKS[caller.role] < RANKS["admin"]:
        raise Refusal(403, f"a key of role {caller.role} may not change what is watched; admin may")
    return caller


Reader = Annotated[Caller, Depends(_caller)]
Staff = Annotated[Caller, Depends(_staff)]
Admin = Annotated[Caller, Depends(_admin)]
