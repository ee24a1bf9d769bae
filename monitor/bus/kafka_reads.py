"""Reading from Kafka: records from any offset, the bounds of partitions, the positions of groups."""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiokafka import errors
from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest

from monitor.bus.base import Gap
from monitor.bus.kafka_batches import unpacked
from monitor.bus.kafka_wire import WITHIN, Wire
from monitor.errors import Reassigned

FETCH_BYTES = 1 << 20  # of one answer; a record that is larger comes all the same, alone
RECORD_BYTES = 2_048  # what one record is taken for when only a few are wanted
SIT = 2.0  # seconds: the longest that a broker is asked to wait for news
AHEAD = 64  # answers of which a rest is kept, each at most FETCH_BYTES
GLANCE = 0.2
OLDEST, NEWEST = -2, -1  # Kafka's words for the ends of a partition, in place of a time
NOT_OURS = (errors.UnknownMemberIdError, errors.IllegalGenerationError, errors.RebalanceInProgressError)
Place = tuple[str, int]


class Reads:
    """Everything that is read; topics by their names on Kafka. `notice` is told of each gap."""

    def __init__(self, wire: Wire, notice: Callable[[Gap], object]) -> None:
        self._wire, self._notice = wire, notice
        self._ahead: OrderedDict[tuple[Place, int], list[Any]] = OrderedDict()

    async def records(self, place: Place, offset: int, limit: int, wait: float) -> list[Any]:
        """The records from `offset` on as aiokafka has them, see Bus.read."""
        if limit <= 0:
            return []
        found = self._ahead.pop((place, offset), None) or await self._arrived(place, offset, limit, wait)
        if len(found) > limit:
            self._ahead[place, found[limit].offset] = found[limit:]
            if len(self._ahead) > AHEAD:
                self._ahead.popitem(last=False)
        return found[:limit]

    async def _arrived(self, place: Place, offset: int, limit: int, wait: float) -> list[Any]:
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        size = min(limit * RECORD_BYTES, FETCH_BYTES)
        while True:
            sit = max(0.0, min(until - loop.time(), SIT))
            found = await self._wire.until_answered(lambda sit=sit: self._fetch(place, offset, size, sit), WITHIN + sit)  # type: ignore[misc]
            if found or loop.time() >= until:
                return found

    async def _fetch(self, place: Place, offset: int, size: int, sit: float) -> list[Any]:
        topic, partition = place
        node = await self._wire.leader(topic, partition)
        request = FetchRequest(int(sit * 1000), 1, size, 0, [(topic, [(partition, offset, size)])])
        response = await (self._wire.listen if sit else self._wire.ask)(node, request)
        _check(response, f"{topic}/{partition}")
        ((_, code, *_, body),) = response.topics[0][1]
        error = errors.for_code(code)
        if error is errors.OffsetOutOfRangeError:
            return await self._outside(place, offset, size, sit)
        if code:
            raise error(f"{topic}/{partition}")
        return unpacked(body, offset)

    async def _outside(self, place: Place, offset: int, size: int, sit: float) -> list[Any]:
        """Retention has passed the position by: from the oldest kept on. Beyond the end there is nothing yet."""
        topic, partition = place
        low, _ = (await self._bounds(topic, [partition]))[partition]
        if offset >= low:
            await asyncio.sleep(min(sit, GLANCE))
            return []
        self._notice(Gap(topic, partition, offset, low))
        return await self._fetch(place, low, size, sit)

    async def bounds(self, topic: str, partitions: Sequence[int]) -> dict[int, tuple[int, int]]:
        """For each partition its oldest and its next offset."""
        return await self._wire.until_answered(lambda: self._bounds(topic, partitions))

    async def _bounds(self, topic: str, partitions: Sequence[int]) -> dict[int, tuple[int, int]]:
        led = defaultdict(list)
        for partition in partitions:
            led[await self._wire.leader(topic, partition)].append(partition)
        low: dict[int, int] = {}
        end: dict[int, int] = {}
        for ends, moment in ((low, OLDEST), (end, NEWEST)):
            for node, here in led.items():
                request = OffsetRequest(-1, 0, [(topic, [(partition, moment) for partition in here])])
                for partition, code, *_, offset in (await self._wire.ask(node, request)).topics[0][1]:
                    if code:
                        raise errors.for_code(code)(f"{topic}/{partition}")
                    ends[partition] = offset
        return {partition: (low[partition], end[partition]) for partition in partitions}

    async def taken(self, group: str, topic: str, partitions: Sequence[int]) -> dict[int, int]:
        """What was committed for a group."""
        return await self._wire.until_answered(lambda: self._taken(group, topic, partitions))

    async def _taken(self, group: str, topic: str, partitions: Sequence[int]) -> dict[int, int]:
        node = await self._wire.coordinator(group)
        response = await self._wire.ask(node, OffsetFetchRequest(group, [(topic, list(partitions))]))
        _check(response, group)
        found = {}
        for partition, offset, _, code in response.topics[0][1]:
            if code:
                raise errors.for_code(code)(group)
            found[partition] = max(offset, 0)  # -1: never
        return found

    async def members(self, group: str) -> int:
        """How many members a group has."""
        return await self._wire.until_answered(lambda: self._count(group))

    async def _count(self, group: str) -> int:
        ((code, *_, members),) = (await self._wire.ask(await self._wire.coordinator(group), DescribeGroupsRequest([group]))).groups
        if code:
            raise errors.for_code(code)(group)
        return len(members)

    async def take(self, group: str, topic: str, positions: Mapping[int, int]) -> None:
        """Commit for a group that has no members; Reassigned when it has some."""
        await self._wire.until_answered(lambda: self._take(group, topic, positions))

    async def _take(self, group: str, topic: str, positions: Mapping[int, int]) -> None:
        node = await self._wire.coordinator(group)
        request = OffsetCommitRequest(group, -1, "", -1, [(topic, [(partition, at, "") for partition, at in positions.items()])])
        for partition, code in (await self._wire.ask(node, request)).topics[0][1]:
            if errors.for_code(code) in NOT_OURS:
                raise Reassigned(f"{group} has members, and {topic}/{partition} is theirs")
            if code:
                raise errors.for_code(code)(group)


def _check(response: Any, what: str) -> None:
    """The error of a whole answer, which then has no topics."""
    if code := getattr(response, "error_code", 0):
        raise errors.for_code(code)(what)
