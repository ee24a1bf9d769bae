"""
A log that ends before a role's position was lost and made anew, or lost its end. Whoever waited there would pass by all that comes.

So it is named, and the role goes on at the oldest record kept: what it knows already counts once, as ever.
"""

from structlog.stdlib import BoundLogger

from monitor.bus.base import Bus
from monitor.metrics import Metrics

LOOK = 30.0  # seconds without a record after which it is looked at again


async def begun_again(bus: Bus, topic: str, partition: int, position: int) -> int | None:
    """The oldest offset of a log that ends before the position; None where there is nothing to mend."""
    if position == 0:
        return None
    low, end = (await bus.bounds(topic))[partition]
    return low if position > end else None


def tell_shortened(metrics: Metrics, log: BoundLogger, topic: str, partition: int, position: int, oldest: int) -> None:
    """Count it, and say it: the brokers' disks, or the file, were lost, and what was in them was decided or is gone."""
    metrics.bus_shortened_total.labels(topic).inc()
    log.error("the log ends before the position; going on at its oldest", topic=topic, partition=partition, position=position, next=oldest)
