"""Dead letters: what can never be processed, kept whole with its origin and its reason."""

from base64 import b64encode

import msgspec

from monitor.bus.base import DEAD, Bus, Record, Stored
from monitor.metrics import DeadReason, Metrics


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A record of `mentions.dead`; `raw` is base64 of its bytes, `origin` is topic/partition/offset or FILE:LINE."""

    v: int = 1
    topic: str
    origin: str
    reason: DeadReason
    error: str
    attempts: int = 1
    raw: str


async def bury(bus: Bus, metrics: Metrics, record: Stored, reason: DeadReason, error: str) -> None:
    """Put one record of the bus aside, once however often it is read again."""
    await bury_bytes(bus, metrics, record.topic, f"{record.topic}/{record.partition}/{record.offset}", record.value, reason, error)


async def bury_bytes(
    bus: Bus, metrics: Metrics, topic: str, origin: str, raw: bytes, reason: DeadReason, error: str
) -> None:
    """Put bytes aside that came from outside the bus (a line of a file), once for each origin."""
    letter = DeadLetter(topic=topic, origin=origin, reason=reason, error=error, raw=b64encode(raw).decode())
    await bus.append(DEAD, [Record(key=origin.encode(), value=msgspec.json.encode(letter), kind="dead")], once=origin)
    metrics.dead_letters_total.labels(topic, reason).inc()
