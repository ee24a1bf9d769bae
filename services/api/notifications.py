"""Notifications: what was sent, what waits, and how every try ended."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Response

from monitor.clock import rfc3339
from monitor.notifying.notification import Attempt, Notification, NotificationState
from monitor.store.outbox import CURSORS
from services.api.auth import Reader
from services.api.schemas import PROBLEMS, NotificationPage
from services.api.state import Api, Limit, answer, cursor_of, listing, our_cursor, page

Cursor = Annotated[str | None, cursor_of(CURSORS)]

router = APIRouter(tags=["notifications"])


@router.get("/v1/notifications", responses={200: {"model": NotificationPage}, **PROBLEMS})
async def list_notifications(
    *, api: Api, _: Reader, receiver: str | None = None, alert: str | None = None, state: NotificationState | None = None,
    limit: Limit = 50, cursor: Cursor = None,
) -> Response:  # fmt: skip
    """Notifications with their attempts, newest first."""
    with our_cursor():
        async with listing(api) as (unit, seq):
            found = await unit.outbox.page(receiver=receiver, alert=alert, state=state, limit=limit, cursor=cursor)
    return answer(page(found, seq, _wire))


def _wire(row: tuple[Notification, list[Attempt]]) -> dict[str, object]:
    one, attempts = row
    waits = one.state == "pending"
    return {
        "id": one.id, "alert": one.alert, "receiver": one.receiver, "type": one.type, "state": one.state,
        "created_at": rfc3339(one.created_at), "attempts": [_attempt(attempt) for attempt in attempts],
        "next_try_at": rfc3339(one.next_try_at or one.created_at) if waits else None,
    }  # fmt: skip


def _attempt(attempt: Attempt) -> dict[str, object]:
    return msgspec.structs.asdict(attempt) | {"at": rfc3339(attempt.at)}
