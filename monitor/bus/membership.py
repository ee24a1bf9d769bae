"""Who works on which partitions: what every kind of member remembers of it, and the member that has no others beside it."""

import asyncio
from collections.abc import Iterable

from monitor.bus.base import Assignment
from monitor.errors import UsageError


class Holding:
    """The newest assignment, and a way to wait for the next."""

    def __init__(self) -> None:
        self.held = Assignment(0, frozenset())
        self.trouble: str | None = None
        self._refused: UsageError | None = None
        self._moved = asyncio.Event()

    def hold(self, partitions: Iterable[int]) -> None:
        """From now on these; to hold nothing still is no change."""
        held = frozenset(partitions)
        if not held and not self.held.partitions:
            return
        self.held = Assignment(self.held.turn + 1, held)
        self._wake()

    def refuse(self, error: UsageError) -> None:
        """It can never take part by these settings: whoever waits is told so."""
        self._refused = error
        self._wake()

    async def changed(self, known: Assignment) -> Assignment:
        """Wait until it is not `known` any more."""
        while self.held == known:
            if self._refused is not None:
                raise self._refused
            await self._moved.wait()
        return self.held

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()


class Alone(Holding):
    """The only member there can be: all partitions, until it leaves."""

    def __init__(self, partitions: Iterable[int]) -> None:
        super().__init__()
        self.hold(partitions)

    async def leave(self) -> None:
        """Hold nothing; nobody takes over."""
        self.hold(())
