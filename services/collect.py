"""The collect role's clock: a tick on every partition of `mentions.scored` each minute, so that silence is heard too."""

import asyncio

from structlog.stdlib import BoundLogger

from monitor.bus.base import SCORED, Bus, Record
from monitor.clock import MINUTE, SECOND, Clock
from monitor.errors import BusFull, BusUnavailable
from monitor.mention import Tick, encode

_AGAIN = 1.0


async def tick_minutes(bus: Bus, clock: Clock, log: BoundLogger) -> None:
    """Append each whole minute once it has come; one that could not be written is followed by the next."""
    minute = clock.now() // MINUTE
    while True:
        wait = (minute + 1) * MINUTE - clock.now()
        if wait > 0:
            await asyncio.sleep(min(wait / SECOND, _AGAIN))
            continue
        minute = clock.now() // MINUTE
        value = encode(Tick(at=minute * MINUTE))
        try:
            for partition in range(bus.partitions(SCORED)):
                once = f"tick/{partition}/{minute}"
                await bus.append(SCORED, [Record(key=b"", value=value, kind="tick", partition=partition)], once=once)
        except (BusUnavailable, BusFull) as error:
            log.warning("tick not written", error=str(error))
