"""What the API works with, given once; and what its routes share to read a request and write an answer."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Query, Request, Response
from pydantic import BeforeValidator, WithJsonSchema
from structlog.stdlib import BoundLogger

from monitor.bus.base import Bus
from monitor.clock import Clock, micros
from monitor.metrics import Metrics
from monitor.settings import Settings
from monitor.store.rows import Cursors, Page
from monitor.store.sessions import ReadUnit, Store
from services.acts import Desk
from services.api.answers import Answers
from services.api.errors import Refusal
from services.api.kept import Traces
from services.api.watching import Watch
from services.dead.letters import Letters
from services.intake import Intake
from services.keeping.in_force import InForce
from services.keeping.reload import Reloader
from services.recording.rescoring import Rescoring
from services.telling import Told

Readiness = Callable[[], Mapping[str, str | None]]
JSON = "application/json"
_LOST_PLUS = re.compile(r" (?=\d\d:?\d\d$)")
_time = msgspec.json.Decoder(datetime).decode


@dataclass(frozen=True)
class ApiState:
    """
    Everything the routes need. `readiness` tells, for each part, what is wrong with it (None: nothing).

    `informative`: how the names of parts begin that are told but never make the service unfit (sources).
    `intake` None: nothing can be pushed here.
    """

    settings: Settings
    store: Store
    intake: Intake | None
    clock: Clock
    metrics: Metrics
    log: BoundLogger
    readiness: Readiness = dict
    informative: str | tuple[str, ...] = ()
    partitions: int = 1
    send: bool = True
    bus: Bus | None = None  # whose log is decided while this runs; None: nobody decides now
    log_clock: Clock | None = None  # whose time goes to that log, however the other one is set; None: the other one's
    reloader: Reloader | None = None  # None: subjects cannot be changed here
    rescoring: Rescoring | None = None  # None: nothing can be rescored here
    in_force: InForce | None = None  # None: what is in force is not known here
    letters: Letters | None = None  # None: there are no dead letters here
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    traces: Traces = field(default_factory=Traces)
    answers: Answers = field(default_factory=Answers)
    watch: Watch = field(default_factory=Watch)

    @property
    def desk(self) -> Desk:
        """What people's acts need."""
        subjects = {subject.name: subject for subject in self.settings.subjects}
        return Desk(self.partitions, Told(subjects, self.settings.receivers, self.settings.public_url, self.send))


async def _state(request: Request) -> ApiState:
    state: ApiState = request.app.state.api
    return state


def _moment(text: object) -> int:
    """An RFC 3339 query value as micros; a `+` that arrived as a space is meant as one."""
    with suppress(msgspec.MsgspecError, ValueError):
        at = _time(msgspec.json.encode(_LOST_PLUS.sub("+", str(text))))
        if at.tzinfo is not None:
            return micros(at)
    raise ValueError("must be an RFC 3339 time with an offset such as 2026-11-22T08:30:00+08:00")


Api = Annotated[ApiState, Depends(_state)]
Moment = Annotated[int, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
Limit = Annotated[int, Query(ge=1, le=200, description="how many at most")]


def cursor_of(cursors: Cursors) -> Any:
    """The query parameter of a list's cursors; the pattern lets /openapi.json say which are taken."""
    return Query(pattern=cursors.pattern, description="`next_cursor` of the page before")


@contextmanager
def our_cursor() -> Iterator[None]:
    """A cursor we did not give is 422."""
    try:
        yield
    except ValueError as error:
        raise Refusal(422, f"cursor: {error}") from error


@asynccontextmanager
async def listing(api: ApiState) -> AsyncIterator[tuple[ReadUnit, int]]:
    """One snapshot for a list, with the newest change it knows."""
    async with api.store.read() as unit:
        yield unit, await unit.alerts.newest_seq()


def answer(body: object, status: int = 200, *, etag: str | None = None) -> Response:
    """A JSON answer."""
    return encoded(msgspec.json.encode(body), status, etag=etag)


def encoded(body: bytes, status: int = 200, *, etag: str | None = None) -> Response:
    """An answer that is JSON already; what anybody may see differs by key, so only the caller keeps it."""
    headers = {"Cache-Control": "private, no-cache"} | ({"ETag": etag} if etag else {})
    return Response(body, status, headers, JSON)


def page(found: Page[Any], seq: int, wire: Callable[[Any], object]) -> dict[str, object]:
    """The shape of every list."""
    return {"items": [wire(item) for item in found.items], "next_cursor": found.next_cursor, "seq": seq}


def unchanged(request: Request, etag: str) -> Response | None:
    """304, when the caller already has it."""
    sent = request.headers.get("if-none-match")
    if sent is None:
        return None
    known = [tag.strip().removeprefix("W/") for tag in sent.split(",")]
    if etag not in known and sent.strip() != "*":
        return None
    return Response(status_code=304, headers={"ETag": etag, "Cache-Control": "private, no-cache"})
