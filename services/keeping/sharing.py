"""
Who works on which partitions: a role has a worker on each partition of its topic that this process holds, whatever the bus.

A worker begins when its partition is assigned, from where the group has come, and ends when it is lost. What a worker still does
then, somebody else may do too: its effects are guarded by a position in the store, or are idempotent.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar

from structlog.stdlib import BoundLogger

from monitor.bus.base import Assignment, Bus, Member

NOTHING = Assignment(0, frozenset())
LOOK = 2.0  # seconds between looks whether we can take part
END_WITHIN = 3.0  # seconds; a commit under way is finished first


class Worker(Protocol):
    """What works on one partition."""

    @property
    def waits(self) -> str | None:
        """Why it cannot work now."""
        ...

    @property
    def progress(self) -> object:
        """What is another value whenever it has done something."""
        ...

    @property
    def offset(self) -> int:
        """The next record it takes."""
        ...

    async def run(self) -> None:
        """For ever."""
        ...


W = TypeVar("W", bound=Worker)


class Sharing(Generic[W]):
    """
    The workers of one role in this process.

    `keep`: for so many seconds after partitions are called back to be shared out anew the workers go on, and those whose partition
    comes back have never stopped; 0: each begins again.
    """

    def __init__(self, bus: Bus, role: str, topic: str, make: Callable[[int], W], log: BoundLogger, *, keep: float = 0.0) -> None:
        self._bus, self.role, self.topic, self._make, self._log, self._keep = bus, role, topic, make, log, keep
        self._workers: dict[int, W] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._member: Member | None = None
        self._told: str | None = None

    @property
    def workers(self) -> Mapping[int, W]:
        """By partition."""
        return self._workers

    @property
    def waits(self) -> str | None:
        """Why some of the work is not done now."""
        waiting = [worker.waits for worker in self._workers.values() if worker.waits]
        trouble = self._member.trouble if self._member else None
        return waiting[0] if waiting else trouble

    async def run(self) -> None:
        """Work on what is held, for ever; raises what one of the workers dies of."""
        member = self._member = await self._bus.join(self.role, self.topic)
        try:
            held = NOTHING
            while True:
                held = await self._changed(member, held)
                if not held.partitions and self._keep:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._keep):
                            held = await self._changed(member, held)
                await self._end([one for one in self._tasks if not self._keep or one not in held.partitions])
                self._begin(held.partitions)
        finally:
            await self._end(list(self._tasks))
            await member.leave()

    async def _changed(self, member: Member, held: Assignment) -> Assignment:
        """The next assignment; what a worker died of, when that comes first."""
        changing = asyncio.ensure_future(member.changed(held))
        try:
            done: set[asyncio.Future[Any]] = set()
            while not done:
                done, _ = await asyncio.wait([changing, *self._tasks.values()], timeout=LOOK, return_when=asyncio.FIRST_COMPLETED)
                self._tell(member.trouble)
            for partition, task in self._tasks.items():
                if task.done():
                    task.result()
                    raise AssertionError(f"the worker of {self.topic}/{partition} ended by itself")
            return await changing
        finally:
            changing.cancel()

    def _tell(self, trouble: str | None) -> None:
        """What keeps us from taking part stands in the log, once: nobody may be asking /readyz."""
        if trouble and trouble != self._told:
            self._log.warning("cannot take part", role=self.role, topic=self.topic, error=trouble)
        self._told = trouble

    def _begin(self, partitions: Iterable[int]) -> None:
        new = sorted(set(partitions) - self._tasks.keys())
        for partition in new:
            worker = self._workers[partition] = self._make(partition)
            self._tasks[partition] = asyncio.create_task(worker.run(), name=f"{self.role} {partition}")
        if new:
            self._log.info("partitions taken", topic=self.topic, partitions=new)

    async def _end(self, partitions: list[int]) -> None:
        tasks = [self._tasks.pop(partition) for partition in partitions]
        for partition in partitions:
            del self._workers[partition]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=END_WITHIN)
            self._log.info("partitions let go", topic=self.topic, partitions=sorted(partitions))
        for task in tasks:
            if task.done() and not task.cancelled():
                task.exception()  # seen: it was on its way out
