"""
Dead letters: what can never be processed, kept with its origin and its reason, whole unless no log of this size can hold it.

A log is never edited. So what people do about a letter is a record of the same topic, behind the letter: a Mark that says it was put
back or dropped. Both have the letter's origin as their key, so they lie in one partition, in order.
"""

from base64 import b32encode, b64decode, b64encode
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from typing import Literal

import msgspec

from monitor.bus.base import DEAD, Bus, Outcome, Record, RecordKind, Stored
from monitor.errors import TooLarge
from monitor.metrics import DeadReason, Metrics
from monitor.records import BROKEN

MarkWord = Literal["replayed", "dropped"]
_LONGEST = 2_000  # of an error: the traceback is in the log
_READ = 1_000
_LOOKED = 10_000  # records of a partition of the dead, the newest: how far back `lately` looks


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """
    A record of `mentions.dead`: `raw` is base64 of the bytes as they came, never changed.

    `origin` names the place: topic/partition/offset (those stand apart, too), or FILE:LINE, or the item of a source. `first_at` and
    `last_at` (micros; 0: only when the letter was stored is known) are of the first and the last try, `version` is the code that tried.
    `cut`: what the log takes is less than so many bytes, and `raw` is only their beginning.
    """

    v: int = 1
    topic: str
    origin: str
    reason: DeadReason
    error: str
    attempts: int = 1
    raw: str
    kind: RecordKind = "mention"
    partition: int | None = None
    offset: int | None = None
    first_at: int = 0
    last_at: int = 0
    version: str = ""
    cut: int = 0

    @property
    def id(self) -> str:
        """The same for one origin however often it was put aside."""
        return letter_id(self.origin)

    @property
    def content(self) -> bytes:
        """The bytes as they came; of a cut one those that are kept."""
        return b64decode(self.raw)


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A record of `mentions.dead`: what somebody did about the letter of that id, when (micros), in whose name."""

    v: int = 1
    mark: MarkWord
    letter: str
    at: int
    actor: str
    by: str | None = None


class Tried(msgspec.Struct, frozen=True):
    """How often a record was tried before it was given up, from when to when (micros, 0 unknown)."""

    attempts: int = 1
    first_at: int = 0
    last_at: int = 0


class _Peek(msgspec.Struct):
    mark: str = ""


ONCE = Tried()


def letter_id(origin: str) -> str:
    """The id of the letter of an origin: 50 bits in the 11 columns that a narrow table has for it."""
    digest = blake2b(origin.encode("utf-8", "surrogatepass"), digest_size=10).digest()
    return f"d{b32encode(digest).decode().lower()[:10]}"


async def bury(bus: Bus, metrics: Metrics, record: Stored, reason: DeadReason, error: str, tried: Tried = ONCE) -> None:
    """Put one record of the bus aside, once however often it is read again; durable when this returns. BusUnavailable: try again."""
    letter = DeadLetter(
        topic=record.topic, origin=f"{record.topic}/{record.partition}/{record.offset}", reason=reason, error=error[:_LONGEST],
        raw=b64encode(record.value).decode(), kind=record.kind, partition=record.partition, offset=record.offset, version=our_version(),
        attempts=tried.attempts, first_at=tried.first_at, last_at=tried.last_at,
    )  # fmt: skip
    await _put(bus, metrics, letter)


async def bury_bytes(
    bus: Bus, metrics: Metrics, topic: str, origin: str, raw: bytes, reason: DeadReason, error: str, tried: Tried = ONCE
) -> None:
    """Put bytes aside that have no place in the bus (a line of a file), once for each origin; durable when this returns."""
    letter = DeadLetter(
        topic=topic, origin=origin, reason=reason, error=error[:_LONGEST], raw=b64encode(raw).decode(), version=our_version(),
        attempts=tried.attempts, first_at=tried.first_at, last_at=tried.last_at,
    )  # fmt: skip
    await _put(bus, metrics, letter)


async def _put(bus: Bus, metrics: Metrics, letter: DeadLetter) -> None:
    outcomes: list[Outcome] = []
    while not outcomes:
        try:
            outcomes = await bus.append(DEAD, [_record(letter.origin, letter)], once=letter.origin)
        except TooLarge:
            letter = _shortened(letter)
    if outcomes[0] is Outcome.ACCEPTED:
        metrics.dead_letters_total.labels(letter.topic, letter.reason).inc()


def _shortened(letter: DeadLetter) -> DeadLetter:
    """Half of a letter that no log of this size can hold: better than a role that waits for ever, or nothing."""
    content = letter.content
    if not content:
        return msgspec.structs.replace(letter, error=letter.error[: len(letter.error) // 2])
    half = b64encode(content[: len(content) // 2]).decode()
    return msgspec.structs.replace(letter, raw=half, cut=letter.cut or len(content))


def mark_record(letter: DeadLetter, mark: Mark) -> Record:
    """The mark as it is appended behind its letter."""
    return _record(letter.origin, mark)


def read_record(value: bytes) -> DeadLetter | Mark | None:
    """A record of `mentions.dead`; None for what no release of ours wrote."""
    try:
        return _mark(value) if _peek(value).mark else _letter(value)
    except BROKEN:
        return None


async def put_aside(bus: Bus, topic: str) -> Mapping[int, set[int]]:
    """The offsets of a topic's records that are among the dead, by partition: also of those put back, as they stand elsewhere now."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    for place, (low, end) in (await bus.bounds(DEAD)).items():
        offset = low
        while offset < end and (records := await bus.read(DEAD, place, offset, _READ)):
            for letter in (read_record(record.value) for record in records):
                if isinstance(letter, DeadLetter) and letter.topic == topic and letter.partition is not None and letter.offset is not None:
                    found[letter.partition].add(letter.offset)
            offset = records[-1].offset + 1
    return found


async def lately(bus: Bus, topic: str, partition: int, before: int, count: int) -> set[int]:
    """
    Of the last `count` offsets of a partition before one: those that failed by our own fault and that nobody has seen to yet.

    So a process that is started again knows how the one before it fared.
    """
    failed: dict[str, int] = {}
    for place, (low, end) in (await bus.bounds(DEAD)).items():
        offset = max(low, end - _LOOKED)
        while offset < end and (records := await bus.read(DEAD, place, offset, _LOOKED)):
            for found in (read_record(record.value) for record in records):
                if isinstance(found, Mark):
                    failed.pop(found.letter, None)
                elif found and found.reason == "failed" and (found.topic, found.partition) == (topic, partition):
                    failed[found.id] = -1 if found.offset is None else found.offset
            offset = records[-1].offset + 1
    return {offset for offset in failed.values() if before - count <= offset < before}


@cache
def our_version() -> str:
    """The code that runs here."""
    return version("yuqing")


def _record(origin: str, what: DeadLetter | Mark) -> Record:
    return Record(key=origin.encode("utf-8", "surrogatepass"), value=msgspec.json.encode(what), kind="dead")


_peek = msgspec.json.Decoder(_Peek).decode
_letter = msgspec.json.Decoder(DeadLetter).decode
_mark = msgspec.json.Decoder(Mark).decode
