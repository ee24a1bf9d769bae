"""
The embedded log's file, `bus.db`: one sqlite3 connection and the transactions over it. Synchronous: `sqlite.py` calls it from its threads.

Records lie in batches, a row each: what one transaction appends to one partition. sqlite3 gives up the interpreter lock at every row
it steps over, and a thread that decides or scores is slow to give it back; so each statement here is one step, whatever the number
of records: batches travel as one value, lists as JSON, identities as one run of bytes.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from monitor.bus.base import DEAD, RAW, SCORED, TOPICS, Outcome, Stored
from monitor.bus.sqlite_plan import Entry, Item, Log, Picture, Place, Plan
from monitor.clock import DAY
from monitor.errors import BusFull, BusUnavailable, UsageError
from monitor.settings import Retention

FORMAT = 1
DEAD_KEPT = 30 * DAY
SHIFT = 1 << 40  # a batch's row id is log id * SHIFT + its last offset: one tree, in order, and a seek finds any offset
BATCH_RECORDS = 512
BATCH_BYTES = 1 << 20
READ_BYTES = 16 << 20  # a read stops growing here, whatever its limit
EXPIRE_BATCHES = 64
EXPIRE_ROWS = 2_000
SCHEMA = """
CREATE TABLE log (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL,
                  low INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL DEFAULT 0, UNIQUE (topic, partition));
CREATE TABLE batch (place INTEGER PRIMARY KEY, first INTEGER NOT NULL, stored_at INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE identity (topic TEXT NOT NULL, digest BLOB NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL,
                       PRIMARY KEY (topic, digest)) WITHOUT ROWID;
CREATE INDEX identity_at ON identity (at);
CREATE TABLE once (topic TEXT NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (topic, name)) WITHOUT ROWID;
CREATE TABLE taken (grp TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, position INTEGER NOT NULL,
                    PRIMARY KEY (grp, topic, partition)) WITHOUT ROWID;
"""
LOGS = "SELECT json_group_array(json_array(id, topic, partition, low, next)) FROM log"
TAKEN = "SELECT json_group_array(json_array(grp, topic, partition, position)) FROM taken"
KNOWN = """
SELECT json_group_array(json_array(each.key, identity.version)) FROM json_each(?1) AS each
CROSS JOIN identity ON identity.topic = ?2 AND identity.digest = substr(?3, 16 * each.key + 1, 16)
"""
NAMES = "SELECT json_group_array(name) FROM once WHERE topic = ? AND name IN (SELECT value FROM json_each(?))"
KEEP_IDENTITIES = """
INSERT INTO identity (topic, digest, version, at) SELECT ?2, substr(?3, 16 * each.key + 1, 16), each.value, ?4
FROM json_each(?1) AS each WHERE true
ON CONFLICT (topic, digest) DO UPDATE SET version = excluded.version, at = excluded.at
"""
TAKE = """
INSERT INTO taken (grp, topic, partition, position) VALUES (?, ?, ?, ?)
ON CONFLICT (grp, topic, partition) DO UPDATE SET position = max(position, excluded.position)
"""
SIZES = """
SELECT json_group_array(json_array(place, size)) FROM (
    SELECT place, length(body) AS size FROM batch WHERE place BETWEEN ?1 AND ?2 AND first < ?3 ORDER BY place)
"""
BODIES = """
SELECT group_concat(place || ' ' || first || ' ' || stored_at || ' ' || hex(body)) FROM (
    SELECT place, first, stored_at, body FROM batch WHERE place BETWEEN ? AND ? ORDER BY place)
"""
PASSED = """
SELECT json_group_array(json_array(place, stored_at)) FROM (
    SELECT place, stored_at FROM batch WHERE place BETWEEN ? AND ? ORDER BY place LIMIT ?)
"""
FORGET = {
    "identity": "DELETE FROM identity WHERE (topic, digest) IN (SELECT topic, digest FROM identity WHERE at < ? LIMIT ?)",
    "once": "DELETE FROM once WHERE (topic, name) IN (SELECT topic, name FROM once WHERE at < ? LIMIT ?)",
}
_entries = msgspec.msgpack.Decoder(list[Entry]).decode
_pack = msgspec.msgpack.Encoder().encode


class NoRoom(BusUnavailable):
    """The disk, or the bound of the file, has no room for this transaction; a smaller one may fit."""


class BusFile:
    """One connection to the file, opened when needed and again after a failure."""

    def __init__(self, folder: Path, *, busy: float, max_bytes: int | None = None) -> None:
        self.path = folder / "bus.db"
        self._busy = busy
        self._max_bytes = max_bytes
        self._open: sqlite3.Connection | None = None

    def create(self, partitions: int) -> None:
        """Make the file where there is none; UsageError when it cannot be ours."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._open = self._connect("rwc")
            self._check(self._open, partitions)
        except (OSError, sqlite3.Error) as error:
            self.close()
            raise UsageError(f"{self.path}: 无法作为消息日志使用 ({error}); 请检查数据目录是否存在, 可写, 磁盘是否已满") from error
        except UsageError:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file; safe to call twice."""
        connection, self._open = self._open, None
        if connection:
            with suppress(sqlite3.Error):
                connection.close()

    def write(self, items: Sequence[Item], max_backlog: int, now: int) -> list[list[Outcome] | BusFull]:
        """Write all items that may be written in one durable transaction; one answer an item."""
        with self._transaction() as connection:
            plan = Plan(_picture(connection, items), max_backlog)
            answers = [plan.add(item) for item in items]
            _store(connection, plan, now)
        return answers

    def read(self, place: Place, offset: int, limit: int) -> list[Stored]:
        """At most `limit` records from `offset` on, fewer when they are large."""
        with self._transaction("BEGIN") as connection:
            log = _as_logs(_one(connection, LOGS))[place]
            start = max(offset, log.low)
            stop = min(start + limit, log.next)
            if start >= stop:
                return []
            base = log.id * SHIFT
            sizes = _one(connection, SIZES, (base + start, base + stop + BATCH_RECORDS, stop))
            (text,) = connection.execute(BODIES, (sizes[0][0], _within(sizes, READ_BYTES))).fetchone()
        return list(_unpack(text, place, start, stop))

    def picture(self) -> Picture:
        """What the file holds now, identities and names apart."""
        with self._transaction("BEGIN") as connection:
            return _picture(connection, ())

    def named(self, topic: str, once: str) -> bool:
        """Whether an append of that name is in the file."""
        with self._transaction("BEGIN") as connection:
            return bool(_one(connection, NAMES, (topic, _json([once]))))

    def expire(self, retention: Retention, now: int) -> tuple[int, bool]:
        """Remove one small chunk of what may go; how many records, and whether there may be more."""
        removed, more = 0, False
        with self._transaction() as connection:
            picture = _picture(connection, ())
            for place, log in picture.logs.items():
                floor = _floor(picture, place, log)
                low, again = _passed(connection, log, floor, now - _kept(retention, place[0]))
                if low > log.low:
                    removed += low - log.low
                    connection.execute("UPDATE log SET low = ? WHERE id = ?", (low, log.id))
                    connection.execute("DELETE FROM batch WHERE place BETWEEN ? AND ?", (log.id * SHIFT, log.id * SHIFT + low - 1))
                more = more or again
            for forget in FORGET.values():
                more = connection.execute(forget, (now - retention.identity, EXPIRE_ROWS)).rowcount == EXPIRE_ROWS or more
        return removed, more

    def _check(self, connection: sqlite3.Connection, partitions: int) -> None:
        (form,) = connection.execute("PRAGMA user_version").fetchone()
        if form == 0:
            rows = [(topic, partition) for topic in TOPICS for partition in range(partitions)]
            with _atomic(connection, "BEGIN IMMEDIATE"):
                for statement in SCHEMA.split(";"):
                    connection.execute(statement)
                connection.executemany("INSERT INTO log (topic, partition) VALUES (?, ?)", rows)
                connection.execute(f"PRAGMA user_version = {FORMAT}")
        elif form != FORMAT:
            raise UsageError(f"{self.path}: 由另一版本写成 (格式 {form}, 本版本为 {FORMAT}); 请使用相应版本, 或另设数据目录")
        found = len(_one(connection, LOGS)) // len(TOPICS)
        if found != partitions:
            raise UsageError(f"{self.path}: 已有 {found} 个分区, 与设置的 {partitions} 个不符; 请改回设置, 或另设数据目录")

    def _connect(self, mode: str) -> sqlite3.Connection:
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=self._busy, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA journal_size_limit = {64 << 20}")
            if self._max_bytes:
                (page,) = connection.execute("PRAGMA page_size").fetchone()
                connection.execute(f"PRAGMA max_page_count = {self._max_bytes // page}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    @contextmanager
    def _transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """
        All of it durably or nothing; whatever fails is BusUnavailable.

        After a failure the file is opened anew, since the connection's state is not to be trusted; it is never made anew:
        a log that went away is an error, not an empty log.
        """
        try:
            if self._open is None:
                self._open = self._connect("rw")
            with _atomic(self._open, begin):
                yield self._open
        except sqlite3.Error as error:
            self.close()
            kind = NoRoom if error.sqlite_errorname in {"SQLITE_FULL", "SQLITE_TOOBIG"} else BusUnavailable
            raise kind(f"{self.path}: {error}") from error


@contextmanager
def _atomic(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has already rolled it back
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


def _one(connection: sqlite3.Connection, statement: str, values: Sequence[object] = ()) -> list[Any]:
    """The JSON array a statement answers in its only row."""
    (text,) = connection.execute(statement, values).fetchone()
    found: list[Any] = msgspec.json.decode(text)
    return found


def _picture(connection: sqlite3.Connection, items: Sequence[Item]) -> Picture:
    positions: dict[tuple[str, str], dict[int, int]] = {}
    for group, topic, partition, position in _one(connection, TAKEN):
        positions.setdefault((group, topic), {})[partition] = position
    return Picture(_as_logs(_one(connection, LOGS)), positions, _versions(connection, items), _names(connection, items))


def _json(values: object) -> str:
    return msgspec.json.encode(values).decode()


def _as_logs(rows: list[Any]) -> dict[Place, Log]:
    return {(topic, partition): Log(row, low, following) for row, topic, partition, low, following in rows}


def _versions(connection: sqlite3.Connection, items: Sequence[Item]) -> dict[tuple[str, bytes], int]:
    """The versions in the file of the identities that the items bring."""
    found = {}
    for topic in {item.topic for item in items}:
        brought = [record.identity for item in items if item.topic == topic for record in item.records if record.identity]
        if brought:
            for index, version in _one(connection, KNOWN, (_json([0] * len(brought)), topic, b"".join(brought))):
                found[topic, brought[index]] = version
    return found


def _names(connection: sqlite3.Connection, items: Sequence[Item]) -> frozenset[tuple[str, str]]:
    """Those names of appends that the items bring and the file has already."""
    brought = {(item.topic, item.once) for item in items if item.once}
    topics = {topic for topic, _ in brought}
    return frozenset(
        (topic, name) for topic in topics for name in _one(connection, NAMES, (topic, _json([n for t, n in brought if t == topic])))
    )


def _store(connection: sqlite3.Connection, plan: Plan, now: int) -> None:
    for place, entries in plan.entries.items():
        log = plan.picture.logs[place]
        last = log.next - 1
        for batch in _batches(entries):
            first, last = last + 1, last + len(batch)
            values = (log.id * SHIFT + last, first, now, _pack(batch))
            connection.execute("INSERT INTO batch (place, first, stored_at, body) VALUES (?, ?, ?, ?)", values)
        connection.execute("UPDATE log SET next = ? WHERE id = ?", (last + 1, log.id))
    for topic in {topic for topic, _ in plan.versions}:
        kept = {digest: version for (name, digest), version in plan.versions.items() if name == topic}
        connection.execute(KEEP_IDENTITIES, (_json(list(kept.values())), topic, b"".join(kept), now))
    for name in plan.names:
        connection.execute("INSERT INTO once (topic, name, at) VALUES (?, ?, ?)", (*name, now))
    for key, positions in plan.positions.items():
        for partition, position in positions.items():
            connection.execute(TAKE, (*key, partition, position))


def _batches(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
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


def _within(sizes: Sequence[tuple[int, int]], budget: int) -> int:
    """The last place that can be read without passing the budget; always at least the first."""
    chosen = sizes[0][0]
    for place, size in sizes:
        budget -= size
        if budget < 0:
            break
        chosen = place
    return chosen


def _unpack(text: str, place: Place, start: int, stop: int) -> Iterator[Stored]:
    """The records of offsets [start, stop) in the batches read."""
    for row in text.split(","):
        _, first, stored_at, body = row.split(" ")
        stored, begin = int(stored_at), int(first)
        wanted = slice(max(0, start - begin), max(0, stop - begin))
        for offset, entry in enumerate(_entries(bytes.fromhex(body))[wanted], begin + wanted.start):
            yield Stored(*place, offset, entry.key, entry.value, entry.kind, stored)


def _floor(picture: Picture, place: Place, log: Log) -> int:
    """The offset below which everybody has taken everything; dead letters wait for nobody unless somebody takes them."""
    topic, partition = place
    positions = [taken.get(partition, 0) for (_, name), taken in picture.positions.items() if name == topic]
    return min(positions, default=log.next if topic == DEAD else 0)


def _passed(connection: sqlite3.Connection, log: Log, floor: int, before: int) -> tuple[int, bool]:
    """The new oldest offset of a partition after one chunk, and whether the chunk was full."""
    base, low = log.id * SHIFT, log.low
    rows = _one(connection, PASSED, (base + low, base + floor + BATCH_RECORDS, EXPIRE_BATCHES))
    for place, stored_at in rows:
        if stored_at >= before or low >= floor:
            return low, False
        low = min(place - base + 1, floor)
    return low, len(rows) == EXPIRE_BATCHES


def _kept(retention: Retention, topic: str) -> int:
    return {RAW: retention.raw, SCORED: retention.scored, DEAD: DEAD_KEPT}[topic]
