"""A Notification: one message to one receiver, as it waits in the outbox; and the Attempts made to send it."""

from typing import Literal

import msgspec

NotificationState = Literal["pending", "sent", "merged", "disabled", "dead"]


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """
    One message to one receiver. Moments in micros; `next_try_at` 0: at once, `first_try_at` 0: never tried.

    `id` is the webhook-id and `body` the bytes sent: both stay the same over every retry and restart. `n` orders the messages of one
    (alert, receiver); `upto` is the last transition it covers. `alert` is empty in messages about a receiver itself.
    """

    id: str
    alert: str
    receiver: str
    type: str
    n: int
    upto: int
    body: bytes
    created_at: int
    state: NotificationState = "pending"
    tries: int = 0
    next_try_at: int = 0
    first_try_at: int = 0


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try to send a notification: when, what the other side answered, how long it took. `status` None: no answer at all."""

    notification: str
    at: int
    status: int | None
    code: str
    seconds: float
    excerpt: str
