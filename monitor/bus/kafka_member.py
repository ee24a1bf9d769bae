"""
A member of a Kafka group: it takes part in the sharing out of partitions, and reads nothing.

The consumer behind it is kept polling with every partition paused: one that pauses its polling, or has no partition, is thrown out and
never let in again (aiokafka #1187). An error that it does not get over by itself ends it, and a new one joins.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition, errors
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

from monitor.bus.kafka_wire import NEVER, WITHIN, bounded, cut, hang_up, unavailable
from monitor.bus.membership import Holding
from monitor.clock import SECOND
from monitor.errors import Reassigned, UsageError

AGAIN = 1.0
POLL = 500  # ms
LET_GO = 2.0
REFUSED = (errors.InvalidSessionTimeoutError, errors.InconsistentGroupProtocolError, errors.InvalidGroupIdError)


class KafkaMember(Holding, ConsumerRebalanceListener):  # type: ignore[misc]  # the library has no types
    """One membership; `group` and `topic` by their names on Kafka."""

    def __init__(
        self, options: Mapping[str, Any], group: str, topic: str, session: int, *, on_leave: Callable[[], object] = lambda: None
    ) -> None:
        super().__init__()
        self._on_leave = on_leave
        self._options, self._group, self._topic, self._session = options, group, topic, session // (SECOND // 1000)
        self._consumer: Any = None
        self._task = asyncio.get_running_loop().create_task(self._keep(), name=f"kafka-member-{group}")

    async def leave(self) -> None:
        """Let go, at once for the others."""
        self._on_leave()
        self._task.cancel()
        await asyncio.wait([self._task])
        self.hold(())

    async def commit(self, positions: Mapping[int, int]) -> None:
        """As the owner of these partitions: Reassigned when one of them is not, whatever the broker still believes."""
        consumer = self._consumer
        if consumer is None or not positions.keys() <= self.held.partitions:
            raise Reassigned(f"{self._group} works on {sorted(self.held.partitions)} of {self._topic}, not on {sorted(positions)}")
        # Whoever waits may be cut off, and aiokafka would then leave an error behind that nobody looks at
        committing = asyncio.ensure_future(_committed(consumer, {TopicPartition(self._topic, one): at for one, at in positions.items()}))
        committing.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            await asyncio.shield(committing)
        except (errors.CommitFailedError, errors.IllegalStateError) as error:
            raise Reassigned(f"{self._group} was shared out anew: {error}") from error
        except (errors.KafkaError, TimeoutError) as error:
            raise unavailable(error) from error

    async def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:  # noqa: ARG002 - all of them, always
        """Before partitions are shared out anew."""
        self.hold(())

    async def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """They are ours now; nothing of them is to be fetched here."""
        if self._consumer is None:  # given out while we were leaving
            return
        places = list(assigned)
        self._consumer.pause(*places)
        self.trouble = None
        self.hold(place.partition for place in places)

    async def _keep(self) -> None:
        """Be a member, again and again, until cancelled or refused for good."""
        while True:
            try:
                await self._belong()
            except REFUSED as error:
                self.refuse(UsageError(
                    f"Kafka 不让消费组 {self._group} 这样加入 ({error}); kafka.session_timeout 是 {self._session / 1000:g} 秒, "
                    "要在 broker 的 group.min.session.timeout.ms 与 group.max.session.timeout.ms 之间 (默认 6 秒到 30 分钟)"
                ))  # fmt: skip
                return
            except (errors.KafkaError, TimeoutError, OSError) as error:
                self.trouble = str(unavailable(error))
                if isinstance(error, NEVER):
                    await asyncio.sleep(WITHIN)
            self.hold(())
            await asyncio.sleep(AGAIN)

    async def _belong(self) -> None:
        consumer = self._consumer = AIOKafkaConsumer(
            **self._options, group_id=self._group, enable_auto_commit=False, session_timeout_ms=self._session,
            heartbeat_interval_ms=max(self._session // 5, 100), max_poll_interval_ms=max(self._session, 300_000),
            partition_assignment_strategy=(StickyPartitionAssignor,), auto_offset_reset="earliest",
        )  # fmt: skip
        try:
            consumer.subscribe([self._topic], listener=self)
            async with asyncio.timeout(WITHIN):
                await _begun(consumer)
            while True:
                await consumer.getmany(timeout_ms=POLL)
        finally:
            self._consumer = None
            self.hold(())
            if not await bounded(consumer.stop(), LET_GO):
                await _cut(consumer)


async def _committed(consumer: Any, positions: Mapping[Any, int]) -> None:
    async with asyncio.timeout(WITHIN):
        await consumer.commit(positions)


async def _begun(consumer: Any) -> None:
    try:
        await consumer.start()
    except BaseException as error:
        hang_up(error)
        raise


async def _cut(consumer: Any) -> None:
    """End the tasks that a consumer leaves behind when its stop hangs: a heartbeat would keep its partitions from the others."""
    of, fetcher = consumer._coordinator, consumer._fetcher  # noqa: SLF001 - aiokafka has no other way
    joining = (of._coordination_task, of._heartbeat_task, of._commit_refresh_task) if of else ()  # noqa: SLF001
    fetching = (fetcher._fetch_task, *fetcher._pending_tasks) if fetcher else ()  # noqa: SLF001
    await cut(consumer._client, *joining, *fetching)  # noqa: SLF001
