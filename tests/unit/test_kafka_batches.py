"""Batches as brokers hand them out, written by clients that we do not know."""

import struct

import pytest
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from monitor.bus.kafka_batches import unpacked

CRC, COVERED = 17, 21  # where a batch has its checksum, and where begins what it covers


def a_batch(first: int, values: list[bytes], rename: bytes = b"head") -> bytes:
    """A batch of records with a header each, whose name is then other bytes, as another client writes them."""
    builder = DefaultRecordBatchBuilder(2, 0, True, -1, -1, 0, 100_000)
    for number, value in enumerate(values):
        builder.append(number, 1, b"k", value, [("head", b"h"), ("kind", b"tick")])
    made = bytearray(bytes(builder.build()).replace(b"head", rename))
    made[:8] = struct.pack(">q", first)
    made[CRC:COVERED] = struct.pack(">I", calc_crc32c(bytes(made[COVERED:])))
    return bytes(made)


@pytest.mark.parametrize("name", [b"head", b"\xff\xfe\xfd\xfc", b"a\xc3b\x80"])
def test_headers_may_be_named_by_any_bytes(name: bytes) -> None:
    """Every record before, in and behind such a batch is read, with its offset, bytes and our own headers."""
    body = a_batch(5, [b"a", b"b"]) + a_batch(7, [b"c", b"", b"e"], name) + a_batch(10, [b"f"])
    found = unpacked(body, 6)
    assert [(record.offset, record.value) for record in found] == [(6, b"b"), (7, b"c"), (8, b""), (9, b"e"), (10, b"f")]
    assert all((record.key, record.headers[0][1], record.headers[1]) == (b"k", b"h", ("kind", b"tick")) for record in found)


def test_a_damaged_batch_is_told() -> None:
    """Never read as something else; what lies before it is handed out, and then asking for it tells."""
    body = bytearray(a_batch(0, [b"a"]) + a_batch(1, [b"b"], b"\xff\xfe\xfd\xfc"))
    body[-1] ^= 1
    assert [record.value for record in unpacked(bytes(body), 0)] == [b"a"]
    with pytest.raises(CorruptRecordException):
        unpacked(bytes(body), 1)


def test_nothing_is_nothing() -> None:
    """An answer without a batch, and one that the broker cut off in the middle of the first."""
    assert unpacked(b"", 0) == []
    assert unpacked(a_batch(0, [b"a"])[:-3], 0) == []
