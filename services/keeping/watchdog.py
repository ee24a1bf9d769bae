"""
The progress watchdog: a worker that has records to take, and takes none though bus and store answer, has hung.

Clients of Kafka are known to stand still without a sign (aiokafka #1154, #625); whatever hangs, a new process does not. What is
waited for (a bus or a store out of reach) is no standstill: the worker says that it waits.
"""

import asyncio
from collections.abc import Mapping

from structlog.stdlib import BoundLogger

from monitor.bus.base import Bus
from monitor.errors import BusError, Stuck
from services.dead.failing import LINGER
from services.keeping.sharing import Worker

PATIENCE = 120.0  # seconds; longer than any batch, or the rebuilding of a desk, takes
LOOKS = 24  # of so many looks in a row none may see progress: a process that was itself held still has not looked


class Watchdog:
    """Watches the workers of one role; `stuck` tells why it stops the process."""

    def __init__(
        self, bus: Bus, role: str, topic: str, workers: Mapping[int, Worker], log: BoundLogger, *, patience: float = PATIENCE
    ) -> None:
        self._bus, self._role, self._topic, self._workers, self._log = bus, role, topic, workers, log
        self._every = patience / LOOKS
        self._seen: dict[int, tuple[int, object, int]] = {}  # partition -> (which worker, its progress, looks without any)
        self.waits: str | None = None

    async def run(self) -> None:
        """Look for ever; Stuck when a worker stands still."""
        while True:
            await asyncio.sleep(self._every)
            try:
                bounds = await self._bus.bounds(self._topic)
            except BusError:  # out of reach: whoever works there waits
                self._seen.clear()
                continue
            for partition in self._standing({partition: end for partition, (_, end) in bounds.items()}):
                self.waits = f"{self._topic}/{partition}: 有未处理的记录, 却很久没有进展; 进程停止, 由守护程序重新启动"
                offset = self._workers[partition].offset
                self._log.error("no progress", role=self._role, topic=self._topic, partition=partition, offset=offset)
                await asyncio.sleep(LINGER)
                raise Stuck(self.waits)

    def _standing(self, ends: Mapping[int, int]) -> list[int]:
        """The partitions where nothing has moved for too many looks."""
        seen = {}
        for partition, worker in self._workers.items():
            before = self._seen.get(partition)
            idle = worker.waits is not None or worker.offset >= ends[partition]
            same = before is not None and before[:2] == (id(worker), worker.progress)
            seen[partition] = (id(worker), worker.progress, before[2] + 1 if before and same and not idle else 0)
        self._seen = seen
        return [partition for partition, (_, _, looks) in seen.items() if looks >= LOOKS]
