"""The minute on the log: whoever decides a partition appends the tick to it, and acts when it is read back."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from structlog.stdlib import BoundLogger

from monitor.bus.base import SCORED, Bus, Record
from monitor.clock import MINUTE, SECOND, Clock
from monitor.errors import BusError
from monitor.mention import Tick, encode
from services.escalate import Escalator

_AGAIN = 1.0


async def tick_minutes(bus: Bus, partition: int, clock: Clock, decided: Callable[[], int], log: BoundLogger) -> None:
    """
    Append each whole minute once it has come, for ever; one that could not be written, or had no room, is followed by the next.

    `decided`: the offset to decide next. While the tick before has not been read back none is added: who is behind needs no more of them.
    Two owners of one partition, for a moment, may both tick: the second of a minute changes nothing.
    """
    minute, last = clock.now() // MINUTE, 0
    while True:
        wait = (minute + 1) * MINUTE - clock.now()
        if wait > 0:
            await asyncio.sleep(min(wait / SECOND, _AGAIN))
            continue
        minute = clock.now() // MINUTE
        if decided() < last:
            continue
        try:
            value = encode(Tick(at=minute * MINUTE))
            await bus.append(SCORED, [Record(key=b"", value=value, kind="tick", partition=partition)])
            last = (await bus.bounds(SCORED))[partition][1]
        except BusError as error:
            log.warning("tick not written", partition=partition, error=str(error))


class Deciding:
    """An escalator with the minutes of its partition."""

    def __init__(self, escalator: Escalator, ticks: Callable[[Escalator], Coroutine[Any, Any, None]]) -> None:
        self.escalator, self._ticks = escalator, ticks

    @property
    def waits(self) -> str | None:
        """Why it cannot work now."""
        return self.escalator.waits

    @property
    def progress(self) -> tuple[int, int]:
        """As of its escalator."""
        return self.escalator.progress

    @property
    def offset(self) -> int:
        """The next record to decide."""
        return self.escalator.offset

    async def run(self) -> None:
        """For ever; raises what either dies of."""
        tasks = [asyncio.create_task(self.escalator.run()), asyncio.create_task(self._ticks(self.escalator))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
