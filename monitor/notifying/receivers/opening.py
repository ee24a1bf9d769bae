"""From the settings to the receivers that send."""

from collections.abc import Callable, Iterable, Mapping

from monitor.errors import UsageError
from monitor.notifying.receivers.base import Receiver
from monitor.notifying.receivers.webhook import Webhook
from monitor.settings import Receiver as ReceiverSettings


def open_receivers(settings: Iterable[ReceiverSettings]) -> dict[str, Receiver]:
    """A receiver for each, by name; UsageError for a type that this release cannot send to."""
    return {one.name: _open(one) for one in settings}


class Receivers:
    """The open receivers of a service whose settings may change: those that stay the same stay open."""

    def __init__(self, settings: Iterable[ReceiverSettings]) -> None:
        self._settings = {one.name: one for one in settings}
        self.open = open_receivers(self._settings.values())

    def follow(self, settings: Iterable[ReceiverSettings], use: Callable[[Mapping[str, Receiver]], None]) -> Callable[[], None]:
        """Open what is new or different; what is returned gives them all to `use`."""
        wanted = {one.name: one for one in settings}
        kept = {name: self.open[name] for name, one in wanted.items() if self._settings.get(name) == one}
        opened = {name: kept[name] if name in kept else _open(one) for name, one in wanted.items()}

        def change() -> None:
            self._settings, self.open = wanted, opened
            use(opened)

        return change


def _open(settings: ReceiverSettings) -> Receiver:
    if settings.type != "webhook":
        raise UsageError(f"接收方 {settings.name}: 本版本还不能向 {settings.type} 发送, 请改用 type: webhook")
    try:
        return Webhook(settings)
    except ValueError as error:
        raise UsageError(f"接收方 {settings.name}: {error}") from error
