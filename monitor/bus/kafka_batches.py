"""
What a fetch brings: batches of records.

Anybody may write to a topic, with a client that takes any bytes for the name of a header. aiokafka insists on UTF-8 and reads nothing of
such a batch, so it is read a second time with its plain Python reader over a buffer that decodes everything.
"""

from typing import Any, SupportsIndex

from aiokafka import errors
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_OFFSET, _HEAD = 8, 12  # a batch begins with its first offset and with how many bytes follow


def unpacked(body: bytes, offset: int) -> list[Any]:
    """The records of a fetched run of batches, from `offset` on, up to a damaged one; CorruptRecordException where none come before it."""
    found: list[Any] = []
    batches, at = MemoryRecords(body or b""), 0
    while batches.has_next():
        batch = batches.next_batch()
        size = _HEAD + int.from_bytes(body[at + _OFFSET : at + _HEAD], "big")
        if not batch.validate_crc():
            if found and found[-1].offset >= offset:
                break
            raise errors.CorruptRecordException(f"at {batch.base_offset}")
        if not batch.is_control_batch:
            found += _records(batch, memoryview(body)[at : at + size])
        at += size
    return found if not found or found[0].offset >= offset else [record for record in found if record.offset >= offset]


def _records(batch: Any, raw: memoryview) -> list[Any]:
    try:
        return list(batch)
    except UnicodeDecodeError:
        return list(_AnyHeaders(raw))


class _Lenient(bytearray):
    """Bytes of which every part decodes."""

    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        found = super().__getitem__(at)
        return _Lenient(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)


class _AnyHeaders(_DefaultRecordBatchPy):  # type: ignore[misc]  # the library has no types
    """A batch whose headers may be named by any bytes."""

    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Lenient(self._buffer)
