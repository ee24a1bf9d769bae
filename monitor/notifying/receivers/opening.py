"""From the settings to the receivers that send."""

from collections.abc import Iterable

from monitor.errors import UsageError
from monitor.notifying.receivers.base import Receiver
from monitor.notifying.receivers.webhook import Webhook
from monitor.settings import Receiver as ReceiverSettings


def open_receivers(settings: Iterable[ReceiverSettings]) -> dict[str, Receiver]:
    """A receiver for each, by name; UsageError for a type that this release cannot send to."""
    return {one.name: _open(one) for one in settings}


def _open(settings: ReceiverSettings) -> Receiver:
    if settings.type != "webhook":
        raise UsageError(f"接收方 {settings.name}: 本版本还不能向 {settings.type} 发送, 请改用 type: webhook")
    try:
        return Webhook(settings)
    except ValueError as error:
        raise UsageError(f"接收方 {settings.name}: {error}") from error
