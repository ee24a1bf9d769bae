"""
The statements of the embedded log: what lies in `bus.db`, and how rows become records and back.

Records lie in batches, a row each: what one transaction appends to one partition. sqlite3 gives up the interpreter lock at every row
it steps over, and a thread that decides or scores is slow to give it back; so each statement here is one step, whatever the number
of records: batches travel as one value, lists as JSON, identities as one run of bytes.

An identity stands under the first partition of its topic. `arrival` keeps, a row for each transaction, which identities came when: an
index by time would cost half of all appends, for their random keys would have to be sorted in twice.
"""

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

import msgspec

from monitor.bus.base import DEAD, Stored, kept_for
from monitor.bus.sqlite_plan import Entry, Item, Log, Picture, Place, Plan
from monitor.settings import Retention

SHIFT = 1 << 40  # a batch's row id is log id * SHIFT + its last offset: one tree, in order, and a seek finds any offset
BATCH_RECORDS = 512
BATCH_BYTES = 1 << 20
FEW_BATCHES = 16
READ_BYTES = 16 << 20  # a read stops growing here, whatever its limit
EXPIRE_BATCHES = 64
EXPIRE_ARRIVALS = 16
EXPIRE_NAMES = 2_000
DIGEST = 16
SCHEMA = """
CREATE TABLE log (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL,
                  low INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL DEFAULT 0, UNIQUE (topic, partition));
CREATE TABLE batch (place INTEGER PRIMARY KEY, first INTEGER NOT NULL, stored_at INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE identity (log INTEGER NOT NULL, digest BLOB NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL,
                       PRIMARY KEY (log, digest)) WITHOUT ROWID;
CREATE TABLE arrival (id INTEGER PRIMARY KEY, log INTEGER NOT NULL, at INTEGER NOT NULL, digests BLOB NOT NULL);
CREATE TABLE once (topic TEXT NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (topic, name)) WITHOUT ROWID;
CREATE INDEX once_at ON once (at);
CREATE TABLE taken (grp TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, position INTEGER NOT NULL,
                    PRIMARY KEY (grp, topic, partition)) WITHOUT ROWID;
"""
LOGS = "SELECT json_group_array(json_array(id, topic, partition, low, next)) FROM log"
TAKEN = "SELECT json_group_array(json_array(grp, topic, partition, position)) FROM taken"
KNOWN = """
SELECT json_group_array(json_array(each.key, identity.version)) FROM json_each(?1) AS each
CROSS JOIN identity ON identity.log = ?2 AND identity.digest = substr(?3, 16 * each.key + 1, 16)
"""
NAMES = "SELECT json_group_array(name) FROM once WHERE topic = ? AND name IN (SELECT value FROM json_each(?))"
KEEP_IDENTITIES = """
INSERT INTO identity (log, digest, version, at) SELECT ?2, substr(?3, 16 * each.key + 1, 16), each.value, ?4
FROM json_each(?1) AS each WHERE true
ON CONFLICT (log, digest) DO UPDATE SET version = excluded.version, at = excluded.at
"""
TAKE = """
INSERT INTO taken (grp, topic, partition, position) VALUES (?, ?, ?, ?)
ON CONFLICT (grp, topic, partition) DO UPDATE SET position = excluded.position
"""
SIZES = """
SELECT json_group_array(json_array(place, size)) FROM (
    SELECT place, length(body) AS size FROM batch WHERE place BETWEEN ?1 AND ?2 AND first < ?3 ORDER BY place)
"""
BODIES = "SELECT first, stored_at, body FROM batch WHERE place BETWEEN ? AND ? ORDER BY place"
BODIES_AT_ONCE = """
SELECT group_concat(first || ' ' || stored_at || ' ' || hex(body)) FROM (
    SELECT first, stored_at, body FROM batch WHERE place BETWEEN ? AND ? ORDER BY place)
"""
PASSED = """
SELECT json_group_array(json_array(place, stored_at)) FROM (
    SELECT place, stored_at FROM batch WHERE place BETWEEN ? AND ? ORDER BY place LIMIT ?)
"""
FORGET_NAMES = "DELETE FROM once WHERE (topic, name) IN (SELECT topic, name FROM once WHERE at < ? LIMIT ?)"
ARRIVED = "SELECT id, log, digests FROM (SELECT * FROM arrival ORDER BY id LIMIT ?2) WHERE at < ?1"
FORGET_IDENTITIES = """
DELETE FROM identity WHERE log = ?1 AND at < ?2 AND digest IN (SELECT substr(?3, 16 * each.key + 1, 16) FROM json_each(?4) AS each)
"""
Batch = tuple[int, int, bytes]  # its first offset, when it was stored, its body
_entries = msgspec.msgpack.Decoder(list[Entry]).decode
_pack = msgspec.msgpack.Encoder().encode


def answer(connection: sqlite3.Connection, statement: str, values: Sequence[object] = ()) -> list[Any]:
    """The JSON array a statement answers in its only row."""
    (text,) = connection.execute(statement, values).fetchone()
    found: list[Any] = msgspec.json.decode(text)
    return found


def picture(connection: sqlite3.Connection, items: Sequence[Item]) -> Picture:
    """What the file holds now, of identities and names only those that the items bring."""
    positions: dict[tuple[str, str], dict[int, int]] = {}
    for group, topic, partition, position in answer(connection, TAKEN):
        positions.setdefault((group, topic), {})[partition] = position
    found = logs(connection)
    named = names(connection, {(item.topic, item.once) for item in items if item.once})
    return Picture(found, positions, _versions(connection, found, items), named)


def _json(values: object) -> str:
    return msgspec.json.encode(values).decode()


def logs(connection: sqlite3.Connection) -> dict[Place, Log]:
    """Every partition as it stands."""
    return {(topic, partition): Log(row, low, following) for row, topic, partition, low, following in answer(connection, LOGS)}


def _versions(connection: sqlite3.Connection, found: Mapping[Place, Log], items: Sequence[Item]) -> dict[tuple[str, bytes], int]:
    """The versions in the file of the identities that the items bring."""
    versions: dict[tuple[str, bytes], int] = {}
    for topic in {item.topic for item in items}:
        brought = [record.identity for item in items if item.topic == topic for record in item.records if record.identity]
        if brought:
            asked = (_json([0] * len(brought)), found[topic, 0].id, b"".join(brought))
            versions |= {(topic, brought[index]): version for index, version in answer(connection, KNOWN, asked)}
    return versions


def names(connection: sqlite3.Connection, brought: Collection[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """Those of the (topic, once) brought that the file has already."""
    found: set[tuple[str, str]] = set()
    for topic in {topic for topic, _ in brought}:
        asked = _json([name for name_topic, name in brought if name_topic == topic])
        found |= {(topic, name) for name in answer(connection, NAMES, (topic, asked))}
    return frozenset(found)


def store(connection: sqlite3.Connection, plan: Plan, now: int) -> None:
    """Write the plan; offsets go on where the partition stands."""
    for place, entries in plan.entries.items():
        log = plan.picture.logs[place]
        last = log.next - 1
        for batch in _cut(entries):
            first, last = last + 1, last + len(batch)
            values = (log.id * SHIFT + last, first, now, _pack(batch))
            connection.execute("INSERT INTO batch (place, first, stored_at, body) VALUES (?, ?, ?, ?)", values)
        connection.execute("UPDATE log SET next = ? WHERE id = ?", (last + 1, log.id))
    for topic in {topic for topic, _ in plan.versions}:
        kept = {digest: version for (name, digest), version in plan.versions.items() if name == topic}
        log_id, digests = plan.picture.logs[topic, 0].id, b"".join(kept)
        connection.execute(KEEP_IDENTITIES, (_json(list(kept.values())), log_id, digests, now))
        connection.execute("INSERT INTO arrival (log, at, digests) VALUES (?, ?, ?)", (log_id, now, digests))
    for name in plan.names:
        connection.execute("INSERT INTO once (topic, name, at) VALUES (?, ?, ?)", (*name, now))
    for key, positions in plan.positions.items():
        for partition, position in positions.items():
            connection.execute(TAKE, (*key, partition, position))


def _cut(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """The entries in runs of at most so many and so many bytes, so that a read can stop in between."""
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        weight = len(entry.key) + len(entry.value)
        if batch and (len(batch) == BATCH_RECORDS or size + weight > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += weight
    if batch:
        yield batch


def _within(sizes: Sequence[tuple[int, int]], budget: int) -> list[int]:
    """The places that can be read without passing the budget; always at least the first."""
    before = accumulate((size for _, size in sizes), initial=0)
    return [place for (place, size), read in zip(sizes, before, strict=False) if not read or read + size <= budget]


def batches(connection: sqlite3.Connection, log: Log, start: int, stop: int) -> list[Batch]:
    """
    The batches that hold the offsets [start, stop), from the first on as many as a read may weigh.

    A few are read row by row; many, as single pushes leave them, in one step: twice the bytes, a tenth of the time beside a busy thread.
    """
    base = log.id * SHIFT
    places = _within(answer(connection, SIZES, (base + start, base + stop + BATCH_RECORDS, stop)), READ_BYTES)
    between = (places[0], places[-1])
    if len(places) <= FEW_BATCHES:
        return connection.execute(BODIES, between).fetchall()
    (text,) = connection.execute(BODIES_AT_ONCE, between).fetchone()
    return [(int(first), int(at), bytes.fromhex(body)) for first, at, body in (row.split(" ") for row in text.split(","))]


def unpack(batch: Batch, place: Place, start: int, stop: int) -> list[Stored]:
    """The records of offsets [start, stop) in a batch."""
    first, stored_at, body = batch
    skipped = max(0, start - first)
    entries = enumerate(_entries(body)[skipped : max(0, stop - first)], first + skipped)
    return [Stored(*place, offset, entry.key, entry.value, entry.kind, stored_at) for offset, entry in entries]


def pass_over(connection: sqlite3.Connection, found: Picture, retention: Retention, now: int) -> tuple[int, bool]:
    """Remove one chunk of what is past its retention and taken; how many records, and whether there may be more."""
    removed, more = 0, False
    for place, log in found.logs.items():
        low, again = _passed(connection, log, _floor(found, place, log), now - kept_for(retention, place[0]))
        more = more or again
        if low > log.low:
            removed += low - log.low
            connection.execute("UPDATE log SET low = ? WHERE id = ?", (low, log.id))
            connection.execute("DELETE FROM batch WHERE place BETWEEN ? AND ?", (log.id * SHIFT, log.id * SHIFT + low - 1))
    return removed, more


def forget(connection: sqlite3.Connection, before: int) -> bool:
    """Remove one chunk of the names and identities older than that, unless they came again since; whether there may be more."""
    names_gone = connection.execute(FORGET_NAMES, (before, EXPIRE_NAMES)).rowcount
    arrived = connection.execute(ARRIVED, (before, EXPIRE_ARRIVALS)).fetchall()
    for arrival, log_id, digests in arrived:
        connection.execute(FORGET_IDENTITIES, (log_id, before, digests, _json([0] * (len(digests) // DIGEST))))
        connection.execute("DELETE FROM arrival WHERE id = ?", (arrival,))
    return names_gone == EXPIRE_NAMES or len(arrived) == EXPIRE_ARRIVALS


def _floor(picture: Picture, place: Place, log: Log) -> int:
    """The offset below which everybody has taken everything; dead letters wait for nobody unless somebody takes them."""
    topic, partition = place
    positions = [taken.get(partition, 0) for (_, name), taken in picture.positions.items() if name == topic]
    return min(positions, default=log.next if topic == DEAD else 0)


def _passed(connection: sqlite3.Connection, log: Log, floor: int, before: int) -> tuple[int, bool]:
    """The new oldest offset of a partition after one chunk, and whether the chunk was full."""
    base, low = log.id * SHIFT, log.low
    rows = answer(connection, PASSED, (base + low, base + floor + BATCH_RECORDS, EXPIRE_BATCHES))
    for place, stored_at in rows:
        if stored_at >= before or low >= floor:
            return low, False
        low = min(place - base + 1, floor)
    return low, len(rows) == EXPIRE_BATCHES
